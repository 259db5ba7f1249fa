//! Mailboxes (RFC 5321 §4.1.2), with characters beyond ASCII where RFC 6531 §3.3 allows them.

use super::{address, hostname};

/// Longest local part in octets (RFC 5321 §4.5.3.1.1).
const LOCAL_BYTES_MAX: usize = 64;

/// `Local-part "@" ( Domain / address-literal )`. The caller refuses what is not ASCII where it must be.
pub(super) fn is_mailbox(text: &str) -> bool {
    // A quoted local part may hold `@`, a domain may not.
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    local.len() <= LOCAL_BYTES_MAX && (is_dot_string(local) || is_quoted(local)) && is_domain(domain)
}

fn is_dot_string(local: &str) -> bool {
    local
        .split('.')
        .all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

fn is_atext(character: char) -> bool {
    character.is_ascii_alphanumeric()
        || matches!(character, '!' | '#'..='\'' | '*' | '+' | '-' | '/' | '=' | '?' | '^'..='`' | '{'..='~')
        || is_beyond_ascii(character)
}

fn is_quoted(local: &str) -> bool {
    let Some(mut inner) = local
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .map(str::chars)
    else {
        return false;
    };
    while let Some(character) = inner.next() {
        let legal = match character {
            '\\' => inner.next().is_some_and(|escaped| matches!(escaped, ' '..='~')),
            '"' => false,
            ' '..='~' => true,
            _ => is_beyond_ascii(character),
        };
        if !legal {
            return false;
        }
    }
    local.len() > 1
}

fn is_domain(domain: &str) -> bool {
    if let Some(literal) = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return match literal.get(..5) {
            Some(tag) if tag.eq_ignore_ascii_case("IPv6:") => {
                address::is_ipv6(literal.as_bytes().get(5..).unwrap_or_default())
            }
            _ => address::is_ipv4(literal.as_bytes()),
        };
    }
    if domain.is_ascii() {
        return hostname::is_hostname(domain);
    }
    domain.len() <= 255 && domain.split('.').all(is_u_label)
}

/// A label with characters beyond ASCII; the tables of IDNA are the resolver's.
fn is_u_label(label: &str) -> bool {
    let legal = |character: char| character.is_ascii_alphanumeric() || character == '-' || is_beyond_ascii(character);
    !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.chars().all(legal)
}

fn is_beyond_ascii(character: char) -> bool {
    !character.is_ascii() && !character.is_control() && !character.is_whitespace()
}
