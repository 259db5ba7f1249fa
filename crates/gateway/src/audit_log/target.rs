//! The target of a request as an entry has it: by the contract's template, each value treated as it is declared to be.
//!
//! What is not declared is not written, but for its name: nobody has said what it is.

use std::borrow::Cow;

use portcullis_contract::conform::percent;
use portcullis_contract::conform::route::Captures;

use super::Recording;
use super::protect::{Treatment, Writing, cut};

/// The most octets of a path, and of a query, that are written.
const TARGET_BYTES_MAX: usize = 2048;
/// How a commitment begins.
const COMMITTED: &str = "committed:";
/// How often a value may be escaped over and over.
const ESCAPES_MAX: usize = 3;

/// The path, of which `captures` are the values of the template, in their order.
pub(crate) fn path(path: &str, captures: &Captures, recording: &Recording, writing: &mut Writing<'_>) -> String {
    let mut written = String::with_capacity(path.len());
    let mut rest = 0;
    for (number, capture) in captures.iter().enumerate() {
        let range = usize::try_from(capture.start).unwrap_or(usize::MAX)..usize::try_from(capture.end).unwrap_or(0);
        let (Some(literal), Some(value)) = (path.get(rest..range.start), path.get(range.clone())) else {
            // Not to be reached: captures are of this path.
            break;
        };
        written.push_str(literal);
        let treatment = recording.path.get(number).copied().unwrap_or(Treatment::Masked);
        if treatment == Treatment::Clear {
            written.push_str(&clear(value, writing));
        } else {
            written.push_str(&writing.write(&decoded(value), treatment));
        }
        rest = range.end;
    }
    written.push_str(path.get(rest..).unwrap_or_default());
    bounded(written)
}

/// The query.
pub(crate) fn query(query: &str, recording: &Recording, writing: &mut Writing<'_>) -> String {
    let mut written = String::with_capacity(query.len());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        if written.len() > TARGET_BYTES_MAX {
            break;
        }
        if !written.is_empty() {
            written.push('&');
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let declared = recording.query.get(&*decoded(name));
        if declared.is_none() && pair.len() == name.len() {
            // Who knows whether it is a name.
            written.push_str(&writing.write(name, Treatment::Masked));
            continue;
        }
        written.push_str(&clear(name, writing));
        if pair.len() > name.len() {
            written.push('=');
        }
        match declared {
            _ if value.is_empty() => {}
            Some(Treatment::Clear) => written.push_str(&clear(value, writing)),
            Some(treatment) => written.push_str(&writing.write(&decoded(value), *treatment)),
            None => written.push_str(&writing.write(value, Treatment::Masked)),
        }
    }
    bounded(written)
}

/// A value as it was sent, or, where something in it must not be logged, however it is escaped, without that.
fn clear<'v>(value: &'v str, writing: &mut Writing<'_>) -> Cow<'v, str> {
    let mut plain = Cow::Borrowed(value);
    for _ in 0..ESCAPES_MAX {
        match decoded(&plain.replace('+', " ")) {
            more if *more == *plain => break,
            more => plain = Cow::Owned(more.into_owned()),
        }
    }
    let clean = writing.write(&plain, Treatment::Clear);
    let written = match *clean == *plain {
        // Nothing stands in it; and nothing in the way in which it was sent.
        true => writing.write(value, Treatment::Clear),
        false => Cow::Owned(clean.into_owned()),
    };
    // What looks like a commitment would be taken for one wherever it stands in a target.
    match written.contains(COMMITTED) {
        true => Cow::Owned(written.replace(COMMITTED, "committed%3A")),
        false => written,
    }
}

fn decoded(text: &str) -> Cow<'_, str> {
    match percent::decoded(text.as_bytes()) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(octets) => Cow::Owned(String::from_utf8_lossy(&octets).into_owned()),
    }
}

fn bounded(text: String) -> String {
    if text.len() <= TARGET_BYTES_MAX {
        return text;
    }
    format!("{}[...]", cut(&text, TARGET_BYTES_MAX))
}

#[cfg(test)]
mod tests {
    use super::super::protect::tests::Open;
    use super::super::{Durability, OnFailure};
    use super::*;

    fn recording() -> Recording {
        Recording {
            durability: Durability::Async,
            on_failure: OnFailure::Refuse,
            subject: Treatment::Clear,
            found: Treatment::Masked,
            path: Box::new([Treatment::Clear, Treatment::Hashed]),
            query: [("page".into(), Treatment::Clear), ("name".into(), Treatment::Masked)].into(),
            fields: Box::default(),
            user_agent: false,
            decisions: crate::decisions::Recorded::Rules,
        }
    }

    fn with<T>(act: impl FnOnce(&Recording, &mut Writing<'_>) -> T) -> T {
        let mut erasable = Vec::new();
        let mut writing = Writing {
            protect: &Open,
            found: Treatment::Masked,
            erasable: &mut erasable,
        };
        act(&recording(), &mut writing)
    }

    #[test]
    fn values_of_a_path_are_treated_each_for_itself() {
        let of = |text: &str, ranges: &[(u32, u32)]| {
            let captures: Captures = ranges.iter().map(|(start, end)| *start..*end).collect();
            with(|recording, writing| path(text, &captures, recording, writing))
        };
        assert_eq!(
            of("/users/7/notes/a%20b", &[(7, 8), (15, 20)]),
            "/users/7/notes/hmac-sha256:k:3"
        );
        assert_eq!(of("/cards/4111111111111111", &[(7, 23)]), "/cards/[card]");
        assert_eq!(
            of("/a/b/c", &[(1, 2), (3, 4), (5, 6)]),
            "/a/hmac-sha256:k:1/masked:sensitive"
        );
        assert_eq!(of("/health", &[]), "/health");
    }

    #[test]
    fn of_a_query_only_what_is_declared_is_written() {
        let of = |text: &str| with(|recording, writing| query(text, recording, writing));
        assert_eq!(
            of("page=2&name=alice&other=x&flag"),
            "page=2&name=masked:sensitive&other=masked:sensitive&masked:sensitive"
        );
        assert_eq!(of("p%61ge=3"), "p%61ge=3");
        assert_eq!(of("page=4111111111111111"), "page=[card]");
        assert_eq!(of("4111111111111111=1"), "[card]=masked:sensitive");
        for secret in [
            "41111111%311111111",
            "4111%2D1111%2D1111%2D1111",
            "4111+1111+1111+1111",
            "4111.1111.1111.1111",
            "4111_1111_1111_1111",
            "%34%31%31%31111111111111",
            "alice%40example%2Ecom",
            "alice%2540example.com",
            "GB82%2DWEST%2D1234%2D5698%2D7654%2D32",
            "-----BEGIN%20PRIVATE%20KEY-----MIIB",
        ] {
            let written = of(&format!("page={secret}"));
            assert!(written.starts_with("page=[") && written.ends_with(']'), "{written}");
        }
        assert_eq!(of("page=a=/committed:x"), "page=a=/committed%3Ax");
        assert_eq!(of("page=a%20b+c"), "page=a%20b+c");
        assert_eq!(of(""), "");
        assert!(of(&"page=2&".repeat(1000)).len() < 2100);
    }
}
