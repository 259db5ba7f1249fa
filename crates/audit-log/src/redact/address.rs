//! E-mail addresses in texts, and in targets of requests, where they are percent-encoded. Whether one exists is not asked.

use super::{Found, Kind, at, before};

/// How an `@` is written in the target of a request.
const ENCODED: &str = "%40";

pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    let plain = text.match_indices('@');
    let encoded = text.match_indices(ENCODED);
    for (place, sign) in plain.chain(encoded) {
        let (start, behind) = (start_of_local(text, place), place + sign.len());
        let Some(end) = end_of_domain(text, behind) else {
            continue;
        };
        if start < place {
            let place = start..end;
            found.push(Found {
                place,
                kind: Kind::Email,
            });
        }
    }
}

/// Where the part before the `@` begins. Letters of other scripts are octets above ASCII, and belong to it (RFC 6531).
fn start_of_local(text: &str, end: usize) -> usize {
    let is_local = |byte: u8| byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"!#$%'*+-_.^`{|}~".contains(&byte);
    let mut start = end;
    while before(text, start).is_some_and(is_local) {
        start -= 1;
    }
    start
}

/// Behind the domain: labels with points between, the last of them of letters.
fn end_of_domain(text: &str, from: usize) -> Option<usize> {
    let is_domain = |byte: u8| byte.is_ascii_alphanumeric() || !byte.is_ascii() || matches!(byte, b'-' | b'.');
    let mut end = from;
    while at(text, end).is_some_and(is_domain) {
        end += 1;
    }
    let domain = text.get(from..end)?.trim_end_matches(['.', '-']);
    let (host, last) = domain.rsplit_once('.')?;
    let is_top = last.chars().count() >= 2 && last.chars().all(char::is_alphabetic);
    (is_top && !host.is_empty() && !host.starts_with('.')).then_some(from + domain.len())
}

#[cfg(test)]
mod tests {
    use super::super::masked;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(masked(text), expected, "{text}");
    }

    #[test]
    fn addresses_are_found_in_texts_and_targets() {
        check("jean@example.com", "[e-mail]");
        check("<jean.d'arc+x@mail.example.org>.", "<[e-mail]>.");
        check("/users/jean%40example.com/notes", "/users/[e-mail]/notes");
        check("?q=a@b.co&x=1", "?q=[e-mail]&x=1");
        check("jérôme@exämple.fr!", "[e-mail]!");
        check("to a@b.example; c@d.example", "to [e-mail]; [e-mail]");
    }

    #[test]
    fn what_is_none_stays() {
        for text in [
            "@",
            "a@b",
            "@example.com",
            "a@b.c",
            "a@1.2.3.4",
            "a @ b.example",
            "@types/node",
            "a@.com",
            "x%40y",
        ] {
            check(text, text);
        }
    }
}
