use serde_json::json;

use super::*;
use crate::decision::{DecisionPoint, Engines};
use crate::words::{Action, Resource};

/// A Monday, 09:30 UTC.
const MONDAY: i64 = 1_795_426_200;

fn operations() -> Vec<Operation> {
    let operation = |name: &str, tags: &[&str]| Operation {
        name: name.to_owned(),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
    };
    vec![
        operation("listOrders", &["read"]),
        operation("readOrder", &["read"]),
        operation("deleteOrder", &["admin"]),
        operation("list*", &[]),
    ]
}

fn compile(model: Value) -> Result<Roles, Vec<RoleProblem>> {
    Roles::compile(serde_json::from_value(model).unwrap(), &operations())
}

fn evaluation(subject: &Subject, action: &str) -> Evaluation {
    Evaluation::new(subject.clone(), Action::new(action), Resource::new("order", "1"))
}

fn subject(id: &str, properties: Value) -> Subject {
    let mut subject = Subject::new("user", id);
    subject.properties = serde_json::from_value(properties).unwrap();
    subject
}

fn permits(roles: &Roles, evaluation: &Evaluation, at: i64) -> bool {
    roles.opinion(evaluation, UnixTime(at)).verdict == Verdict::Permits
}

#[test]
fn by_subject_group_and_claim_with_inheritance() {
    let roles = compile(json!({
        "roles": {
            "reader": {"tags": ["read"]},
            "clerk": {"inherits": ["reader"], "operations": ["deleteOrder"]},
            "chief": {"inherits": ["clerk"]},
        },
        "assignments": [
            {"role": "reader", "claim": "realm_access.roles", "equals": "reading"},
            {"role": "clerk", "group": "staff"},
            {"role": "chief", "subject": "jean", "subject_type": "user"},
        ],
    }))
    .unwrap();
    let nobody = subject("x", json!({"role": "chief", "roles": ["chief"]}));
    let reader = subject("r", json!({"realm_access": {"roles": ["reading"]}}));
    let clerk = subject("c", json!({"groups": ["staff"]}));
    let jean = subject("jean", json!({}));
    let device = Subject::new("device", "jean");
    for (who, operation, expected) in [
        (&nobody, "listOrders", false),
        (&reader, "listOrders", true),
        (&reader, "readOrder", true),
        (&reader, "deleteOrder", false),
        (&clerk, "listOrders", true),
        (&clerk, "deleteOrder", true),
        (&jean, "listOrders", true),
        (&jean, "deleteOrder", true),
        (&device, "deleteOrder", false),
        (&jean, "list*", false),
        (&jean, "unheardOf", false),
    ] {
        assert_eq!(
            permits(&roles, &evaluation(who, operation), MONDAY),
            expected,
            "{} {operation}",
            who.id
        );
    }
    assert!(!roles.reads_time());
    let decision = Engines::new(vec![Arc::new(roles)]).evaluate(&evaluation(&jean, "readOrder"), UnixTime(MONDAY));
    let ids: Vec<&str> = decision.determining().map(|rule| &*rule.id).collect();
    assert_eq!(ids, ["chief"]);
}

#[test]
fn who_has_no_role_is_told_which_would_do() {
    let roles = || {
        let all: BTreeSet<String> = (0..12).map(|number| format!("many{number:02}")).collect();
        let many = all
            .iter()
            .map(|name| (name.clone(), json!({"operations": ["deleteOrder"]})));
        let mut written = serde_json::Map::from_iter(many);
        written.insert("reader".to_owned(), json!({"operations": ["readOrder"]}));
        written.insert("clerk".to_owned(), json!({"inherits": ["reader"]}));
        Arc::new(compile(json!({"roles": written, "assignments": [{"role": "clerk", "subject": "c"}]})).unwrap())
    };
    let why = |engines: Engines, who: &str, action: &str| {
        engines
            .evaluate(&evaluation(&Subject::new("user", who), action), UnixTime(MONDAY))
            .why()
    };
    let alone = || Engines::new(vec![roles()]);
    assert_eq!(why(alone(), "c", "readOrder"), "roles:clerk");
    assert_eq!(why(alone(), "x", "readOrder"), "no-role: clerk or reader");
    assert_eq!(why(alone(), "x", "listOrders"), "no-role: none may do it");
    let named: Vec<String> = (0..8).map(|number| format!("many{number:02}")).collect();
    let expected = format!("no-role: {} or 4 more", named.join(" or "));
    assert_eq!(why(alone(), "x", "deleteOrder"), expected);
    // Beside another engine nobody knows that it was the role.
    let beside = || Engines::new(vec![roles(), Arc::new(Silent)]);
    assert_eq!(
        why(beside(), "x", "readOrder"),
        "nothing-permits, no-role: clerk or reader"
    );
    // It is no objection: whoever else is asked may permit.
    let denied = alone().evaluate(&evaluation(&subject("x", json!({})), "readOrder"), UnixTime(MONDAY));
    assert!(!denied.is_final_deny());
    let permits = Opinion {
        verdict: Verdict::Permits,
        reasons: vec![],
    };
    assert!(denied.with([permits]).permits());
}

struct Silent;

impl Engine for Silent {
    fn name(&self) -> &'static str {
        "silent"
    }

    fn opinion(&self, _: &Evaluation, _: UnixTime) -> Opinion {
        Opinion::silent()
    }

    fn reads_time(&self) -> bool {
        false
    }

    fn changes(&self) -> u64 {
        0
    }
}

#[test]
fn a_star_is_every_operation_only_alone() {
    let roles = compile(json!({
        "roles": {"all": {"operations": ["*"]}, "listing": {"operations": ["list*"]}},
        "assignments": [{"role": "all", "subject": "root"}, {"role": "listing", "subject": "*"}],
    }))
    .unwrap();
    let (root, star) = (subject("root", json!({})), subject("*", json!({})));
    let anybody = subject("jean", json!({}));
    assert!(permits(&roles, &evaluation(&root, "deleteOrder"), MONDAY));
    assert!(permits(&roles, &evaluation(&star, "list*"), MONDAY));
    assert!(!permits(&roles, &evaluation(&star, "listOrders"), MONDAY));
    assert!(!permits(&roles, &evaluation(&anybody, "list*"), MONDAY));
}

#[test]
fn conditions_all_hold_or_the_role_does_not_count() {
    let roles = compile(json!({
        "roles": {"clerk": {"operations": ["deleteOrder"]}},
        "assignments": [{"role": "clerk", "group": "staff", "when": {
            "time": {"days": ["monday"], "from": "09:00", "until": "17:00", "ahead_of_utc_minutes": 60},
            "networks": ["10.0.0.0/8"],
            "claims": {"acr": "gold"},
        }}],
    }))
    .unwrap();
    assert!(roles.reads_time());
    let check = |properties: Value, address: Value, at: i64, expected: bool| {
        let mut evaluation = evaluation(&subject("c", properties), "deleteOrder");
        evaluation.context.insert("address", address);
        assert_eq!(permits(&roles, &evaluation, at), expected, "{evaluation:?} {at}");
    };
    let good = json!({"groups": "staff", "acr": "gold"});
    check(good.clone(), json!("10.1.2.3"), MONDAY, true);
    check(good.clone(), json!("::ffff:10.1.2.3"), MONDAY, true);
    check(good.clone(), json!("11.1.2.3"), MONDAY, false);
    check(good.clone(), json!(7), MONDAY, false);
    check(good.clone(), json!("10.1.2.3"), MONDAY + 86_400, false);
    check(good.clone(), json!("10.1.2.3"), MONDAY + 6 * 3_600 + 29 * 60, true);
    check(good, json!("10.1.2.3"), MONDAY + 6 * 3_600 + 30 * 60, false);
    check(json!({"groups": "staff"}), json!("10.1.2.3"), MONDAY, false);
    check(
        json!({"groups": [["staff"]], "acr": "gold"}),
        json!("10.1.2.3"),
        MONDAY,
        false,
    );
}

#[test]
fn a_window_over_midnight_belongs_to_the_day_on_which_it_begins() {
    let roles = compile(json!({
        "roles": {"night": {"operations": ["deleteOrder"]}},
        "assignments": [{"role": "night", "subject": "n", "when":
            {"time": {"days": ["monday"], "from": "22:00", "until": "06:00"}}}],
    }))
    .unwrap();
    let midnight = MONDAY - 9 * 3_600 - 30 * 60;
    for (hour, expected) in [
        (5, false),
        (21, false),
        (22, true),
        (24, true),
        (29, true),
        (30, false),
        (46, false),
    ] {
        let at = midnight + hour * 3_600;
        assert_eq!(
            permits(&roles, &evaluation(&subject("n", json!({})), "deleteOrder"), at),
            expected,
            "{hour}"
        );
    }
}

#[test]
fn everything_that_is_wrong_is_told() {
    let problems = compile(json!({
        "roles": {
            "a": {"inherits": ["b"]},
            "b": {"inherits": ["a", "ghost"]},
            "c": {"operations": ["nothing", "List*"], "tags": ["none"]},
        },
        "assignments": [
            {"role": "d", "subject": "x"},
            {"role": "c"},
            {"role": "c", "subject": "x", "group": "y"},
            {"role": "c", "claim": "x"},
            {"role": "c", "subject": "x", "when": {"time": {"from": "00:00", "until": "01:00", "ahead_of_utc_minutes": 900}}},
        ],
    }))
    .unwrap_err();
    let words: Vec<String> = problems.iter().map(ToString::to_string).collect();
    for expected in [
        "`b` inherits from `ghost`",
        "`a` inherits from itself",
        "`b` inherits from itself",
        "`nothing`, which is no operation",
        "`List*`, which is no operation",
        "tagged `none`",
        "gives `d`",
        "assignment 2 has to name",
        "assignment 3 has to name",
        "assignment 4 has to name",
        "assignment 5 has a clock",
    ] {
        assert!(
            words.iter().any(|word| word.contains(expected)),
            "{expected}: {words:#?}"
        );
    }
    assert_eq!(words.len(), 11);
}

#[test]
fn an_operation_called_star_is_ambiguous() {
    let model = json!({"roles": {"all": {"operations": ["*"]}}});
    let star = [Operation {
        name: "*".to_owned(),
        tags: vec![],
    }];
    let problems = Roles::compile(serde_json::from_value(model).unwrap(), &star).unwrap_err();
    assert_eq!(problems, [RoleProblem::AmbiguousEvery { role: "all".to_owned() }]);
}

#[test]
fn times_of_day_are_spelled_one_way() {
    for text in ["9:00", "24:00", "12:60", "12-00", "+1:00", ""] {
        assert!(Clock::try_from(text.to_owned()).is_err(), "{text}");
    }
    assert_eq!(Clock::try_from("23:59".to_owned()).unwrap().minute(), 1439);
}
