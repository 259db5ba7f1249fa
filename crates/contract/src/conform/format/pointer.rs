//! JSON Pointers (RFC 6901 §3) and relative ones (Internet-Draft "Relative JSON Pointers" §3).

/// Nothing, or segments that each begin with `/`, where `~` is `~0` or `~1`.
pub(super) fn is_pointer(text: &[u8]) -> bool {
    let escaped = |(at, byte): (usize, &u8)| *byte != b'~' || matches!(text.get(at + 1), Some(b'0' | b'1'));
    matches!(text, [] | [b'/', ..]) && text.iter().enumerate().all(escaped)
}

/// A number without leading zeros, a number behind a sign perhaps, then a pointer or `#`.
pub(super) fn is_relative(text: &[u8]) -> bool {
    let Some(rest) = behind_number(text) else { return false };
    let rest = match rest {
        [b'+' | b'-', rest @ ..] => match behind_number(rest) {
            Some(rest) => rest,
            None => return false,
        },
        rest => rest,
    };
    rest == b"#" || is_pointer(rest)
}

fn behind_number(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b'0', rest @ ..] => Some(rest),
        [b'1'..=b'9', ..] => text.get(text.iter().take_while(|byte| byte.is_ascii_digit()).count()..),
        _ => None,
    }
}
