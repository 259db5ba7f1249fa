use super::*;

fn check(name: &str, valid: &[&str], invalid: &[&str]) {
    let format = Format::parse(name).unwrap();
    assert_eq!(format.name(), name);
    for text in valid {
        assert!(format.check(text), "{name}: {text:?} is valid");
    }
    for text in invalid {
        assert!(!format.check(text), "{name}: {text:?} is invalid");
    }
}

#[test]
fn unknown_names_are_not_asserted() {
    for name in ["", "Date", "password", "int32", "binary", "idn-hostname"] {
        assert_eq!(Format::parse(name), None, "{name}");
    }
}

#[test]
fn dates_and_times() {
    check(
        "date",
        &["0000-02-29", "2000-02-29", "9999-12-31"],
        &["1900-02-29", "-999-01-31", "2023-00-10", "2023-01-00"],
    );
    check(
        "date-time",
        &["2020-01-01T00:00:00.1-00:00"],
        &["2020-01-01 00:00:00Z", "2020-01-01T00:00:00.Z", ""],
    );
    check(
        "time",
        &["00:00:00Z"],
        &["00:00:00", "00:00:60Z", "00:00:00+1:00", "0/:00:00Z"],
    );
    check(
        "duration",
        &["P1Y2M3DT4H5M6S", "P3DT1S"],
        &["P1Y3D", "PT1H1S", "P1W1D", "P", "PT", "p1D", "P1.5D", "P-1D"],
    );
}

#[test]
fn names_and_addresses() {
    check(
        "hostname",
        &["a.b", "xn--bcher-kva.example", "1.2.3.4"],
        &["a.", ".a", "a..b", "xn--", "xn--a-", "xn--\u{fc}"],
    );
    check(
        "hostname",
        &["ab--cd"],
        &["xn--99999999", "xn--X", "a b", "a\n", &"a.".repeat(127)],
    );
    check(
        "email",
        &["a@b", "\"a\\\"b\"@c"],
        &["@b", "a@", "a b@c", "\"@c", "\"\"\"@c", "ä@b", "a@[::1]", "a@-b"],
    );
    check("idn-email", &["ä@b", "a@bücher.example"], &["a@bü cher", "ä", "a@-ü"]);
    check(
        "ipv4",
        &["0.0.0.0", "255.255.255.255", "9.10.99.199"],
        &["00.0.0.0", "1.2.3", "1.2.3.4.", "256.1.1.1", "1.1.1.1a"],
    );
    check(
        "ipv6",
        &["::", "1::", "::1.2.3.4", "1:2:3:4:5:6:7::"],
        &["", ":", ":::", "1", "1:2:3:4:5:6:7:8::", "::1.2.3.4:1"],
    );
}

#[test]
fn uris() {
    check(
        "uri",
        &["a:", "http://[v1.a:b]:80/", "a://@:/", "urn:x:y?a#b"],
        &["", "http://[::1", "a:%4", "a:b c", "1a:b", "a:b#c#d"],
    );
    check("uri", &[], &["http://a:b/", "http://a@b@c/", "a:ü", "a:\u{0}", "a:<b>"]);
    check("uri-reference", &["", "?", "#", "./a:b", "//a"], &["a%", ":a", "\\"]);
    check("iri", &["a:ü?\u{e000}"], &["a:\u{e000}", "a:\u{fdd0}", "a:\u{85}"]);
    check(
        "uri-template",
        &["", "{+a,b*,c:12}", "/a%20{b.c}", "{?%41}"],
        &["{}", "{a", "a}", "{a:0}", "{a:10000}", "{a b}", "%2"],
    );
}

#[test]
fn tokens() {
    check(
        "uuid",
        &["00000000-0000-0000-0000-000000000000"],
        &["{0000000-0000-0000-0000-000000000000}", ""],
    );
    check(
        "byte",
        &["", "AA==", "AAA=", "+/+/"],
        &["A", "AA", "AA=", "A===", "A=A=", "-_-_", "AAAA\n", "===="],
    );
    check("base64url", &["", "AA", "AA==", "-_-_"], &["A", "AA=", "+/+/", "AAAAA"]);
    check("json-pointer", &["", "/", "/~0~1"], &["a", "/~", "/~2"]);
    check(
        "relative-json-pointer",
        &["0", "1#", "1+2/a", "0-1#"],
        &["", "01", "1a", "-1", "1+", "1#/a"],
    );
    check("regex", &["^a$", "(?=a)"], &["(", "\\Z"]);
}
