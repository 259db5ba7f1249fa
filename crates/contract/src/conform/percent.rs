//! Percent-decoding (RFC 3986 §2.1) for comparing and searching: as far as it goes, whatever it gives. What is judged is
//! decoded strictly, by the parameters themselves.

use std::borrow::Cow;

/// The bytes behind percent-encoding; a broken escape stays as it is. Borrowed where nothing is encoded.
pub fn decoded(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'%', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, behind)) = rest.split_first() {
        let value = (byte == b'%').then(|| hex(behind)).flatten();
        out.push(value.unwrap_or(byte));
        rest = if value.is_some() {
            behind.get(2..).unwrap_or_default()
        } else {
            behind
        };
    }
    Cow::Owned(out)
}

/// The byte that two hexadecimal digits at the start spell.
fn hex(text: &[u8]) -> Option<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let (high, low) = (text.first().and_then(digit)?, text.get(1).and_then(digit)?);
    u8::try_from(high * 16 + low).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_far_as_it_goes() {
        for (text, expected) in [
            ("plain", "plain"),
            ("%61%40me", "a@me"),
            ("%c3%A9", "é"),
            ("50%", "50%"),
            ("%+1%zz%2", "%+1%zz%2"),
        ] {
            assert_eq!(decoded(text.as_bytes()), expected.as_bytes(), "{text}");
        }
    }
}
