//! URIs (RFC 3986) and IRIs (RFC 3987). The caller refuses what is not ASCII where it must be.

use super::address;

/// With a scheme.
pub(super) fn is_absolute(text: &str) -> bool {
    split_scheme(text).is_some_and(|(scheme, rest)| is_scheme(scheme) && is_behind_scheme(rest))
}

/// With a scheme or relative.
pub(super) fn is_reference(text: &str) -> bool {
    match split_scheme(text) {
        Some((scheme, rest)) => is_scheme(scheme) && is_behind_scheme(rest),
        None => is_behind_scheme(text),
    }
}

/// Parts at the first colon, if it stands before any `/`, `?` and `#`. A relative reference has no such colon
/// (RFC 3986 §4.2).
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let at = text.find([':', '/', '?', '#'])?;
    text.split_at_checked(at)
        .and_then(|(scheme, rest)| Some((scheme, rest.strip_prefix(':')?)))
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

/// `hier-part` or `relative-part`, query and fragment.
fn is_behind_scheme(text: &str) -> bool {
    let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (hierarchy, query) = text.split_once('?').unwrap_or((text, ""));
    let path = match hierarchy.strip_prefix("//") {
        Some(rest) => {
            let (authority, path) = rest
                .split_at_checked(rest.find('/').unwrap_or(rest.len()))
                .unwrap_or((rest, ""));
            if !is_authority(authority) {
                return false;
            }
            path
        }
        None => hierarchy,
    };
    is_made_of(path, ":@/") && is_made_of(fragment, ":@/?") && is_query(query)
}

fn is_query(query: &str) -> bool {
    // `iprivate` is legal in a query only (RFC 3987 §2.2).
    query.split(is_private).all(|part| is_made_of(part, ":@/?"))
}

fn is_private(character: char) -> bool {
    matches!(character, '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{FFFFD}' | '\u{100000}'..='\u{10FFFD}')
}

/// `[ userinfo "@" ] host [ ":" port ]`.
fn is_authority(authority: &str) -> bool {
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    if !is_made_of(user, ":") {
        return false;
    }
    if let Some(literal) = host.strip_prefix('[') {
        let Some((literal, port)) = literal.split_once(']') else {
            return false;
        };
        return is_ip_literal(literal) && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port));
    }
    let (name, port) = host.split_once(':').unwrap_or((host, ""));
    is_made_of(name, "") && is_port(port)
}

fn is_port(port: &str) -> bool {
    port.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_ip_literal(literal: &str) -> bool {
    let Some(future) = literal.strip_prefix(['v', 'V']) else {
        return address::is_ipv6(literal.as_bytes());
    };
    let Some((version, address)) = future.split_once('.') else {
        return false;
    };
    let legal = |byte: u8| is_unreserved(byte) || is_sub_delimiter(byte) || byte == b':';
    !version.is_empty()
        && version.bytes().all(|byte| byte.is_ascii_hexdigit())
        && !address.is_empty()
        && address.bytes().all(legal)
}

/// Unreserved characters, percent-encodings, sub-delimiters, and the further ones given.
fn is_made_of(text: &str, further: &str) -> bool {
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let legal = match u8::try_from(character) {
            Ok(b'%') => {
                let mut hex = || characters.next().is_some_and(|digit| digit.is_ascii_hexdigit());
                hex() && hex()
            }
            Ok(byte) if byte.is_ascii() => {
                is_unreserved(byte) || is_sub_delimiter(byte) || further.as_bytes().contains(&byte)
            }
            _ => is_ucs(character),
        };
        if !legal {
            return false;
        }
    }
    true
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn is_sub_delimiter(byte: u8) -> bool {
    matches!(
        byte,
        b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'='
    )
}

/// `ucschar` (RFC 3987 §2.2).
fn is_ucs(character: char) -> bool {
    let code = u32::from(character);
    match code {
        0xA0..=0xD7FF | 0xF900..=0xFDCF | 0xFDF0..=0xFFEF => true,
        0x1_0000..=0xD_FFFF => code & 0xFFFF <= 0xFFFD,
        0xE_1000..=0xE_FFFD => true,
        _ => false,
    }
}
