use serde_json::json;

use super::*;
use portcullis_decision::problem::Problem;
use portcullis_decision::words::{Action, Resource, Subject};

const BANK: &str = r#"package bank

import rego.v1

default allow := false

allow if {
    input.action.name == "readAccount"
    data.owners[input.resource.id] == input.subject.id
}
"#;

fn source<'t>(policies: &[&'t str], data: Option<&'t str>, query: &'t str) -> Source<'t> {
    let names = ["one.rego", "two.rego", "three.rego"];
    let texts = policies.iter().zip(names);
    Source {
        policies: texts.map(|(text, name)| Text { name, text }).collect(),
        data: data.map(|text| Text {
            name: "data.json",
            text,
        }),
        query,
    }
}

fn compiled(policy: &str) -> Rego {
    Rego::compile(&source(&[policy], None, "data.bank.allow"))
        .unwrap_or_else(|problems| panic!("{policy}: {problems:?}"))
}

fn question() -> Evaluation {
    Evaluation::new(
        Subject::new("User", "jean"),
        Action::new("readAccount"),
        Resource::new("Account", "123"),
    )
}

fn opinion(policy: &str) -> Opinion {
    compiled(policy).opinion(&question(), UnixTime(1_795_420_800))
}

/// `allow` is this body.
fn allow(body: &str) -> String {
    format!("package bank\nallow if {{ {body} }}\n")
}

#[track_caller]
fn check(body: &str, expected: Verdict) {
    let opinion = opinion(&allow(body));
    assert_eq!(opinion.verdict, expected, "{body}: {:?}", opinion.reasons);
}

#[track_caller]
fn check_indeterminate(policy: &str, words: &str) {
    let opinion = opinion(policy);
    let Some(Reason::Indeterminate { message, .. }) = opinion.reasons.first() else {
        panic!("{policy}: {opinion:?}");
    };
    assert_eq!(opinion.verdict, Verdict::Indeterminate);
    assert!(message.contains(words), "{policy}: {message}");
    assert!(!message.contains('\n'), "{message}");
}

#[track_caller]
fn check_problem(policies: &[&str], data: Option<&str>, expected: &str) {
    let problems = Rego::compile(&source(policies, data, "data.bank.allow")).expect_err("compiles");
    let told: Vec<String> = problems.iter().map(Problem::to_string).collect();
    assert!(
        told.iter().any(|problem| problem.contains(expected)),
        "{policies:?}: {told:?}"
    );
}

#[test]
fn a_policy_permits_by_its_rule_and_its_data() {
    let owners = r#"{"owners": {"123": "jean", "7": "mallory"}}"#;
    let rego = Rego::compile(&source(&[BANK], Some(owners), "data.bank.allow")).unwrap();
    let asked = |id: &str, account: &str, action: &str| {
        let question = Evaluation::new(
            Subject::new("User", id),
            Action::new(action),
            Resource::new("Account", account),
        );
        rego.opinion(&question, UnixTime(0)).verdict
    };
    assert_eq!(asked("jean", "123", "readAccount"), Verdict::Permits);
    assert_eq!(asked("jean", "7", "readAccount"), Verdict::Forbids);
    assert_eq!(asked("mallory", "123", "readAccount"), Verdict::Forbids);
    assert_eq!(asked("jean", "123", "deleteAccount"), Verdict::Forbids);
    assert_eq!(asked("jean", "none", "readAccount"), Verdict::Forbids);
    let rule = portcullis_decision::decision::Rule::new(NAME, "data.bank.allow");
    assert_eq!(
        rego.opinion(&question(), UnixTime(0)).reasons,
        [Reason::Permits { rule }]
    );
}

#[test]
fn the_question_is_the_input_with_everything_in_it() {
    let mut question = question();
    question.subject.properties.insert("scopes", json!(["read", "write"]));
    question.resource.properties.insert("owner", "jean");
    question.context.insert("address", "192.0.2.1");
    question.context.insert("request", json!({"amount": 7}));
    let body = r#""write" in input.subject.properties.scopes
        input.subject.type == "User"
        input.resource.properties.owner == input.subject.id
        net.cidr_contains("192.0.2.0/24", input.context.address)
        input.context.request.amount < 8"#;
    let rego = compiled(&allow(body));
    assert_eq!(rego.opinion(&question, UnixTime(0)).verdict, Verdict::Permits);
    question.context.insert("request", json!({"amount": 8}));
    assert_eq!(rego.opinion(&question, UnixTime(0)).verdict, Verdict::Forbids);
}

#[test]
fn nothing_is_an_answer_but_a_boolean_or_an_allow() {
    let check = |rule: &str, expected: Verdict| {
        let opinion = opinion(&format!("package bank\n{rule}\n"));
        assert_eq!(opinion.verdict, expected, "{rule}");
    };
    check("allow := true", Verdict::Permits);
    check("allow := false", Verdict::Forbids);
    check("allow if input.nothing", Verdict::Forbids);
    check(r#"allow := {"allow": true, "more": 1}"#, Verdict::Permits);
    check(r#"allow := {"allow": false}"#, Verdict::Forbids);
    check(r#"allow := {"reasons": ["none"]}"#, Verdict::Forbids);
    for lie in [
        "allow := 1",
        r#"allow := "true""#,
        "allow := [true]",
        "allow := null",
        r#"allow := {"allow": "true"}"#,
        r#"allow contains "jean""#,
    ] {
        check(lie, Verdict::Indeterminate);
    }
}

#[test]
fn what_it_says_of_a_deny_is_explained() {
    let policy = "package bank\nallow := {\"allow\": false, \"reasons\": [\"frozen\", \"not the owner\"]}\n";
    let explained = compiled(policy).explain(&question(), UnixTime(0));
    let [considered] = explained.considered.as_slice() else {
        panic!("{explained:?}")
    };
    assert!(considered.forbids);
    assert_eq!(considered.conditions.first().unwrap().text, "frozen; not the owner");
}

#[test]
fn the_time_is_that_of_the_decision() {
    let policy = allow("time.clock(time.now_ns()) == [8, 0, 0]; time.weekday(time.now_ns()) == \"Monday\"");
    let rego = compiled(&policy);
    assert!(rego.reads_time());
    assert_eq!(
        rego.opinion(&question(), UnixTime(1_795_420_800)).verdict,
        Verdict::Permits
    );
    assert_eq!(
        rego.opinion(&question(), UnixTime(1_795_420_801)).verdict,
        Verdict::Forbids
    );
    assert!(!compiled(BANK.replace("readAccount", "x").as_str()).reads_time());
}

#[test]
fn what_fails_is_no_answer_however_it_is_asked() {
    let fails = "to_number(input.subject.id) == 7";
    check_indeterminate(&allow(fails), "one.rego:2:");
    check_indeterminate(&allow(&format!("not {fails}")), "one.rego:2:");
    check_indeterminate(
        "package bank\ndefault allow := true\nallow := false if to_number(input.subject.id) == 7\n",
        "one.rego:3:",
    );
    check_indeterminate(
        "package bank\nallow := true\nallow := false if input.subject.id == \"jean\"\n",
        "conflicts",
    );
    check_indeterminate(&allow("1 / 0 == 1"), "divide by zero");
    check_indeterminate(&format!("{}f(x) := y if {{ y := z }}\n", allow("not f(1)")), "z");
    check_indeterminate(&allow("count(numbers.range(1, 20000)) > 0"), "at most 10000");
    check(
        "count(numbers.range(1, 10000)) == 10000; numbers.range(3, 1) == [3, 2, 1]",
        Verdict::Permits,
    );
    let mut long = question();
    long.subject
        .properties
        .insert("claim", "x".repeat(elsewhere::QUESTION_BYTES_MAX));
    let opinion = compiled(BANK).opinion(&long, UnixTime(0));
    assert_eq!(opinion.verdict, Verdict::Indeterminate);
}

#[test]
fn who_takes_too_long_has_no_answer() {
    let body = "some a in numbers.range(1, 9000); some b in numbers.range(1, 9000); a * b == 0";
    let begun = std::time::Instant::now();
    check_indeterminate(&allow(body), "time");
    assert!(begun.elapsed() < EVALUATION_MAX * 20, "{:?}", begun.elapsed());
}

#[test]
fn a_panic_of_the_evaluator_is_no_answer() {
    let mut rego = compiled(BANK);
    let mut engine = regorus::Engine::new();
    let panics = |_: Vec<regorus::Value>| panic!("it does");
    engine.add_extension("panics".to_owned(), 0, Box::new(panics)).unwrap();
    let policy = "package bank\nallow if not panics()\n".to_owned();
    engine.add_policy("one.rego".to_owned(), policy).unwrap();
    rego.prepared = engine;
    for _ in 0..3 {
        let opinion = rego.opinion(&question(), UnixTime(0));
        assert_eq!(opinion.verdict, Verdict::Indeterminate, "{opinion:?}");
    }
}

#[test]
fn no_question_leaves_anything_behind() {
    let rego = compiled(&allow(
        "input.subject.id == \"jean\"; to_number(input.resource.id) == 123; print(input)",
    ));
    let mut other = question();
    other.resource.id = "x".into();
    for _ in 0..3 {
        assert_eq!(rego.opinion(&question(), UnixTime(0)).verdict, Verdict::Permits);
        assert_eq!(rego.opinion(&other, UnixTime(0)).verdict, Verdict::Indeterminate);
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    check_problem(&["package bank\nallow if { input. }\n"], None, "one.rego:2:");
    check_problem(
        &["package bank\nallow { input.x }\n"],
        None,
        "one.rego:2:7: `if` keyword is required before rule body",
    );
    check_problem(
        &[BANK, "package lib\na if z > 1\n"],
        None,
        "two.rego:2:6: use of undefined variable `z` is unsafe",
    );
    check_problem(
        &["package bank\nother := 1\n"],
        None,
        "there is no rule `data.bank.allow` (there are `data.bank.other`)",
    );
    check_problem(&["package bank\nallow(x) if x\n"], None, "is a function");
    check_problem(
        &[&allow("readd(1)")],
        None,
        "one.rego:2:12: there is no function `readd`",
    );
    let lib = "package lib\nreads(x) if x == 1\n";
    check_problem(
        &["package bank\nimport data.lib\nallow if lib.reads(1)\n", lib],
        None,
        "there is no function `lib.reads` (write its whole name: `data.lib.reads`)",
    );
    check_problem(&[BANK], Some("{\"owners\": }"), "data.json:1:12: no JSON");
    check_problem(&[BANK], Some("[]"), "data.json:1:1: data is a JSON object");
    check_problem(
        &[BANK],
        Some(r#"{"bank": {"allow": true}}"#),
        "`data.bank.allow` is a rule, and in the data",
    );
    check_problem(
        &[BANK],
        Some(r#"{"bank": true}"#),
        "`data.bank.allow` is a rule, and in the data",
    );
}

#[test]
fn no_policy_reads_the_world() {
    for call in [
        r#"http.send({"method": "get", "url": "http://127.0.0.1"})"#,
        "opa.runtime()",
        "rand.intn(\"a\", 7)",
        "uuid.rfc4122(\"a\")",
        "net.lookup_ip_addr(\"example.com\")",
        "net.cidr_expand(\"10.0.0.0/8\")",
        "numbers.range_step(1, 100000000, 1)",
        "bits.lsh(1, 100000000)",
        "test.sleep(\"1s\")",
    ] {
        let problems = Rego::compile(&source(&[&allow(&format!("{call} == 1"))], None, "data.bank.allow"));
        let problems = problems.expect_err(call);
        let name = call.split('(').next().unwrap();
        assert!(
            problems.iter().all(|problem| problem.message.contains(name)),
            "{call}: {problems:?}"
        );
    }
    check_problem(
        &[&allow("f(1) with f as 2"), "package x\n"],
        None,
        "`with` replaces `f`",
    );
    check_problem(
        &[&allow("input.x with data.owners as {}")],
        None,
        "`with` replaces `data.owners`",
    );
    check("input.x == 1 with input.x as 1", Verdict::Permits);
}

#[test]
fn whatever_leads_to_itself_is_refused() {
    for policy in [
        "f(x) := f(x)\nallow if f(1)",
        "f(x) := g(x)\ng(x) := f(x)\nallow if g(1)",
        "f(x) := data.bank.f(x)\nallow if f(1)",
        "f(x) := [y | y := f(x)]\nallow if f(1)",
        "f(x) if every y in [1] { f(y) }\nallow if f(1)",
        "f(x) if { not f(x) }\nallow if f(1)",
        "f(x) if h\nh if f(1)\nallow if h",
        "f(x) if data.bank[x]\nallow if f(1)",
        "default f(x) := 1\nf(x) := f(x)\nallow if f(1)",
        "f(x) := {f(x): 1}\nallow if f(1)",
        "f(x) := x if input[f(x)]\nallow if f(1)",
        "f(x) := x if x[f(x)].y\nallow if f(1)",
        "allow if f([1])\nf([f([1])]) if true",
        "allow if f({\"a\": 1})\nf({\"a\": f({\"a\": 1})}) if true",
        "a.b.c(x) := data.bank.a[\"b.c\"](x)\nallow if a.b.c(1)",
        "allow if not allow",
        "allow if data.bank.allow",
        "a if b\nb if a\nallow if a",
    ] {
        check_problem(&[&format!("package bank\n{policy}\n")], None, "leads to itself");
    }
    check_problem(
        &[
            "package bank\nallow if data.lib.f(1)\n",
            "package lib\nf(x) if data.bank.g(x)\n",
            "package bank\ng(x) if data.lib.f(x)\n",
        ],
        None,
        "leads to itself",
    );
}

#[test]
fn names_that_look_alike_lead_nowhere() {
    for policy in [
        "owner(resource) if resource.owner == 1\nallow if owner(input)",
        "name(x) := y if { y := x.name }\nallow if name(input)",
        "f(allow) if allow == 1\nallow if f(1)",
        "users[id] := u if { some id in [\"a\"]; u := data.all[id] }\nallow if users.a",
    ] {
        compiled(&format!("package bank\n{policy}\n"));
    }
    let lib = "package lib\nallow if input.x\n";
    assert!(
        Rego::compile(&source(
            &["package bank\nallow if data.lib.allow\n", lib],
            None,
            "data.bank.allow"
        ))
        .is_ok()
    );
}

/// What the evaluator takes for something else than OPA does, so that somebody would be permitted whom a policy denies.
#[test]
fn what_is_misread_is_refused() {
    let blocked = r#"{"blocked": {"CORP\\jean": true, "jean": true}}"#;
    for name in [r#""CORP\\jean""#, r#""j\u0065an""#, r#""a\"b""#, r#""a\tb""#] {
        let escape = "a name in brackets has an escape";
        check_problem(&[&allow(&format!("not data.blocked[{name}]"))], Some(blocked), escape);
        check_problem(&[&allow(&format!("input.x with input[{name}] as 1"))], None, escape);
        let head = format!("package bank\nallow if true\ndeny[{name}] := 1\n");
        check_problem(&[&head], None, escape);
    }
    let raw = allow("not data.blocked[`CORP\\jean`]");
    let rego = Rego::compile(&source(&[&raw], Some(blocked), "data.bank.allow")).unwrap();
    assert_eq!(rego.opinion(&question(), UnixTime(0)).verdict, Verdict::Forbids);
    for import in ["data.lib", "input.subject as s", "data.lib as d"] {
        check_problem(
            &[&format!("package bank\nimport {import}\nallow if true\n")],
            None,
            "is imported",
        );
    }
}

#[test]
fn below_not_everything_has_a_value() {
    for negated in [
        "not data.blocked[_] == input.subject.id",
        "not startswith(input.subject.id, data.prefixes[_])",
        "some i; not data.blocked[i] == input.subject.id",
        "not data.blocked[i] == input.subject.id",
        "[i | some i in [1]] == [1]; not data.blocked[i] == 1",
        "every x in [1] { not data.blocked[y] == x }",
        "x := 1; not walk(x, [[\"a\"], y])",
        "count([1 | not data.blocked[_] == 1]) == 0",
        "not data.blocked[x] == input.subject.id; x >= 0",
        "not data.blocked[x] == input.subject.id; is_number(x)",
        "not data.blocked[x] == input.subject.id; x in [0, 1]",
        "not data.blocked[x] == input.subject.id; y = x",
        "not data.blocked[id]; startswith(id, \"j\")",
        "some other; not data.blocked[other] == input.subject.id }\nother := 0 if { true",
        "not data.blocked[f] == input.subject.id }\nf(x) := 0 if { true",
        "some x; not other with input.subject.id as data.blocked[x] }\nother if { input.subject.id == 1",
    ] {
        check_problem(&[&allow(negated)], None, "below `not` alone");
    }
    for holds in [
        "some i in [1]; not i == 2",
        "x := [1][_]; not x == 2",
        "i = 1; not i == 2",
        "not count([x | some x in [1]; x == 2]) == 1",
        "every i, x in [1] { not x == i }",
        "not lower(input.subject.id) in data.none",
        "not other",
        "y = x; x = 1; not y == 2",
        "walk([1], [path, value]); value == 1; not path == [2]",
        "not g([1, 2], {\"k\": 3}) }\ng([a, b], {\"k\": c}) if { not a == b; not a < c",
    ] {
        check(&format!("{holds} }}\nother if {{ false"), Verdict::Permits);
    }
}

#[test]
fn what_the_order_of_files_would_decide_is_refused() {
    for value in [
        "b := 1 in data.nothing; b == false",
        "[1 in data.nothing] == [false]",
        "f(1 in [2]) }\nf(x) if { not x",
    ] {
        check_problem(&[&allow(value)], None, "`in` is used as a value");
    }
    for clash in [
        "denied[u] contains a if { some u, a in {} }\ndenied.jean contains \"pay\"",
        "deny[x].why := 1 if { some x in [1] }\ndeny.jean := 2",
    ] {
        let policy = format!("package bank\nallow if true\n{clash}\n");
        check_problem(&[&policy], None, "is below the rule");
    }
    check_problem(
        &[
            "package bank\ndefault allow := true\n",
            "package bank\ndefault allow := false\n",
        ],
        None,
        "`data.bank.allow` has two defaults",
    );
}

#[test]
fn functions_are_those_of_opa_or_none() {
    check(
        r#"not net.cidr_contains("10.0.0.0/8", "::ffff:10.1.2.3")"#,
        Verdict::Forbids,
    );
    check(r#"net.cidr_contains("10.0.0.0/8", "10.1.0.0/16")"#, Verdict::Permits);
    check(r#"net.cidr_contains("10.1.0.0/16", "10.0.0.0/8")"#, Verdict::Forbids);
    check(r#"net.cidr_contains("::/0", "10.1.2.3")"#, Verdict::Forbids);
    check(
        r#"not net.cidr_contains("10.0.0.0/8", "::ffff:10.1.2.3/128")"#,
        Verdict::Forbids,
    );
    check(
        r#"net.cidr_contains("::ffff:10.0.0.0/104", "10.1.2.3")"#,
        Verdict::Permits,
    );
    check_indeterminate(&allow(r#"not net.cidr_contains("10.0.0.1", "10.0.0.1")"#), "no network");
    check_indeterminate(
        &allow(r#"not net.cidr_contains("10.0.0.0/8", "nowhere")"#),
        "one.rego:2",
    );
    check(r#"regex.match(`^.{0,255}$`, input.subject.id)"#, Verdict::Permits);
    check(r#"regex.match("^[a-c]+$", input.subject.id)"#, Verdict::Forbids);
    check_indeterminate(&allow(r#"not regex.match("(", "a")"#), "one.rego:2");
    for (call, name) in [
        (r#"glob.match("user:*", [":"], "user:1:admin")"#, "glob.match"),
        (r#"units.parse("500XB")"#, "units.parse"),
        (r#"units.parse_bytes("1e10000000")"#, "units.parse_bytes"),
        (r#"json.unmarshal("{}")"#, "json.unmarshal"),
        ("graph.reachable_paths({}, [])", "graph.reachable_paths"),
        ("f(numbers.range_step(1, 1, 1))", "numbers.range_step"),
    ] {
        let policy = format!("{}f(bits.lsh(1, 10)) if true\n", allow(call));
        check_problem(&[&policy], None, &format!("`{name}` must not be called"));
        check_problem(&[&policy], None, "`bits.lsh` must not be called");
    }
    check_problem(
        &[&allow("startswith(\"a\")")],
        None,
        "`startswith` takes 2 arguments, and has 1",
    );
    check_problem(
        &[&format!("{}f(x, y) if x == y\n", allow("f(1)"))],
        None,
        "`f` takes 2 arguments, and has 1",
    );
}

#[test]
fn what_callers_write_is_json_and_nothing_else() {
    let mut question = question();
    let number = json!({"$serde_json::private::Number": "1e90000000"});
    question.context.insert("x", number.clone());
    question.resource.properties.insert("y", json!([number]));
    let rego = compiled(&allow(
        "is_object(input.context.x); is_object(input.resource.properties.y[0])",
    ));
    assert_eq!(rego.opinion(&question, UnixTime(0)).verdict, Verdict::Permits);
    let data = r#"{"x": {"$serde_json::private::Number": "7"}, "big": 18446744073709551615, "small": -7, "half": 0.5}"#;
    let body = "is_object(data.x); data.big == 18446744073709551615; data.small == -7; data.half == 0.5";
    let rego = Rego::compile(&source(&[&allow(body)], Some(data), "data.bank.allow")).unwrap();
    assert_eq!(rego.opinion(&question, UnixTime(0)).verdict, Verdict::Permits);
}

#[test]
fn a_text_that_is_nested_without_end_is_an_error() {
    let check = |body: &str, expected: &str| check_problem(&[&allow(body)], None, expected);
    check(&format!("0 < 1{}", "\n+1".repeat(12_000)), "more than 1000 operators");
    check(&format!("{}1{} == 1", "(".repeat(300), ")".repeat(300)), "one.rego:2:");
    check(&format!("input{}", ".a".repeat(450)), "nested too deep");
    check(&"[1][_] == 1\n".repeat(1_000), "leads through too many rules");
    let long = format!("{BANK}\n{}", "# more\n".repeat(40_000));
    check_problem(&[&long], None, "131072");
    // Neither texts nor comments have operators.
    let many = "-".repeat(300);
    let texts = format!("\"{many}\" != `{many}` # {many}\n").repeat(3);
    assert!(Rego::compile(&source(&[&allow(&texts)], None, "data.bank.allow")).is_ok());
}

/// Evaluated on as little stack as a worker of the gate has left.
#[test]
fn the_deepest_policy_that_is_taken_fits_a_stack() {
    let chain = |rules: usize, body: &dyn Fn(String) -> String| {
        let rules: Vec<String> = (0..rules)
            .map(|rule| format!("f{rule}(x) := {}", body(format!("f{}(x)", rule + 1))))
            .collect();
        let last = rules.len();
        format!("package bank\n{}\nf{last}(x) := x\nallow if f0(1)\n", rules.join("\n"))
    };
    let check = |body: &dyn Fn(String) -> String| {
        let taken = |rules: &usize| Rego::compile(&source(&[&chain(*rules, body)], None, "data.bank.allow")).is_ok();
        let sizes: Vec<usize> = (1..1_000).collect();
        let most = sizes.partition_point(taken);
        assert!((2..999).contains(&most), "{}: {most}", body(String::new()));
        let policy = chain(most, body);
        let thread = std::thread::Builder::new().stack_size(1 << 20);
        let asked = thread.spawn(move || opinion(&policy).verdict).unwrap();
        assert_eq!(asked.join().unwrap(), Verdict::Permits, "{}", body(String::new()));
    };
    check(&|next| next);
    check(&|next| format!("true if {{ {} {next} }}", "[1][_] == 1; ".repeat(20)));
    check(&|next| format!("[[[[[[[[{next}]]]]]]]]"));
    check(&|next| format!("[y | y := {next}]"));
    check(&|next| format!("[y | some y in [1]; some z in [2]; not [w | w := {next}] == z]"));
    check(&|next| format!("true if every y in [1] {{ {next} }}"));
    check(&|next| format!("true if {{ input.subject.id == \"jean\"; {next} with input.a as {{\"b\": 1}} }}"));
    check(&|next| format!("true if {{ some k, v in {{\"a\": [1]}}; v[{next}] }} else := {{\"a\": {{1 + 2}}}}"));
}
