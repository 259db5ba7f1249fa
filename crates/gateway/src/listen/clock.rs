//! The time of day, for credentials that say when they end.

use std::time::{SystemTime, UNIX_EPOCH};

use portcullis_identity::time::UnixTime;

/// Now. A clock that is set before 1970 or after the year 9999 is as good as none: every credential has ended then.
#[expect(
    clippy::disallowed_methods,
    reason = "the listener reads the clock for all behind it"
)]
#[must_use]
pub fn unix_time() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = since.map_or(u64::MAX, |since| since.as_secs());
    UnixTime::from_seconds(seconds).unwrap_or(UnixTime::MAX)
}

/// The same in milliseconds since 1970, for entries of the audit log; 0 before that.
#[expect(
    clippy::disallowed_methods,
    reason = "the listener reads the clock for all behind it"
)]
#[must_use]
pub fn unix_milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
