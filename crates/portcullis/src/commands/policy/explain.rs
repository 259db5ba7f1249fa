//! `portcullis policy explain`: why a question is decided as it is, or a recorded one would be now.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};
use clap::Args;
use portcullis_decision::decision::{Decision, Verdict};
use portcullis_decision::explained::{Considered, Explanation, Held};
use portcullis_decision::record::{Record, Replayed};
use portcullis_decision::time::UnixTime;
use portcullis_decision::words::{Action, Evaluation, Resource, Subject};
use portcullis_gateway::decisions::Decisions;
use portcullis_gateway::listen::unix_time;
use serde::Deserialize;
use serde_json::{Value, json};

use super::questions::{self, Known};
use super::{Of, decisions, replay};
use crate::commands::{Failure, Outcome, Shared};
use crate::report::printable;
use crate::{config, files};

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const FAINT: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

/// The arguments of `policy explain`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A question as AuthZEN has it, or a record of one, in JSON or YAML; or the folder of an audit log
    #[arg(value_name = "FILE", required_unless_present = "subject")]
    file: Option<PathBuf>,
    /// Take the record in this line of the file, or of the entry with this index of the log
    #[arg(long, value_name = "NUMBER", requires = "file")]
    line: Option<u64>,
    /// Who, such as `User::jean`
    #[arg(long, value_name = "TYPE::ID", conflicts_with = "file", requires_all = ["action", "resource"])]
    subject: Option<Named>,
    /// Does what: the name of an operation
    #[arg(long, value_name = "NAME", conflicts_with = "file")]
    action: Option<String>,
    /// To what, such as `Account::123`; `Api::NAME` for an operation that names no resource
    #[arg(long, value_name = "TYPE::ID", conflicts_with = "file")]
    resource: Option<Named>,
    /// From where, as the gate would know it
    #[arg(long, value_name = "ADDRESS", conflicts_with = "file")]
    address: Option<std::net::IpAddr>,
    /// When, in seconds since 1970; a record has its own. Default: now
    #[arg(long, value_name = "SECONDS")]
    at: Option<i64>,
    #[command(flatten)]
    of: Of,
}

/// A type and an id.
#[derive(Clone, Debug)]
struct Named {
    kind: String,
    id: String,
}

impl std::str::FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let split = text
            .split_once("::")
            .filter(|(kind, id)| !kind.is_empty() && !id.is_empty());
        let (kind, id) = split.ok_or("write a type and an id, such as `User::jean`")?;
        // As Cedar writes it, too.
        let quoted = id.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        Ok(Self {
            kind: kind.to_owned(),
            id: quoted.unwrap_or(id).to_owned(),
        })
    }
}

/// What is asked, as a file has it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Record(Box<Record>),
    Evaluation(Box<Evaluation>),
}

/// What is explained.
struct Asked {
    evaluation: Evaluation,
    at: UnixTime,
    record: Option<Record>,
}

/// Explains a decision.
pub(super) fn run(arguments: &Arguments, shared: &Shared) -> Result<Outcome, Failure> {
    let loaded = arguments.of.loaded()?;
    let decisions = decisions(&loaded)?;
    let asked = asked(arguments, &Known::of(&loaded))?;
    let decision = decisions.alone(&asked.evaluation, asked.at);
    let explained = explained(decisions, &asked);
    let told = match shared.json {
        true => format!("{:#}\n", as_json(&asked, &decision, &explained)),
        false => as_text(&asked, &decision, &explained) + elsewhere(decisions),
    };
    anstream::stdout().write_all(told.as_bytes())?;
    Ok(Outcome::Clean)
}

fn asked(arguments: &Arguments, known: &Known) -> Result<Asked, Failure> {
    let now = || UnixTime(i64::try_from(unix_time().seconds()).unwrap_or(i64::MAX));
    let at = arguments.at.map(UnixTime);
    if let Some(file) = &arguments.file {
        return match read(file, arguments.line, known)? {
            Written::Evaluation(evaluation) => Ok(Asked {
                evaluation: *evaluation,
                at: at.unwrap_or_else(now),
                record: None,
            }),
            Written::Record(record) => {
                known.check_record(&record.evaluation)?;
                Ok(Asked {
                    evaluation: record.evaluation.clone(),
                    at: at.unwrap_or(record.at),
                    record: Some(*record),
                })
            }
        };
    }
    let (Some(subject), Some(action), Some(resource)) = (&arguments.subject, &arguments.action, &arguments.resource)
    else {
        return Err(Failure::unusable(
            "name `--subject`, `--action` and `--resource`, or a file",
        ));
    };
    let mut evaluation = Evaluation::new(
        Subject::new(&subject.kind, &subject.id),
        Action::new(action),
        Resource::new(&resource.kind, &resource.id),
    );
    if let Some(address) = arguments.address {
        evaluation.context.insert("address", address.to_canonical().to_string());
    }
    known.check(&evaluation)?;
    Ok(Asked {
        evaluation,
        at: at.unwrap_or_else(now),
        record: None,
    })
}

fn read(file: &Path, line: Option<u64>, known: &Known) -> Result<Written, Failure> {
    let location = file.to_string_lossy();
    if let Some(line) = line {
        return replay::record_in(file, line).map(|record| Written::Record(Box::new(record)));
    }
    let text = files::local(file).map_err(|error| Failure::unusable(format!("cannot read `{location}`: {error}")))?;
    // A record has a question in it; what is wrong with either is told of that one.
    let record = config::read_as::<Record>(&location, &text);
    let is_record = config::read_as::<Value>(&location, &text).is_ok_and(|value| value.get("evaluation").is_some());
    let unusable = |problem| Failure::of_question(vec![problem]);
    if is_record {
        return Ok(Written::Record(Box::new(record.map_err(unusable)?)));
    }
    let (evaluation, root) = config::read_placed::<Evaluation>(&location, &text).map_err(unusable)?;
    let (location, root) = (&*location, &root);
    let problems = known.problems(&evaluation, questions::Written { location, root }, &[]);
    match problems.is_empty() {
        true => Ok(Written::Evaluation(Box::new(evaluation))),
        false => Err(Failure::of_question(problems)),
    }
}

/// What those say who are asked: about a resource, whether the operation may be used at all comes first.
fn explained(decisions: &Decisions, asked: &Asked) -> Vec<Explanation> {
    let Asked { evaluation, at, .. } = asked;
    if evaluation.resource.kind == portcullis_gateway::decisions::API {
        return decisions.operations.explain(evaluation, *at);
    }
    let roles = decisions.roles.iter().flat_map(|roles| roles.explain(evaluation, *at));
    roles.chain(decisions.resources.explain(evaluation, *at)).collect()
}

/// What is not explained here.
fn elsewhere(decisions: &Decisions) -> &'static str {
    match decisions.asks_others() {
        true => "\nothers have a say, who were not asked: `lookups` and `decision_points` of `authorization`\n",
        false => "",
    }
}

fn as_json(asked: &Asked, decision: &Decision, explained: &[Explanation]) -> Value {
    json!({
        "evaluation": asked.evaluation,
        "at": asked.at,
        "decision": decision.permits(),
        "reasons": decision.reasons(),
        "explained": explained,
        "recorded": asked.record.as_ref().map(|record| json!({
            "decision": record.decision,
            "determining": record.determining,
            "digested": record.digests.keys().collect::<Vec<_>>(),
            "now": compared(record, decision),
        })),
    })
}

/// What became of a recorded decision; with digests in it, the decision that was made now is another question's.
fn compared(record: &Record, decision: &Decision) -> Replayed {
    match record.digests.is_empty() {
        true => record.compare(decision),
        false => Replayed::Digested {
            parts: record.digests.keys().copied().collect(),
        },
    }
}

fn as_text(asked: &Asked, decision: &Decision, explained: &[Explanation]) -> String {
    let mut text = String::new();
    let (style, word) = match decision.permits() {
        true => (GOOD, "permitted"),
        false => (BAD, "denied"),
    };
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{}: {style}{word}{style:#}",
        printable(&asked.evaluation.to_string())
    );
    let _ = writeln!(text, "because: {}", printable(&decision.why()));
    if let Some(record) = &asked.record {
        write_recorded(&mut text, record, decision);
    }
    for engine in explained {
        write_engine(&mut text, engine);
    }
    text
}

fn write_recorded(text: &mut String, record: &Record, decision: &Decision) {
    let was = if record.decision { "permitted" } else { "denied" };
    let by = replay::was_by(record);
    let _ = writeln!(text, "recorded: {was} by {}", printable(&by));
    if let Replayed::Digested { parts } = compared(record, decision) {
        let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
        let _ = writeln!(
            text,
            "          what it said of {} is digested, so this is another question's decision",
            parts.join(" and ")
        );
    }
}

fn write_engine(text: &mut String, engine: &Explanation) {
    let verdict = match engine.verdict {
        Verdict::Permits => "permits",
        Verdict::Forbids => "forbids",
        Verdict::Silent => "has nothing to say",
        Verdict::Indeterminate => "cannot tell",
    };
    let _ = writeln!(text, "\n{BOLD}{}{BOLD:#} {verdict}", engine.engine);
    if let Some(why) = &engine.indeterminate {
        let _ = writeln!(text, "  {}", printable(why));
    }
    for rule in &engine.considered {
        write_rule(text, rule);
    }
    if engine.others > 0 {
        let are = if engine.others == 1 { "other is" } else { "others are" };
        let _ = writeln!(text, "  {FAINT}{} {are} about something else{FAINT:#}", engine.others);
    }
}

fn write_rule(text: &mut String, rule: &Considered) {
    let effect = if rule.forbids { "forbids" } else { "permits" };
    let place = rule
        .place
        .as_ref()
        .map(|place| format!(" ({place})"))
        .unwrap_or_default();
    let (style, mark) = mark(&rule.held);
    let name = printable(&rule.rule.id);
    let _ = writeln!(text, "  {style}{mark}{style:#} {name} {effect}{}", printable(&place));
    let mut all_held = true;
    for condition in &rule.conditions {
        let text_of = printable(&condition.text);
        match (&condition.held, all_held) {
            // Behind what does not hold nobody looks, so that it may well fail.
            (Held::Failed { .. }, false) => drop(writeln!(text, "       {FAINT}-    {text_of}{FAINT:#}")),
            (held, _) => {
                let (style, mark) = self::mark(held);
                let _ = writeln!(text, "       {style}{mark}{style:#} {text_of}");
                write_failure(text, held);
            }
        }
        all_held &= condition.held == Held::Held;
    }
    if rule.conditions.is_empty() {
        write_failure(text, &rule.held);
    }
    for missing in &rule.missing {
        let _ = writeln!(text, "       missing: {}", printable(missing));
    }
}

fn mark(held: &Held) -> (Style, &'static str) {
    match held {
        Held::Held => (GOOD, "ok  "),
        Held::NotHeld => (BAD, "no  "),
        Held::Failed { .. } => (BAD, "FAIL"),
    }
}

fn write_failure(text: &mut String, held: &Held) {
    if let Held::Failed { message } = held {
        let _ = writeln!(text, "            {}", printable(message));
    }
}
