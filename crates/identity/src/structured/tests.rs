use proptest::prelude::*;

use super::*;

/// The only spelling of a dictionary, or why it is none.
fn spelled(value: &str) -> Result<String, Fault> {
    dictionary(value.as_bytes()).map(|dictionary| dictionary.to_string())
}

#[track_caller]
fn item_is(value: &str, expected: &Bare, spelling: &str) {
    let item = item(value.as_bytes()).unwrap();
    assert_eq!((&item.bare, item.to_string().as_str()), (expected, spelling), "{value}");
}

/// Examples of RFC 9651 §3.
#[test]
fn every_kind_of_item_is_read_and_written() {
    item_is("42", &Bare::Integer(42), "42");
    item_is("-0", &Bare::Integer(0), "0");
    item_is(
        "  -999999999999999 ",
        &Bare::Integer(-999_999_999_999_999),
        "-999999999999999",
    );
    item_is("4.5", &Bare::Decimal(4500), "4.5");
    item_is("-0.10", &Bare::Decimal(-100), "-0.1");
    item_is(
        "123456789012.125",
        &Bare::Decimal(123_456_789_012_125),
        "123456789012.125",
    );
    item_is("2.0", &Bare::Decimal(2000), "2.0");
    item_is(
        r#""hello \"world\" \\""#,
        &Bare::String(r#"hello "world" \"#.into()),
        r#""hello \"world\" \\""#,
    );
    item_is("foo123/456", &Bare::Token("foo123/456".into()), "foo123/456");
    item_is("*a:b", &Bare::Token("*a:b".into()), "*a:b");
    let hello = Bare::Bytes(b"pretend this is binary content.".to_vec());
    item_is(
        ":cHJldGVuZCB0aGlzIGlzIGJpbmFyeSBjb250ZW50Lg==:",
        &hello,
        ":cHJldGVuZCB0aGlzIGlzIGJpbmFyeSBjb250ZW50Lg==:",
    );
    item_is("::", &Bare::Bytes(Vec::new()), "::");
    item_is("?1", &Bare::Boolean(true), "?1");
    item_is("@1659578233", &Bare::Date(1_659_578_233), "@1659578233");
    let display = "This is intended for display to \u{fc}sers.";
    item_is(
        "%\"This is intended for display to %c3%bcsers.\"",
        &Bare::Display(display.into()),
        "%\"This is intended for display to %c3%bcsers.\"",
    );
    item_is("5; foo=bar;  b;c=?0", &Bare::Integer(5), "5;foo=bar;b;c=?0");
}

#[test]
fn dictionaries_and_lists_are_read_and_written() {
    for (value, spelling) in [
        ("", ""),
        ("   ", ""),
        ("a=1,b=2", "a=1, b=2"),
        ("a=1 \t, \t b", "a=1, b"),
        ("a=?0, b, c; foo=bar", "a=?0, b, c;foo=bar"),
        (
            "rating=1.5, feelings=(joy sadness)",
            "rating=1.5, feelings=(joy sadness)",
        ),
        (
            "a=(1 2), b=3, c=4;aa=bb, d=(5 6);valid",
            "a=(1 2), b=3, c=4;aa=bb, d=(5 6);valid",
        ),
        ("a=( \"x\";y  z )", "a=(\"x\";y z)"),
        ("a=()", "a=()"),
    ] {
        assert_eq!(spelled(value), Ok(spelling.to_owned()), "{value}");
    }
    let list = list(b"sugar, (a \"b\");lvl=5,tea").unwrap();
    assert_eq!(write::list(&list), "sugar, (a \"b\");lvl=5, tea");
}

#[test]
fn what_is_no_value_is_refused() {
    for value in [
        "=",
        "A=1",
        "a=",
        "a,",
        ",a",
        "a b",
        "a=1;",
        "a=1;=2",
        "a=1;B",
        "a=(1",
        "a=(1,2)",
        "a=((1))",
        "a=(1(2))",
        "a=\"",
        "a=\"\u{7f}\"",
        "a=\"\\x\"",
        "a=\u{e4}",
        "a=:YQ:",
        "a=:YR==:",
        "a=:Y Q==:",
        "a=:YQ==",
        "a=?2",
        "a=?",
        "a=-",
        "a=1.",
        "a=1.1234",
        "a=.1",
        "a=1234567890123456",
        "a=1234567890123.1",
        "a=@1.5",
        "a=@",
        "a=%\"%C3%BC\"",
        "a=%\"%ff\"",
        "a=%\"%c\"",
        "a=%x",
        "a=1\0",
        "\ta=1",
        "a=1\t",
    ] {
        let expected = if value == "a=1\t" {
            Ok("a=1".to_owned())
        } else {
            Err(Fault::Syntax)
        };
        assert_eq!(spelled(value), expected, "{value}");
    }
}

#[test]
fn nothing_stands_twice_and_everything_is_bounded() {
    assert_eq!(spelled("a=1, a=1"), Err(Fault::Duplicate));
    assert_eq!(spelled("a=1;b;b"), Err(Fault::Duplicate));
    let many = |count: usize| (0..count).map(|name| format!("a{name}")).collect::<Vec<_>>();
    assert!(spelled(&many(MEMBERS_MAX).join(",")).is_ok());
    assert_eq!(spelled(&many(MEMBERS_MAX + 1).join(",")), Err(Fault::TooLarge));
    assert_eq!(
        spelled(&format!("a=({})", many(MEMBERS_MAX + 1).join(" "))),
        Err(Fault::TooLarge)
    );
    assert_eq!(
        spelled(&format!("a;{}", many(MEMBERS_MAX + 1).join(";"))),
        Err(Fault::TooLarge)
    );
    assert_eq!(spelled(&" ".repeat(VALUE_BYTES_MAX + 1)), Err(Fault::TooLarge));
}

/// The other reader's answer; what only ours refuses is told apart.
fn oracle(value: &str) -> Option<String> {
    use sfv::FieldType as _;
    let dictionary: sfv::Dictionary = sfv::Parser::new(value).parse().ok()?;
    Some(dictionary.serialize().unwrap_or_default())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn another_reader_agrees(value in r#"([a-c*][a-c0-9]?(=("[ -~]{0,4}"|-?[0-9]{1,3}(\.[0-9]{1,3})?|\?[01]|:(YWJj|YQ==)?:|@[0-9]{1,3}|[a-z*][a-z/:]{0,2}|\([a-c ]{0,4}\)|%"[ -~]{0,4}"))?(; ?[ab](=[0-9a"?(:]{1,2})?)?(,[ \t]?)?){0,4}"#) {
        match (spelled(&value), oracle(&value)) {
            (Ok(ours), theirs) => prop_assert_eq!(Some(ours), theirs),
            (Err(Fault::Syntax), Some(theirs)) => prop_assert!(value.contains(':'), "{} is {}", value, theirs),
            (Err(_), _) => {}
        }
    }

    #[test]
    fn what_is_written_is_read_as_the_same(value in "[a-c=;,()\"?:1 ]{0,24}") {
        if let Ok(read) = dictionary(value.as_bytes()) {
            prop_assert_eq!(dictionary(read.to_string().as_bytes()), Ok(read));
        }
    }

    #[test]
    fn nothing_panics(value in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = (dictionary(&value), list(&value), item(&value));
    }
}
