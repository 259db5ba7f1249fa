//! A canonical form of JSON values, in which equal values (JSON Schema §4.2.2) have equal bytes: members sorted,
//! strings without escapes, numbers by value. For `enum`, `const` and `uniqueItems`.

use super::decimal::Decimal;
use super::scan::Cursor;
use crate::document::{Node, Value};

/// Appends the canonical form of the value at the cursor, which has been judged well-formed, and steps over it.
pub(super) fn write_text(cursor: &mut Cursor<'_>, out: &mut Vec<u8>) {
    cursor.skip_whitespace();
    match cursor.peek() {
        Some(b'{') => write_members(cursor, out),
        Some(b'[') => write_items(cursor, out),
        Some(b'"') => {
            if let Ok(text) = cursor.string() {
                write_string(text.decode(&mut Vec::new()), out);
            }
        }
        Some(letter @ (b't' | b'f' | b'n')) => {
            out.push(letter);
            cursor.pos += if letter == b'f' { 5 } else { 4 };
        }
        _ => match cursor.number() {
            Ok(number) => write_number(number.raw, out),
            // Not reached on judged text; stepping on keeps the walk finite whatever happens.
            Err(_) => cursor.pos += 1,
        },
    }
}

fn write_items(cursor: &mut Cursor<'_>, out: &mut Vec<u8>) {
    out.push(b'[');
    while next_element(cursor, b']') {
        write_text(cursor, out);
    }
    out.push(b']');
}

fn write_members(cursor: &mut Cursor<'_>, out: &mut Vec<u8>) {
    let mut members = Vec::new();
    while next_element(cursor, b'}') {
        let Ok(name) = cursor.string() else { break };
        let mut member = Vec::new();
        write_string(name.decode(&mut Vec::new()), &mut member);
        cursor.skip_whitespace();
        cursor.pos += 1;
        write_text(cursor, &mut member);
        members.push(member);
    }
    finish_members(members, out);
}

/// Steps over the opening bracket, a comma, or the closing one; says whether an element follows.
pub(super) fn next_element(cursor: &mut Cursor<'_>, close: u8) -> bool {
    cursor.skip_whitespace();
    if cursor.peek() == Some(close) {
        cursor.pos += 1;
        return false;
    }
    cursor.pos += 1;
    cursor.skip_whitespace();
    match cursor.peek() {
        Some(byte) if byte == close => {
            cursor.pos += 1;
            false
        }
        Some(_) => true,
        None => false,
    }
}

/// The canonical form of a value in a contract.
pub(super) fn of_node(node: &Node) -> Vec<u8> {
    let mut out = Vec::new();
    write_node(node, &mut out);
    out
}

fn write_node(node: &Node, out: &mut Vec<u8>) {
    match &node.value {
        Value::Null => out.push(b'n'),
        Value::Bool(true) => out.push(b't'),
        Value::Bool(false) => out.push(b'f'),
        Value::Number(spelling) => write_number(spelling.as_bytes(), out),
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push(b'[');
            items.iter().for_each(|item| write_node(item, out));
            out.push(b']');
        }
        Value::Object(object) => {
            let member = |(name, value): (&str, &Node)| {
                let mut member = Vec::new();
                write_string(name, &mut member);
                write_node(value, &mut member);
                member
            };
            finish_members(object.iter().map(member).collect(), out);
        }
    }
}

fn finish_members(mut members: Vec<Vec<u8>>, out: &mut Vec<u8>) {
    members.sort_unstable();
    out.push(b'{');
    members.iter().for_each(|member| out.extend_from_slice(member));
    out.push(b'}');
}

/// The length in front keeps strings apart from what follows them.
fn write_string(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("\"{}:", text.len()).as_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn write_number(raw: &[u8], out: &mut Vec<u8>) {
    out.push(b'#');
    match Decimal::parse(raw) {
        Some(decimal) => out.extend_from_slice(decimal.canonical().as_bytes()),
        None => out.extend_from_slice(raw),
    }
    out.push(b';');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        let mut cursor = Cursor::new(text.as_bytes());
        write_text(&mut cursor, &mut out);
        cursor.skip_whitespace();
        assert_eq!(cursor.pos, text.len(), "{text}");
        out
    }

    #[test]
    fn equal_values_look_alike() {
        for (a, b) in [
            (r#"{"a": 1, "b": [1, 2]}"#, r#"{"b":[1.0,2e0],"a":1}"#),
            (r#""caf\u00e9""#, r#""café""#),
            ("100", "1e2"),
            ("[ ]", "[]"),
            (r#"{ }"#, "{}"),
        ] {
            assert_eq!(canonical(a), canonical(b), "{a} {b}");
        }
    }

    #[test]
    fn different_values_do_not() {
        let values = [
            "1",
            "true",
            "null",
            "false",
            "0",
            r#""1""#,
            r#""true""#,
            "[]",
            "[1]",
            "[[1]]",
            "[1,1]",
            "[11]",
            "{}",
            r#"{"a":1}"#,
            r#"{"a":[1]}"#,
            r#"["a"]"#,
            r#"["a","b"]"#,
            r#"["ab"]"#,
            r#"["a",["b"]]"#,
            "[null]",
            "-1",
            "0.1",
        ];
        for (i, a) in values.iter().enumerate() {
            for b in values.iter().skip(i + 1) {
                assert_ne!(canonical(a), canonical(b), "{a} {b}");
            }
        }
    }
}
