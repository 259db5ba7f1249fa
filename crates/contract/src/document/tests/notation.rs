//! JSON and YAML as two ways to write the same tree.

use proptest::prelude::*;

use super::super::bounds::Budget;
use super::super::source::read;
use super::*;

fn parse(name: &str, text: &str) -> Result<Node, Problem> {
    read(name, FileId(0), text.as_bytes(), &mut Budget::default())
}

fn error(name: &str, text: &str) -> String {
    parse(name, text).unwrap_err().to_string()
}

/// The tree as compact JSON; numbers as they are spelt.
fn compact(node: &Node) -> String {
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(spelling) => spelling.to_string(),
        Value::String(text) => serde_json::to_string(text).unwrap(),
        Value::Array(items) => format!("[{}]", items.iter().map(compact).collect::<Vec<_>>().join(",")),
        Value::Object(object) => {
            let member = |(name, node)| format!("{}:{}", serde_json::to_string(name).unwrap(), compact(node));
            format!("{{{}}}", object.iter().map(member).collect::<Vec<_>>().join(","))
        }
    }
}

#[test]
fn yaml_says_what_json_says() {
    let check = |yaml: &str, json: &str| {
        let node = parse("a.yaml", yaml).unwrap_or_else(|problem| panic!("{yaml}: {problem}"));
        assert_eq!(compact(&node), json, "{yaml}");
    };
    check(
        "200: ok\ntrue: x\nnull: y\n1.0: z",
        r#"{"200":"ok","true":"x","null":"y","1.0":"z"}"#,
    );
    check("yes: no\non: off", r#"{"yes":"no","on":"off"}"#);
    check(
        "a: 2024-01-31\nb: 010\nc: 0x10\nd: ~\ne:",
        r#"{"a":"2024-01-31","b":10,"c":16,"d":null,"e":null}"#,
    );
    check(
        "a: '1'\nb: \"true\"\nc: !!str 12\nd: !!int 12\ne: ! 1",
        r#"{"a":"1","b":"true","c":"12","d":12,"e":"1"}"#,
    );
    check("a: |\n  x\n  y\nb: >-\n  x\n  y\n", r#"{"a":"x\ny\n","b":"x y"}"#);
}

#[test]
fn anchors_and_merge_keys_are_expanded() {
    let check = |yaml: &str, json: &str| assert_eq!(compact(&parse("a.yaml", yaml).unwrap()), json, "{yaml}");
    check("a: &x {k: 1}\nb: *x", r#"{"a":{"k":1},"b":{"k":1}}"#);
    check("a: &n name\n*n : 2", r#"{"a":"name","name":2}"#);
    check(
        "a: &x {k: 1, l: 1}\nb: {<<: *x, k: 2}",
        r#"{"a":{"k":1,"l":1},"b":{"k":2,"l":1}}"#,
    );
    check(
        "a: &x {k: 1}\nb: &y {k: 2, m: 3}\nc: {<<: [*x, *y]}",
        r#"{"a":{"k":1},"b":{"k":2,"m":3},"c":{"k":1,"m":3}}"#,
    );
    check("'<<': 1", r#"{"<<":1}"#);
}

#[test]
fn what_json_cannot_say_is_refused() {
    let check = |yaml: &str, expected: &str| {
        let found = error("a.yaml", yaml);
        assert!(found.starts_with(expected), "{found}\n{expected}");
    };
    check("", "a.yaml:1:1: error: the file is empty");
    check("# nothing\n", "a.yaml:1:1: error: the file is empty");
    check("a: .inf", "a.yaml:1:4: error: `.inf` is no number in JSON");
    check(
        "a: !!binary aGk=",
        "a.yaml:1:13: error: the tag `!!binary` has no meaning",
    );
    check("a: !own {}", "a.yaml:1:9: error: the tag `!own` has no meaning");
    check("a: !!int x", "a.yaml:1:10: error: `x` is not what its tag `!!int` says");
    check(
        "? [a]\n: 1",
        "a.yaml:1:3: error: a list or an object cannot be a member name",
    );
    check(
        "a: {<<: 1}",
        "a.yaml:1:9: error: `<<` merges objects, but this is a number",
    );
    check("a: *b", "a.yaml:1:4: error: this alias has no anchor before it");
    check("a:\n\tb: 1", "a.yaml:2:");
    check("a: [1", "a.yaml:");
    check("{,}", "a.yaml:");
}

#[test]
fn json_errors_say_what_was_expected_and_where() {
    let check = |json: &str, expected: &str| {
        let found = error("a.json", json);
        assert!(found.starts_with(expected), "{found}\n{expected}");
    };
    check("", "a.json:1:1: error: expected a value but found the end of the file");
    check(
        "{\n  \"é\": 1,\n}",
        "a.json:3:1: error: expected a member name in double quotes but found `}`",
    );
    check(
        "{\"é\" 1}",
        "a.json:1:6: error: expected `:` after a member name but found `1`",
    );
    check(
        "[1 2]",
        "a.json:1:4: error: expected `,` or `]` after an element but found `2`",
    );
    check(
        "{\"a\":1 /* */}",
        "a.json:1:8: error: expected `,` or `}` after a member but found `/`",
    );
    check("[1,]", "a.json:1:4: error: expected a value but found `]`");
    check("[01]", "a.json:1:2: error: `01` is no number");
    check("[1.]", "a.json:1:2: error: `1.` is no number");
    check("[.5]", "a.json:1:2: error: expected a value");
    check("[1e]", "a.json:1:2: error: `1e` is no number");
    check("[\"a\nb\"]", "a.json:1:4: error: expected the rest of a string");
    check("[\"ab", "a.json:1:2: error: this string has no closing quote");
    check("[\"\\x\"]", "a.json:1:3: error: this escape");
    check("[\"\\u12\"]", "a.json:1:3: error: this escape");
    check("[\"\\udc00\"]", "a.json:1:3: error: this escape");
    check("[\"\\ud800\\u0041\"]", "a.json:1:3: error: this escape");
    check("[tru]", "a.json:1:2: error: expected a value");
    check("a: 1", "a.json:1:1: error: expected a value but found `a`");
}

#[test]
fn a_file_without_a_telling_name_is_read_by_its_first_character() {
    for text in ["{\"a\": 1}", "a: 1", "{a: 1}"] {
        assert_eq!(
            compact(&parse("https://example.com/api?x=.json", text).unwrap()),
            r#"{"a":1}"#
        );
    }
    assert!(error("contract", "{\"a\" 1 [}").contains("expected `:`"));
}

/// Any JSON value, with names and strings of all kinds.
fn value() -> impl Strategy<Value = serde_json::Value> {
    let text = prop_oneof![
        "[a-z~<=#&*!|>'\"%@`:?,{}\\[\\] -]{0,12}",
        "\\PC{0,8}",
        any::<String>(),
        Just("yes".to_owned())
    ];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        text.clone().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::vec((text.clone(), inner), 0..6)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The value as YAML in block style, every string in double quotes with all but ASCII escaped.
fn block(value: &serde_json::Value, indent: usize, out: &mut String) {
    let pad = " ".repeat(indent);
    match value {
        serde_json::Value::Array(items) if !items.is_empty() => {
            for item in items {
                let _ = write!(out, "\n{pad}-");
                block(item, indent + 2, out);
            }
        }
        serde_json::Value::Object(members) if !members.is_empty() => {
            for (name, member) in members {
                let _ = write!(out, "\n{pad}{}:", quoted(name));
                block(member, indent + 2, out);
            }
        }
        serde_json::Value::String(text) => {
            let _ = write!(out, " {}", quoted(text));
        }
        other => {
            let _ = write!(out, " {other}");
        }
    }
}

fn quoted(text: &str) -> String {
    let json = serde_json::to_string(text).unwrap();
    json.chars().fold(String::new(), |mut out, character| {
        let _ = match character {
            ' '..='~' => write!(out, "{character}"),
            other => write!(out, "\\U{:08X}", u32::from(other)),
        };
        out
    })
}

fn assert_spans(node: &Node, lines: &[&str]) {
    let rest: String = lines[node.span.line as usize - 1]
        .chars()
        .skip(node.span.column as usize - 1)
        .collect();
    let first = rest.chars().next().unwrap();
    match &node.value {
        Value::Object(object) => {
            assert_eq!(first, '{');
            for member in object.members.values() {
                let line = lines[member.name_span.line as usize - 1];
                assert_eq!(line.chars().nth(member.name_span.column as usize - 1), Some('"'));
                assert_spans(&member.value, lines);
            }
        }
        Value::Array(items) => {
            assert_eq!(first, '[');
            items.iter().for_each(|item| assert_spans(item, lines));
        }
        Value::String(_) => assert_eq!(first, '"'),
        _ => assert!(rest.starts_with(&compact(node)), "{rest}"),
    }
}

proptest! {
    #[test]
    fn json_and_yaml_of_the_same_data_give_equal_trees(value in value()) {
        let json = serde_json::to_string(&value).unwrap();
        let tree = parse("a.json", &json).unwrap();
        prop_assert_eq!(compact(&tree), &*json);
        let mut yaml = String::new();
        block(&value, 0, &mut yaml);
        let from_yaml = parse("a.yaml", &yaml).map_err(|problem| TestCaseError::fail(format!("{problem}\n{yaml}")))?;
        prop_assert_eq!(compact(&from_yaml), json);
    }

    #[test]
    fn every_place_in_json_is_exact(value in value()) {
        let text = serde_json::to_string_pretty(&value).unwrap();
        let tree = parse("a.json", &text).unwrap();
        assert_spans(&tree, &text.split('\n').collect::<Vec<_>>());
        let one_line = serde_json::to_string(&value).unwrap();
        assert_spans(&parse("a.json", &one_line).unwrap(), &[&*one_line]);
    }

    #[test]
    fn no_bytes_make_the_readers_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), text in "[\\[\\]{}:,\"'&*a1\\\\u<!|>\n -]{0,40}") {
        for name in ["a.json", "a.yaml", "a"] {
            let _ = read(name, FileId(0), &bytes, &mut Budget::default());
            let _ = parse(name, &text);
        }
    }

    #[test]
    fn json_is_accepted_where_serde_json_accepts_it(text in "[\\[\\]{}:,\"a10.eE+\\\\utrfalsn -]{0,24}") {
        let strict = parse("a.json", &text);
        match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(_) => if let Err(problem) = strict { prop_assert!(problem.message.contains("twice"), "{}", problem) },
            Err(error) => prop_assert!(strict.is_err() || error.to_string().contains("out of range"), "{}", error),
        }
    }
}
