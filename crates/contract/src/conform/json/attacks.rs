//! What attackers try against the judge's bounds and its notion of what is declared.

use super::tests::{check, check_strip, compile, contract, judged};
use super::*;

#[test]
fn schema_8_other_types_open_nothing() {
    let union = r#"{"allOf":[
        {"oneOf":[{"type":"object","properties":{"a":{}},"required":["a"]},{"type":"object","properties":{"b":{}},"required":["b"]}]},
        {"maxLength":9}]}"#;
    check(union, r#"{"a":1}"#, "ok");
    check(union, r#"{"a":1,"admin":true}"#, "undeclared");
    check_strip(union, r#"{"a":1,"admin":true}"#, r#"{"a":1}"#);
    check(r#"{"anyOf":[{},{"maxLength":9}]}"#, r#"{"x":{"y":1}}"#, "ok");
    check(
        r#"{"anyOf":[{"const":{"x":{"y":1}}},{"maxLength":0}]}"#,
        r#"{"x":{"y":1}}"#,
        "ok",
    );
    check(r#"{"maxLength":9}"#, r#"{"x":[{"y":1}]}"#, "ok");
}

#[test]
fn schema_8_objects_hide_in_no_array() {
    let untyped = r#"{"properties":{"id":{"type":"integer"}}}"#;
    check(untyped, r#"{"id":1}"#, "ok");
    check(untyped, "[1,[2]]", "ok");
    check(untyped, r#"[{"id":1,"password":"leak"}]"#, "undeclared /0");
    check(untyped, r#"[[{"password":"leak"}]]"#, "undeclared /0/0");
    check_strip(untyped, r#"[{"id":1,"password":"leak"}]"#, "[{}]");
    check(
        r#"{"items":{"type":"integer"}}"#,
        r#"{"password":"leak"}"#,
        "undeclared",
    );
    check(r#"{"type":["object","array"],"properties":{}}"#, r#"[{"a":1}]"#, "ok");
    let allowed = judged(
        contract("3.1.0", untyped, ""),
        Direction::Request,
        Undeclared::Allow,
        br#"[{"password":"leak"}]"#,
    );
    assert_eq!(allowed, "ok");
}

#[test]
fn schema_8_hidden_behind_any_keyword() {
    let hides = |property: &str| {
        let schema = format!(r#"{{"type":"object","properties":{{"p":{property},"q":{{}}}}}}"#);
        check_strip(&schema, r#"{"p":["s"],"q":1}"#, r#"{"q":1}"#);
    };
    hides(r#"{"anyOf":[{"type":"null"},{"type":"array","writeOnly":true}]}"#);
    hides(r#"{"oneOf":[{"type":"null"},{"allOf":[{"type":"array","writeOnly":true}]}]}"#);
    hides(r#"{"type":"array","items":{"type":"string","writeOnly":true}}"#);
    hides(r#"{"type":"array","prefixItems":[{"writeOnly":true}]}"#);
    let additional =
        r#"{"type":"object","properties":{"q":{}},"additionalProperties":{"type":"string","writeOnly":true}}"#;
    check_strip(additional, r#"{"p":"s","q":1}"#, r#"{"q":1}"#);
    let patterned = r#"{"type":"object","properties":{"q":{},"s1":{}},"patternProperties":{"^s":{"type":"string","writeOnly":true}}}"#;
    check_strip(patterned, r#"{"s1":"s","s2":"s","q":1}"#, r#"{"q":1}"#);
    check(
        r#"{"type":"object","additionalProperties":{"anyOf":[{"type":"string","readOnly":true},{"type":"null"}]}}"#,
        r#"{"p":"s"}"#,
        "read_only /*",
    );
    let merged = r#"{"allOf":[{"type":"object","properties":{"p":{}}},{"additionalProperties":{"writeOnly":true}}]}"#;
    check_strip(merged, r#"{"p":1}"#, "{}");
    let tree = r##"{"type":"object","properties":{"n":{"anyOf":[{"type":"null"},{"type":"array","items":{"$ref":"#/components/schemas/J"}}]}}}"##;
    let circle = r##","J":{"anyOf":[{"type":"integer"},{"type":"array","items":{"$ref":"#/components/schemas/J"}}]}"##;
    let verdict = judged(
        contract("3.1.0", tree, circle),
        Direction::Response,
        Undeclared::Strip,
        br#"{"n":[1,[2]]}"#,
    );
    assert_eq!(verdict, "ok");
}

#[test]
fn schema_8_what_hides_cannot_be_lost_in_numbers() {
    let branches = vec![r#"{"type":"string","anyOf":[{}]}"#; 10_001].join(",");
    let schema = format!(r#"{{"type":"object","properties":{{"p":{{"anyOf":[{branches}]}}}}}}"#);
    let problems = compile(contract("3.1.0", &schema, ""), Direction::Request).expect_err("it is too large");
    assert!(
        problems
            .iter()
            .any(|problem| problem.contains("`readOnly` cannot be decided")),
        "{problems:?}"
    );
}

#[test]
fn schema_3_many_texts_share_one_budget() {
    let schema = r#"{"type":"array","items":{"type":"string","pattern":"^(?=(a+)+$)b"}}"#;
    // Each takes some ten thousand steps, far from a budget of its own.
    let hard = format!("\"{}!\"", "a".repeat(13));
    check(schema, &format!("[{hard}]"), "pattern /0");
    let any = r#"{"type":"array","items":{"not":{"pattern":"^(?=(a+)+$)b"}}}"#;
    check(any, &format!("[{hard}]"), "ok");
    let text = format!("[{}]", vec![hard; 1_000].join(","));
    let verdict = judged(
        contract("3.1.0", any, ""),
        Direction::Request,
        Undeclared::Refuse,
        text.as_bytes(),
    );
    assert!(verdict.starts_with("budget /"), "{verdict}");
}

#[test]
fn schema_4_small_items_cost_little() {
    let text = format!("[{}1]", "1,".repeat(512 * 1024));
    let branch = r#"{"type":"array","items":{"type":"integer"}}"#;
    let branches = vec![branch; 20].join(",");
    let (program, schema) = compile(
        contract("3.1.0", &format!(r#"{{"anyOf":[{branches}]}}"#), ""),
        Direction::Request,
    )
    .expect("it compiles");
    let limits = Limits::default();
    let verdict = program.judge(
        schema,
        text.as_bytes(),
        Undeclared::Refuse,
        &limits,
        &mut Scratch::default(),
    );
    assert_eq!(verdict.map(|cuts| cuts.is_empty()), Ok(true));

    // Where somebody asks for the items, marks are kept, but not without end.
    let asking = format!(r#"{{"anyOf":[{branches}],"unevaluatedItems":false}}"#);
    check(&asking, "[1,2]", "ok");
    check(&asking, &text, "budget /200000");
}

#[test]
fn schema_4_members_are_not_noted_without_end() {
    let item = r#"{"a":1,"b":1}"#;
    let text = format!("[{}]", vec![item; 100_001].join(","));
    let schema = r#"{"anyOf":[{"type":"array","items":{"type":"object","properties":{"a":{},"b":{}}}}]}"#;
    let verdict = judged(
        contract("3.1.0", schema, ""),
        Direction::Request,
        Undeclared::Refuse,
        text.as_bytes(),
    );
    assert!(verdict.starts_with("budget /"), "{verdict}");
}

#[test]
fn schema_1_names_that_need_escapes_are_read_as_json() {
    let schema = r#"{"type":"object","properties":{"a\"b":{"type":"integer"}}}"#;
    check(schema, r#"{"a\"b":1}"#, "ok");
    check(schema, r#"{"a"b":1}"#, "syntax");
}

#[test]
fn unique_items_are_told_apart_by_value() {
    let schema = r#"{"type":"array","uniqueItems":true}"#;
    check(schema, r#"[1,"1",[1],{"a":1},{"a":2}]"#, "ok");
    check(schema, r#"[1,1.0]"#, "unique");
    check(schema, r#"[{"a":1,"b":2},{"b":2,"a":1}]"#, "unique");
}
