//! Numbers of cards, accounts and persons, by their lengths, beginnings and check digits.

use super::{Found, Kind, at, before};

/// The longest of them: the letters and digits of an IBAN.
const SIGNS_MAX: usize = 34;
/// The shortest: an SSN, or a NINO with its suffix left out.
const SIGNS_MIN: usize = 8;
/// The fewest digits of one: those of a NINO.
const DIGITS_MIN: usize = 6;
/// What the longest takes with escaped separators.
const RUN_BYTES_MAX: usize = 4 * SIGNS_MAX;

pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    let mut place = 0;
    while place < text.len() {
        let starts = at(text, place).is_some_and(|byte| byte.is_ascii_alphanumeric());
        let is_first = before(text, place).is_none_or(|byte| !byte.is_ascii_alphanumeric());
        if !(starts && is_first) || is_escape(text, place) {
            place += 1;
            continue;
        }
        match number(text, place) {
            Some(one) => {
                place = one.place.end;
                found.push(one);
            }
            None => place += 1,
        }
    }
}

/// Whether a place is within a percent-encoded octet, whose digits are none of a number.
fn is_escape(text: &str, place: usize) -> bool {
    before(text, place) == Some(b'%') || place >= 2 && before(text, place - 1) == Some(b'%')
}

/// The number that begins here: the longest that is one.
fn number(text: &str, start: usize) -> Option<Found> {
    if !is_long_enough(text, start) {
        return None;
    }
    let written = Written::read(text, start);
    (1..=written.signs.len()).rev().find_map(|length| {
        let (signs, end) = (written.signs.get(..length)?, *written.ends.get(length - 1)?);
        if at(text, end).is_some_and(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        let kind = kind(signs, written.groups(length))?;
        Some(Found {
            place: start..end,
            kind,
        })
    })
}

/// Whether as many letters and digits begin here as the shortest number has, which is what most texts do not.
fn is_long_enough(text: &str, start: usize) -> bool {
    let rest = text.as_bytes().get(start..).unwrap_or_default();
    let (mut signs, mut digits) = (0, 0);
    for byte in rest.iter().take(RUN_BYTES_MAX) {
        match byte {
            b'0'..=b'9' => digits += 1,
            b'A'..=b'Z' | b'a'..=b'z' => {}
            b' ' | b'-' | b'+' | b'.' | b'_' | b'%' => continue,
            _ => break,
        }
        signs += 1;
        if signs >= SIGNS_MIN && digits >= DIGITS_MIN {
            return true;
        }
    }
    false
}

/// Letters and digits with single separators between.
struct Written {
    signs: Vec<u8>,
    /// Behind each of them, in the text.
    ends: Vec<usize>,
    /// Before which of them a separator stands.
    separated: Vec<usize>,
}

impl Written {
    fn read(text: &str, start: usize) -> Self {
        let mut written = Self {
            signs: Vec::new(),
            ends: Vec::new(),
            separated: Vec::new(),
        };
        let mut place = start;
        while written.signs.len() <= SIGNS_MAX {
            if let Some(sign) = at(text, place).filter(u8::is_ascii_alphanumeric) {
                place += 1;
                written.signs.push(sign.to_ascii_uppercase());
                written.ends.push(place);
                continue;
            }
            let separator = separator(text, place);
            let goes_on = |width: usize| at(text, place + width).is_some_and(|byte| byte.is_ascii_alphanumeric());
            match separator {
                Some(width) if goes_on(width) => {
                    written.separated.push(written.signs.len());
                    place += width;
                }
                _ => break,
            }
        }
        written
    }

    /// The lengths of the groups of the first so many signs.
    fn groups(&self, length: usize) -> Vec<usize> {
        let starts = self.separated.iter().copied().filter(|start| *start < length);
        let ends: Vec<usize> = starts.chain([length]).collect();
        let before = std::iter::once(0).chain(ends.iter().copied());
        ends.iter().zip(before).map(|(end, start)| end - start).collect()
    }
}

/// How many octets a separator has that may stand between groups.
fn separator(text: &str, place: usize) -> Option<usize> {
    match at(text, place)? {
        b' ' | b'-' | b'+' | b'.' | b'_' => Some(1),
        b'%' if text.get(place..).is_some_and(|rest| rest.starts_with("%20")) => Some(3),
        _ => None,
    }
}

fn kind(signs: &[u8], groups: Vec<usize>) -> Option<Kind> {
    let is_digits = signs.iter().all(u8::is_ascii_digit);
    if is_digits && is_card(signs) && groups.iter().all(|group| *group >= 3 || groups.len() == 1) {
        return Some(Kind::Card);
    }
    if is_account(signs) {
        return Some(Kind::Account);
    }
    let is_person = is_digits && groups == [3, 2, 4] && is_ssn(signs) || is_nino(signs) || is_nir(signs);
    is_person.then_some(Kind::Person)
}

/// Lengths and beginnings of the networks, and the check digit of Luhn.
fn is_card(digits: &[u8]) -> bool {
    let beginning = |length: usize| number_of(digits.get(..length).unwrap_or_default());
    let (one, two, three, four) = (beginning(1), beginning(2), beginning(3), beginning(4));
    let is_of_network = match digits.len() {
        14 => matches!(three, 300..=305) || matches!(two, 36 | 38 | 39),
        15 => matches!(two, 34 | 37),
        13 => one == 4,
        16..=19 => {
            one == 4
                || matches!(two, 50..=69)
                || matches!(four, 2_221..=2_720)
                || matches!(four, 3_528..=3_589)
                || two == 81
        }
        _ => false,
    };
    is_of_network && is_luhn(digits)
}

/// The sum of the digits, every second from the right doubled and its own digits added, is a multiple of ten.
fn is_luhn(digits: &[u8]) -> bool {
    let values = digits.iter().rev().map(|digit| u32::from(digit - b'0'));
    let sum: u32 = values
        .enumerate()
        .map(|(place, value)| match (place % 2, value * 2) {
            (0, _) => value,
            (_, doubled) => doubled / 10 + doubled % 10,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// ISO 13616: a country, check digits, 11 to 30 more; as a number, with the first four moved to the end, it leaves 1 over 97.
fn is_account(signs: &[u8]) -> bool {
    let (Some(country), Some(check), Some(rest)) = (signs.get(..2), signs.get(2..4), signs.get(4..)) else {
        return false;
    };
    let is_form = country.iter().all(u8::is_ascii_uppercase) && check.iter().all(u8::is_ascii_digit);
    if !is_form || !(11..=30).contains(&rest.len()) {
        return false;
    }
    let moved = rest.iter().chain(country).chain(check);
    let left = moved.fold(0, |left: u32, sign| match sign {
        b'0'..=b'9' => (left * 10 + u32::from(sign - b'0')) % 97,
        _ => (left * 100 + u32::from(sign - b'A') + 10) % 97,
    });
    left == 1
}

/// The United States: an area that is given out, a group and a serial that are not nothing.
fn is_ssn(digits: &[u8]) -> bool {
    let part = |from: usize, to: usize| number_of(digits.get(from..to).unwrap_or_default());
    let (area, group, serial) = (part(0, 3), part(3, 5), part(5, 9));
    !matches!(area, 0 | 666 | 900..) && group != 0 && serial != 0
}

/// The United Kingdom: two letters that are given out, six digits, a letter of A to D.
fn is_nino(signs: &[u8]) -> bool {
    let [first, second, digits @ .., suffix] = signs else {
        return false;
    };
    let given_out = first.is_ascii_uppercase()
        && second.is_ascii_uppercase()
        && !b"DFIQUV".contains(first)
        && !b"DFIOQUV".contains(second)
        && !["BG", "GB", "KN", "NK", "NT", "TN", "ZZ"]
            .iter()
            .any(|none| none.as_bytes() == [*first, *second]);
    given_out && digits.len() == 6 && digits.iter().all(u8::is_ascii_digit) && (b'A'..=b'D').contains(suffix)
}

/// France: fifteen digits, the last two of which are 97 less what the others leave over it. Corsica's departments count as 19 and 18.
fn is_nir(signs: &[u8]) -> bool {
    let (Some(person), Some(key)) = (signs.get(..13), signs.get(13..15)) else {
        return false;
    };
    let mut digits = person.to_vec();
    match person.get(5..7) {
        Some(b"2A") => digits.splice(5..7, *b"19").for_each(drop),
        Some(b"2B") => digits.splice(5..7, *b"18").for_each(drop),
        _ => {}
    }
    let is_form = signs.len() == 15 && digits.iter().chain(key).all(u8::is_ascii_digit);
    let month = number_of(digits.get(3..5).unwrap_or_default());
    let is_person = matches!(person.first(), Some(b'1' | b'2')) && matches!(month, 1..=12 | 20..=42 | 50..=99);
    is_form && is_person && number_of(key) == 97 - number_of(&digits) % 97
}

fn number_of(digits: &[u8]) -> u64 {
    digits
        .iter()
        .fold(0, |number, digit| number * 10 + u64::from(digit.wrapping_sub(b'0')))
}

#[cfg(test)]
mod tests {
    use super::super::masked;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(masked(text), expected, "{text}");
    }

    /// Numbers that the networks publish for tests.
    #[test]
    fn cards_are_found_with_and_without_separators() {
        for card in [
            "4111111111111111",
            "4222222222222",
            "5555555555554444",
            "2223003122003222",
            "378282246310005",
            "30569309025904",
            "6011111111111117",
            "3530111333300000",
            "6200000000000005",
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "4111%201111%201111%201111",
            "3782 822463 10005",
        ] {
            check(card, "[card]");
            check(&format!("x {card}, y"), "x [card], y");
            check(&format!("/cards/{card}?x"), "/cards/[card]?x");
        }
    }

    #[test]
    fn accounts_and_persons_are_found() {
        for account in [
            "GB82WEST12345698765432",
            "DE89 3704 0044 0532 0130 00",
            "fr1420041010050500013m02606",
        ] {
            check(&format!("to {account}."), "to [account].");
        }
        for person in [
            "078-05-1120",
            "AB123456C",
            "QQ 12 34 56 C".replace("QQ", "AB").as_str(),
            "255081416802538",
        ] {
            check(&format!("id={person}&x"), "id=[person]&x");
        }
    }

    #[test]
    fn what_is_none_stays() {
        for text in [
            "4111111111111112",
            "1795420800000",
            "41111111111111111111111",
            "x4111111111111111",
            "4111111111111111x",
            "1234567890123456",
            "GB82WEST12345698765433",
            "000-12-3456",
            "666-12-3456",
            "078051120",
            "078-05-0000",
            "BG123456A",
            "550e8400-e29b-41d4-a716-446655440000",
            "2026-11-23 16:00:00",
            "%34111111111111111",
        ] {
            check(text, text);
        }
    }
}
