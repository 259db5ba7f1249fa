use std::ops::ControlFlow;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::*;
use crate::conform::json::{Compiler, Direction};
use crate::document::{Dialect, Fetch, load_schema};

struct Text(String);

impl Fetch for Text {
    fn fetch(&mut self, _: &str) -> Result<Vec<u8>, String> {
        Ok(self.0.clone().into_bytes())
    }
}

/// A program of one schema, and a parameter called `p`.
fn parameter(location: Location, style: &str, explode: bool, schema: &str) -> (Program, Parameter) {
    let document = load_schema("schema.json", Dialect::Draft202012, &mut Text(schema.to_owned())).unwrap();
    let mut compiler = Compiler::new(&document);
    let id = compiler.schema(document.root(), Direction::Request);
    let (program, _, problems) = compiler.finish();
    assert_eq!(problems, []);
    let encoding = match style {
        "json" => Encoding::Json(id),
        style => Encoding::Style {
            style: Style::parse(style, location).unwrap(),
            explode,
            schema: id,
        },
    };
    let (name, span) = ("p".into(), Span::default());
    (
        program,
        Parameter {
            name,
            location,
            required: false,
            allow_empty: false,
            encoding,
            sensitivity: Sensitivity::None,
            span,
        },
    )
}

/// The findings as `name.code`, and what is left of the query.
fn judge(program: &Program, parameters: &[Parameter], query: &str, level: Undeclared) -> (Vec<String>, Option<String>) {
    let mut findings = Vec::new();
    let mut report = |finding: Finding<'_>| {
        findings.push(format!(
            "{}.{}",
            finding.name.unwrap_or("-"),
            finding.violation.code.name()
        ));
        ControlFlow::Continue(())
    };
    let (limits, mut scratch) = (Limits::default(), HeadScratch::default());
    let mut judging = Judging {
        program,
        limits: &limits,
        level,
        scratch: &mut scratch,
        report: &mut report,
    };
    let kept = match judge_query(parameters, &["key".into()], Some(query), &mut judging) {
        ControlFlow::Continue(kept) => kept,
        ControlFlow::Break(()) => panic!("the report goes on"),
    };
    (findings, kept)
}

fn check_query(style: &str, explode: bool, schema: &str, cases: &[(&str, &str)]) {
    let (program, parameter) = parameter(Location::Query, style, explode, schema);
    for (query, expected) in cases {
        let (findings, _) = judge(&program, std::slice::from_ref(&parameter), query, Undeclared::Refuse);
        assert_eq!(findings.join(" "), *expected, "{style} {explode} {schema} {query}");
    }
}

#[test]
fn scalars_follow_the_schema() {
    let cases = [
        ("p=5", ""),
        ("p=a", "p.type"),
        ("p=11", "p.range"),
        ("p=", "p.type"),
        ("p", "p.type"),
        ("", ""),
    ];
    check_query("form", true, r#"{"type":"integer","maximum":10}"#, &cases);
    check_query(
        "form",
        true,
        r#"{"type":"string","minLength":1}"#,
        &[("p=5", ""), ("p=true", ""), ("p=", "p.length")],
    );
    check_query(
        "form",
        true,
        r#"{"type":["string","integer"],"pattern":"^1$"}"#,
        &[("p=1", ""), ("p=2", ""), ("p=x", "p.pattern")],
    );
    check_query(
        "form",
        true,
        r#"{"anyOf":[{"const":"12"},{"const":true}]}"#,
        &[("p=12", ""), ("p=true", ""), ("p=13", "p.any_of")],
    );
    check_query(
        "form",
        true,
        r#"{"type":["integer","null"]}"#,
        &[("p=", ""), ("p=null", ""), ("p=x", "p.type")],
    );
    check_query(
        "form",
        true,
        r#"{"minLength":3}"#,
        &[("p=5", "p.length"), ("p=500", ""), ("p=true", ""), ("p=a", "p.length")],
    );
    check_query(
        "form",
        true,
        r#"{"maximum":10}"#,
        &[("p=11", "p.range"), ("p=5", ""), ("p=x", "")],
    );
    check_query(
        "form",
        true,
        r#"{"enum":["1",2]}"#,
        &[("p=1", ""), ("p=2", ""), ("p=3", "p.enum")],
    );
    check_query("form", true, "false", &[("p=1", "p.forbidden")]);
}

#[test]
fn schema_2_every_occurrence_is_judged() {
    let integer = r#"{"type":"integer"}"#;
    check_query(
        "form",
        true,
        integer,
        &[
            ("p=1&p=2", "p.duplicate"),
            ("p=1&%70=x", "p.duplicate"),
            ("p[0]=1", "-.undeclared"),
        ],
    );
    let array = r#"{"type":"array","items":{"type":"integer"},"maxItems":3}"#;
    check_query(
        "form",
        true,
        array,
        &[
            ("p=1&p=2", ""),
            ("p=1&p=x", "p.type"),
            ("p=1&p=2&p=3&p=4", "p.count"),
            ("p=1", ""),
        ],
    );
}

#[test]
fn schema_2_indexes_make_no_room() {
    let array = r#"{"type":"array","items":{"type":"integer"}}"#;
    let cases = [
        ("p[]=1&p[]=2", ""),
        ("p[0]=1&p[1]=2", ""),
        ("p[999999999]=1", "p.duplicate"),
        ("p[1]=1", "p.duplicate"),
        ("p[0][0]=1", "-.undeclared"),
        ("p%5B0%5D=x", "p.type"),
    ];
    check_query("deepObject", true, array, &cases);
    let bomb: Vec<String> = (0..1_001).map(|index| format!("p[{index}]=1")).collect();
    check_query("deepObject", true, array, &[(&bomb.join("&"), "-.count")]);
}

#[test]
fn schema_2_names_and_escapes_are_strict() {
    let string = r#"{"type":"string","maxLength":3}"#;
    let cases = [
        ("=1", "-.syntax"),
        ("p=1&&", "-.syntax -.syntax"),
        ("p=%", "p.encoding"),
        ("p=%ff", "p.encoding"),
        ("p=%00", "p.encoding"),
        ("%70=abcd", "p.length"),
        ("%zz=1", "-.encoding"),
        ("p=%F0%9F%90%B2", ""),
    ];
    check_query("form", true, string, &cases);
}

#[test]
fn plus_has_to_fit_both_ways() {
    check_query(
        "form",
        true,
        r#"{"enum":["a b","a+b"]}"#,
        &[("p=a+b", ""), ("p=a%20b", "")],
    );
    check_query(
        "form",
        true,
        r#"{"enum":["a b"]}"#,
        &[("p=a+b", "p.enum"), ("p=a%20b", "")],
    );
    check_query(
        "form",
        true,
        r#"{"pattern":"^[+a]+$"}"#,
        &[("p=a+", "p.pattern"), ("p=a%2B", "")],
    );
}

#[test]
fn arrays_of_every_style() {
    let array = r#"{"type":"array","items":{"type":"integer"}}"#;
    check_query(
        "form",
        false,
        array,
        &[
            ("p=1,2", ""),
            ("p=1,x", "p.type"),
            ("p=1&p=2", "p.duplicate"),
            ("p=1%2C2", "p.type"),
        ],
    );
    check_query(
        "spaceDelimited",
        false,
        array,
        &[("p=1%202", ""), ("p=1+2", ""), ("p=1,2", "p.type")],
    );
    check_query(
        "pipeDelimited",
        false,
        array,
        &[("p=1|2", ""), ("p=1%7c2", ""), ("p=1,2", "p.type")],
    );
    check_query("pipeDelimited", true, array, &[("p=1&p=2", ""), ("p=1|2", "p.type")]);
}

#[test]
fn objects_of_every_style() {
    let object = r#"{"type":"object","properties":{"R":{"type":"integer"},"G":{"type":"integer"}},"required":["R"]}"#;
    check_query(
        "form",
        false,
        object,
        &[
            ("p=R,1,G,2", ""),
            ("p=R,x", "p.type"),
            ("p=G,1", "p.required"),
            ("p=R", "p.type"),
            ("p=R,1,B,2", "p.undeclared"),
        ],
    );
    check_query(
        "form",
        true,
        object,
        &[
            ("R=1&G=2", ""),
            ("R=x", "p.type"),
            ("G=1", "p.required"),
            ("R=1&R=2", "p.duplicate"),
            ("B=1", "-.undeclared"),
        ],
    );
    check_query(
        "deepObject",
        true,
        object,
        &[
            ("p[R]=1&p[G]=2", ""),
            ("p[R]=x", "p.type"),
            ("p[R]=1&p[B]=2", "p.undeclared"),
            ("p=1", "p.type"),
            ("p[R]=1&p[R]=2", "p.duplicate"),
        ],
    );
}

#[test]
fn content_is_judged_as_json() {
    check_query(
        "json",
        true,
        r#"{"type":"object","properties":{"a":true},"required":["a"]}"#,
        &[
            ("p=%7B%22a%22:1%7D", ""),
            ("p=%7B%7D", "p.required"),
            ("p=x", "p.syntax"),
            ("p={}&p={}", "p.duplicate"),
        ],
    );
}

#[test]
fn undeclared_pairs_are_refused_stripped_or_allowed() {
    let (program, parameter) = parameter(Location::Query, "form", true, r#"{"type":"string"}"#);
    let parameters = [parameter];
    let check = |query: &str, level, findings: &str, kept: Option<&str>| {
        let (found, left) = judge(&program, &parameters, query, level);
        assert_eq!((found.join(" ").as_str(), left.as_deref()), (findings, kept), "{query}");
    };
    check("a=1&p=%41&key=k", Undeclared::Refuse, "-.undeclared", None);
    check("a=1&p=%41&key=k", Undeclared::Allow, "", None);
    check("a=1&p=%41&key=k", Undeclared::Strip, "", Some("p=%41&key=k"));
    check("p=%41&a=1&key=k&b", Undeclared::Strip, "", Some("p=%41&key=k"));
    check("p=%41&key=k", Undeclared::Strip, "", None);
    check("a", Undeclared::Strip, "", Some(""));
}

#[test]
fn paths_of_every_style() {
    let check = |style: &str, explode, schema: &str, text: &str, expected: &str| {
        let (program, parameter) = parameter(Location::Path, style, explode, schema);
        let mut findings = Vec::new();
        let mut report = |finding: Finding<'_>| {
            findings.push(finding.violation.code.name());
            ControlFlow::Continue(())
        };
        let (limits, mut scratch) = (Limits::default(), HeadScratch::default());
        let mut judging = Judging {
            program: &program,
            limits: &limits,
            level: Undeclared::Refuse,
            scratch: &mut scratch,
            report: &mut report,
        };
        let end = u32::try_from(text.len()).unwrap();
        let _ = judge_path(
            &[(0, parameter)],
            text,
            &std::iter::once(0..end).collect(),
            &mut judging,
        );
        assert_eq!(findings.join(" "), expected, "{style} {explode} {text}");
    };
    let integer = r#"{"type":"integer"}"#;
    let array = r#"{"type":"array","items":{"type":"integer"},"minItems":2}"#;
    let object = r#"{"type":"object","properties":{"R":{"type":"integer"},"G":{"type":"integer"}},"minProperties":2}"#;
    check("simple", false, integer, "1", "");
    check("simple", false, integer, "1,2", "type");
    check("simple", false, r#"{"const":"a+b"}"#, "a+b", "");
    check("label", false, integer, ".1", "");
    check("label", false, integer, "1", "type");
    check("matrix", false, integer, ";p=1", "");
    check("matrix", false, integer, ";q=1", "type");
    check("simple", false, array, "1,2", "");
    check("label", true, array, ".1.2", "");
    check("label", false, array, ".1,2", "");
    check("matrix", true, array, ";p=1;p=2", "");
    check("matrix", false, array, ";p=1,2", "");
    check("matrix", true, array, ";p=1;q=2", "type");
    check("simple", false, object, "R,1,G,2", "");
    check("simple", true, object, "R=1,G=2", "");
    check("label", true, object, ".R=1.G=2", "");
    check("matrix", true, object, ";R=1;G=2", "");
    check("matrix", false, object, ";p=R,1,G,2", "");
    check("matrix", true, object, ";R=1;G=x", "type");
}

/// The findings of header fields and cookies, then what is stripped.
fn judge_fields(header: &Parameter, program: &Program, fields: &[(&'static str, &str)], level: Undeclared) -> String {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    let mut findings = Vec::new();
    let mut report = |finding: Finding<'_>| {
        findings.push(format!(
            "{}.{}",
            finding.name.unwrap_or("-"),
            finding.violation.code.name()
        ));
        ControlFlow::Continue(())
    };
    let (limits, mut scratch) = (Limits::default(), HeadScratch::default());
    let mut judging = Judging {
        program,
        limits: &limits,
        level,
        scratch: &mut scratch,
        report: &mut report,
    };
    let Encoding::Style { schema, .. } = header.encoding else {
        panic!("a style")
    };
    let encoding = Encoding::Style {
        style: Style::Form,
        explode: true,
        schema,
    };
    let cookie = Parameter {
        location: Location::Cookie,
        encoding,
        ..header.clone()
    };
    let stripped = judge_headers(
        std::slice::from_ref(header),
        &[HeaderName::from_static("x-key")],
        &headers,
        &mut judging,
    )
    .continue_value()
    .unwrap();
    let kept = judge_cookies(
        std::slice::from_ref(&cookie),
        &["session".into()],
        &headers,
        &mut judging,
    )
    .continue_value()
    .unwrap();
    findings.extend(stripped.iter().map(|name| format!("strip {name}")));
    findings.extend(kept.map(|kept| format!("keep {kept}")));
    findings.join(", ")
}

#[test]
fn headers_and_cookies() {
    let array = r#"{"type":"array","items":{"type":"integer"}}"#;
    let (program, header) = parameter(Location::Header, "simple", false, array);
    let check = |fields: &[_], level, expected: &str| {
        assert_eq!(judge_fields(&header, &program, fields, level), expected, "{fields:?}");
    };
    check(
        &[("p", "1, 2"), ("accept-language", "de"), ("sec-fetch-mode", "cors")],
        Undeclared::Refuse,
        "",
    );
    check(&[("p", "1,x")], Undeclared::Refuse, "p.type");
    check(&[("p", "1"), ("p", "2")], Undeclared::Refuse, "");
    check(&[("p", "1"), ("p", "x")], Undeclared::Refuse, "p.type");
    check(
        &[("x-admin", "1"), ("authorization", "a")],
        Undeclared::Refuse,
        "-.undeclared, -.undeclared",
    );
    check(
        &[("x-admin", "1"), ("user-agent", "a")],
        Undeclared::Strip,
        "strip x-admin",
    );
    check(&[("x-admin", "1")], Undeclared::Allow, "");
    check(&[("cookie", "p=1; q=2")], Undeclared::Refuse, "-.undeclared");
    check(&[("cookie", "q=2; p=1; r=3")], Undeclared::Strip, "keep p=1");
    check(&[("cookie", "p=x")], Undeclared::Strip, "p.type");
    check(&[("cookie", "p")], Undeclared::Strip, "-.syntax");
}

#[test]
fn http_7_twins_of_declared_fields_do_not_pass() {
    let (program, mut header) = parameter(Location::Header, "simple", false, r#"{"type":"string"}"#);
    header.name = "x-user-id".into();
    let check = |fields: &[_], level, expected: &str| {
        assert_eq!(judge_fields(&header, &program, fields, level), expected, "{fields:?}");
    };
    let twins = [("x-user-id", "1"), ("x_user_id", "2")];
    check(&twins, Undeclared::Refuse, "-.undeclared");
    check(&twins, Undeclared::Strip, "strip x_user_id");
    check(&twins, Undeclared::Allow, "strip x_user_id");
    check(&[("x_other", "2")], Undeclared::Allow, "");
    for name in ["acceptx", "accept_encoding", "user_agent", "content_type"] {
        assert!(!is_standard(name), "{name}");
        check(&[(name, "1")], Undeclared::Refuse, "-.undeclared");
    }
    assert!(is_standard("accept") && is_standard("accept-language"));
}

#[test]
fn schema_2_one_credential_only() {
    let (program, header) = parameter(Location::Header, "simple", false, "true");
    let check = |fields: &[_], expected: &str| {
        assert_eq!(
            judge_fields(&header, &program, fields, Undeclared::Allow),
            expected,
            "{fields:?}"
        );
    };
    check(&[("authorization", "a")], "");
    check(&[("authorization", "a"), ("authorization", "a")], "-.duplicate");
    check(&[("x-key", "a"), ("x-key", "b")], "-.duplicate");
    check(&[("cookie", "session=a; session=b")], "-.duplicate");
    check(&[("cookie", "session=a"), ("cookie", "session=b")], "-.duplicate");
    check(
        &[("x-other", "a"), ("x-other", "b"), ("cookie", "o=1; o=2; session=1")],
        "",
    );
    let query = |query: &str, expected: &str| {
        let (findings, _) = judge(&program, &[], query, Undeclared::Allow);
        assert_eq!(findings.join(" "), expected, "{query}");
    };
    query("key=a&other=1&other=2", "");
    query("key=a&key=b", "-.duplicate");
    query("key=a&%6bey=b", "-.duplicate");
}
