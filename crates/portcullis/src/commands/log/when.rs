//! Moments, as people write them: RFC 3339, or how long ago.

use std::str::FromStr;

use portcullis_gateway::listen::unix_milliseconds;
use portcullis_identity::time::UnixTime;

use super::super::date::Date;

const SECOND: u64 = 1000;
const DAY_SECONDS: u64 = 24 * 3600;
/// Nobody asks for what was longer ago than this, in days.
const DAYS_MAX: u64 = 36_500;

/// A moment in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment(pub(super) u64);

impl FromStr for Moment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let wrong = "write `2026-07-01T12:00:00Z`, `2026-07-01`, or how long ago: `15m`, `2h`, `7d`";
        ago(text, unix_milliseconds())
            .or_else(|| date_time(text))
            .map(Self)
            .ok_or(wrong)
    }
}

/// A moment for people: RFC 3339 with milliseconds.
pub(super) fn told(milliseconds: u64) -> String {
    let seconds = UnixTime::from_seconds(milliseconds / SECOND).unwrap_or(UnixTime::MAX);
    let date = Date(seconds).to_string();
    format!("{}.{:03}Z", date.trim_end_matches('Z'), milliseconds % SECOND)
}

fn ago(text: &str, now: u64) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => DAY_SECONDS,
        _ => return None,
    };
    let seconds = digits(number)?.checked_mul(seconds)?;
    (seconds <= DAYS_MAX * DAY_SECONDS).then(|| now.saturating_sub(seconds * SECOND))
}

/// RFC 3339 section 5.6, from 1970 on, or a date alone: its beginning in UTC.
fn date_time(text: &str) -> Option<u64> {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, time),
        None => (text, "00:00:00Z"),
    };
    let [year, month, day] = fields(date, '-', [4, 2, 2])?;
    let (clock, offset) = time.split_at_checked(8)?;
    let [hour, minute, second] = fields(clock, ':', [2, 2, 2])?;
    let (fraction, offset) = match offset.strip_prefix('.') {
        None => (0, offset),
        Some(rest) => {
            let end = rest.find(|digit: char| !digit.is_ascii_digit())?;
            let (fraction, offset) = rest.split_at_checked(end)?;
            // Thousandths: what is finer is cut off.
            let thousandths = format!("{fraction:0<3}");
            (digits(thousandths.get(..3).filter(|_| !fraction.is_empty())?)?, offset)
        }
    };
    let is_date = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    if !is_date || year < 1970 || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days_since_1970(year, month, day) * DAY_SECONDS + hour * 3600 + minute * 60 + second;
    let seconds = match offset.as_bytes() {
        b"Z" | b"z" => seconds,
        [sign @ (b'+' | b'-'), ..] => {
            let [hours, minutes] = fields(offset.get(1..)?, ':', [2, 2])?;
            let offset = (hours <= 23 && minutes <= 59).then_some(hours * 3600 + minutes * 60)?;
            if *sign == b'+' {
                seconds.checked_sub(offset)?
            } else {
                seconds + offset
            }
        }
        _ => return None,
    };
    Some(seconds * SECOND + fraction)
}

/// Numbers of so many digits each, with a sign between.
fn fields<const N: usize>(text: &str, between: char, widths: [usize; N]) -> Option<[u64; N]> {
    let mut parts = text.split(between);
    let mut numbers = [0; N];
    for (number, width) in numbers.iter_mut().zip(widths) {
        *number = digits(parts.next().filter(|part| part.len() == width)?)?;
    }
    parts.next().is_none().then_some(numbers)
}

fn digits(text: &str) -> Option<u64> {
    let all = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    all.then(|| text.parse().ok()).flatten()
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    let years: u64 = (1970..year).map(|year| if is_leap(year) { 366 } else { 365 }).sum();
    let months: u64 = (1..month).map(|month| days_in(year, month)).sum();
    years + months + day - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_they_are_told() {
        for text in [
            "1970-01-01T00:00:00.000Z",
            "2000-02-29T23:59:59.999Z",
            "2026-07-01T12:34:56.789Z",
            "2100-03-01T00:00:00.000Z",
        ] {
            assert_eq!(told(date_time(text).unwrap()), text);
        }
        let same = [
            ("2026-07-01", "2026-07-01T00:00:00Z"),
            ("2026-07-01 02:00:00+02:00", "2026-07-01T00:00:00Z"),
            ("2026-06-30T22:30:00-01:30", "2026-07-01T00:00:00Z"),
            ("2026-07-01T00:00:00.5z", "2026-07-01T00:00:00.500Z"),
        ];
        for (one, other) in same {
            assert_eq!(date_time(one), date_time(other), "{one}");
            assert!(date_time(one).is_some(), "{one}");
        }
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in [
            "",
            "yesterday",
            "2026-02-29",
            "2026-13-01",
            "2026-7-1",
            "1969-12-31",
            "2026-07-01T24:00:00Z",
            "2026-07-01T00:00:00",
            "2026-07-01T00:00:00.Z",
            "2026-07-01T00:00:00+2:00",
            "+5m",
            "m",
            "99999999d",
        ] {
            assert!(text.parse::<Moment>().is_err(), "{text}");
        }
    }

    #[test]
    fn how_long_ago_is_counted_from_now() {
        assert_eq!(ago("15m", 10_000_000), Some(9_100_000));
        assert_eq!(ago("2h", 10_000_000), Some(2_800_000));
        assert_eq!(ago("7d", 10_000_000), Some(0));
    }
}
