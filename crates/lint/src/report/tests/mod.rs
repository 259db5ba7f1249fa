//! Reports made up for tests, and what holds for every form of a report.

use super::*;
use crate::finding::{Direction, Instance};
use crate::rule::{Confidence, Profile, References};
use crate::score::{Area, AreaScore};

pub(super) const HOSTILE: &str = "`a`</script><img src=x onerror=alert(1)>]]>--> \u{1b}[31m\u{202e}\u{0}\u{ffff}\n# b\n\
    | c | `[d](javascript:e) @all #1 https://f.example ${g} {{h}} \"' onload='i' ![j](k)";

const fn rule(id: &'static str, category: &'static str, severity: Severity, text: &'static str) -> Rule<'static> {
    Rule {
        id,
        category,
        severity,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[],
            owasp_2019: &[],
            cwe: &[],
            asvs: &[],
            nist: &[],
        },
        text,
    }
}

const LENGTH_PAGE: &str = "# A string has no longest length

A caller may send a string of any length: nothing in the contract says where it ends.

# Why

Every program behind an API has a length at which a string hurts it. See [the list](https://owasp.org/).

# Bad

```yaml
type: string
```

# Good

```yaml
type: string
maxLength: 40
```

# Fix

Add `maxLength` with the longest value that the API can use, in characters. Then look
again.
";

pub(super) static RULES: [Rule<'static>; 8] = [
    Rule {
        references: References {
            owasp_2023: &[2],
            owasp_2019: &[2],
            cwe: &[306],
            asvs: &["8.2.1"],
            nist: &["MS-SS-1"],
        },
        ..rule(
            "write-without-authentication",
            "authentication",
            Severity::Critical,
            "# Anybody may change things\n\nAn operation that writes asks for no credential.\n\n# Why\n\nAnybody who finds the \
             address may call it.\n\n# Fix\n\nAdd `security` to the operation, or to the whole contract. It is one line.\n",
        )
    },
    Rule {
        references: References {
            owasp_2023: &[4],
            owasp_2019: &[4],
            cwe: &[770, 1284],
            asvs: &["2.2.1"],
            nist: &[],
        },
        ..rule("string-without-max-length", "input", Severity::Medium, LENGTH_PAGE)
    },
    Rule {
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[319],
            asvs: &[],
            nist: &["MS-SS-4"],
        },
        ..rule(
            "server-without-tls",
            "transport",
            Severity::High,
            "# A server speaks without TLS\n\nWho is on the way reads it all.\n\n# Fix\n\nGive the server's address with `https`.\n",
        )
    },
    rule(
        "object-is-open",
        "input",
        Severity::Medium,
        "# An object takes any property\n\nIt does.\n\n# Fix\n\nAdd `additionalProperties: false`.\n",
    ),
    rule(
        "answer-without-schema",
        "output",
        Severity::Low,
        "# An answer has no schema\n\nNobody knows what leaves.\n\n# Fix\n\nDescribe the answer.\n",
    ),
    rule(
        "operation-without-id",
        "documentation",
        Severity::Info,
        "# An operation has no name\n\nIt has none.\n\n# Fix\n\nAdd `operationId`.\n",
    ),
    rule("nothing-found", "input", Severity::High, "# Nothing is found by this\n"),
    rule("hostile", "input", Severity::Critical, HOSTILE),
];

const AREAS: [Area; 3] = [
    Area {
        name: "authentication",
        points: 20,
    },
    Area {
        name: "transport",
        points: 10,
    },
    Area {
        name: "data",
        points: 70,
    },
];

pub(super) const CONTRACT: &str = "\
openapi: 3.1.0
info: {title: Pets, version: '1.0'}
servers:
  - url: http://pets.example
paths:
  /pets:
    get:
      parameters:
        - {name: tag, in: query, schema: {type: string}}
      responses:
        '200': {description: All of them.}
    post:
      requestBody:
        content:
          application/json:
            schema: {$ref: '#/components/schemas/Pet'}
      responses:
        '201': {description: Made.}
components:
  schemas:
    Pet:
      type: object
      properties:
        name:
          type: string
        note:
          type: string
        é\u{202e}\u{7}: {type: string}
        </script>: {type: string}
";

pub(super) fn source(file: &str) -> Option<String> {
    let orders = || {
        let properties = (1..80).map(|number| {
            format!("    delivery_instructions_{number}: {{type: string, description: What number {number} is for.}}\n")
        });
        format!("openapi: 3.0.3\n{}", properties.collect::<String>())
    };
    match file {
        "api/pets.yaml" => Some(CONTRACT.to_owned()),
        "api/orders.yaml" => Some(orders()),
        _ => None,
    }
}

fn place(file: &str, line: u32, column: u32, pointer: &str) -> Place {
    Place {
        file: file.to_owned(),
        line,
        column,
        pointer: pointer.to_owned(),
    }
}

/// A finding of the rule of this index, at these lines.
pub(super) fn told(rule: usize, subject: &str, message: &str, lines: &[(u32, u32)], points: f64) -> Told<'static> {
    let rule = &RULES[rule];
    let instance = |(line, column): &(u32, u32)| Instance {
        place: place("api/pets.yaml", *line, *column, &format!("/at/{line}")),
        message: message.to_owned(),
    };
    Told {
        finding: Finding {
            rule,
            severity: rule.severity,
            confidence: rule.confidence,
            message: message.to_owned(),
            subject: subject.to_owned(),
            direction: if rule.category == "input" {
                Direction::Request
            } else {
                Direction::None
            },
            operations: 2,
            instances: lines.iter().map(instance).collect(),
            points,
            area: match rule.category {
                "authentication" => Some(0),
                "transport" => Some(1),
                "input" | "output" => Some(2),
                _ => None,
            },
        },
        standing: None,
        accepted: None,
    }
}

/// A document with these findings, and the score that they leave.
pub(super) fn judged(location: &str, title: &str, findings: Vec<Told<'static>>) -> Checked<'static> {
    let left = |(index, area): (usize, &Area)| {
        let mine = findings.iter().filter(|told| told.finding.area == Some(index));
        let lost: f64 = mine.map(|told| told.finding.points).sum();
        AreaScore {
            area: *area,
            points: f64::from(area.points) - lost,
        }
    };
    let score = Score {
        areas: AREAS.iter().enumerate().map(left).collect(),
    };
    Checked {
        location: location.to_owned(),
        title: title.to_owned(),
        outcome: Outcome::Judged {
            score,
            security_areas: 2,
            operations: 2,
            findings,
        },
    }
}

pub(super) fn report(documents: Vec<Checked<'static>>) -> Report<'static> {
    Report {
        version: "0.1.0",
        documents,
        rules: RULES[..7].iter().collect(),
        failed: Vec::new(),
        history: Vec::new(),
    }
}

fn pets() -> Vec<Told<'static>> {
    let mut all = vec![
        told(
            0,
            "`POST /pets`",
            "`POST /pets` asks for no credential",
            &[(12, 5)],
            6.66667,
        ),
        told(
            2,
            "the contract",
            "`http://pets.example` is sent in the clear",
            &[(4, 10)],
            3.33333,
        ),
        told(
            1,
            "schema `Pet`",
            "`name` has no `maxLength`, and 5 more in schema `Pet`",
            &[(24, 9), (26, 9), (28, 9), (29, 9), (24, 11), (26, 11)],
            14.285_714,
        ),
        told(
            1,
            "query parameter `tag`",
            "`tag` has no `maxLength`",
            &[(9, 40)],
            7.142_857,
        ),
        told(3, "schema `Pet`", "any property may be sent", &[(21, 5)], 2.5),
        told(4, "answer 200 of `GET /pets`", "200 has no schema", &[(11, 9)], 1.25),
        told(5, "`GET /pets`", "there is no `operationId`", &[(7, 5)], 0.0),
    ];
    all[0].standing = Some(Standing::New);
    all[1].standing = Some(Standing::Known);
    all[2].standing = Some(Standing::Grown);
    all[4].accepted = Some(Accepted {
        reason: "partners send their own".to_owned(),
        until: Some("2026-12-31".to_owned()),
    });
    all
}

fn invalid() -> Checked<'static> {
    Checked {
        location: "api/broken.yaml".to_owned(),
        title: String::new(),
        outcome: Outcome::Invalid(vec![Fault {
            place: place("api/broken.yaml", 3, 1, ""),
            message: "unknown key `pahts`".to_owned(),
            help: "did you mean `paths`?".to_owned(),
        }]),
    }
}

/// Two documents, one of which is invalid.
pub(super) fn small() -> Report<'static> {
    let mut report = report(vec![judged("api/pets.yaml", "Pets 1.0", pets()), invalid()]);
    report.failed = vec![
        "1 finding is critical, and the gate fails at high".to_owned(),
        "`api/broken.yaml` cannot be used".to_owned(),
    ];
    report
}

/// Two documents, many findings, and scores of before.
pub(super) fn rich() -> Report<'static> {
    let more = (1..=24).map(|number: u32| {
        let rule = usize::try_from(number % 6).unwrap();
        let subject = format!("schema `Order{number}`");
        let message =
            format!("`delivery_instructions_{number}` says nothing of what it may hold, and 2 more in {subject}");
        let mut told = told(
            rule,
            &subject,
            &message,
            &[(number, 3), (number + 1, 5), (number + 2, 5)],
            0.61,
        );
        for instance in &mut told.finding.instances {
            instance.place.file = "api/orders.yaml".to_owned();
        }
        told.standing = Some(if number.is_multiple_of(5) {
            Standing::New
        } else {
            Standing::Known
        });
        told
    });
    let mut more: Vec<_> = more.collect();
    more.sort_by_key(|told| std::cmp::Reverse(told.finding.severity));
    let mut report = report(vec![
        judged("api/pets.yaml", "Pets 1.0", pets()),
        judged("api/orders.yaml", "Orders and deliveries of the warehouse 2.4.1", more),
    ]);
    report.failed = vec!["`api/pets.yaml`: the score is 64.8, and must be 80 or more".to_owned()];
    for (month, score) in (1..).zip([41.0, 44.5, 44.5, 52.1, 70.2, 66.0, 63.9]) {
        report
            .history
            .push(past(&format!("report-2026-{month:02}.json"), "api/pets.yaml", score));
    }
    report
        .history
        .push(past("report-2026-07.json", "api/orders.yaml", 90.0));
    report
}

/// One finding with so many instances.
pub(super) fn with_instances(count: u32) -> Report<'static> {
    let lines: Vec<(u32, u32)> = (1..=count).map(|line| (line, 1)).collect();
    report(vec![judged(
        "api/pets.yaml",
        "Pets",
        vec![told(1, "schema `Pet`", "it has no end", &lines, 1.0)],
    )])
}

/// Everything that a document can say is hostile.
pub(super) fn hostile() -> Report<'static> {
    let mut finding = told(7, HOSTILE, HOSTILE, &[(1, 1), (2, 1), (0, 0)], 1.0);
    for instance in &mut finding.finding.instances {
        HOSTILE.clone_into(&mut instance.place.file);
        HOSTILE.clone_into(&mut instance.place.pointer);
    }
    let mut accepted = finding.clone();
    accepted.accepted = Some(Accepted {
        reason: HOSTILE.to_owned(),
        until: Some(HOSTILE.to_owned()),
    });
    let mut broken = invalid();
    HOSTILE.clone_into(&mut broken.location);
    if let Outcome::Invalid(faults) = &mut broken.outcome {
        HOSTILE.clone_into(&mut faults[0].message);
        HOSTILE.clone_into(&mut faults[0].help);
    }
    let mut report = report(vec![judged(HOSTILE, HOSTILE, vec![finding, accepted]), broken]);
    report.failed = vec![HOSTILE.to_owned()];
    report.history = vec![past(HOSTILE, HOSTILE, 10.0), past(HOSTILE, HOSTILE, 90.0)];
    report
}

pub(super) fn past(report: &str, location: &str, score: f64) -> Past {
    Past {
        report: report.to_owned(),
        location: location.to_owned(),
        score,
    }
}

/// Nothing at all, and documents of which there is nothing to tell.
pub(super) fn empty() -> [Report<'static>; 4] {
    let bare = Checked {
        location: String::new(),
        title: String::new(),
        outcome: Outcome::Judged {
            score: Score { areas: Vec::new() },
            security_areas: 2,
            operations: 0,
            findings: vec![told(0, "", "", &[], 0.0)],
        },
    };
    let mut faultless = invalid();
    faultless.outcome = Outcome::Invalid(Vec::new());
    let mut nothing = report(Vec::new());
    nothing.rules.clear();
    [
        nothing,
        report(vec![bare]),
        report(vec![faultless]),
        report(vec![judged("a.yaml", "", Vec::new())]),
    ]
}

/// Every form of a report.
fn forms(report: &Report<'_>) -> Vec<(&'static str, String)> {
    vec![
        ("json", json::render(report).to_string()),
        ("terminal", terminal::render(report, Some(&source), false)),
        ("sarif", sarif::render(report).to_string()),
        ("junit", junit::render(report)),
        ("markdown", markdown::render(report)),
        ("html", html::render(report, Some(&source))),
        ("explained", terminal::explain_score(report)),
    ]
}

#[test]
fn nothing_to_report_is_a_report() {
    for report in empty() {
        for (form, text) in forms(&report) {
            assert!(!text.trim().is_empty(), "{form}");
        }
    }
}

#[test]
fn no_form_has_control_characters() {
    for (form, text) in forms(&hostile()) {
        let plain = anstream::adapter::strip_str(&text).to_string();
        let is_bad = |c: &char| (c.is_control() && *c != '\n') || (*c == '\u{202e}' && form != "json");
        assert_eq!(plain.chars().find(is_bad), None, "{form}");
    }
}

/// Writes every form of every report made up here to a folder, for other programs and for eyes.
#[test]
#[ignore = "writes files: set PORTCULLIS_FORMS to a folder"]
fn forms_to_look_at() {
    let folder = std::path::PathBuf::from(std::env::var_os("PORTCULLIS_FORMS").unwrap());
    let reports = [
        ("small", small()),
        ("rich", rich()),
        ("hostile", hostile()),
        ("many", with_instances(2000)),
    ];
    let [nothing, bare, faultless, perfect] = empty();
    let empty = [
        ("nothing", nothing),
        ("bare", bare),
        ("faultless", faultless),
        ("perfect", perfect),
    ];
    for (name, report) in reports.into_iter().chain(empty) {
        for (form, text) in forms(&report) {
            std::fs::write(folder.join(format!("{name}.{form}")), text).unwrap();
        }
    }
}
