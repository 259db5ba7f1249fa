//! Hostile contracts. The names begin with the row of the threat table.

use super::super::bounds::Budget;
use super::super::source::read;
use super::*;

fn refused(location: &str, text: &str, expected: &str) {
    let found = problems(location, text).join("\n");
    assert!(
        found.contains(expected),
        "{expected}: {}",
        found.chars().take(300).collect::<String>()
    );
}

#[test]
fn schema_1_deep_nesting_is_refused_without_overflowing_the_stack() {
    let deep = 100_000;
    let json = format!("{{\"a\": {}1{}}}", "[".repeat(deep), "]".repeat(deep));
    let objects = format!("{}1{}", "{\"a\":".repeat(deep), "}".repeat(deep));
    let block = format!("{}1", "- ".repeat(deep));
    let mut indented = String::new();
    for level in 0..600 {
        let _ = writeln!(indented, "{}a:", " ".repeat(level));
    }
    for (name, text) in [
        ("a.json", &json),
        ("a.json", &objects),
        ("a.yaml", &json),
        ("a.yaml", &block),
        ("a.yaml", &indented),
    ] {
        refused(name, text, "values are nested more than 256 deep");
    }
}

#[test]
fn schema_1_depth_up_to_the_bound_is_read() {
    let depth = usize::from(bounds::DEPTH_MAX) - 2;
    let text = format!(
        "{{\"openapi\":\"3.0.0\",\"x\":{{\"a\":{}1{}}}}}",
        "[".repeat(depth),
        "]".repeat(depth)
    );
    assert_eq!(problems("a.json", &text), [""; 0]);
    assert_eq!(problems("a.yaml", &format!("# yaml\n{text}")), [""; 0]);
}

#[test]
fn schema_1_what_two_readers_could_read_differently_is_refused() {
    let check = |name: &str, bytes: &[u8], expected: &str| {
        let mut files = Files {
            files: HashMap::from([(name.to_owned(), bytes.to_vec())]),
            asked: Vec::new(),
        };
        let found = load(name, &mut files)
            .unwrap_err()
            .iter()
            .map(ToString::to_string)
            .collect::<String>();
        assert!(found.contains(expected), "{found}");
    };
    check(
        "a.json",
        b"{\"a\":1,\"\\u0061\":2}",
        "a.json:1:8: error: `a` is written twice in one object, first at line 1, column 2",
    );
    check(
        "a.yaml",
        b"a: 1\n'a': 2",
        "a.yaml:2:1: error: `a` is written twice in one object, first at line 1, column 1",
    );
    check(
        "a.json",
        b"{\"a\":NaN}",
        "a.json:1:6: error: expected a value but found `N`",
    );
    check("a.json", b"{\"a\":-Infinity}", "`-` is no number");
    check("a.yaml", b"a: .nan", "`.nan` is no number in JSON");
    check("a.json", b"{\"a\":\"\\ud800\"}", "a.json:1:7: error: this escape");
    check("a.yaml", b"a: \"\\ud800\"", "a.yaml:1:");
    check("a.json", b"{} x", "expected the end of the file but found `x`");
    check("a.yaml", b"a: 1\n---\nb: 1", "a second YAML document begins here");
    check("a.json", b"\xEF\xBB\xBF{}", "begins with a byte order mark");
    check("a.yaml", b"\xFF\xFEa\0", "is UTF-16");
    check("a.json", b"{\0}\0", "is UTF-16");
    check(
        "a.json",
        b"{\n  \"\xC3\xA9\": \"\xFF\"}",
        "a.json:2:9: error: the file is not UTF-8",
    );
}

#[test]
fn schema_4_reference_cycles_end() {
    let ring = (0..200).fold(String::new(), |mut text, at| {
        let _ = write!(text, "S{at}: {{$ref: '#/components/schemas/S{}'}}, ", (at + 1) % 200);
        text
    });
    refused("a.yaml", &api(&ring), "leads only to references, in a circle");
    let recursive =
        api("A: {properties: {a: {$ref: '#/components/schemas/A'}}, allOf: [{$ref: '#/components/schemas/A'}]}");
    assert_eq!(problems("a.yaml", &recursive), [""; 0]);
    let mut across = files(&[
        ("a.yaml", &api("A: {$ref: 'b.yaml'}")),
        ("b.yaml", "{$ref: 'a.yaml#/components/schemas/A'}"),
    ]);
    let found = load("a.yaml", &mut across).unwrap_err();
    assert!(
        found.iter().all(|problem| problem.message.contains("in a circle")),
        "{found:?}"
    );
    assert_eq!(across.asked, ["a.yaml", "b.yaml"]);
}

#[test]
fn schema_4_aliases_of_aliases_are_bounded() {
    let mut laughs = String::from("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for level in 1..12 {
        let aliases = format!("*a{}, ", level - 1).repeat(10);
        let _ = writeln!(laughs, "a{level}: &a{level} [{}]", aliases.trim_end_matches(", "));
    }
    refused("a.yaml", &laughs, "anchors and aliases add more than 1000000 values");

    let mut merges = String::from("m0: &m0 {k0: 1}\n");
    for level in 1..5_000 {
        let _ = writeln!(merges, "m{level}: &m{level} {{<<: *m{}, k{level}: 1}}", level - 1);
    }
    refused("a.yaml", &merges, "anchors and aliases add more than 1000000 values");

    let mut nested = String::from("&n0 [1]");
    for level in 1..200 {
        nested = format!("&n{level} [{nested}, *n{}]", level - 1);
    }
    refused(
        "a.yaml",
        &format!("a: {nested}"),
        "anchors and aliases add more than 1000000 values",
    );
    refused(
        "a.yaml",
        "a: &a [*a]",
        "this alias stands inside the value that it stands for",
    );
}

#[test]
fn schema_4_giant_documents_are_refused() {
    let too_long = " ".repeat(bounds::BYTES_MAX + 1);
    refused(
        "a.json",
        &too_long,
        "a.json:1:1: error: the file is larger than 67108864 bytes",
    );
    let flow = "[1, 2, 3, 4]";
    for (nodes, bytes, expected) in [
        (4, 100, "the document holds more than 4000000 values"),
        (5, 11, "are together larger than 268435456 bytes"),
    ] {
        for name in ["a.json", "a.yaml"] {
            let problem = read(name, FileId(0), flow.as_bytes(), &mut Budget::of(nodes, bytes)).unwrap_err();
            assert!(problem.message.contains(expected), "{problem}");
            assert!(read(name, FileId(0), flow.as_bytes(), &mut Budget::of(5, 12)).is_ok());
        }
    }
}

#[test]
fn schema_4_a_schema_as_deep_as_the_bound_is_walked() {
    let depth = usize::from(bounds::DEPTH_MAX) - 1;
    let text = format!("{}{{\"$ref\": \"#\"}}{}", "{\"not\":".repeat(depth), "}".repeat(depth));
    for dialect in [Dialect::Draft4, Dialect::Draft202012] {
        load_schema("a.json", dialect, &mut files(&[("a.json", &text)])).unwrap();
    }
}

#[test]
fn schema_4_too_many_files_are_refused() {
    struct Endless(usize);
    impl Fetch for Endless {
        fn fetch(&mut self, _: &str) -> Result<Vec<u8>, String> {
            self.0 += 1;
            Ok(format!("{{openapi: 3.1.0, components: {{schemas: {{a: {{$ref: 'f{0}.yaml'}}}}}}, items: {{$ref: 'f{0}.yaml'}}}}", self.0).into_bytes())
        }
    }
    let mut endless = Endless(0);
    let problems = load("root.yaml", &mut endless).unwrap_err();
    assert!(
        problems[0]
            .message
            .contains("is one file too many: at most 1000 are read"),
        "{problems:?}"
    );
    assert_eq!(endless.0, bounds::FILES_MAX);
}

#[test]
fn schema_5_nothing_is_opened_but_through_the_fetcher() {
    let references = [
        (
            "http://169.254.169.254/latest/meta-data/",
            "http://169.254.169.254/latest/meta-data/",
        ),
        ("file:///etc/passwd", "file:///etc/passwd"),
        ("/etc/passwd", "/etc/passwd"),
        ("../../../../etc/passwd", "../../../etc/passwd"),
        ("%2e%2e/%2e%2e/etc/passwd", "../etc/passwd"),
        ("//evil.example/x", "/evil.example/x"),
        ("HTTPS://Evil.Example/x#/a", "https://evil.example/x"),
    ];
    for (reference, asked) in references {
        let root = api(&format!("A: {{$ref: '{reference}'}}"));
        let mut files = files(&[("api/root.yaml", &root)]);
        let found = load("api/root.yaml", &mut files).unwrap_err();
        assert_eq!(files.asked, ["api/root.yaml", asked], "{reference}");
        assert_eq!(found.len(), 1);
        let text = found[0].to_string();
        let expected = format!("api/root.yaml:4:23: error: `{reference}` cannot be read: it is not allowed; ");
        assert!(text.starts_with(&expected), "{text}");
        let way_out = if asked.contains("://") {
            "allow its origin"
        } else {
            "correct the path"
        };
        assert!(text.contains(way_out), "{text}");
    }
}

#[test]
fn schema_5_data_is_never_followed() {
    let data = "{$ref: 'http://evil.example/'}";
    let root = format!(
        "openapi: 3.1.0\ninfo: {data}\nx-a: {data}\npaths:\n  x-b: {data}\n  /a:\n    get:\n      externalDocs: {data}\n      responses:\n        x-c: {data}\n        '200':\n          links: {{l: {data}}}\n          content:\n            application/json:\n              example: {data}\n              examples: {{e: {data}}}\n              schema: {{enum: [{data}], const: {data}, default: {data}, example: {data}, examples: [{data}], x-d: {data}, properties: {{$ref: {{type: string}}}}}}\n"
    );
    let mut files = files(&[("root.yaml", &root)]);
    load("root.yaml", &mut files).unwrap();
    assert_eq!(files.asked, ["root.yaml"]);
}

#[test]
fn schema_5_a_file_that_is_refused_is_asked_for_once() {
    let root = api("A: {$ref: 'http://evil.example/a#/x'}, B: {$ref: 'http://evil.example/a#/y'}");
    let mut files = files(&[("root.yaml", &root)]);
    load("root.yaml", &mut files).unwrap_err();
    assert_eq!(files.asked, ["root.yaml", "http://evil.example/a"]);
}
