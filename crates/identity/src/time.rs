//! Time as an argument. Never reads a clock.

use std::fmt;

/// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted, up to the end of the year 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(u64);

impl UnixTime {
    /// 9999-12-31T23:59:59Z, the last second that the usual notations of dates can name.
    pub const MAX: Self = Self(253_402_300_799);

    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// `None` after [`UnixTime::MAX`].
    pub fn from_seconds(seconds: u64) -> Option<Self> {
        (seconds <= Self::MAX.0).then_some(Self(seconds))
    }

    /// Seconds since the epoch.
    pub fn seconds(self) -> u64 {
        self.0
    }

    /// The moment `seconds` later; the end of time when there is none.
    #[must_use]
    pub fn plus(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds)).min(Self::MAX)
    }

    /// The moment `seconds` earlier; the epoch when there is none.
    #[must_use]
    pub fn minus(self, seconds: u64) -> Self {
        Self(self.0.saturating_sub(seconds))
    }
}

/// How long something is good that may be used once. Whoever made it said the moment; the seconds are what is allowed here, and may
/// be others tomorrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// When it was made, or ends by its own word.
    pub from: UnixTime,
    /// So many seconds after that it is over.
    pub seconds: u64,
}

impl Lifetime {
    /// Of what does not end.
    pub const UNENDING: Self = Self {
        from: UnixTime::MAX,
        seconds: 0,
    };
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0)
    }
}
