//! Percent-decoding without leniency, and single values as JSON.

use std::borrow::Cow;

use crate::conform::json::{Code, TypeSet};

/// How a place writes its characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decoding {
    /// As they are.
    None,
    /// Percent-encoded (RFC 3986 §2.1); `+` is a plus.
    Percent,
    /// Percent-encoded; `+` is a space (application/x-www-form-urlencoded).
    PercentAndPlus,
}

/// The text behind an encoding. Broken escapes, broken UTF-8 and NUL are refused. The buffer is used if it is needed.
pub(crate) fn decode<'t>(raw: &'t str, decoding: Decoding, buffer: &'t mut Vec<u8>) -> Result<&'t str, Code> {
    if raw.bytes().any(|byte| byte == 0) {
        return Err(Code::Encoding);
    }
    let is_coded = match decoding {
        Decoding::None => false,
        Decoding::Percent => raw.contains('%'),
        Decoding::PercentAndPlus => raw.contains(['%', '+']),
    };
    if !is_coded {
        return Ok(raw);
    }
    buffer.clear();
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        buffer.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
                let pair = digit(bytes.next()).zip(digit(bytes.next()));
                let code = pair.and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
                code.filter(|code| *code != 0).ok_or(Code::Encoding)?
            }
            b'+' if decoding == Decoding::PercentAndPlus => b' ',
            _ => byte,
        });
    }
    std::str::from_utf8(buffer).map_err(|_| Code::Encoding)
}

/// The text behind percent-encoding; none where it is broken.
pub(crate) fn decoded(raw: &str) -> Option<Cow<'_, str>> {
    if !raw.contains('%') {
        return Some(Cow::Borrowed(raw));
    }
    let mut buffer = Vec::new();
    decode(raw, Decoding::Percent, &mut buffer)
        .ok()
        .map(|text| Cow::Owned(text.to_owned()))
}

/// Writes a value as JSON; says whether it became something else although strings are accepted too.
pub(super) fn write_scalar(out: &mut Vec<u8>, text: &str, types: TypeSet, strings: bool) -> bool {
    let string = types.contains(TypeSet::STRING);
    let other = match text {
        "true" | "false" => types.contains(TypeSet::BOOLEAN),
        "" | "null" => types.contains(TypeSet::NULL) && !string,
        _ => types.intersects(TypeSet::NUMBER) && is_number(text.as_bytes()),
    };
    if !other || (strings && string) {
        write_string(out, text);
        return false;
    }
    out.extend_from_slice(if text.is_empty() { b"null" } else { text.as_bytes() });
    string
}

/// Writes a JSON string (RFC 8259 §7).
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0..0x20 => {
                let digit = |four: u8| HEX.get(usize::from(four)).copied().unwrap_or(b'0');
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)]);
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// Whether a text is a number of JSON (RFC 8259 §6).
fn is_number(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let behind = |text, count| <[u8]>::get(text, count..).unwrap_or_default();
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(text);
    if whole == 0 || (whole > 1 && text.starts_with(b"0")) {
        return false;
    }
    let mut rest = behind(text, whole);
    if let Some(fraction) = rest.strip_prefix(b".") {
        let count = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = behind(fraction, count);
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = exponent
            .strip_prefix(b"+")
            .or(exponent.strip_prefix(b"-"))
            .unwrap_or(exponent);
        return !exponent.is_empty() && digits(exponent) == exponent.len();
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_strictly() {
        let check = |raw: &str, decoding, expected: Result<&str, Code>| {
            assert_eq!(decode(raw, decoding, &mut Vec::new()), expected, "{raw:?}");
        };
        check("a+b%20c", Decoding::Percent, Ok("a+b c"));
        check("a+b%2Bc", Decoding::PercentAndPlus, Ok("a b+c"));
        check("50%", Decoding::None, Ok("50%"));
        for raw in ["%", "%2", "%2g", "%ff", "%C3", "%00", "a\0", "%+1"] {
            check(raw, Decoding::Percent, Err(Code::Encoding));
        }
    }

    #[test]
    fn values_are_read_as_their_types_allow() {
        let check = |text: &str, types, expected: &str| {
            let mut out = Vec::new();
            write_scalar(&mut out, text, types, false);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        };
        let nullable = TypeSet::NULL.union(TypeSet::INTEGER);
        check("12", TypeSet::INTEGER, "12");
        check("1.5e3", TypeSet::NUMBER, "1.5e3");
        check("12", TypeSet::STRING, r#""12""#);
        check("012", TypeSet::INTEGER, r#""012""#);
        check("+1", TypeSet::INTEGER, r#""+1""#);
        check("1.", TypeSet::NUMBER, r#""1.""#);
        check("NaN", TypeSet::NUMBER, r#""NaN""#);
        check("true", TypeSet::BOOLEAN, "true");
        check("True", TypeSet::BOOLEAN, r#""True""#);
        check("", nullable, "null");
        check("null", nullable, "null");
        check("null", TypeSet::ALL, r#""null""#);
        check("a\"\\\n", TypeSet::STRING, r#""a\"\\\u000a""#);
    }
}
