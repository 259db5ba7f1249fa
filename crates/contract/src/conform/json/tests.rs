//! The judge as a whole, one table per threat: a schema, a text, and what has to become of it.

use super::*;
use crate::document::{self, Fetch};

struct Text(String);

impl Fetch for Text {
    fn fetch(&mut self, _: &str) -> Result<Vec<u8>, String> {
        Ok(self.0.clone().into_bytes())
    }
}

/// A contract of the version whose component `S` is `schema`, with `others` beside it.
pub(super) fn contract(version: &str, schema: &str, others: &str) -> String {
    format!(
        r#"{{"openapi":"{version}","info":{{"title":"t","version":"1"}},"paths":{{}},
            "components":{{"schemas":{{"S":{schema}{others}}}}}}}"#
    )
}

pub(super) fn compile(contract: String, direction: Direction) -> Result<(Program, SchemaId), Vec<String>> {
    let told = |problems: Vec<document::Problem>| problems.iter().map(ToString::to_string).collect::<Vec<_>>();
    let document = document::load("c.json", &mut Text(contract)).map_err(told)?;
    let place = document
        .resolve(document.root(), "#/components/schemas/S")
        .map_err(|problem| told(vec![problem]))?;
    let mut compiler = Compiler::new(&document);
    let schema = compiler.schema(place, direction);
    let (program, _, problems) = compiler.finish();
    if problems.is_empty() {
        Ok((program, schema))
    } else {
        Err(told(problems))
    }
}

/// Judges and says: `ok`, what is left after cutting, or `code pointer`.
pub(super) fn judged(contract: String, direction: Direction, undeclared: Undeclared, text: &[u8]) -> String {
    let (program, schema) = compile(contract, direction).expect("it compiles");
    match program.judge(schema, text, undeclared, &Limits::default(), &mut Scratch::default()) {
        Ok(cuts) if cuts.is_empty() => "ok".to_owned(),
        Ok(cuts) => String::from_utf8(cuts.apply(text)).expect("UTF-8"),
        Err(violation) => format!("{} {}", violation.code.name(), violation.pointer)
            .trim_end()
            .to_owned(),
    }
}

/// In a request by OpenAPI 3.1, undeclared properties refused.
pub(super) fn check(schema: &str, text: &str, expected: &str) {
    let verdict = judged(
        contract("3.1.0", schema, ""),
        Direction::Request,
        Undeclared::Refuse,
        text.as_bytes(),
    );
    assert_eq!(verdict, expected, "{schema} {text}");
}

/// In an answer by OpenAPI 3.1, undeclared properties cut.
pub(super) fn check_strip(schema: &str, text: &str, expected: &str) {
    let verdict = judged(
        contract("3.1.0", schema, ""),
        Direction::Response,
        Undeclared::Strip,
        text.as_bytes(),
    );
    assert_eq!(verdict, expected, "{schema} {text}");
}

#[test]
fn schema_1_hostile_json() {
    let check = |text: &[u8], expected: &str| {
        let verdict = judged(
            contract("3.1.0", "{}", ""),
            Direction::Request,
            Undeclared::Refuse,
            text,
        );
        assert_eq!(verdict, expected, "{}", String::from_utf8_lossy(text));
    };
    check(br#"{"a":1,"a":1}"#, "duplicate");
    check(br#"{"a":1,"\u0061":1}"#, "duplicate");
    check(br#"{"x":{"b":1,"c":2,"b":3}}"#, "duplicate /*");
    check(b"NaN", "syntax");
    check(b"Infinity", "syntax");
    check(b"[-Infinity]", "syntax /0");
    check(b"1e400", "number");
    check(b"-1e400", "number");
    check("9".repeat(65).as_bytes(), "number");
    check(br#""\ud800""#, "encoding");
    check(br#""\udc00\ud800""#, "encoding");
    check(b"\"\xff\"", "encoding");
    check(b"{} {}", "syntax");
    check(b"{}\0", "syntax");
    check(b"1,", "syntax");
    check(b"\xef\xbb\xbf{}", "syntax");
    check(b"\xff\xfe{\0}\0", "syntax");
    check(b"{\0}\0", "syntax");
    check(b"", "syntax");
    check(b"  \n", "syntax");
    check(b"[1,]", "syntax /1");
    check(br#"{"a":1,}"#, "syntax");
    check(b"[01]", "syntax /0");
    check(b"{'a':1}", "syntax");
    check(b"\"\x01\"", "syntax");
    check(b" {\"a\" : [ 1 , true , null ] } ", "ok");
}

#[test]
fn schema_1_declared_names_twice() {
    let schema = r#"{"type":"object","properties":{"a":{},"b":{}}}"#;
    check(schema, r#"{"a":1,"b":2}"#, "ok");
    check(schema, r#"{"b":2,"a":1}"#, "ok");
    check(schema, r#"{"a":1,"b":2,"a":1}"#, "duplicate");
    check(schema, r#"{"\u0061":1,"a":1}"#, "duplicate");
    check(schema, r#"{"a":1,"\u0061":1}"#, "duplicate");
}

#[test]
fn schema_1_deep_nesting() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let check_code = |text: &str, expected: &str| {
        let verdict = judged(
            contract("3.1.0", "{}", ""),
            Direction::Request,
            Undeclared::Refuse,
            text.as_bytes(),
        );
        assert_eq!(verdict.split(' ').next(), Some(expected));
    };
    check_code(&nested(64), "ok");
    check_code(&nested(65), "depth");
    check_code(&nested(100_000), "depth");
    check_code(&r#"{"a":"#.repeat(100_000), "depth");
    let recursive = r##"{"type":"object","properties":{"a":{"$ref":"#/components/schemas/S"}}}"##;
    let text = format!("{}{}", r#"{"a":"#.repeat(100_000), "}".repeat(100_000));
    let verdict = judged(
        contract("3.1.0", recursive, ""),
        Direction::Request,
        Undeclared::Refuse,
        text.as_bytes(),
    );
    assert!(verdict.starts_with("depth /a/a"));
}

#[test]
fn schema_1_many_members() {
    let members: Vec<String> = (0..10_001).map(|index| format!("\"k{index}\":0")).collect();
    check(
        r#"{"additionalProperties":true}"#,
        &format!("{{{}}}", members.join(",")),
        "members",
    );
    check(
        r#"{"additionalProperties":true}"#,
        &format!("{{{}}}", members[1..].join(",")),
        "ok",
    );
}

#[test]
fn schema_4_unions_within_a_budget() {
    // Every level tries both branches of the level below: 2^40 readings without a bound.
    let mut schema = r#"{"type":"string"}"#.to_owned();
    for _ in 0..40 {
        schema = format!(
            r#"{{"anyOf":[{{"type":"object","properties":{{"a":{schema}}}}},{{"type":"object","properties":{{"a":{schema}}}}}]}}"#
        );
        if schema.len() > 40_000 {
            break;
        }
    }
    let text = format!("{}1{}", r#"{"a":"#.repeat(40), "}".repeat(40));
    let verdict = judged(
        contract("3.1.0", &schema, ""),
        Direction::Request,
        Undeclared::Refuse,
        text.as_bytes(),
    );
    assert!(!verdict.starts_with("ok"), "{verdict}");

    let recursive = r##"{"anyOf":[{"type":"object","properties":{"a":{"$ref":"#/components/schemas/S"}}},{"type":"object","properties":{"a":{"$ref":"#/components/schemas/S"}},"minProperties":1},{"type":"null"}]}"##;
    let text = format!("{}1{}", r#"{"a":"#.repeat(60), "}".repeat(60));
    let verdict = judged(
        contract("3.1.0", recursive, ""),
        Direction::Request,
        Undeclared::Refuse,
        text.as_bytes(),
    );
    assert!(verdict.starts_with("budget"), "{verdict}");
}

#[test]
fn schema_4_recursion_and_circles() {
    let tree = r##"{"type":"object","properties":{"next":{"$ref":"#/components/schemas/S"},"v":{"type":"integer"}}}"##;
    check(tree, r#"{"v":1,"next":{"v":2,"next":{}}}"#, "ok");
    check(tree, r#"{"v":1,"next":{"v":"2"}}"#, "type /next/v");
    let circle = contract("3.1.0", r##"{"$ref":"#/components/schemas/S"}"##, "");
    assert!(compile(circle, Direction::Request).is_err());
    let own_branch = contract("3.1.0", r##"{"allOf":[{"$ref":"#/components/schemas/S"}]}"##, "");
    let verdict = judged(own_branch, Direction::Request, Undeclared::Refuse, b"1");
    assert!(
        verdict.starts_with("budget") || verdict.starts_with("depth"),
        "{verdict}"
    );
}

#[test]
fn schema_4_explosions_stay_small() {
    // Each schema is `allOf` of the next one twice.
    let link = |index: usize| {
        format!(
            r##","N{index}":{{"allOf":[{{"$ref":"#/components/schemas/N{0}"}},{{"$ref":"#/components/schemas/N{0}"}}]}}"##,
            index + 1
        )
    };
    let mut others: String = (0..40).map(link).collect();
    others.push_str(r#","N40":{"type":"object","properties":{"a":{"type":"integer"}}}"#);
    let contract = contract("3.1.0", r##"{"$ref":"#/components/schemas/N0"}"##, &others);
    let verdict = judged(contract, Direction::Request, Undeclared::Refuse, br#"{"a":1}"#);
    assert_eq!(verdict, "ok");
}

#[test]
fn schema_4_huge_enum() {
    let values: Vec<String> = (0..50_000).map(|index| format!("\"value{index}\"")).collect();
    let schema = format!(r#"{{"enum":[{}]}}"#, values.join(","));
    check(&schema, r#""value49999""#, "ok");
    check(&schema, r#""value50000""#, "enum");
}

#[test]
fn schema_7_what_does_not_compile_is_a_problem() {
    for (schema, expected) in [
        (r#"{"pattern":"("}"#, "pattern"),
        (r#"{"type":"sting"}"#, "not a type"),
        (r#"{"minLength":-1}"#, "minLength"),
        (r#"{"multipleOf":0}"#, "multipleOf"),
        (r#"{"enum":3}"#, "enum"),
        (r#"{"allOf":{}}"#, "allOf"),
        (r#"{"properties":[]}"#, "properties"),
        (r#"{"properties":{"a":3}}"#, "a schema has to be"),
        (r##"{"$ref":"#/components/schemas/Nowhere"}"##, "Nowhere"),
        (r#"{"minimum":"1"}"#, "minimum"),
    ] {
        let problems = compile(contract("3.1.0", schema, ""), Direction::Request)
            .err()
            .unwrap_or_else(|| panic!("{schema} compiles"));
        assert!(
            problems.iter().any(|problem| problem.contains(expected)),
            "{schema} {problems:?}"
        );
        assert!(
            problems.iter().all(|problem| problem.starts_with("c.json:")),
            "{problems:?}"
        );
    }
}

#[test]
fn schema_8_directions() {
    let schema = r#"{"type":"object","required":["id","secret"],"properties":{
        "id":{"type":"integer","readOnly":true},"secret":{"type":"string","writeOnly":true},"n":{"type":"integer"}}}"#;
    check(schema, r#"{"secret":"s","n":1}"#, "ok");
    check(schema, r#"{"id":1,"secret":"s"}"#, "read_only /id");
    check(schema, r#"{"n":1}"#, "required /secret");
    check_strip(schema, r#"{"id":1,"n":1}"#, "ok");
    check_strip(schema, r#"{"id":1,"secret":"s","n":1}"#, r#"{"id":1,"n":1}"#);
    check_strip(schema, r#"{"secret":"s"}"#, "required /id");
    let refuse = judged(
        contract("3.1.0", schema, ""),
        Direction::Response,
        Undeclared::Refuse,
        br#"{"id":1,"secret":"s"}"#,
    );
    assert_eq!(refuse, "write_only /secret");
}

#[test]
fn schema_8_undeclared_at_any_depth() {
    let schema = r#"{"type":"object","properties":{"a":{"type":"array","items":{"type":"object","properties":{"b":{"type":"integer"}}}}}}"#;
    check(schema, r#"{"a":[{"b":1}]}"#, "ok");
    check(schema, r#"{"a":[{"b":1},{"b":1,"admin":true}]}"#, "undeclared /a/1");
    check_strip(schema, r#"{"a":[{"b":1,"c":2}],"d":3}"#, r#"{"a":[{"b":1}]}"#);
    check(
        r#"{"type":"object","additionalProperties":true}"#,
        r#"{"x":{"y":1}}"#,
        "ok",
    );
    check(
        r#"{"type":"object","additionalProperties":{"type":"integer"}}"#,
        r#"{"x":"y"}"#,
        "type /*",
    );
    check(
        r#"{"type":"object","additionalProperties":false}"#,
        r#"{"x":1}"#,
        "undeclared",
    );
}

#[test]
fn schema_8_undeclared_under_applicators() {
    let a = r#"{"type":"object","properties":{"a":{"type":"object","properties":{"x":{}}}}}"#;
    let b = r#"{"type":"object","properties":{"a":{"type":"object","properties":{"y":{}}},"b":{"type":"integer"}}}"#;
    for keyword in ["allOf", "anyOf"] {
        let schema = format!(r#"{{"{keyword}":[{a},{b}]}}"#);
        check(&schema, r#"{"a":{"x":1,"y":2},"b":3}"#, "ok");
        check(&schema, r#"{"a":{"x":1,"z":2},"b":3}"#, "undeclared /a");
        check(&schema, r#"{"a":{},"c":3}"#, "undeclared");
        check_strip(
            &schema,
            r#"{"c":{"d":1},"a":{"x":1,"z":2},"b":3}"#,
            r#"{"a":{"x":1},"b":3}"#,
        );
    }
    let one = r#"{"oneOf":[{"type":"object","required":["a"],"properties":{"a":{}}},{"type":"object","required":["b"],"properties":{"b":{}}}]}"#;
    check(one, r#"{"a":1}"#, "ok");
    check(one, r#"{"a":1,"b":2}"#, "one_of");
    check(one, r#"{"a":1,"c":2}"#, "undeclared");
    check_strip(one, r#"{"c":2,"a":1}"#, r#"{"a":1}"#);
    // A branch that fails declares nothing.
    let any = r#"{"anyOf":[{"type":"object","properties":{"a":{"type":"integer"}}},{"type":"object","properties":{"a":{"type":"string"},"s":{}}}]}"#;
    check(any, r#"{"a":"t","s":1}"#, "ok");
    check(any, r#"{"a":1,"s":1}"#, "undeclared");
    let condition = r#"{"type":"object","properties":{"k":{}},"if":{"properties":{"k":{"const":1}}},"then":{"properties":{"a":{}}},"else":{"properties":{"b":{}}}}"#;
    check(condition, r#"{"k":1,"a":1}"#, "ok");
    check(condition, r#"{"k":2,"a":1}"#, "undeclared");
    check(condition, r#"{"k":2,"b":1}"#, "ok");
}

#[test]
fn what_is_left_conforms_too() {
    let unique = r#"{"type":"array","uniqueItems":true,"items":{"type":"object","properties":{"a":{}}}}"#;
    check_strip(unique, r#"[{"a":1,"x":1},{"a":1,"x":2}]"#, "unique");
    check_strip(unique, r#"[{"a":1,"x":1},{"a":2,"x":1}]"#, r#"[{"a":1},{"a":2}]"#);
    let asked = r#"{"type":"object","required":["x"],"properties":{"a":{}}}"#;
    check_strip(asked, r#"{"a":1,"x":1}"#, "required /x");
    let contains = r#"{"type":"array","items":{"type":"object","properties":{"a":{},"b":{}}},"contains":{"properties":{"a":{"const":1}},"required":["a"]}}"#;
    check(contains, r#"[{"a":1,"b":2}]"#, "ok");
    check_strip(contains, r#"[{"a":1,"b":2}]"#, "ok");
    check(contains, r#"[{"a":2,"b":2}]"#, "contains");
    let patterned = r#"{"type":"object","properties":{"xa":{"type":"object","properties":{"p":{}}}},"patternProperties":{"^x":{"type":"object","properties":{"q":{}}}}}"#;
    check_strip(patterned, r#"{"xa":{"p":1,"q":2}}"#, "ok");
    check_strip(patterned, r#"{"xa":{"p":1,"r":2}}"#, r#"{"xa":{"p":1}}"#);
}

#[test]
fn schema_8_nullable() {
    let check_old = |schema: &str, text: &str, expected: &str| {
        let verdict = judged(
            contract("3.0.3", schema, ""),
            Direction::Request,
            Undeclared::Refuse,
            text.as_bytes(),
        );
        assert_eq!(verdict, expected, "{schema} {text}");
    };
    check_old(r#"{"type":"string","nullable":true}"#, "null", "ok");
    check_old(r#"{"type":"string"}"#, "null", "type");
    check_old(
        r#"{"type":"integer","minimum":1,"exclusiveMinimum":true}"#,
        "1",
        "range",
    );
    check_old(r#"{"type":"integer","minimum":1,"exclusiveMinimum":true}"#, "2", "ok");
    check_old(r#"{"type":"integer","format":"int32"}"#, "2147483648", "range");
    check(r#"{"type":"string","nullable":true}"#, "null", "type");
    check(r#"{"type":["string","null"]}"#, "null", "ok");
}

const PETS: &str = r##","Cat":{"type":"object","required":["kind"],"properties":{"kind":{"type":"string"},"lives":{"type":"integer"}}},
    "Dog":{"type":"object","required":["kind"],"properties":{"kind":{"type":"string"},"tricks":{"type":"integer"}}},
    "Admin":{"type":"object","properties":{"kind":{},"root":{}}}"##;

#[test]
fn schema_8_discriminator() {
    let schema = r##"{"oneOf":[{"$ref":"#/components/schemas/Cat"},{"$ref":"#/components/schemas/Dog"}],
        "discriminator":{"propertyName":"kind","mapping":{"puppy":"#/components/schemas/Dog"}}}"##;
    let check = |text: &str, expected: &str| {
        let verdict = judged(
            contract("3.1.0", schema, PETS),
            Direction::Request,
            Undeclared::Refuse,
            text.as_bytes(),
        );
        assert_eq!(verdict, expected, "{text}");
    };
    check(r#"{"kind":"Cat","lives":9}"#, "ok");
    check(r#"{"lives":9,"kind":"Cat"}"#, "ok");
    check(r#"{"lives":9,"k\u0069nd":"C\u0061t"}"#, "ok");
    check(r#"{"kind":"puppy","tricks":1}"#, "ok");
    check(r#"{"kind":"Cat","lives":"nine"}"#, "type /lives");
    check(r#"{"kind":"Cat","tricks":1}"#, "undeclared");
    check(r#"{"kind":"Admin","root":1}"#, "discriminator /kind");
    check(r#"{"kind":"Bird"}"#, "discriminator /kind");
    check(r#"{"kind":1}"#, "discriminator /kind");
    check(r#"{"lives":9}"#, "discriminator /kind");
    check("[]", "discriminator");
}

#[test]
fn schema_8_discriminator_in_the_parent() {
    let others = r##","Cat":{"allOf":[{"$ref":"#/components/schemas/S"},{"type":"object","properties":{"lives":{"type":"integer"}}}]}"##;
    let schema = r#"{"type":"object","required":["kind"],"properties":{"kind":{"type":"string"}},"discriminator":{"propertyName":"kind"}}"#;
    let check = |text: &str, expected: &str| {
        let verdict = judged(
            contract("3.1.0", schema, others),
            Direction::Request,
            Undeclared::Refuse,
            text.as_bytes(),
        );
        assert_eq!(verdict, expected, "{text}");
    };
    check(r#"{"kind":"Cat","lives":9}"#, "ok");
    check(r#"{"kind":"Cat","lives":"9"}"#, "type /lives");
    check(r#"{"kind":"Cat","tricks":9}"#, "undeclared");
    check(r#"{"kind":"Dog"}"#, "discriminator /kind");
    check(r#"{"kind":"S"}"#, "ok");
}

#[test]
fn pointers_name_only_what_the_contract_names() {
    let schema = r#"{"type":"object","required":["a/b"],"properties":{"a/b":{"type":"array","items":{"type":"object","additionalProperties":{"type":"object","properties":{"t~":{"type":"integer"}}}}}}}"#;
    check(schema, r#"{"a/b":[{"secret":{"t~":1}}]}"#, "ok");
    check(schema, r#"{"a/b":[{},{"secret":{"t~":"x"}}]}"#, "type /a~1b/1/*/t~0");
    check(schema, "{}", "required /a~1b");
    check(schema, r#"{"a/b":[],"hidden":1}"#, "undeclared");
    check(
        r#"{"additionalProperties":true}"#,
        r#"{"x":{"y":[1,tru]}}"#,
        "syntax /*/*/1",
    );
}

#[test]
fn values_and_numbers() {
    check(
        r#"{"enum":[{"a":1,"b":[1]},"x"],"additionalProperties":true}"#,
        r#"{"b":[1.0],"a":1e0}"#,
        "ok",
    );
    check(
        r#"{"enum":[{"a":1},"x"],"additionalProperties":true}"#,
        r#"{"a":2}"#,
        "enum",
    );
    check(r#"{"enum":["x"]}"#, r#""\u0078""#, "ok");
    check(r#"{"const":1}"#, "1.0", "ok");
    check(r#"{"type":"array","uniqueItems":true}"#, "[1,1.0]", "unique");
    check(r#"{"type":"array","uniqueItems":true}"#, r#"["a","\u0061"]"#, "unique");
    check(r#"{"type":"array","uniqueItems":true}"#, r#"["a","b","a"]"#, "unique");
    check(
        r#"{"type":"array","uniqueItems":true}"#,
        r#"["a","1",1,[1],{"a":1},true,null]"#,
        "ok",
    );
    check(
        r#"{"type":"array","uniqueItems":true}"#,
        r#"[{"a":1,"b":2},{"b":2,"a":1.0}]"#,
        "unique",
    );
    check(r#"{"multipleOf":0.1}"#, "0.3", "ok");
    check(r#"{"multipleOf":0.1}"#, "0.35", "multiple_of");
    check(r#"{"multipleOf":3}"#, "9007199254740993", "ok");
    check(r#"{"multipleOf":3}"#, "9007199254740994", "multiple_of");
    check(r#"{"type":"integer"}"#, "1.0", "ok");
    check(r#"{"type":"integer"}"#, "1.5", "type");
    check(r#"{"type":"integer"}"#, "9223372036854775807.5", "type");
    check(
        r#"{"type":"integer","maximum":9223372036854775807}"#,
        "9223372036854775808",
        "range",
    );
    check(r#"{"exclusiveMinimum":0}"#, "0", "range");
    check(r#"{"exclusiveMinimum":0}"#, "1e-300", "ok");
    check(r#"{"minLength":2,"maxLength":2}"#, r#""\ud83d\ude00é""#, "ok");
    check(r#"{"minLength":3}"#, r#""\ud83d\ude00é""#, "length");
}

#[test]
fn contains_looks_for_something_and_forbids_nothing() {
    let schema = r#"{"type":"array","items":{"type":"object","properties":{"a":{},"b":{}}},
        "contains":{"type":"object","properties":{"a":{"const":1}},"required":["a"]}}"#;
    for undeclared in [Undeclared::Refuse, Undeclared::Strip] {
        let judged = |text: &[u8]| judged(contract("3.1.0", schema, ""), Direction::Response, undeclared, text);
        assert_eq!(judged(br#"[{"a":1,"b":2}]"#), "ok");
        assert_eq!(judged(br#"[{"a":2,"b":2}]"#), "contains");
    }
    check(schema, r#"[{"a":1,"c":2}]"#, "undeclared /0");
}
