use super::super::problem::FileId;
use super::super::{Fetch, load, load_overlaid, parse};
use super::*;

/// The document after the overlay, in JSON; or the first error, or the warnings where there are any.
fn applied(document: &str, overlay: &str) -> String {
    applied_within(document, overlay, &mut Budget::default())
}

fn applied_within(document: &str, overlay: &str, budget: &mut Budget) -> String {
    let mut root = parse("api.yaml", document.as_bytes()).unwrap();
    let overlay = parse("o.yaml", overlay.as_bytes()).unwrap();
    let at = Location {
        overlay: "o.yaml",
        document: "api.yaml",
    };
    let problems = apply(&mut root, &overlay, at, budget);
    let errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
    if let Some(error) = errors.into_iter().next().or(problems.first()) {
        return error.to_string();
    }
    mirror::of(&root).to_string()
}

fn actions(version: &str, actions: &str) -> String {
    format!("overlay: {version}\ninfo: {{title: t, version: '1'}}\nactions: [{actions}]")
}

#[test]
fn actions_change_what_they_select() {
    let check = |document: &str, action: &str, expected: &str| {
        for version in ["1.0.0", "1.1.0"] {
            let said = applied(document, &actions(version, action));
            let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            assert_eq!(read(&said), read(expected), "{version} {action}");
        }
    };
    check("{a: {b: 1}}", "{target: $.a, update: {c: 2}}", r#"{"a":{"b":1,"c":2}}"#);
    check(
        "{a: {b: {x: 1}}}",
        "{target: $, update: {a: {b: {x: 2, y: 3}}}}",
        r#"{"a":{"b":{"x":2,"y":3}}}"#,
    );
    check(
        "{a: {b: [1]}}",
        "{target: $.a, update: {b: [2]}}",
        r#"{"a":{"b":[1,2]}}"#,
    );
    check("{a: [1]}", "{target: $.a, update: {b: 2}}", r#"{"a":[1,{"b":2}]}"#);
    check("{a: 1}", "{target: $.a, update: two}", r#"{"a":"two"}"#);
    check("{a: 1, b: 2}", "{target: $.a, remove: true}", r#"{"b":2}"#);
    check(
        "{a: [1, 2, 1, 3]}",
        "{target: '$.a[?@ == 1]', remove: true}",
        r#"{"a":[2,3]}"#,
    );
    check(
        "{a: [{b: 1}, {c: [{b: 1}]}]}",
        "{target: '$..[?@.b == 1]', remove: true}",
        r#"{"a":[{"c":[]}]}"#,
    );
    check("{a: {b: {b: 1}}}", "{target: $..b, remove: true}", r#"{"a":{}}"#);
    check("{a: 1}", "{target: $.a, remove: true, update: 2}", "{}");
    check(
        "{a: {x: 1}, b: {}}",
        "{target: $.*, update: {y: 2}}",
        r#"{"a":{"x":1,"y":2},"b":{"y":2}}"#,
    );
    check(
        "{a: 1}",
        "{target: $.a, remove: true}, {target: $, update: {a: [2]}}",
        r#"{"a":[2]}"#,
    );
    check(
        "{'/a b': {get: {parameters: [{name: f, in: query}]}}}",
        "{target: \"$['/a b'].get.parameters[?@.name=='f' && @.in=='query']\", update: {required: true}}",
        r#"{"/a b":{"get":{"parameters":[{"in":"query","name":"f","required":true}]}}}"#,
    );
}

#[test]
fn versions_differ_in_arrays_and_copies() {
    let check = |version: &str, action: &str, expected: &str| {
        assert_eq!(
            applied("{a: [1], b: {c: 2}}", &actions(version, action)),
            expected,
            "{version} {action}"
        );
    };
    check(
        "1.0.0",
        "{target: $.a, update: [2, 3]}",
        r#"{"a":[1,[2,3]],"b":{"c":2}}"#,
    );
    check("1.1.0", "{target: $.a, update: [2, 3]}", r#"{"a":[1,2,3],"b":{"c":2}}"#);
    check("1.1.0", "{target: $.a, copy: $.b}", r#"{"a":[1,{"c":2}],"b":{"c":2}}"#);
    check("1.1.0", "{target: $.b, copy: $.b}", r#"{"a":[1],"b":{"c":2}}"#);
    check(
        "1.1.0",
        "{target: $.b, copy: $.*}",
        "o.yaml:3:31: error: `$.*` selects 2 values, and one is copied; select exactly one",
    );
    check(
        "1.1.0",
        "{target: $.b, copy: $.b, update: {}}",
        "o.yaml:3:31: error: `copy` and `update` cannot stand in one action; write two actions, or `overlay: 1.1.0`",
    );
    check(
        "1.0.1",
        "{target: $.b, copy: $.b}",
        "o.yaml:3:31: error: `copy` is of overlays in version 1.1; write two actions, or `overlay: 1.1.0`",
    );
}

#[test]
fn what_cannot_be_done_is_told_where_it_is_written() {
    let check = |overlay: &str, expected: &str| {
        let said = applied("{a: {b: 1}, c: [2]}", overlay);
        assert!(said.starts_with(expected), "{overlay}: {said}");
    };
    let action = |action: &str, expected: &str| check(&actions("1.1.0", action), expected);
    action(
        "{target: $.x.y, remove: true}",
        "o.yaml:3:20: warning: `$.x.y` selects nothing, so nothing is changed; the",
    );
    action(
        "{target: $, remove: true}",
        "o.yaml:3:20: error: the document itself cannot be removed",
    );
    action(
        "{target: $.a, update: 1}",
        "o.yaml:3:33: error: `$.a`: a number cannot be merged with an object, which is there; remove",
    );
    action(
        "{target: $, update: {a: {b: {}}}}",
        "o.yaml:3:39: error: `$`: an object cannot be merged with a number",
    );
    action(
        "{target: $.a, update: {b: null}}, {target: '$.a[?@ == null]', remove: true}",
        r#"{"a":{},"c":[2]}"#,
    );
    action(
        "{target: '$.a[', update: 1}",
        "o.yaml:3:20: error: `$.a[` is no target: at position 3, parser error; targets are JSONPath",
    );
    action(
        "{target: 5, update: 1}",
        "o.yaml:3:20: error: this target is a number, not a string",
    );
    action("{update: 1}", "o.yaml:3:11: error: this action has no `target`");
    action("{target: $.a}", "o.yaml:3:11: warning: this action changes nothing");
    action(
        "{target: $.a, remove: 1}",
        "o.yaml:3:33: error: `remove` is a number, not true or false",
    );
    action(
        "{target: $.a, udpate: {}}",
        "o.yaml:3:25: warning: `udpate` is no member of an overlay, so it says nothing; did you mean `update`?",
    );
    action(
        "{target: '$..*..*..*..*', remove: true}",
        "o.yaml:3:20: error: `$..*..*..*..*` nests more than 10",
    );
    check(
        "overlay: 2.0.0",
        "o.yaml:1:10: error: `2.0.0` is no version of an overlay that is read",
    );
    check("info: {}", "o.yaml:1:1: error: no `overlay` says");
    check(
        "overlay: 1.0.0\ninfo: {}",
        "o.yaml:1:1: error: the overlay has no `actions`",
    );
    check(
        "overlay: 1.0.0\ninfo: {}\nactions: {}",
        "o.yaml:3:10: error: `actions` is an object, not an array",
    );
    check(
        "overlay: 1.0.0\nactions: []",
        "o.yaml:1:1: warning: the overlay has no `info`",
    );
    check(
        "overlay: 1.0.0\ninfo: {}\nextends: other.yaml\nactions: []",
        "o.yaml:3:10: warning: this overlay is for `other.yaml`, and changes `api.yaml`",
    );
    check("overlay: 1.0.0\ninfo: {}\nextends: ./api.yaml\nactions: []", r#"{"a""#);
}

#[test]
fn schema_8_growing_is_bounded() {
    let deeper = ["{target: $..x, copy: $}"; 12].join(", ");
    let said = applied("{x: {}}", &actions("1.1.0", &deeper));
    assert!(said.contains("nested more than 256 deep"), "{said}");
    let doubling = ["{target: $.a, copy: $.a}"; 12].join(", ");
    let said = applied_within("{a: [1]}", &actions("1.1.0", &doubling), &mut Budget::of(1_000, 0));
    assert!(said.contains("holds more than 4000000 values"), "{said}");
    let deep = format!("$[?@{}]", "[?@".repeat(40) + &"]".repeat(40));
    let said = applied("{}", &actions("1.1.0", &format!("{{target: '{deep}', remove: true}}")));
    assert!(said.contains("nests more than 10"), "{said}");
}

struct Files<'f>(&'f [(&'f str, &'f str)]);

impl Fetch for Files<'_> {
    fn fetch(&mut self, location: &str) -> Result<Vec<u8>, String> {
        let found = self.0.iter().find(|(name, _)| *name == location);
        found
            .map(|(_, text)| text.as_bytes().to_vec())
            .ok_or_else(|| "there is no such file".to_owned())
    }
}

const API: &str =
    "openapi: 3.1.0\ninfo: {title: t, version: '1'}\npaths: {}\ncomponents: {schemas: {A: {type: string}}}\n";

#[test]
fn what_an_overlay_brings_keeps_its_place_and_refers_from_the_document() {
    let overlay = "overlay: 1.0.0\ninfo: {}\nactions:\n  - target: $.components.schemas\n    update:\n      B: {$ref: 'parts/b.yaml'}\n      C: {$id: 'http://x.example/c', $anchor: here, title: c}\n      D: {$ref: 'http://x.example/c#here'}\n";
    let files = [
        ("v1/api.yaml", API),
        ("ops/o.yaml", overlay),
        (
            "v1/parts/b.yaml",
            "{title: b, $ref: '../api.yaml#/components/schemas/C'}",
        ),
    ];
    let document = load_overlaid("v1/api.yaml", &["ops/o.yaml"], &mut Files(&files)).unwrap();
    let schema = |name: &str| {
        let root = document.root();
        let schemas = document.root().node.get("components").unwrap().get("schemas").unwrap();
        document.child(root, schemas.get(name).unwrap())
    };
    let b = schema("B");
    assert_eq!(
        (document.location(b.node.span.file), b.node.span.line),
        ("ops/o.yaml", 6)
    );
    let target = document.resolve(b, "parts/b.yaml").unwrap();
    assert_eq!(document.location(target.node.span.file), "v1/parts/b.yaml");
    let found = document.resolve(schema("D"), "http://x.example/c#here").unwrap();
    assert_eq!(found.node.get("title").and_then(Node::as_str), Some("c"));
    assert_eq!(
        document.locations().collect::<Vec<_>>(),
        ["v1/api.yaml", "ops/o.yaml", "v1/parts/b.yaml"]
    );
}

#[test]
fn problems_of_an_overlay_stand_in_it() {
    let dangling = "overlay: 1.0.0\ninfo: {}\nactions:\n  - target: $.components.schemas\n    update: {B: {$ref: '#/components/schemas/X'}}\n";
    let unread = "overlay: 1.0.0\ninfo: {}\nactions: [{target: $.nothing, remove: true}]\n";
    let broken = "overlay: [";
    let check = |overlays: &[&str], expected: &str| {
        let files = [
            ("api.yaml", API),
            ("d.yaml", dangling),
            ("u.yaml", unread),
            ("b.yaml", broken),
        ];
        let told = match load_overlaid("api.yaml", overlays, &mut Files(&files)) {
            Ok(document) => document.warnings().first().map(ToString::to_string).unwrap_or_default(),
            Err(problems) => problems[0].to_string(),
        };
        assert!(told.starts_with(expected), "{overlays:?}: {told}");
    };
    check(
        &["d.yaml"],
        "d.yaml:5:24: error: the reference `#/components/schemas/X` leads nowhere",
    );
    check(&["u.yaml"], "u.yaml:3:20: warning: `$.nothing` selects nothing");
    check(&["b.yaml"], "b.yaml:1:");
    check(
        &["none.yaml"],
        "none.yaml: error: cannot be read: there is no such file",
    );
    check(&[], "");
    assert_eq!(
        load("api.yaml", &mut Files(&[("api.yaml", API)]))
            .unwrap()
            .root()
            .node
            .span
            .file,
        FileId(0)
    );
}
