//! Addresses of the Internet Protocol.

/// Four numbers from 0 to 255 without leading zeros.
pub(super) fn is_ipv4(text: &[u8]) -> bool {
    let mut parts = 0;
    for part in text.split(|byte| *byte == b'.') {
        parts += 1;
        let number = match part {
            [ones] if ones.is_ascii_digit() => continue,
            [tens @ b'1'..=b'9', ones] => [b'0', *tens, *ones],
            [hundreds @ b'1'..=b'2', tens, ones] => [*hundreds, *tens, *ones],
            _ => return false,
        };
        if !number.iter().all(u8::is_ascii_digit) || number > *b"255" {
            return false;
        }
    }
    parts == 4
}

/// Eight groups of up to four hexadecimal digits, one run of zero groups written `::`, the last two groups perhaps as
/// an IPv4 address.
pub(super) fn is_ipv6(text: &[u8]) -> bool {
    if text.len() > 45 {
        return false;
    }
    let (mut rest, mut groups, mut gap) = (text, 0, false);
    if let [b':', b':', behind @ ..] = rest {
        (rest, gap) = (behind, true);
        if rest.is_empty() {
            return true;
        }
    }
    loop {
        let length = rest.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        match rest.get(length..) {
            Some([b'.', ..]) => {
                groups += 2;
                return is_ipv4(rest) && if gap { groups < 8 } else { groups == 8 };
            }
            Some(behind) if (1..=4).contains(&length) => {
                groups += 1;
                match behind {
                    [] => return if gap { groups < 8 } else { groups == 8 },
                    [b':', b':'] => return !gap && groups < 8,
                    [b':', b':', behind @ ..] if !gap => (rest, gap) = (behind, true),
                    [b':', behind @ ..] => rest = behind,
                    _ => return false,
                }
            }
            _ => return false,
        }
    }
}
