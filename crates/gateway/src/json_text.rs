//! Parts of JSON texts as they are written, without a tree and without a copy: what is not touched leaves as it came.
//!
//! The text is known to be JSON, or whatever is found in it is not relied upon: what is not JSON after all yields nothing, never a panic.

use std::borrow::Cow;

use memchr::memchr2;

/// A member of an object, as it is written.
pub(crate) struct Member<'j> {
    /// Its name, unescaped.
    pub(crate) name: Cow<'j, str>,
    /// Its value.
    pub(crate) value: &'j [u8],
}

/// How many members an object may have.
const MEMBERS_MAX: usize = 1_024;

/// The members of an object, in their order; nothing where it is none, or has more than [`MEMBERS_MAX`].
pub(crate) fn members(object: &[u8]) -> Option<Vec<Member<'_>>> {
    let mut rest = blank(blank(object).strip_prefix(b"{")?);
    let mut members = Vec::new();
    while !rest.starts_with(b"}") {
        if members.len() >= MEMBERS_MAX {
            return None;
        }
        let (name, after) = value_and_rest(rest)?;
        let (value, after) = value_and_rest(blank(blank(after).strip_prefix(b":")?))?;
        let name = string(name)?;
        members.push(Member { name, value });
        rest = next(after, b'}')?;
    }
    Some(members)
}

/// The first items of an array, so many at most, in their order; nothing where it is none.
pub(crate) fn items(array: &[u8], items_max: usize) -> Option<Vec<&[u8]>> {
    let mut rest = blank(blank(array).strip_prefix(b"[")?);
    let mut items = Vec::new();
    while !rest.starts_with(b"]") && items.len() < items_max {
        let (item, after) = value_and_rest(rest)?;
        items.push(item);
        rest = next(after, b']')?;
    }
    Some(items)
}

/// What comes next in an object or an array, after the comma; its end where that comes.
fn next(after: &[u8], end: u8) -> Option<&[u8]> {
    let rest = blank(after);
    match rest.split_first()? {
        (b',', more) => Some(blank(more)),
        (byte, _) => (*byte == end).then_some(rest),
    }
}

fn value_and_rest(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let after = after_value(rest)?;
    let length = rest.len().checked_sub(after.len())?;
    Some((rest.get(..length)?, after))
}

/// What follows the value that `rest` starts with.
pub(crate) fn after_value(rest: &[u8]) -> Option<&[u8]> {
    match rest.split_first()? {
        (b'"', inside) => after_string(inside),
        (b'{' | b'[', inside) => after_compound(inside),
        _ => {
            let end = rest
                .iter()
                .position(|byte| matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r'));
            let end = end.unwrap_or(rest.len());
            if end == 0 { None } else { rest.get(end..) }
        }
    }
}

/// Brackets are counted, not paired: the body is known to be JSON, and what is not ends somewhere all the same.
fn after_compound(mut rest: &[u8]) -> Option<&[u8]> {
    let mut open = 1_usize;
    while open > 0 {
        let (byte, next) = rest.split_first()?;
        rest = next;
        match byte {
            b'"' => rest = after_string(rest)?,
            b'{' | b'[' => open += 1,
            b'}' | b']' => open -= 1,
            _ => {}
        }
    }
    Some(rest)
}

fn after_string(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        let (_, from) = rest.split_at_checked(memchr2(b'"', b'\\', rest)?)?;
        match from.split_first()? {
            (b'"', after) => return Some(after),
            (_, escape) => rest = escape.get(1..)?,
        }
    }
}

/// A string with its quotes, read; borrowed where nothing is escaped.
pub(crate) fn string(raw: &[u8]) -> Option<Cow<'_, str>> {
    let inside = raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if memchr::memchr(b'\\', inside).is_none() {
        return std::str::from_utf8(inside).ok().map(Cow::Borrowed);
    }
    serde_json::from_slice::<String>(raw).ok().map(Cow::Owned)
}

pub(crate) fn blank(rest: &[u8]) -> &[u8] {
    let blanks = rest
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
        .count();
    rest.get(blanks..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_as_they_are_written() {
        let object = br#" {"a" : [1, {"}":"]"}] , "\u0062":1.10,"c":{}} "#;
        let members = members(object).unwrap();
        let told: Vec<(&str, &[u8])> = members.iter().map(|member| (&*member.name, member.value)).collect();
        assert_eq!(told, [("a", &br#"[1, {"}":"]"}]"#[..]), ("b", b"1.10"), ("c", b"{}")]);
        let told = items(br#"[ "a,]" , [1,2],3 ]"#, 9).unwrap();
        assert_eq!(told, [&br#""a,]""#[..], b"[1,2]", b"3"]);
        assert_eq!(items(b"[1,2,3]", 2).unwrap().len(), 2);
        assert_eq!(
            (super::members(b"{}").unwrap().len(), items(b" [ ] ", 9).unwrap().len()),
            (0, 0)
        );
    }

    #[test]
    fn what_is_not_json_ends() {
        for text in [
            "",
            "{",
            "[",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":1",
            "{\"a\":1 2}",
            "[1",
            "[1 2]",
            "[1}",
            "1",
        ] {
            assert!(members(text.as_bytes()).is_none(), "{text}");
            assert!(items(text.as_bytes(), 9).is_none(), "{text}");
        }
    }
}
