//! What to write in the place of a value of the wrong kind: what is written there in its right form, or an example.

use portcullis_contract::document::{Node, Value as NodeValue};
use serde_json::Value;

use super::text;

/// What follows a reference within the schema.
pub(super) type Resolve<'s, 'f> = &'f dyn Fn(&'s Value) -> &'s Value;

/// The help for a value that is of none of these kinds; `name` is the setting's. Empty where the kinds say it all.
pub(super) fn instead<'s>(node: &Node, branches: &[&'s Value], name: &str, resolve: Resolve<'s, '_>) -> String {
    let of = |kind: &str| branches.iter().copied().find(|branch| is_kind(branch, kind));
    let number = of("integer").or_else(|| of("number"));
    let help = match (&node.value, scalar(node)) {
        (NodeValue::String(written), _) if number.is_some() => a_number(written, name),
        (NodeValue::String(_), Some(written)) if let Some(object) = of("object") => {
            an_object(node, &written, object, resolve)
        }
        (NodeValue::Number(_) | NodeValue::Bool(_), Some(written)) if of("string").is_some() => {
            a_text(&written, branches)
        }
        (_, Some(written)) if of("array").is_some() => Some(format!("write a list: `[{written}]`")),
        _ => of("object").and_then(with_members),
    };
    help.unwrap_or_default()
}

fn is_kind(schema: &Value, kind: &str) -> bool {
    schema.get("type").and_then(Value::as_str) == Some(kind)
}

/// A value without parts, as it is written.
fn scalar(node: &Node) -> Option<String> {
    match &node.value {
        NodeValue::Number(spelling) => Some(spelling.to_string()),
        NodeValue::String(text) => Some(plain(text)),
        NodeValue::Bool(value) => Some(value.to_string()),
        NodeValue::Null | NodeValue::Array(_) | NodeValue::Object(_) => None,
    }
}

/// A text as it stands within braces or brackets (YAML 1.2.2 §7.3.3).
fn plain(text: &str) -> String {
    let telling = |c: char| "[]{},#&*!|>'\"%@`".contains(c) || c.is_control();
    match text.contains(telling) || text.contains(": ") || text.ends_with(':') {
        true => format!("'{}'", text.replace('\'', "''")),
        false => text.to_owned(),
    }
}

/// For a text where a number belongs: the number of seconds that it stands for, or the number within the quotes.
fn a_number(written: &str, name: &str) -> Option<String> {
    let end = written
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(written.len());
    let (digits, unit) = written.split_at_checked(end)?;
    let number: f64 = digits.parse().ok()?;
    let seconds = match unit.trim() {
        "" => return Some(format!("write it without quotes: `{digits}`")),
        "ms" => number / 1000.0,
        "s" => number,
        "m" | "min" => number * 60.0,
        "h" => number * 3600.0,
        _ => return None,
    };
    name.contains("seconds")
        .then(|| format!("write the number of seconds alone: `{seconds}`"))
}

/// For a number or a truth value where a text belongs: one of its words in quotes, or an example of its form.
fn a_text(written: &str, branches: &[&Value]) -> Option<String> {
    let quotes = || format!("write it in quotes: `\"{written}\"`");
    let is_word = |branch: &&Value| branch.get("const").and_then(Value::as_str) == Some(written);
    let is_among = |branch: &&Value| {
        let words = branch.get("enum").and_then(Value::as_array);
        words.is_some_and(|words| words.iter().any(|word| word == written))
    };
    if branches.iter().any(|branch| is_word(branch) || is_among(branch)) {
        return Some(quotes());
    }
    let mut formats = branches.iter().filter_map(|branch| branch.get("format")?.as_str());
    let example = formats.find_map(text::example);
    Some(example.map_or_else(quotes, str::to_owned))
}

/// For a text where an object belongs: the object with the text as the one member that it has to have, where it fits.
fn an_object<'s>(node: &Node, written: &str, object: &'s Value, resolve: Resolve<'s, '_>) -> Option<String> {
    let required = required(object);
    let [only] = required.as_slice() else {
        return with_members(object);
    };
    let member = object.get("properties").and_then(|properties| properties.get(only))?;
    let member = resolve(member);
    let format = member.get("format").and_then(Value::as_str).unwrap_or_default();
    let fits = is_kind(member, "string") && text::fault(format, node).is_none();
    match fits {
        true => Some(format!("write `{{{only}: {written}}}`")),
        false => with_members(object),
    }
}

fn with_members(object: &Value) -> Option<String> {
    let names: Vec<String> = required(object).iter().map(|name| format!("`{name}`")).collect();
    (!names.is_empty()).then(|| format!("write an object with {}", names.join(" and ")))
}

fn required(object: &Value) -> Vec<&str> {
    let names = object.get("required").and_then(Value::as_array);
    names.into_iter().flatten().filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use crate::config::read;

    /// The help for the only problem of a configuration with this line.
    #[track_caller]
    fn check(line: &str, expected: &str) {
        let listen = if line.starts_with("listen:") {
            ""
        } else {
            "listen: 127.0.0.1:0\n"
        };
        let text = format!("{listen}{line}\napis: [{{contract: a.yaml, upstream: 'http://127.0.0.1:1'}}]\n");
        let problems = read("gate.yaml", text.as_bytes()).problems;
        let help: Vec<&str> = problems.iter().map(|problem| problem.help.as_str()).collect();
        assert_eq!(help, [expected], "{line}: {problems:#?}");
    }

    #[test]
    fn what_is_written_is_put_right() {
        check(
            "listen: 18080",
            "write an address and a port, such as `127.0.0.1:8080` or `[::1]:8080`",
        );
        check("admin: 127.0.0.1:9901", "write `{listen: 127.0.0.1:9901}`");
        check("admin: '[::1]:9901'", "write `{listen: '[::1]:9901'}`");
        check("admin: here", "write an object with `listen`");
        check("admin: 9901", "write an object with `listen`");
        check("observe: seen.jsonl", "write `{file: seen.jsonl}`");
        check(
            "connection: {drain_seconds_max: 30s}",
            "write the number of seconds alone: `30`",
        );
        check(
            "connection: {drain_seconds_max: 2m}",
            "write the number of seconds alone: `120`",
        );
        check("connection: {headers_max: '50'}", "write it without quotes: `50`");
        check("connection: {headers_max: many}", "");
        check("trusted_proxies: 10.0.0.0/8", "write a list: `[10.0.0.0/8]`");
        check(
            "listen: {address: '127.0.0.1:0', tls: {certificates: {chain: a, key: b}, version_min: 1.2}}",
            "write it in quotes: `\"1.2\"`",
        );
    }
}
