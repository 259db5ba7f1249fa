use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::program::Program;
use super::*;

fn check(pattern: &str, engine: Engine, found: &[&str], missed: &[&str]) {
    let compiled = Pattern::compile(pattern).unwrap_or_else(|error| panic!("`{pattern}`: {error}"));
    assert_eq!(compiled.engine(), engine, "`{pattern}`");
    for text in found {
        assert_eq!(compiled.is_match(text), Ok(true), "`{pattern}` in {text:?}");
    }
    for text in missed {
        assert_eq!(compiled.is_match(text), Ok(false), "`{pattern}` in {text:?}");
    }
}

fn check_error(pattern: &str, offset: usize, words: &str) {
    let error = Pattern::compile(pattern).expect_err(pattern);
    assert!(error.message.contains(words), "`{pattern}`: {error}");
    assert_eq!(error.offset, offset, "`{pattern}`: {error}");
}

use Engine::{Backtracking, Classes as Table, Linear};

#[test]
fn anchored_rows_become_class_tables() {
    check(
        "^[a-z0-9-]{1,64}$",
        Table,
        &["a", "a-9", &"z".repeat(64)],
        &["", "A", "a\n", "é", &"z".repeat(65)],
    );
    check("^[A-Z]{2}$", Table, &["DE"], &["D", "DEU", "de", "D\n"]);
    check(
        "^SKU-[0-9]{4}$",
        Table,
        &["SKU-0042"],
        &["SKU-42", "sku-0042", "SKU-00420"],
    );
    check(
        "^[a-z]+@[a-z]+\\.[a-z]{2,}$",
        Table,
        &["a@b.cd"],
        &["a@b.c", "@b.cd", "a@.cd"],
    );
    check(
        "^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$",
        Table,
        &["00:11:22:33:44:ff"],
        &["00:11:22:33:44", "00:11:22:33:44:f"],
    );
    check("^[^/]{1,3}$", Table, &["äöü", "a"], &["äöüß", "a/b", ""]);
    check("^[a-z][a-z0-9]*$", Table, &["a", "a1"], &["1a", ""]);
    check("^[a-z][a-z]*$", Table, &["a", "ab"], &["", "a1"]);
    check("^", Table, &["", "a"], &[]);
    check("^abc", Table, &["abc", "abcd"], &["ab", "xabc"]);
    check("^a{2,5}", Table, &["aa", "aaaaaaa"], &["a", "baa"]);
    check(
        "^.{1,65535}$",
        Table,
        &["a", &"ä".repeat(65_535)],
        &["", "a\nb", &"a".repeat(65_536)],
    );
    check("(?i)^ab$", Table, &["AB", "aB"], &["b"]);
    check("[a-z]*", Table, &["", "1"], &[]);
}

#[test]
fn ambiguous_rows_run_on_the_linear_engine() {
    check("^[a-z]{1,3}[a-c]$", Linear, &["za", "abca"], &["z", "abcza"]);
    check("^a?b?a$", Linear, &["a", "ba", "aba", "aa"], &["ab", "aaa"]);
    check("^[a-z]+", Table, &["a1"], &["1a"]);
    check("a$", Linear, &["ba"], &["ab", "a\n"]);
    check("^(?:red|green)$", Linear, &["red", "green"], &["redgreen", "re"]);
    check("^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", Linear, &["a", "a-b"], &["a-", "-a"]);
}

#[test]
fn escapes_mean_what_ecma_262_says() {
    check(r"^\d$", Table, &["0"], &["٣", "a"]);
    check(r"^\w$", Table, &["a", "_"], &["é", "-"]);
    check(r"^\W$", Table, &["é", "-"], &["a"]);
    check(
        r"^\s$",
        Table,
        &["\u{feff}", "\u{b}", "\u{2028}", "\u{a0}"],
        &["\u{85}", "\u{180e}"],
    );
    check("^.$", Table, &["é", "\u{85}"], &["\n", "\r", "\u{2028}", "\u{2029}"]);
    check(
        r"^\cJ\0\x41\u0042\u{43}\ud83d\udc32$",
        Table,
        &["\n\0ABC🐲"],
        &["\nABC🐲"],
    );
    check(r"^\/\-\_\@\ $", Table, &["/-_@ "], &[]);
    check(r"^[\b]$", Table, &["\u{8}"], &["b"]);
    check(r"\bfoo\b", Linear, &["a foo b", "éfooé"], &["foobar"]);
    check(r"o\B", Backtracking, &["ox"], &["o", "x"]);
    check(r"^\p{Lu}\p{Script=Greek}\p{L}\P{L}$", Table, &["Éαz1"], &["éαz1"]);
    check(r"^\p{digit}+$", Table, &["৪২", "42"], &["-%#"]);
    check(r"^[\uD800\uDC00-\uDBFF\uDFFF\r\n]*$", Table, &["🐲\n", ""], &["a"]);
    check(r"^[\uD800-\uDFFF]$", Linear, &[], &["a", "\u{d7ff}", "\u{e000}"]);
}

#[test]
fn classes_mean_what_ecma_262_says() {
    check("^[^]$", Table, &["\n", "a"], &["", "ab"]);
    check("^[]$", Linear, &[], &["", "a", "]"]);
    check("^[[]$", Table, &["["], &["]"]);
    check(r"^[\w-.]$", Table, &["-", ".", "a"], &["+"]);
    check("^[a-]$", Table, &["a", "-"], &["b"]);
    check("^[a&&b]$", Table, &["&", "a"], &["&&"]);
    check("^[+--b]$", Table, &["+", ",", "-", "b"], &["a"]);
    check("^[~~]$", Table, &["~"], &["a"]);
    check("^[a-z&&[aeiou]]$", Table, &["a]", "&]"], &["a", "e"]);
    check("^{a}]$", Table, &["{a}]"], &[]);
    check("^a{$", Table, &["a{"], &[]);
    check("^a{x}$", Table, &["a{x}"], &[]);
    check("/^a$/", Linear, &[], &["a"]);
}

#[test]
fn look_around_and_references_backtrack() {
    check(r"^(?!\s*$).+", Backtracking, &["a", " a"], &["", "  "]);
    check(r"^(?=.*\d)(?=.*[a-z]).{4,}$", Backtracking, &["abc1"], &["abcd", "ab1"]);
    check(r"(?<=\$)\d+(?!\d)", Backtracking, &["$12"], &["12"]);
    check(r"(?<!\$)\b\d+", Backtracking, &["12"], &["$12"]);
    check(r"(?<=([ab]+)c)d", Backtracking, &["abcd"], &["cd", "abd"]);
    check(r"^(?<q>['\x22]).*\k<q>$", Backtracking, &["'a'", "\"\""], &["'a\""]);
    check(r"^(a)?\1b$", Backtracking, &["b", "aab"], &["ab"]);
    check(r"^\1(a)$", Backtracking, &["a"], &["aa"]);
    check(r"^(?:(a)|b)*\1$", Backtracking, &["ab", "aa"], &["aba1"]);
    check(r"^(?i:(a))\1$", Backtracking, &["aa", "AA"], &["Aa"]);
    check(
        r"^(a+?)(b{2,3}?)*\1$",
        Backtracking,
        &["aa", "abba", "abbbba"],
        &["ab", "aba"],
    );
    check(r"^(?:a?){3}(?=b)b$", Backtracking, &["b", "aaab"], &["aaaab"]);
    check(r"^(?:(?=a))*a$", Backtracking, &["a"], &["b"]);
}

#[test]
fn errors_say_where_and_what_to_write() {
    check_error("^(abc]", 1, "not closed");
    check_error("a)", 1, "closes no group");
    check_error("[a", 0, "not closed");
    check_error("*a", 0, "nothing to repeat");
    check_error("a**", 2, "nothing to repeat");
    check_error("a++", 2, "possessive");
    check_error("a{3,2}", 6, "swap");
    check_error("a{,5}", 1, "{0,n}");
    check_error("{3}", 0, "nothing to repeat");
    check_error(r"a\Z", 1, "write `$`");
    check_error(r"\Aa", 0, "write `^`");
    check_error(r"\a", 0, "not an escape");
    check_error(r"a\", 2, "ends the pattern");
    check_error(r"\1", 2, "not there");
    check_error(r"(a)\k<b>", 8, "`b`");
    check_error("(?P<a>b)", 2, "(?<name>");
    check_error("(?>a)", 2, "atomic");
    check_error("(?<a>b)(?<a>c)", 12, "twice");
    check_error("a(?i)b", 4, "(?i:");
    check_error("[[:alpha:]]", 1, "POSIX");
    check_error("[z-a]", 4, "swap");
    check_error(r"\p{Klingon}", 11, "not a Unicode property");
    check_error(r"\x4", 2, "hexadecimal");
    check_error(r"\u{110000}", 9, "10FFFF");
    check_error("ä(", 1, "not closed");
    check_error(&"(".repeat(1_000), 100, "deeper");
    check_error(&"a".repeat(SOURCE_BYTES_MAX + 1), 0, "longer");
}

#[test]
fn schema_3_catastrophic_patterns_end() {
    let started = Instant::now();
    let text = format!("{}!", "a".repeat(50_000));
    let linear = Pattern::compile("^(a+)+$").unwrap();
    assert_eq!((linear.engine(), linear.is_match(&text)), (Linear, Ok(false)));
    for pattern in [
        r"(?=(a+))a*b\1",
        r"^(?=(a+)+$)",
        r"^(a|aa)+(?!a)$",
        r"(x+x+)+(?=y)",
        r"(?<=(a+)+)b",
        r"(.*)*(?=z)",
    ] {
        let compiled = Pattern::compile(pattern).unwrap();
        assert_eq!(compiled.engine(), Backtracking);
        let hard = if pattern.contains('x') {
            text.replace('a', "x")
        } else {
            text.clone()
        };
        assert_eq!(compiled.is_match(&hard), Err(Exhausted), "`{pattern}`");
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[test]
fn schema_3_huge_repetitions_compile_in_bounds() {
    let started = Instant::now();
    for pattern in [
        "((a{1000}){1000}){1000}$",
        "^(?:[a-z]+,){0,65535}$",
        "^(?:(?:(?:(?:a{60}){60}){60}){60}){60}$",
        "(?:){4294967295}",
    ] {
        let compiled = Pattern::compile(pattern).unwrap();
        let _ = compiled.is_match(&"a".repeat(10_000));
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[test]
fn long_texts_that_need_little_are_judged() {
    let text = format!("{}c", "ab ".repeat(30_000));
    check(r"^(?!.*<script)[\s\S]+$", Backtracking, &[&text], &["<script"]);
}

/// Patterns in which nothing needs backtracking.
fn plain_pattern() -> impl Strategy<Value = String> {
    let atom = prop_oneof![
        Just("a".to_owned()),
        Just("[ab]".to_owned()),
        Just("[^a]".to_owned()),
        Just("\\d".to_owned()),
        Just("é".to_owned()),
        Just(".".to_owned()),
        Just("\\b".to_owned()),
    ];
    let tree = atom.prop_recursive(4, 24, 4, |inner| {
        let count = prop_oneof![
            Just("*"),
            Just("+"),
            Just("?"),
            Just("{2}"),
            Just("{1,3}"),
            Just("{2,}"),
            Just("*?")
        ];
        prop_oneof![
            (inner.clone(), count).prop_map(|(part, count)| format!("(?:{part}){count}")),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
            prop::collection::vec(inner, 1..3).prop_map(|parts| format!("({})", parts.join("|"))),
        ]
    });
    (any::<bool>(), tree, any::<bool>())
        .prop_map(|(start, tree, end)| format!("{}{tree}{}", if start { "^" } else { "" }, if end { "$" } else { "" }))
}

/// Rows of classes.
fn row() -> impl Strategy<Value = String> {
    let class = prop_oneof![
        Just("a"),
        Just("[ab]"),
        Just("[b-d]"),
        Just("[^a]"),
        Just("\\d"),
        Just("é"),
        Just("-")
    ];
    let count = prop_oneof![
        Just(""),
        Just("*"),
        Just("+"),
        Just("?"),
        Just("{2}"),
        Just("{1,3}"),
        Just("{2,}")
    ];
    prop::collection::vec((class, count), 0..5).prop_map(|parts| {
        let parts: String = parts
            .into_iter()
            .map(|(class, count)| format!("{class}{count}"))
            .collect();
        format!("^{parts}$")
    })
}

fn without_trimming(pattern: &str) -> (regex::Regex, Program) {
    let parsed = parse::parse(pattern).unwrap();
    (linear::compile(&parsed.tree).unwrap(), Program::compile(&parsed))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_engines_agree(pattern in plain_pattern(), text in "[ab1é\n -]{0,8}") {
        let (linear, backtracking) = without_trimming(&pattern);
        let expected = linear.is_match(&text);
        prop_assert_eq!(Pattern::compile(&pattern).unwrap().is_match(&text), Ok(expected), "`{}`", pattern);
        if let Ok(found) = backtracking.is_match(&text, &mut Steps::new(text.len())) {
            prop_assert_eq!(found, expected, "`{}`", pattern);
        }
    }

    #[test]
    fn rows_agree_with_the_linear_engine(pattern in row(), text in "[abcd1é-]{0,8}") {
        let (linear, _) = without_trimming(&pattern);
        let compiled = Pattern::compile(&pattern).unwrap();
        prop_assert_eq!(compiled.is_match(&text), Ok(linear.is_match(&text)), "`{}`", pattern);
    }

    #[test]
    fn any_text_compiles_or_is_refused(pattern in "[\\\\(\\[{a1?*+<=!:^$|)\\]},bkupx-]{0,20}", text in "[a1b]{0,8}") {
        if let Ok(compiled) = Pattern::compile(&pattern) {
            let _ = compiled.is_match(&text);
        }
    }
}
