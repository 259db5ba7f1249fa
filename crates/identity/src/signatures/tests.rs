//! Forms, bases and demands. What needs keys is in `tests/it/signatures.rs`.

use super::*;
use crate::time::UnixTime;

/// Fields as pairs.
struct Lines<'l>(Vec<(&'l str, &'l str)>);

impl Fields for Lines<'_> {
    fn values<'f>(&'f self, name: &str) -> Vec<&'f [u8]> {
        let named = self.0.iter().filter(|(known, _)| *known == name);
        named.map(|(_, value)| value.as_bytes()).collect()
    }
}

static NO_LINES: Lines<'static> = Lines(Vec::new());

/// The request of RFC 9421 §2.2.
fn request<'r>(fields: &'r dyn Fields) -> Request<'r> {
    Request {
        method: "POST",
        scheme: "https",
        authority: "www.example.com",
        path: "/path",
        query: Some("param=value"),
        target: Some("/path?param=value"),
        has_content: false,
        fields,
    }
}

/// The line of one component, without its identifier.
fn value(identifier: &str, request: &Request<'_>) -> Result<String, Refusal> {
    let input = format!("s=({identifier})");
    let lines = Lines(vec![("signature-input", &input), ("signature", "s=::")]);
    let presented = Presented::read(&Request {
        fields: &lines,
        ..*request
    })?
    .unwrap();
    let base = presented.iter().next().unwrap().base(request)?;
    let line = base.lines().next().unwrap();
    let value = line.strip_prefix(identifier).and_then(|rest| rest.strip_prefix(": "));
    Ok(value.unwrap().to_owned())
}

#[track_caller]
fn is(identifier: &str, request: &Request<'_>, expected: &str) {
    assert_eq!(value(identifier, request).as_deref(), Ok(expected), "{identifier}");
}

/// The examples of RFC 9421 §2.2.1 to §2.2.7.
#[test]
fn derived_components_are_those_of_the_examples() {
    let it = request(&NO_LINES);
    is("\"@method\"", &it, "POST");
    is("\"@target-uri\"", &it, "https://www.example.com/path?param=value");
    is("\"@authority\"", &it, "www.example.com");
    is("\"@scheme\"", &it, "https");
    is("\"@request-target\"", &it, "/path?param=value");
    is("\"@path\"", &it, "/path");
    is("\"@query\"", &it, "?param=value");
    for (query, expected) in [
        (
            Some("param=value&foo=bar&baz=bat%2Dman"),
            "?param=value&foo=bar&baz=bat%2Dman",
        ),
        (Some("queryString"), "?queryString"),
        (Some(""), "?"),
        (None, "?"),
    ] {
        is("\"@query\"", &Request { query, ..it }, expected);
    }
    is(
        "\"@target-uri\"",
        &Request {
            query: None,
            path: "",
            ..it
        },
        "https://www.example.com/",
    );
    for (scheme, authority, expected) in [
        ("https", "WWW.Example.com:443", "www.example.com"),
        ("https", "www.example.com:80", "www.example.com:80"),
        ("http", "www.example.com:80", "www.example.com"),
        ("http", "[::1]:8080", "[::1]:8080"),
    ] {
        is(
            "\"@authority\"",
            &Request {
                scheme,
                authority,
                ..it
            },
            expected,
        );
    }
    let unknown = Request { target: None, ..it };
    assert_eq!(value("\"@request-target\"", &unknown), Err(Refusal::ComponentMissing));
}

/// The examples of RFC 9421 §2.2.8.
#[test]
fn query_parameters_are_decoded_and_encoded_in_one_way() {
    let it = Request {
        query: Some("param=value&foo=bar&baz=batman&qux="),
        ..request(&NO_LINES)
    };
    is("\"@query-param\";name=\"baz\"", &it, "batman");
    is("\"@query-param\";name=\"qux\"", &it, "");
    is("\"@query-param\";name=\"param\"", &it, "value");
    let encoded = Request {
        query: Some(
            "var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20=something",
        ),
        ..it
    };
    is(
        "\"@query-param\";name=\"var\"",
        &encoded,
        "this%20is%20a%20big%0Amultiline%20value",
    );
    is("\"@query-param\";name=\"bar\"", &encoded, "with%20plus%20whitespace");
    is("\"@query-param\";name=\"fa%C3%A7ade%22%3A%20\"", &encoded, "something");
    for query in ["a=1&a=2", "b=1", "a=%zz", "a=%F", "a=%ff", "a=1&%61=2"] {
        let it = Request {
            query: Some(query),
            ..it
        };
        assert_eq!(
            value("\"@query-param\";name=\"a\"", &it),
            Err(Refusal::ComponentMissing),
            "{query}"
        );
    }
}

/// The examples of RFC 9421 §2.1, §2.1.1, §2.1.2 and §2.1.3.
#[test]
fn fields_are_those_of_the_examples() {
    let lines = Lines(vec![
        ("cache-control", "max-age=60"),
        ("cache-control", "must-revalidate"),
        ("x-empty-header", ""),
        ("example-dict", "a=1, b=2;x=1;y=2, c=(a b c), d"),
        ("example-header", "value, with, lots"),
        ("example-header", "of, commas"),
        ("priority", "u=1;  a,  i"),
        ("x-other", "caf\u{e9}"),
    ]);
    let it = request(&lines);
    is("\"cache-control\"", &it, "max-age=60, must-revalidate");
    is("\"x-empty-header\"", &it, "");
    is("\"example-dict\";key=\"a\"", &it, "1");
    is("\"example-dict\";key=\"b\"", &it, "2;x=1;y=2");
    is("\"example-dict\";key=\"c\"", &it, "(a b c)");
    is("\"example-dict\";key=\"d\"", &it, "?1");
    is("\"example-header\"", &it, "value, with, lots, of, commas");
    is(
        "\"example-header\";bs",
        &it,
        ":dmFsdWUsIHdpdGgsIGxvdHM=:, :b2YsIGNvbW1hcw==:",
    );
    is("\"priority\";sf", &it, "u=1;a, i");
    is("\"x-other\";bs", &it, ":Y2Fmw6k=:");
    for missing in [
        "\"x-none\"",
        "\"x-other\"",
        "\"example-dict\";key=\"e\"",
        "\"example-header\";key=\"value\"",
        "\"example-dict\";sf",
        "\"x-other\";key=\"a\"",
    ] {
        let found = value(missing, &it);
        let is_missing = found == Err(Refusal::ComponentMissing);
        // A list of tokens is a dictionary as well.
        assert!(is_missing || missing.contains("example-header"), "{missing}: {found:?}");
    }
}

/// RFC 9421 §2.5.
#[test]
fn the_base_is_that_of_the_example() {
    let lines = Lines(vec![
        (
            "content-digest",
            "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
        ),
        ("content-length", "18"),
        ("content-type", "application/json"),
        (
            "signature-input",
            "sig1=(\"@method\" \"@authority\" \"@path\" \"content-digest\" \"content-length\" \"content-type\");created=1618884473;keyid=\"test-key-rsa-pss\"",
        ),
        ("signature", "sig1=:AAAA:"),
    ]);
    let it = Request {
        authority: "example.com",
        path: "/foo",
        ..request(&lines)
    };
    let presented = Presented::read(&it).unwrap().unwrap();
    let expected = "\"@method\": POST\n\
        \"@authority\": example.com\n\
        \"@path\": /foo\n\
        \"content-digest\": sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:\n\
        \"content-length\": 18\n\
        \"content-type\": application/json\n\
        \"@signature-params\": (\"@method\" \"@authority\" \"@path\" \"content-digest\" \"content-length\" \"content-type\");created=1618884473;keyid=\"test-key-rsa-pss\"";
    assert_eq!(presented.iter().next().unwrap().base(&it).as_deref(), Ok(expected));
}

/// What reading the two fields comes to.
fn read(input: &[&str], signature: &[&str]) -> Result<usize, Refusal> {
    let lines = input.iter().map(|line| ("signature-input", *line));
    let lines = Lines(lines.chain(signature.iter().map(|line| ("signature", *line))).collect());
    let presented = Presented::read(&request(&lines))?;
    Ok(presented.map_or(0, |presented| presented.iter().count()))
}

#[test]
fn the_fields_are_read_strictly() {
    assert_eq!(read(&[], &[]), Ok(0));
    assert_eq!(read(&["a=();created=1"], &["a=:AA==:"]), Ok(1));
    assert_eq!(read(&["a=()", "b=()"], &["b=::, a=::"]), Ok(2), "lines of one field");
    let refused = |input: &[&str], signature: &[&str], expected| {
        assert_eq!(read(input, signature), Err(expected), "{input:?} {signature:?}");
    };
    refused(&["a=()"], &[], Refusal::Malformed);
    refused(&[], &["a=::"], Refusal::Malformed);
    refused(&[""], &[""], Refusal::Malformed);
    refused(&["a=()"], &["b=::"], Refusal::Malformed);
    refused(&["a=(), b=()"], &["a=::"], Refusal::Malformed);
    refused(&["a=()", "a=()"], &["a=::"], Refusal::Malformed);
    refused(&["a=()"], &["a=::", "a=::"], Refusal::Malformed);
    refused(&["a=\"@method\""], &["a=::"], Refusal::Malformed);
    refused(&["a=()"], &["a=AA"], Refusal::Malformed);
    refused(&["a=()"], &["a=(:AA==:)"], Refusal::Malformed);
    refused(&["a=()"], &["a=:AA==:;x"], Refusal::ParameterUnknown);
    refused(&["a=();created=1;created=2"], &["a=::"], Refusal::Malformed);
    for unknown in [
        "who=1",
        "created=\"1\"",
        "created=1.5",
        "created=-1",
        "created=@1",
        "keyid=a",
        "nonce",
        "alg=:AA==:",
    ] {
        refused(&[&format!("a=();{unknown}")], &["a=::"], Refusal::ParameterUnknown);
    }
    let long = format!("a=();keyid=\"{}\"", "k".repeat(257));
    refused(&[&long], &["a=::"], Refusal::TooLarge);
    refused(
        &["a=(),b=(),c=(),d=(),e=()"],
        &["a=::,b=::,c=::,d=::,e=::"],
        Refusal::TooLarge,
    );
    let many: Vec<String> = (0..=COMPONENTS_MAX).map(|name| format!("\"f{name}\"")).collect();
    refused(&[&format!("a=({})", many.join(" "))], &["a=::"], Refusal::TooLarge);
}

#[test]
fn components_of_a_request_once_each() {
    let check = |components: &str, expected| {
        assert_eq!(
            read(&[&format!("a=({components})")], &["a=::"]).err(),
            Some(expected),
            "{components}"
        );
    };
    for twice in [
        "\"@method\" \"@method\"",
        "\"a\" \"b\" \"a\"",
        "\"a\";bs \"a\";bs",
        "\"a\";key=\"x\" \"a\";key=\"x\";sf",
        "\"@query-param\";name=\"x\" \"@query-param\";name=\"x\"",
    ] {
        check(twice, Refusal::ComponentTwice);
    }
    for unknown in [
        "\"@status\"",
        "\"@signature-params\"",
        "\"@Method\"",
        "\"@method\";req",
        "\"@query\";name=\"x\"",
        "\"@query-param\"",
        "\"@query-param\";name=x",
        "\"@query-param\";name=\"x\";req",
        "\"a\";req",
        "\"a\";tr",
        "\"a\";bs;sf",
        "\"a\";bs;key=\"x\"",
        "\"a\";sf=?0",
        "\"a\";key=x",
        "\"a\";other",
    ] {
        check(unknown, Refusal::ComponentUnknown);
    }
    for malformed in ["a", "1", "\"\"", "\"Date\"", "\"a b\"", "\"a:\""] {
        check(malformed, Refusal::Malformed);
    }
    assert_eq!(
        read(&["a=(\"a\" \"a\";bs \"a\";key=\"x\" \"a\";key=\"y\")"], &["a=::"]),
        Ok(1)
    );
}

/// What the usual demands say to a signature that covers this, of a request with these fields.
fn demanded(demands: &Demands, input: &str, it: &Request<'_>, lines: &[(&str, &str)], now: u64) -> Option<Refusal> {
    let input = format!("s={input}");
    let own = [("signature-input", input.as_str()), ("signature", "s=::")];
    let lines = Lines(own.into_iter().chain(lines.iter().copied()).collect());
    let it = Request { fields: &lines, ..*it };
    let presented = Presented::read(&it).unwrap().unwrap();
    let signature = presented.iter().next().unwrap();
    demands.hold(signature, &it, UnixTime::from_seconds(now).unwrap()).err()
}

#[test]
fn what_has_to_be_covered_is() {
    let whole = request(&NO_LINES);
    let bare = Request { query: None, ..whole };
    let content = Request {
        has_content: true,
        ..whole
    };
    let check = |input: &str, it: &Request<'_>, lines: &[(&str, &str)], covered: bool| {
        let input = format!("({input});created=100");
        let expected = (!covered).then_some(Refusal::Uncovered);
        assert_eq!(
            demanded(&Demands::default(), &input, it, lines, 100),
            expected,
            "{input} {lines:?}"
        );
    };
    check("\"@method\" \"@target-uri\"", &whole, &[], true);
    check("\"@target-uri\"", &whole, &[], false);
    check("\"@method\"", &whole, &[], false);
    check("\"@method\" \"@authority\" \"@request-target\"", &whole, &[], true);
    check("\"@method\" \"@authority\" \"@path\" \"@query\"", &whole, &[], true);
    check("\"@method\" \"@authority\" \"@path\"", &whole, &[], false);
    check("\"@method\" \"@authority\" \"@path\"", &bare, &[], true);
    check(
        "\"@method\" \"@authority\" \"@path\"",
        &Request {
            query: Some(""),
            ..whole
        },
        &[],
        false,
    );
    check("\"@method\" \"@path\" \"@query\"", &whole, &[], false);
    check(
        "\"@method\" \"@authority\" \"@path\" \"@query-param\";name=\"param\"",
        &whole,
        &[],
        false,
    );
    check("\"@method\" \"@target-uri\"", &content, &[], false);
    check("\"@method\" \"@target-uri\" \"content-digest\"", &content, &[], true);
    let digest = [("content-digest", "sha-256=::")];
    check("\"@method\" \"@target-uri\"", &whole, &digest, false);
    check(
        "\"@method\" \"@target-uri\" \"content-digest\";key=\"sha-256\"",
        &content,
        &digest,
        false,
    );
    check(
        "\"@method\" \"@target-uri\" \"content-digest\";sf",
        &content,
        &digest,
        true,
    );
    let token = [("authorization", "Bearer abc")];
    check("\"@method\" \"@target-uri\"", &whole, &token, false);
    check("\"@method\" \"@target-uri\" \"authorization\"", &whole, &token, true);
    check("\"@method\" \"@target-uri\" \"authorization\";bs", &whole, &token, true);
}

#[test]
fn a_signature_is_good_for_its_window() {
    let demands = Demands::default();
    let it = request(&NO_LINES);
    let check = |parameters: &str, now: u64, expected: Option<Refusal>| {
        let input = format!("(\"@method\" \"@target-uri\"){parameters}");
        assert_eq!(
            demanded(&demands, &input, &it, &[], now),
            expected,
            "{parameters} at {now}"
        );
    };
    check("", 1000, Some(Refusal::CreatedMissing));
    check(";expires=2000", 1000, Some(Refusal::CreatedMissing));
    check(";created=1000", 1000, None);
    check(";created=1030", 1000, None);
    check(";created=1031", 1000, Some(Refusal::NotYet));
    check(";created=1000", 1089, None);
    check(";created=1000", 1090, Some(Refusal::TooOld));
    check(";created=1000;expires=1010", 1039, None);
    check(";created=1000;expires=1010", 1040, Some(Refusal::Expired));
    check(";created=1000;expires=9999", 1090, Some(Refusal::TooOld));
    let once = Demands {
        nonce: true,
        ..Demands::default()
    };
    let input = "(\"@method\" \"@target-uri\");created=1000";
    assert_eq!(demanded(&once, input, &it, &[], 1000), Some(Refusal::NonceMissing));
    assert_eq!(
        demanded(&once, &format!("{input};nonce=\"\""), &it, &[], 1000),
        Some(Refusal::NonceMissing)
    );
    assert_eq!(demanded(&once, &format!("{input};nonce=\"n\""), &it, &[], 1000), None);
}

#[test]
fn what_can_be_demanded_has_a_name() {
    for name in COMPONENTS {
        assert!(Required::named(name).is_some(), "{name}");
    }
    for name in ["", "@status", "@query-param", "Date", "a b", "\"date\""] {
        assert_eq!(Required::named(name), None, "{name}");
    }
}
