//! Dates, times and durations (RFC 3339 §5.6, §5.7 and appendix A).

/// `full-date "T" full-time`, the `T` in either case.
pub(super) fn is_date_time(text: &[u8]) -> bool {
    match text.split_first_chunk::<11>() {
        Some((date, time)) => {
            let [date @ .., separator] = date;
            matches!(separator, b'T' | b't') && is_date(date) && is_time(time)
        }
        None => false,
    }
}

/// `YYYY-MM-DD`, a day that exists in the proleptic Gregorian calendar.
pub(super) fn is_date(text: &[u8]) -> bool {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else {
        return false;
    };
    let (Some(century), Some(year), Some(month), Some(day)) =
        (two(*y1, *y2), two(*y3, *y4), two(*m1, *m2), two(*d1, *d2))
    else {
        return false;
    };
    // A year that ends a century is a leap year if the century divides by four.
    let leap = if year == 0 { century % 4 == 0 } else { year % 4 == 0 };
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return false,
    };
    (1..=days).contains(&day)
}

/// `HH:MM:SS[.digits](Z|+HH:MM|-HH:MM)`.
pub(super) fn is_time(text: &[u8]) -> bool {
    let Some(([h1, h2, b':', m1, m2, b':', s1, s2], rest)) = text.split_first_chunk::<8>() else {
        return false;
    };
    let (Some(hour), Some(minute), Some(second)) = (two(*h1, *h2), two(*m1, *m2), two(*s1, *s2)) else {
        return false;
    };
    let rest = match rest {
        [b'.', fraction @ ..] => match digits(fraction) {
            (0, _) => return false,
            (_, rest) => rest,
        },
        rest => rest,
    };
    let Some(offset) = offset_minutes(rest) else {
        return false;
    };
    if hour > 23 || minute > 59 || second > 60 {
        return false;
    }
    // A leap second is the last one of a day in UTC (RFC 3339 §5.7).
    second < 60 || (i32::from(hour) * 60 + i32::from(minute) - offset).rem_euclid(24 * 60) == 24 * 60 - 1
}

/// `duration` of RFC 3339 appendix A.
pub(super) fn is_duration(text: &[u8]) -> bool {
    let [b'P', rest @ ..] = text else { return false };
    if let (1.., [b'W']) = digits(rest) {
        return true;
    }
    let Some((some_date, rest)) = units(rest, b"YMD") else {
        return false;
    };
    match rest {
        [] => some_date,
        [b'T', rest @ ..] => matches!(units(rest, b"HMS"), Some((true, []))),
        _ => false,
    }
}

/// Reads numbers with units. The first may be any of the given ones, then each is the one that follows; says whether
/// there was any, and what is behind them.
fn units<'t>(mut text: &'t [u8], mut allowed: &[u8]) -> Option<(bool, &'t [u8])> {
    let mut some = false;
    while let (1.., [unit, rest @ ..]) = digits(text) {
        let at = allowed.iter().position(|other| other == unit)?;
        if some && at > 0 {
            return None;
        }
        (text, allowed, some) = (rest, allowed.get(at + 1..).unwrap_or_default(), true);
    }
    Some((some, text))
}

fn offset_minutes(text: &[u8]) -> Option<i32> {
    match text {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hour, minute) = (two(*h1, *h2)?, two(*m1, *m2)?);
            let minutes = i32::from(hour) * 60 + i32::from(minute);
            (hour < 24 && minute < 60).then_some(if *sign == b'+' { minutes } else { -minutes })
        }
        _ => None,
    }
}

#[inline]
fn two(tens: u8, ones: u8) -> Option<u8> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| (tens - b'0') * 10 + (ones - b'0'))
}

/// How many digits a text begins with, and what is behind them.
fn digits(text: &[u8]) -> (usize, &[u8]) {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (count, text.get(count..).unwrap_or_default())
}
