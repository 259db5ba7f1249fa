//! Loading as a whole: references, bases, versions, and what a hostile contract must not be able to do.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::*;

mod notation;
mod threats;

/// Files in memory; remembers what was asked for.
#[derive(Default)]
struct Files {
    files: HashMap<String, Vec<u8>>,
    asked: Vec<String>,
}

impl Fetch for Files {
    fn fetch(&mut self, location: &str) -> Result<Vec<u8>, String> {
        self.asked.push(location.to_owned());
        self.files
            .get(location)
            .cloned()
            .ok_or_else(|| "it is not allowed".to_owned())
    }
}

fn files(files: &[(&str, &str)]) -> Files {
    let files = files
        .iter()
        .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()))
        .collect();
    Files {
        files,
        asked: Vec::new(),
    }
}

/// A document of OpenAPI 3.1 with these schemas, in YAML's flow style.
fn api(schemas: &str) -> String {
    format!("openapi: 3.1.0\npaths: {{}}\ncomponents:\n  schemas: {{{schemas}}}\n")
}

fn problems(root: &str, text: &str) -> Vec<String> {
    match load(root, &mut files(&[(root, text)])) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

/// Follows members from the root, entering bases on the way.
fn at<'d>(document: &'d Document, path: &[&str]) -> Place<'d> {
    path.iter().fold(document.root(), |place, name| {
        document.child(place, place.node.get(name).unwrap())
    })
}

fn follow<'d>(document: &'d Document, path: &[&str]) -> Place<'d> {
    let place = at(document, path);
    document
        .resolve(place, place.node.get("$ref").unwrap().as_str().unwrap())
        .unwrap()
}

fn title(place: Place<'_>) -> &str {
    place.node.get("title").and_then(Node::as_str).unwrap_or_default()
}

#[test]
fn a_single_file_is_read_in_both_notations() {
    let yaml = api("A: {$ref: '#/components/schemas/B~1b%20c'}, B/b c: {title: b}");
    let json = r##"{"openapi":"3.0.3","components":{"schemas":{"A":{"$ref":"#/components/schemas/B~1b%20c"},
        "B/b c":{"title":"b"}}}}"##;
    for (name, text, version) in [("api.yaml", &*yaml, Version::V3_1), ("api.json", json, Version::V3_0)] {
        let document = load(name, &mut files(&[(name, text)])).unwrap();
        assert_eq!(document.version(), version);
        assert_eq!(title(follow(&document, &["components", "schemas", "A"])), "b");
    }
}

#[test]
fn files_refer_to_each_other_in_circles_and_each_is_fetched_once() {
    let root = api("A: {$ref: 'schemas/a.json'}, B: {$ref: 'schemas/b%20b.yaml#/defs/b'}, T: {title: top}");
    let mut files = files(&[
        ("v1/api.yaml", &root),
        (
            "v1/schemas/a.json",
            r#"{"title": "a", "properties": {"b": {"$ref": "./b b.yaml#/defs/b"}}}"#,
        ),
        (
            "v1/schemas/b b.yaml",
            "defs:\n  b:\n    title: b\n    items: {$ref: '../api.yaml#/components/schemas/T'}\n",
        ),
    ]);
    let document = load("v1/api.yaml", &mut files).unwrap();
    assert_eq!(title(follow(&document, &["components", "schemas", "A"])), "a");
    let b = follow(&document, &["components", "schemas", "B"]);
    assert_eq!(title(b), "b");
    assert_eq!(document.location(b.node.span.file), "v1/schemas/b b.yaml");
    let top = document.resolve(b, "../api.yaml#/components/schemas/T").unwrap();
    assert_eq!(title(top), "top");
    assert_eq!(files.asked, ["v1/api.yaml", "v1/schemas/a.json", "v1/schemas/b b.yaml"]);
}

#[test]
fn identifiers_change_bases_and_name_schemas() {
    let schema = r##"{
        "$id": "http://example.com/root.json",
        "$defs": {
            "a": {"$id": "a/", "$defs": {"inner": {"$id": "inner.json", "$anchor": "here", "title": "inner"}},
                  "properties": {"r": {"$ref": "inner.json#here"}, "s": {"$ref": "/root.json#/$defs/urn"}}},
            "urn": {"$id": "urn:uuid:1", "title": "urn", "$dynamicAnchor": "node"},
            "data": {"enum": [{"$id": "http://example.com/a/inner.json", "$ref": "nowhere.json"}]},
            "unknown": {"x": {"$id": "http://example.com/a/inner.json", "$ref": "nowhere.json"}}
        },
        "properties": {"u": {"$ref": "urn:uuid:1"}, "v": {"$ref": "a/inner.json"}}
    }"##;
    let document = load_schema("s.json", Dialect::Draft202012, &mut files(&[("s.json", schema)])).unwrap();
    assert_eq!(title(follow(&document, &["properties", "u"])), "urn");
    assert_eq!(title(follow(&document, &["properties", "v"])), "inner");
    assert_eq!(title(follow(&document, &["$defs", "a", "properties", "r"])), "inner");
    let urn = follow(&document, &["$defs", "a", "properties", "s"]);
    assert_eq!(title(urn), "urn");
    assert_eq!(document.dynamic_anchor(urn.base, "node").map(title), Some("urn"));
    assert!(document.dynamic_anchor(document.root().base, "node").is_none());
    assert!(
        document
            .dynamic_anchor(document.child(urn, urn.node).base, "here")
            .is_none()
    );
}

#[test]
fn a_relative_identifier_at_the_root_counts_once() {
    let schema =
        r##"{"$id": "sub/root.json", "title": "root", "$defs": {"a": {"$ref": "#"}, "b": {"$ref": "b.json"}}}"##;
    let mut files = files(&[("dir/s.json", schema), ("dir/sub/b.json", r#"{"title": "b"}"#)]);
    let document = load_schema("dir/s.json", Dialect::Draft202012, &mut files).unwrap();
    let root = follow(&document, &["$defs", "a"]);
    assert_eq!(root.base, document.root().base);
    assert_eq!(title(follow(&document, &["$defs", "b"])), "b");
    assert_eq!(files.asked, ["dir/s.json", "dir/sub/b.json"]);
}

#[test]
fn draft_4_has_id_and_a_reference_voids_it() {
    let schema = r##"{
        "id": "http://example.com/base/",
        "definitions": {
            "foo": {"id": "http://example.com/other/foo.json", "title": "other"},
            "base_foo": {"id": "foo.json", "title": "base"},
            "named": {"id": "#named", "title": "named"}
        },
        "properties": {"a": {"id": "http://example.com/other/", "$ref": "foo.json"}, "n": {"$ref": "#named"}}
    }"##;
    let document = load_schema("s.json", Dialect::Draft4, &mut files(&[("s.json", schema)])).unwrap();
    assert_eq!(title(follow(&document, &["properties", "a"])), "base");
    assert_eq!(title(follow(&document, &["properties", "n"])), "named");
}

#[test]
fn openapi_3_0_has_no_identifiers_and_ignores_what_stands_beside_a_reference() {
    let text = r##"{"openapi": "3.0.0", "components": {"schemas": {
        "A": {"$id": "http://example.com/", "title": "a", "properties": {"b": {"$ref": "#/components/schemas/B"}}},
        "B": {"title": "b"},
        "C": {"$ref": "#/components/schemas/B", "allOf": [{"$ref": "never.yaml"}]}
    }}}"##;
    let mut files = files(&[("api.json", text)]);
    let document = load("api.json", &mut files).unwrap();
    assert_eq!(
        title(follow(&document, &["components", "schemas", "A", "properties", "b"])),
        "b"
    );
    assert_eq!(files.asked, ["api.json"]);
}

#[test]
fn every_problem_is_found_and_located() {
    let text = "openapi: 3.0.3\npaths:\n  /a:\n    get:\n      parameters: [{$ref: '#/components/parameters/P'}]\n      responses:\n        200: {$ref: 12}\ncomponents:\n  schemas:\n    A: {$ref: 'gone.yaml#/A'}\n    B: {allOf: [{$ref: '#/components/schemas/A/x'}, {$ref: '#nothing'}]}\n    C: {$ref: '#/components/schemas/C'}\n    D: {discriminator: {mapping: {d: '#/components/schemas/E', e: E}}}\n";
    let found = problems("api.yaml", text);
    let expected = [
        "api.yaml:5:27: error: the reference `#/components/parameters/P` leads nowhere: there is no `parameters`",
        "api.yaml:7:21: error: `$ref` is a number, not a string",
        "api.yaml:10:15: error: `gone.yaml#/A` cannot be read: it is not allowed",
        "api.yaml:11:24: error: the reference `#/components/schemas/A/x` leads nowhere: there is no `x`",
        "api.yaml:11:60: error: the reference `#nothing` leads nowhere",
        "api.yaml:12:15: error: the reference `#/components/schemas/C` leads only to references",
        "api.yaml:13:38: error: the reference `#/components/schemas/E` leads nowhere",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\n{expected}");
    }
}

#[test]
fn versions_are_recognised() {
    let check = |text: &str, expected: &str| {
        let found = problems("api.yaml", text).join("\n");
        assert!(
            if expected.is_empty() {
                found.is_empty()
            } else {
                found.contains(expected)
            },
            "{text}: {found}"
        );
    };
    check("openapi: 3.0.3", "");
    check("openapi: 3.1.1", "");
    check("openapi: 3.1", "");
    check(
        "openapi: 3.2.0",
        "api.yaml:1:10: error: OpenAPI 3.2.0 is not supported yet",
    );
    check(
        "swagger: '1.2'",
        "api.yaml:1:10: error: `1.2` is no version of OpenAPI that is read",
    );
    check("swagger: 2", "`2` is no version of OpenAPI that is read");
    check("openapi: 4.0.0", "`4.0.0` is no known version");
    check("openapi: 3.10.0", "`3.10.0` is no known version");
    check("openapi: [3]", "`an array` is no known version");
    check("info: {}", "api.yaml:1:1: error: no `openapi` says");
    check("- openapi", "the document is an array, not an object");
    check(
        "openapi: 3.1.0\njsonSchemaDialect: https://example.com/d",
        "api.yaml:2:20: error: the JSON Schema dialect",
    );
}

#[test]
fn a_reference_that_was_not_followed_is_a_problem_when_asked_for() {
    let root = api("A: {example: {$ref: 'data.yaml'}}");
    let document = load("api.yaml", &mut files(&[("api.yaml", &root)])).unwrap();
    let place = at(&document, &["components", "schemas", "A", "example"]);
    let problem = document.resolve(place, "data.yaml").unwrap_err();
    assert!(
        problem
            .to_string()
            .starts_with("api.yaml:4:33: error: the reference `data.yaml` leads nowhere: `data.yaml` was not loaded"),
        "{problem}"
    );
}
