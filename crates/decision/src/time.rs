//! The time as a decision sees it: seconds, and where they fall in the day and in the week. Never reads a clock.

use serde::{Deserialize, Serialize};

const DAY_SECONDS: i64 = 86_400;

/// Seconds since 1970-01-01T00:00:00Z, without leap seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixTime(pub i64);

/// A day of the week, with the number that ISO 8601 gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weekday {
    /// 1
    Monday = 1,
    /// 2
    Tuesday = 2,
    /// 3
    Wednesday = 3,
    /// 4
    Thursday = 4,
    /// 5
    Friday = 5,
    /// 6
    Saturday = 6,
    /// 7
    Sunday = 7,
}

/// From the day on which Unix time began.
const WEEK: [Weekday; 7] = [
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
];

impl UnixTime {
    /// The same moment as a clock shows it that is ahead of UTC by so many minutes.
    #[must_use]
    pub fn shifted(self, minutes: i32) -> Self {
        Self(self.0.saturating_add(i64::from(minutes) * 60))
    }

    /// Full minutes since midnight, 0 to 1439.
    #[must_use]
    pub fn minute_of_day(self) -> u16 {
        u16::try_from(self.0.rem_euclid(DAY_SECONDS) / 60).unwrap_or(0)
    }

    /// The day of the week.
    #[must_use]
    pub fn weekday(self) -> Weekday {
        let days = self.0.div_euclid(DAY_SECONDS).rem_euclid(7);
        let day = usize::try_from(days).ok().and_then(|day| WEEK.get(day));
        day.copied().unwrap_or(Weekday::Thursday)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_minutes() {
        for (seconds, weekday, minute) in [
            (0, Weekday::Thursday, 0),
            (-1, Weekday::Wednesday, 1439),
            (1_735_689_600, Weekday::Wednesday, 0),   // 2025-01-01
            (1_709_251_199, Weekday::Thursday, 1439), // 2024-02-29T23:59:59
            (1_795_396_560, Weekday::Monday, 76),     // 2026-11-23T01:16
        ] {
            let at = UnixTime(seconds);
            assert_eq!((at.weekday(), at.minute_of_day()), (weekday, minute), "{seconds}");
        }
        assert_eq!(UnixTime(0).shifted(-60).minute_of_day(), 23 * 60);
        assert_eq!(UnixTime(i64::MAX).shifted(60), UnixTime(i64::MAX));
    }
}
