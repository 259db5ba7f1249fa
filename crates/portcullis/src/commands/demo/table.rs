//! The outcomes of attacks, side by side: for people at 80 columns, and for programs. Text is made with its colours;
//! whether they are shown is decided where it is printed.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use natter::{Exploit, Level, StoppedBy};
use serde_json::{Value, json};

use super::attacks::{Attack, Results};
use super::policies::POLICIES;
use super::tampering::{Tampered, Tampering};
use super::verdict::{Seen, Verdict, control};

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const OPEN: Style = AnsiColor::Yellow.on_default();
const BOLD: Style = Style::new().bold();
const HEADING: Style = Style::new().bold().underline();
const FAINT: Style = Style::new().dimmed();
const PLAIN: Style = Style::new();

/// The columns: what an attack gains or how it is done, the status without the gate, what became of it through the gate. With two
/// characters for the mark and one between columns they take 80.
const WIDTHS: [usize; 3] = [40, 5, 31];

/// Lines of a cell, each with its style.
type Cell = Vec<(String, Style)>;

/// Everything, as text.
pub(super) fn text(results: &Results) -> String {
    let mut text = String::new();
    section(&mut text, "What the gate has to stop", results, Verdict::is_the_gates);
    section(
        &mut text,
        "Not the gate's: something else has to stop it",
        results,
        |verdict| verdict == Verdict::NotTheGates,
    );
    tampering(&mut text, &results.tampering);
    summary(&mut text, results);
    text
}

/// Everything, as one JSON object.
pub(super) fn json(results: &Results) -> Value {
    let counts = results.counts();
    json!({
        "attacks": results.attacks.iter().map(attack).collect::<Vec<_>>(),
        "counts": {
            "attacks": counts.attacks,
            "the_gates": counts.the_gates,
            "worked_directly": counts.worked_directly,
            "stopped": counts.stopped,
            "objects": counts.objects,
            "functions": counts.functions,
            "properties": counts.properties,
            "not_the_gates": counts.not_the_gates,
        },
        "ordinary": {
            "requests": results.ordinary.requests,
            "answered": results.ordinary.answered(),
            "failed": results.ordinary.failed,
        },
        "audit_log": {
            "entries": results.tampering.entries,
            "intact": results.tampering.untouched.is_none(),
            "tampering": results
                .tampering
                .tampered
                .iter()
                .map(|tampered| json!({ "what": tampered.what, "found": tampered.found }))
                .collect::<Vec<_>>(),
        },
        "gate": "defaults, and the policies of natter.cedar",
        "all_stopped": results.are_good(),
    })
}

fn attack(attack: &Attack) -> Value {
    let Attack { exploit, .. } = attack;
    let (kind, by) = match exploit.stopped_by {
        StoppedBy::Refused(code) => ("refused", code),
        StoppedBy::Disconnected(alert) => ("disconnected", alert),
        StoppedBy::Cleaned(how) => ("cleaned", how),
        StoppedBy::NotTheGates(other) => ("not_the_gates", other),
    };
    json!({
        "family": exploit.family,
        "weakness": exploit.weakness,
        "gain": exploit.gain,
        "by": exploit.by,
        "level": exploit.level().map(level),
        "method": exploit.method,
        "target": exploit.target,
        "headers": exploit.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>(),
        "body_bytes": exploit.body.len(),
        "times": exploit.times,
        "expected": { kind: by },
        "directly": seen(&attack.directly),
        "through_the_gate": seen(&attack.through),
        "verdict": attack.verdict.name(),
    })
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Object => "object",
        Level::Function => "function",
        Level::Property => "property",
    }
}

fn seen(seen: &Seen) -> Value {
    let error = match seen {
        Seen::Unanswered(error) => Some(error),
        Seen::Answered { .. } | Seen::Disconnected(_) => None,
    };
    json!({
        "status": seen.status(),
        "code": seen.refusal(),
        "control": seen.refusal().map(control),
        "alert": seen.alert(),
        "worked": seen.worked(),
        "error": error,
    })
}

/// What was done to the audit log, and what a verification says of it.
fn tampering(text: &mut String, tampering: &Tampering) {
    let Tampering {
        entries,
        untouched,
        tampered,
    } = tampering;
    let _ = writeln!(
        text,
        "\n{HEADING}The audit log of all this, tampered with{HEADING:#} {FAINT}({}){FAINT:#}\n",
        tampered.len()
    );
    let heading = |title: &str| vec![(title.to_owned(), FAINT)];
    row(text, (" ", PLAIN), &["done to a copy", "", "log verify"].map(heading));
    for Tampered { what, found } in tampered {
        let [first, _, last] = WIDTHS;
        let (mark, told) = match found {
            Some(found) => (("✓", GOOD), styled(wrapped(found, last), GOOD)),
            None => (("✗", BAD), styled(wrapped("nothing was found", last), BAD)),
        };
        row(text, mark, &[styled(wrapped(what, first), PLAIN), Vec::new(), told]);
    }
    let _ = match untouched {
        None => writeln!(text, "\n{GOOD}✓{GOOD:#} The log itself is intact: {entries} entries."),
        Some(found) => writeln!(text, "\n{BAD}✗ The log itself is not intact: {found}{BAD:#}"),
    };
}

/// A heading and the rows of the attacks that belong below it; nothing where there are none.
fn section(text: &mut String, title: &str, results: &Results, belongs: impl Fn(Verdict) -> bool) {
    let attacks: Vec<&Attack> = results
        .attacks
        .iter()
        .filter(|attack| belongs(attack.verdict))
        .collect();
    if attacks.is_empty() {
        return;
    }
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(
        text,
        "\n{HEADING}{title}{HEADING:#} {FAINT}({}){FAINT:#}\n",
        attacks.len()
    );
    let heading = |title: &str| vec![(title.to_owned(), FAINT)];
    row(
        text,
        (" ", PLAIN),
        &["attack", "alone", "through the gate"].map(heading),
    );
    let mut family = "";
    let mut weakness = "";
    for attack in attacks {
        if attack.exploit.family != family {
            family = attack.exploit.family;
            weakness = "";
            let _ = writeln!(text, "\n{BOLD}{family}{BOLD:#}");
        }
        if attack.exploit.weakness != weakness {
            weakness = attack.exploit.weakness;
            let _ = writeln!(text, "  {FAINT}{weakness}{FAINT:#}");
        }
        row(
            text,
            mark(attack.verdict),
            &[fired(&attack.exploit), directly(attack), through(attack)],
        );
    }
}

fn row(text: &mut String, (mark, style): (&str, Style), cells: &[Cell; 3]) {
    let height = cells.iter().map(Vec::len).max().unwrap_or_default();
    for line in 0..height {
        let mark = if line == 0 { mark } else { " " };
        let mut written = format!("{style}{mark}{style:#} ");
        let mut owed = 0;
        for (cell, width) in cells.iter().zip(WIDTHS) {
            let (said, style) = cell.get(line).map_or(("", PLAIN), |(said, style)| (said, *style));
            if !said.is_empty() {
                let _ = write!(written, "{:owed$}{style}{said}{style:#}", "");
                owed = 0;
            }
            owed += (width + 1).saturating_sub(said.chars().count());
        }
        let _ = writeln!(text, "{written}");
    }
}

fn mark(verdict: Verdict) -> (&'static str, Style) {
    match verdict {
        Verdict::Refused | Verdict::Cleaned => ("✓", GOOD),
        Verdict::Passed | Verdict::StoppedOtherwise | Verdict::ProvesNothing => ("✗", BAD),
        Verdict::NotTheGates => ("○", OPEN),
    }
}

/// What the attack gains, or how it is done.
fn fired(exploit: &Exploit) -> Cell {
    let [width, ..] = WIDTHS;
    let times = match exploit.times {
        1 => String::new(),
        times => format!(", {times} times"),
    };
    styled(wrapped(&format!("{}{times}", exploit.gain), width), PLAIN)
}

/// The status of an attack that works without the gate.
fn directly(attack: &Attack) -> Cell {
    let style = if attack.directly.worked() { PLAIN } else { BAD };
    let status = attack
        .directly
        .status()
        .map_or("-".to_owned(), |status| status.to_string());
    vec![(status, style)]
}

/// What came back; below it what was expected, or what else has to stop it.
fn through(attack: &Attack) -> Cell {
    let [.., width] = WIDTHS;
    let (status, code) = (attack.through.status().unwrap_or_default(), attack.through.refusal());
    let answer = |what: &str| format!("{status} {what}");
    let (first, style, second) = match (attack.verdict, &attack.exploit.stopped_by, code, &attack.through) {
        (_, _, _, Seen::Unanswered(error)) => (error.clone(), BAD, String::new()),
        (Verdict::Refused, .., Seen::Disconnected(alert)) => (format!("TLS alert {alert}"), GOOD, String::new()),
        (_, by, _, Seen::Disconnected(alert)) => (format!("TLS alert {alert}"), BAD, expected(by)),
        (Verdict::Refused, _, Some(code), _) => (answer(code), GOOD, String::new()),
        (Verdict::Cleaned, _, code, _) => (answer(code.unwrap_or("without it")), GOOD, String::new()),
        (Verdict::ProvesNothing, ..) => (
            answer(code.unwrap_or("answered")),
            BAD,
            "works no more without the gate, so it proves nothing".to_owned(),
        ),
        (Verdict::StoppedOtherwise, by, code, _) => (answer(code.unwrap_or("answered")), BAD, expected(by)),
        (Verdict::NotTheGates, StoppedBy::NotTheGates(what), code, _) => {
            let passes = if attack.through.worked() {
                "passes"
            } else {
                code.unwrap_or("does not work")
            };
            (answer(passes), OPEN, (*what).to_owned())
        }
        _ => (answer("passes, the gate is open"), BAD, String::new()),
    };
    let mut cell = styled(wrapped(&first, width), style);
    cell.extend(styled(wrapped(&second, width), FAINT));
    cell
}

fn expected(by: &StoppedBy) -> String {
    match by {
        StoppedBy::Refused(code) => format!("expected {code}"),
        StoppedBy::Disconnected(alert) => format!("expected TLS alert {alert}"),
        _ => "expected a cleaned answer".to_owned(),
    }
}

fn summary(text: &mut String, results: &Results) {
    let counts = results.counts();
    let style = if results.are_good() { GOOD } else { BAD };
    let seconds = results.time.as_secs_f32();
    let _ = writeln!(
        text,
        "\n{style}{} of {} attacks that are the gate's were stopped{style:#};\n{} of them work without it ({seconds:.1} s).",
        counts.stopped, counts.the_gates, counts.worked_directly,
    );
    let _ = writeln!(
        text,
        "{} were on objects of others, {} on functions, {} on properties;\n{} not the gate's.",
        counts.objects,
        counts.functions,
        counts.properties,
        match counts.not_the_gates {
            1 => "1 more is".to_owned(),
            many => format!("{many} more are"),
        },
    );
    let ordinary = &results.ordinary;
    let _ = writeln!(
        text,
        "{} of {} ordinary requests through the same gate were answered.\nWho may do what is in {POLICIES} (demo --policies); the rest is the default.",
        ordinary.answered(),
        ordinary.requests,
    );
    for failed in &ordinary.failed {
        let _ = writeln!(text, "{BAD}✗{BAD:#} {failed}");
    }
}

fn styled(lines: Vec<String>, style: Style) -> Cell {
    lines.into_iter().map(|line| (line, style)).collect()
}

/// Lines of at most this many characters, broken between words where words allow it.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let word = shortened(word, width);
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

/// At most this many characters, the last a mark where some are left out. Control characters never reach a terminal.
fn shortened(text: &str, width: usize) -> String {
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    if text.chars().count() <= width {
        return clean.collect();
    }
    clean.take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::ordinary::Ordinary;
    use super::*;

    fn seen(status: u16, code: Option<&str>, worked: bool) -> Seen {
        Seen::Answered {
            status,
            refusal: code.map(str::to_owned),
            worked,
        }
    }

    /// One attack of each verdict, on exploits of Natter's.
    fn results() -> Results {
        let exploits = natter::exploits("127.0.0.1:1".parse().unwrap());
        let named = |weakness: &str| {
            exploits
                .iter()
                .find(|exploit| exploit.weakness == weakness)
                .unwrap()
                .clone()
        };
        let attack = |weakness: &str, directly: Seen, through: Seen| {
            let exploit = named(weakness);
            let verdict = Verdict::of(&exploit, &directly, &through);
            Attack {
                exploit,
                directly,
                through,
                verdict,
            }
        };
        let worked = || seen(200, None, true);
        Results {
            attacks: vec![
                attack(
                    "sql-injection",
                    worked(),
                    seen(400, Some("contract.query.pattern"), false),
                ),
                attack("method-override", worked(), seen(200, None, false)),
                attack(
                    "unlimited-login",
                    seen(401, None, true),
                    seen(429, Some("rate.exceeded"), false),
                ),
                attack("any-type", seen(201, None, true), seen(201, None, true)),
                attack("debug-route", worked(), seen(404, None, false)),
                attack(
                    "negative-limit",
                    seen(400, None, false),
                    seen(400, Some("contract.query.range"), false),
                ),
                attack(
                    "banner",
                    worked(),
                    Seen::Unanswered("no answer: connection reset".to_owned()),
                ),
                attack("any-object", worked(), seen(403, Some("authorization.denied"), false)),
                attack("server-side-redirect", worked(), worked()),
            ],
            ordinary: Ordinary {
                requests: 2,
                failed: vec!["GET /users: 400".to_owned()],
            },
            tampering: Tampering {
                entries: 3,
                untouched: None,
                tampered: vec![Tampered {
                    what: "an entry is edited",
                    found: Some("entry 1: it is not what was logged".to_owned()),
                }],
            },
            time: Duration::from_millis(1500),
        }
    }

    #[test]
    fn every_verdict_as_text() {
        let text = text(&results());
        let plain = anstream::adapter::strip_str(&text).to_string();
        for line in plain.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        insta::assert_snapshot!("text", plain);
    }

    #[test]
    fn every_verdict_as_json() {
        insta::assert_snapshot!("json", format!("{:#}", json(&results())));
    }

    #[test]
    fn one_attack_that_passes_or_proves_nothing_is_enough_to_fail() {
        let good = |keep: &dyn Fn(Verdict) -> bool, failed: usize| {
            let mut results = results();
            results.attacks.retain(|attack| keep(attack.verdict));
            results.ordinary.failed.truncate(failed);
            results.are_good()
        };
        let harmless = |verdict: Verdict| verdict.is_stopped() || !verdict.is_the_gates();
        assert!(good(&harmless, 0));
        assert!(!good(&harmless, 1));
        assert!(!good(&|_| false, 0));
        for bad in [Verdict::Passed, Verdict::StoppedOtherwise, Verdict::ProvesNothing] {
            assert!(!good(&|verdict| harmless(verdict) || verdict == bad, 0), "{bad:?}");
        }
    }

    #[test]
    fn words_are_wrapped() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("", 7), Vec::<String>::new());
        assert_eq!(wrapped("overlong-word x", 7), ["overlo…", "x"]);
    }
}
