use serde_json::json;

use super::*;
use crate::decision::{DecisionPoint, Engines};
use crate::explained::Held;
use crate::lint::LintKind;
use crate::words::{Action, Resource, Subject};

const AT: UnixTime = UnixTime(1_795_426_200);

fn source(policies: &str) -> Source<'_> {
    Source {
        policies: vec![Text {
            name: "p.cedar",
            text: policies,
        }],
        ..Source::default()
    }
}

fn compiled(source: &Source<'_>) -> Cedar {
    Cedar::compile(source)
        .map_err(|problems| format!("{problems:#?}"))
        .unwrap()
        .0
}

fn evaluation(value: serde_json::Value) -> Evaluation {
    serde_json::from_value(value).unwrap()
}

fn asks(subject: &str, action: &str, resource: &str) -> Evaluation {
    Evaluation::new(
        Subject::new("User", subject),
        Action::new(action),
        Resource::new("Doc", resource),
    )
}

fn ids(rules: &[Rule]) -> Vec<&str> {
    rules.iter().map(|rule| &*rule.id).collect()
}

#[test]
fn what_forbids_overrides_and_nothing_is_a_deny() {
    let cedar = compiled(&source(
        r#"
        @id("all") permit(principal == User::"a", action, resource);
        forbid(principal, action == Action::"delete", resource);
        "#,
    ));
    let answer = |evaluation: &Evaluation| cedar.answer(evaluation, AT).unwrap();
    let read = answer(&asks("a", "read", "1"));
    assert!(read.permits);
    assert_eq!(ids(&read.determining), ["all"]);
    let delete = answer(&asks("a", "delete", "1"));
    assert!(!delete.permits);
    assert_eq!(ids(&delete.determining), ["p.cedar#2"]);
    let other = answer(&asks("b", "read", "1"));
    assert_eq!((other.permits, other.determining.len()), (false, 0));
}

#[test]
fn a_star_in_an_id_is_a_star() {
    let cedar = compiled(&source(
        r#"permit(principal == User::"*", action == Action::"read*", resource == Doc::"*");"#,
    ));
    let permits = |subject, action, resource| cedar.answer(&asks(subject, action, resource), AT).unwrap().permits;
    assert!(permits("*", "read*", "*"));
    assert!(!permits("a", "read*", "*"));
    assert!(!permits("*", "readAll", "*"));
    assert!(!permits("*", "read*", "1"));
}

#[test]
fn problems_are_told_with_their_places_all_at_once() {
    let bad = Source {
        policies: vec![
            Text {
                name: "a.cedar",
                text: "permit(principal, action, resource);\npermit(principal, action);",
            },
            Text {
                name: "b.cedar",
                text: "@id(\"x\") permit(principal, action, resource);\n  @id(\"x\") forbid(principal, action, resource);",
            },
        ],
        entities: Some(Text {
            name: "e.json",
            text: "[1]",
        }),
        schema: Some(Text {
            name: "s.cedarschema",
            text: "entity ;",
        }),
        ..Source::default()
    };
    let problems: Vec<String> = Cedar::compile(&bad)
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(
        problems.iter().any(|problem| problem.starts_with("a.cedar:2:")),
        "{problems:#?}"
    );
    assert!(
        problems
            .iter()
            .any(|problem| problem.starts_with("b.cedar:2:3: the id `x`")),
        "{problems:#?}"
    );
    assert!(
        problems.iter().any(|problem| problem.starts_with("s.cedarschema:1:")),
        "{problems:#?}"
    );
}

const SCHEMA: &str = r#"
    entity Group;
    entity User in [Group] = { manager?: User, level: Long };
    entity Doc = { owner: User, open?: Bool };
    action readers;
    action read in [readers] appliesTo { principal: [User], resource: [Doc], context: { address?: ipaddr } };
"#;

#[test]
fn a_misspelt_name_after_has_is_an_error_and_so_is_a_forbid_that_never_applies() {
    let problems = |policies: &str| match Cedar::compile(&with_schema(policies)) {
        Ok((_, warnings)) => warnings.iter().map(|one| format!("warning: {one}")).collect(),
        Err(problems) => problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
    };
    let all = |condition: &str| format!("forbid (principal, action, resource) when {{ {condition} }};");
    assert_eq!(problems(&all("resource has open && resource.open")), [""; 0]);
    let told = problems(&all("resource has opn && resource.opn"));
    assert!(
        told.iter()
            .any(|one| one.starts_with("p.cedar:1:45: nothing has an attribute `opn`") && one.contains("open")),
        "{told:#?}"
    );
    let told = problems(&all(
        "principal.level > 3 && !(context has adress && context.adress.isLoopback())",
    ));
    assert!(
        told.iter().any(|one| one.contains("nothing has an attribute `adress`")),
        "{told:#?}"
    );
    let told = problems(&all("resource has owner.manger"));
    assert!(
        told.iter().any(|one| one.contains("nothing has an attribute `manger`")),
        "{told:#?}"
    );
    let told = problems(&all("resource has level"));
    assert!(
        told.iter()
            .any(|one| one.contains("impossible") && !one.starts_with("warning")),
        "{told:#?}"
    );
    let told = problems("permit (principal, action, resource) when { resource has level };");
    assert!(
        told.iter()
            .any(|one| one.starts_with("warning") && one.contains("impossible")),
        "{told:#?}"
    );
}

fn with_schema(policies: &str) -> Source<'_> {
    Source {
        schema: Some(Text {
            name: "s.cedarschema",
            text: SCHEMA,
        }),
        ..source(policies)
    }
}

#[test]
fn policies_are_validated_strictly() {
    let bad = with_schema(
        "permit(principal, action, resource) when { principal.size > 1 };\npermit(principal == Usr::\"a\", action, resource);",
    );
    let problems: Vec<String> = Cedar::compile(&bad)
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(
        problems
            .iter()
            .any(|p| p.starts_with("p.cedar:1:44: ") && p.contains("size")),
        "{problems:#?}"
    );
    assert!(
        problems
            .iter()
            .any(|p| p.starts_with("p.cedar:2:21: ") && p.contains("Usr")),
        "{problems:#?}"
    );
}

#[test]
fn strings_become_what_the_schema_says() {
    let cedar = compiled(&with_schema(
        r#"permit(principal, action in Action::"readers", resource is Doc)
           when { resource.owner == principal && context has address && context.address.isInRange(ip("10.0.0.0/8")) };"#,
    ));
    let check = |owner: serde_json::Value, address: &str, expected: Option<bool>| {
        let evaluation = evaluation(json!({
            "subject": {"type": "User", "id": "jean"},
            "action": {"name": "read"},
            "resource": {"type": "Doc", "id": "1", "properties": {"owner": owner}},
            "context": {"address": address, "undeclared": 1.23456}
        }));
        assert_eq!(
            cedar.answer(&evaluation, AT).ok().map(|answer| answer.permits),
            expected,
            "{owner}"
        );
    };
    check(json!("jean"), "10.1.1.1", Some(true));
    check(json!("jean"), "11.1.1.1", Some(false));
    check(json!("eve"), "10.1.1.1", Some(false));
    check(json!({"__entity": {"type": "User", "id": "jean"}}), "10.1.1.1", None);
    check(json!("jean"), "everywhere", None);
}

#[test]
fn what_is_configured_of_an_entity_is_not_overridden() {
    let entities = r#"[{"uid": {"type": "User", "id": "eve"}, "attrs": {"level": 1}, "parents": [{"type": "Group", "id": "guests"}]},
                      {"uid": {"type": "Group", "id": "guests"}, "attrs": {}, "parents": []}]"#;
    let cedar = compiled(&Source {
        entities: Some(Text {
            name: "e.json",
            text: entities,
        }),
        subject_memberships: vec![Membership {
            property: "groups".to_owned(),
            kind: "Group".to_owned(),
        }],
        ..with_schema(
            r#"@id("level") permit(principal, action, resource) when { principal.level > 5 };
               @id("guests") permit(principal in Group::"guests", action, resource);
               @id("staff") permit(principal in Group::"staff", action, resource);"#,
        )
    });
    let check = |id: &str, properties: serde_json::Value, expected: &[&str]| {
        let mut evaluation = asks(id, "read", "1");
        evaluation.subject.properties = serde_json::from_value(properties).unwrap();
        assert_eq!(
            ids(&cedar.answer(&evaluation, AT).unwrap().determining),
            expected,
            "{id}"
        );
    };
    check("eve", json!({"level": 9}), &["guests"]);
    check("bob", json!({"level": 9}), &["level"]);
    check("eve", json!({"groups": ["staff"]}), &["guests", "staff"]);
    check("bob", json!({"level": 1, "groups": "staff"}), &["staff"]);
}

#[test]
fn a_forbid_that_fails_denies_unless_told_otherwise() {
    let text = r#"permit(principal, action, resource); @id("f") forbid(principal, action, resource) when { resource.secret };"#;
    let safe = compiled(&source(text));
    let cedars = compiled(&Source {
        failed_forbid: FailedForbid::DangerousPassedOver,
        ..source(text)
    });
    let question = asks("a", "read", "1");
    assert!(safe.answer(&question, AT).unwrap().permits);
    assert_eq!(safe.opinion(&question, AT).verdict, Verdict::Indeterminate);
    assert_eq!(cedars.opinion(&question, AT).verdict, Verdict::Permits);
    let decision = Engines::new(vec![Arc::new(safe)]).evaluate(&question, AT);
    assert!(!decision.permits());
    assert!(
        decision
            .reasons()
            .iter()
            .any(|reason| matches!(reason, Reason::Failed { rule, .. } if &*rule.id == "f"))
    );
}

#[test]
fn the_time_is_the_callers_and_never_the_contexts() {
    let cedar = compiled(&source(
        "permit(principal, action, resource) when { context.clock.minute < 600 && context.clock.weekday == 1 };",
    ));
    assert!(cedar.reads_time());
    let mut question = asks("a", "read", "1");
    question.context.insert("clock", json!({"minute": 0, "weekday": 1}));
    assert!(cedar.answer(&question, AT).unwrap().permits);
    assert!(!cedar.answer(&question, UnixTime(AT.0 + 3_600)).unwrap().permits);
    assert!(!compiled(&source("permit(principal, action, resource) when { context.x };")).reads_time());
}

#[test]
fn templates_are_linked() {
    let text = r#"@id("t") permit(principal == ?principal, action, resource in ?resource);"#;
    let link = Link {
        template: "t".to_owned(),
        id: "jean".to_owned(),
        principal: Some("User::\"jean\"".to_owned()),
        resource: Some("Doc::\"1\"".to_owned()),
    };
    let cedar = compiled(&Source {
        links: vec![link.clone()],
        ..source(text)
    });
    assert_eq!(
        ids(&cedar.answer(&asks("jean", "read", "1"), AT).unwrap().determining),
        ["jean"]
    );
    assert!(!cedar.answer(&asks("jean", "read", "2"), AT).unwrap().permits);
    for (change, words) in [
        (
            Link {
                template: "u".to_owned(),
                ..link.clone()
            },
            "no template",
        ),
        (
            Link {
                principal: None,
                ..link.clone()
            },
            "principal",
        ),
        (
            Link {
                resource: Some("nonsense".to_owned()),
                ..link.clone()
            },
            "link `jean`",
        ),
        (
            Link {
                id: "t".to_owned(),
                ..link
            },
            "that of another",
        ),
    ] {
        let problems = Cedar::compile(&Source {
            links: vec![change],
            ..source(text)
        })
        .unwrap_err();
        assert!(
            problems.iter().any(|problem| problem.to_string().contains(words)),
            "{words}: {problems:?}"
        );
    }
}

#[test]
fn a_namespace_stands_before_names_that_have_none() {
    let cedar = compiled(&Source {
        namespace: Some("Shop".to_owned()),
        ..source(
            r#"permit(principal == Shop::User::"a", action == Shop::Action::"read", resource == Other::Doc::"1");"#,
        )
    });
    let mut question = asks("a", "read", "1");
    assert!(!cedar.answer(&question, AT).unwrap().permits);
    question.resource.kind = "Other::Doc".to_owned();
    assert!(cedar.answer(&question, AT).unwrap().permits);
    question.subject.kind = "no type".to_owned();
    assert!(matches!(
        cedar.answer(&question, AT),
        Err(Failure::Type { part: "subject", .. })
    ));
    assert_eq!(cedar.opinion(&question, AT).verdict, Verdict::Indeterminate);
}

#[test]
fn explanations_name_conditions_and_what_is_missing() {
    let cedar = compiled(&source(
        r#"@id("own") permit(principal, action == Action::"read", resource)
               when { principal.level > 3 && resource has owner } unless { context.frozen };
           @id("other") permit(principal, action == Action::"write", resource);"#,
    ));
    let mut question = asks("a", "read", "1");
    question.subject.properties.insert("level", 4);
    let explanation = cedar.explain(&question, AT).unwrap();
    assert_eq!(
        (
            explanation.permits,
            explanation.in_scope.len(),
            explanation.out_of_scope
        ),
        (false, 1, 1)
    );
    let own = &explanation.in_scope[0];
    assert_eq!(own.held, Held::NotHeld);
    let texts: Vec<(&str, bool)> = own
        .conditions
        .iter()
        .map(|one| (one.text.as_str(), one.held == Held::Held))
        .collect();
    assert_eq!(
        texts[..2],
        [("principal.level > 3", true), ("resource has owner", false)]
    );
    assert!(matches!(own.conditions[2].held, Held::Failed { .. }));
    assert_eq!(own.missing, ["context.frozen", "resource.owner"]);
}

#[test]
fn what_is_missing_is_named_once() {
    let cedar = compiled(&source(
        "permit(principal, action, resource) when { !(context.request has fast && context.request.fast) };",
    ));
    let mut question = asks("a", "read", "1");
    question.context.insert("request", serde_json::json!({"amount": 5}));
    let explanation = cedar.explain(&question, AT).unwrap();
    assert_eq!(explanation.in_scope[0].missing, ["context.request.fast"]);
}

#[test]
fn odd_policies_are_found() {
    let cedar = compiled(&Source {
        entities: Some(Text {
            name: "e",
            text: r#"[{"uid": {"type": "Group", "id": "a"}, "attrs": {}, "parents": []}]"#,
        }),
        ..source(
            r#"@id("wide") permit(principal, action, resource);
               @id("never") permit(principal, action, resource) when { 1 > 2 };
               @id("ghost") permit(principal in Group::"b", action, resource);
               @id("fine") permit(principal in Group::"a", action, resource) when { principal.x };
               @id("twice") permit(principal in Group::"a", action, resource) when { principal.x };
               @id("stop") forbid(principal, action, resource) when { context.x };"#,
        )
    });
    let rule = |id: &str| Rule {
        engine: NAME,
        id: id.into(),
    };
    let decided = ["wide", "never", "ghost", "fine", "twice"].map(rule).into();
    let found = cedar.lint(Some(&decided));
    let words: Vec<(&str, &str)> = found
        .iter()
        .map(|lint| {
            let kind = match &lint.kind {
                LintKind::Unreachable { .. } => "unreachable",
                LintKind::TooWide => "wide",
                LintKind::Identical { .. } => "identical",
                LintKind::Unused => "unused",
            };
            (&*lint.rule.id, kind)
        })
        .collect();
    assert_eq!(
        words,
        [
            ("wide", "wide"),
            ("never", "unreachable"),
            ("ghost", "unreachable"),
            ("twice", "identical"),
            ("stop", "unused")
        ]
    );
}

#[test]
fn a_type_is_spelled_in_one_way() {
    let cedar = compiled(&source("permit(principal is User, action, resource);"));
    for (kind, expected) in [
        ("User", Some(true)),
        ("user", Some(false)),
        ("Us\u{0435}r", None),
        (" User", None),
        ("User ", None),
        ("User\n", None),
        ("User//", None),
        ("User::", None),
        ("__cedar::User", None),
        ("if", None),
        ("User\u{0}", None),
    ] {
        let mut question = asks("a", "read", "1");
        question.subject.kind = kind.to_owned();
        let found = cedar.answer(&question, AT).ok().map(|answer| answer.permits);
        assert_eq!(found, expected, "{kind:?}");
    }
}

#[test]
fn a_membership_that_cannot_be_read_denies() {
    let cedar = compiled(&Source {
        subject_memberships: vec![Membership {
            property: "groups".to_owned(),
            kind: "Group".to_owned(),
        }],
        ..source(r#"permit(principal, action, resource); @id("7") forbid(principal in Group::"7", action, resource);"#)
    });
    for (groups, expected) in [
        (json!(null), Verdict::Permits),
        (json!([]), Verdict::Permits),
        (json!("8"), Verdict::Permits),
        (json!(["8", "7"]), Verdict::Forbids),
        (json!(7), Verdict::Indeterminate),
        (json!([7]), Verdict::Indeterminate),
        (json!([{"id": "7"}]), Verdict::Indeterminate),
        (json!({"7": true}), Verdict::Indeterminate),
    ] {
        let mut question = asks("a", "read", "1");
        question.subject.properties.insert("groups", groups.clone());
        assert_eq!(cedar.opinion(&question, AT).verdict, expected, "{groups}");
    }
}

#[test]
fn properties_that_no_policy_asks_for_are_not_looked_at() {
    let cedar = compiled(&source(
        r#"permit(principal, action, resource) when { principal.level > 3 && context.ok };
           forbid(principal, action == Action::"write", resource) when { resource.size > 1 };"#,
    ));
    let check = |action: &str, size: serde_json::Value, expected: Verdict| {
        let question = evaluation(json!({
            "subject": {"type": "User", "id": "a", "properties": {"level": 4, "odd": 1e300}},
            "action": {"name": action},
            "resource": {"type": "Doc", "id": "1", "properties": {"size": size, "level": 1e300}},
            "context": {"ok": true, "odd": 1e300},
        }));
        assert_eq!(cedar.opinion(&question, AT).verdict, expected, "{action} {size}");
    };
    check("read", json!(1e300), Verdict::Permits);
    check("write", json!(1), Verdict::Permits);
    check("write", json!(2), Verdict::Forbids);
    check("write", json!(1e300), Verdict::Indeterminate);
    check("write", json!(null), Verdict::Indeterminate);
}

#[test]
fn numbers_that_overflow_deny() {
    let cedar = compiled(&source(
        "permit(principal, action, resource); forbid(principal, action, resource) when { resource.size + 1 > 10 };",
    ));
    for (size, expected) in [
        (json!(1), Verdict::Permits),
        (json!(10), Verdict::Forbids),
        (json!(i64::MAX), Verdict::Indeterminate),
        (json!(u64::MAX), Verdict::Indeterminate),
        (json!("10"), Verdict::Indeterminate),
        (json!(10.0), Verdict::Indeterminate),
    ] {
        let mut question = asks("a", "read", "1");
        question.resource.properties.insert("size", size.clone());
        assert_eq!(cedar.opinion(&question, AT).verdict, expected, "{size}");
    }
}

#[test]
fn entities_within_themselves_are_refused() {
    let entities = r#"[{"uid": {"type": "Group", "id": "a"}, "attrs": {}, "parents": [{"type": "Group", "id": "b"}]},
                      {"uid": {"type": "Group", "id": "b"}, "attrs": {}, "parents": [{"type": "Group", "id": "a"}]}]"#;
    let problems = Cedar::compile(&Source {
        entities: Some(Text {
            name: "e.json",
            text: entities,
        }),
        ..source("permit(principal in Group::\"a\", action, resource);")
    })
    .unwrap_err();
    assert!(problems[0].to_string().contains("cycle"), "{problems:?}");
}

/// On a stack as small as that of a thread, whatever the tests run with.
fn on_a_small_stack(what: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(what).unwrap();
    thread.join().unwrap();
}

#[test]
fn deep_conditions_are_refused_or_decided() {
    on_a_small_stack(|| {
        let compile = |condition: &str| {
            let text = format!("permit(principal, action, resource) when {{ {condition} }};");
            Cedar::compile(&source(&text))
                .map(|(cedar, _)| cedar)
                .map_err(|problems| problems[0].to_string())
        };
        let chains = |long: usize| {
            [
                format!("false{}", " || context.x == 1".repeat(long)),
                format!("1{} > 0", " + 1".repeat(long)),
                format!("principal has a{}", ".a".repeat(long)),
                format!("principal{} == 1", ".a".repeat(long)),
            ]
        };
        let nests = |deep: usize| {
            [
                format!("{}1{} == 1", "[".repeat(deep), "]".repeat(deep)),
                format!("{}true{}", "if true then ".repeat(deep), " else false".repeat(deep)),
                format!("{}true{}", "(".repeat(deep), ")".repeat(deep)),
            ]
        };
        for condition in chains(900).iter().chain(&nests(60)) {
            let cedar = compile(condition).unwrap();
            let question = asks("a", "read", "1");
            cedar.answer(&question, AT).unwrap();
            cedar.explain(&question, AT).unwrap();
            assert!(cedar.lint(None).len() < 9);
        }
        let [or, plus, has, members] = chains(20_000);
        for condition in [or, plus, members].iter().chain(&nests(20_000)) {
            let problem = compile(condition).unwrap_err();
            assert!(problem.contains("nested deeper than"), "{problem}");
        }
        compile(&has).unwrap();
        let schema = format!(
            "entity User = {{ a: {}Long{} }};",
            "Set<".repeat(20_000),
            ">".repeat(20_000)
        );
        let problems = Cedar::compile(&Source {
            schema: Some(Text {
                name: "s",
                text: &schema,
            }),
            ..source("")
        });
        assert!(problems.unwrap_err()[0].to_string().contains("nested deeper than"));
    });
}
