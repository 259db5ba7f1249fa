//! `portcullis coverage`: what is checked and what is not, and why.

mod access;
mod callers;
mod decisions;
mod recording;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;

use anstyle::Style;
use clap::Args;
use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};
use portcullis_contract::conform::contract::Contract;
use portcullis_contract::conform::coverage::{self, Check, Effect};
use portcullis_contract::conform::operation::Operation;
use serde_json::{Value, json};

use super::width::width;
use super::{Failure, Outcome, Overlaid, Shared};
use crate::config::audit_log::AuditLog;
use crate::config::policy::Policy;
use crate::config::rate_limit::KeyPart;
use crate::config::rate_limit::RateLimit;
use crate::config::raw::{Mode, UndeclaredAction};
use crate::config::users::Logins;
use crate::contracts::{self, Loaded, place, websockets};

const BOLD: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();

/// The arguments of `coverage`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) contracts: Overlaid,
}

/// Reports the coverage of every operation.
pub(super) fn run(arguments: &Arguments, shared: &Shared) -> Result<Outcome, Failure> {
    let Overlaid { file, .. } = &arguments.contracts;
    let configuration = arguments.contracts.load()?;
    let apis = contracts::for_verb(&configuration, &file.config)?;
    let (logins, log) = (&configuration.logins, configuration.audit_log.as_ref());
    let covered: Vec<Api<'_>> = apis.iter().map(|loaded| api(loaded, logins, log)).collect();
    let told = if shared.json {
        format!("{:#}\n", as_json(&covered))
    } else {
        text(&covered, width())
    };
    anstream::stdout().write_all(told.as_bytes())?;
    Ok(Outcome::Clean)
}

/// The coverage of one API.
struct Api<'l> {
    loaded: &'l Loaded,
    operations: Vec<Covered<'l>>,
}

/// The coverage of one operation.
struct Covered<'l> {
    operation: &'l Operation,
    policy: &'l Policy,
    rows: Vec<Row>,
}

/// One thing that is checked, or not.
struct Row {
    subject: String,
    state: State,
    /// Why not, or how.
    why: String,
    /// What in its schemas has no effect: where, and what.
    caveats: Vec<(String, String)>,
}

impl Row {
    fn new(subject: &str, state: State, why: String) -> Self {
        Self {
            subject: subject.to_owned(),
            state,
            why,
            caveats: Vec::new(),
        }
    }
}

/// How far something is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Enforced,
    Observed,
    Off,
    /// Only what holds for every JSON text or parameter.
    SyntaxOnly,
    /// Only that it is well-formed, whatever its schema says.
    WellFormed,
    NotJudged,
    Refused,
}

impl State {
    const ALL: [Self; 7] = [
        Self::Enforced,
        Self::Observed,
        Self::Off,
        Self::SyntaxOnly,
        Self::WellFormed,
        Self::NotJudged,
        Self::Refused,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Enforced => "enforced",
            Self::Observed => "observed",
            Self::Off => "off",
            Self::SyntaxOnly => "syntax only",
            Self::WellFormed => "well-formed only",
            Self::NotJudged => "not judged",
            Self::Refused => "refused",
        }
    }

    fn of(mode: Mode) -> Self {
        match mode {
            Mode::Enforce => Self::Enforced,
            Mode::Observe => Self::Observed,
            Mode::Off => Self::Off,
        }
    }
}

fn api<'l>(loaded: &'l Loaded, logins: &Logins, log: Option<&AuditLog>) -> Api<'l> {
    let contract = &loaded.contract;
    let judged = coverage::coverage(contract);
    let operations = contract.operations.iter().zip(&loaded.policies).zip(judged);
    let covered = operations.map(|((operation, policy), covered)| {
        let checks = covered.checks.into_iter().map(|check| row(loaded, policy, check));
        let limits = policy.rate_limits.iter().map(|limit| limit_row(limit, policy));
        Covered {
            operation,
            policy,
            rows: callers::rows(&loaded.api, contract, operation, policy)
                .chain(callers::failed_logins(&loaded.api, contract, operation, logins))
                .chain([decisions::row(&loaded.api, policy), recording::row(log, policy)])
                .chain(checks)
                .chain(access::rows(policy))
                .chain(websocket_row(operation, policy))
                .chain(limits)
                .collect(),
        }
    });
    Api {
        loaded,
        operations: covered.collect(),
    }
}

fn row(loaded: &Loaded, policy: &Policy, check: Check) -> Row {
    let mode = if check.answer {
        policy.modes.contract_out
    } else {
        policy.modes.contract_in
    };
    let (state, why) = match check.effect {
        Effect::Judged => (State::of(mode), ""),
        Effect::Absent(why) => (State::of(mode), why),
        Effect::Unconstrained if mode == Mode::Off => (State::Off, ""),
        Effect::Unconstrained => (State::SyntaxOnly, "its schema allows everything"),
        Effect::WellFormed(_) if mode == Mode::Off => (State::Off, ""),
        Effect::WellFormed(why) => (State::WellFormed, why),
        Effect::NotJudged(why) => (State::NotJudged, why),
        Effect::Refused(why) => (State::Refused, why),
    };
    let caveats = check.caveats.into_iter();
    let caveats = caveats.map(|caveat| (place(&loaded.document, caveat.span), caveat.message));
    Row {
        subject: check.subject,
        state,
        why: why.to_owned(),
        caveats: caveats.collect(),
    }
}

fn websocket_row(operation: &Operation, policy: &Policy) -> Option<Row> {
    let websocket = policy.websocket.as_ref().filter(|_| websockets::declares(operation))?;
    let why = format!(
        "frames are passed, at most {} bytes a message, for at most {} s",
        websocket.message_bytes_max,
        websocket.life_time_max.as_secs()
    );
    Some(Row::new("messages of the WebSocket", State::NotJudged, why))
}

fn limit_row(limit: &RateLimit, policy: &Policy) -> Row {
    let key: Vec<String> = limit.key.iter().map(key_part).collect();
    let counted = if limit.failures_only { "failures" } else { "requests" };
    let shared = limit.shared.as_ref().map(|name| format!(", shared as `{name}`"));
    let why = format!(
        "{} {counted} in {} s, burst {}, by {}{}",
        limit.requests,
        limit.per.as_secs(),
        limit.burst,
        key.join(" and "),
        shared.unwrap_or_default()
    );
    let state = State::of(limit.mode.unwrap_or(policy.modes.rate_limits));
    Row::new(&format!("rate limit `{}`", limit.name), state, why)
}

fn key_part(part: &KeyPart) -> String {
    match part {
        KeyPart::Address => "address".to_owned(),
        KeyPart::Header(name) => format!("header `{}`", name.0),
        KeyPart::Path(name) => format!("path parameter `{}`", name.0),
        KeyPart::Query(name) => format!("query parameter `{}`", name.0),
        KeyPart::Body(pointer) => format!("body value `{}`", pointer.0),
        KeyPart::Principal => "caller".to_owned(),
        KeyPart::Client => "client".to_owned(),
        KeyPart::ApiKey => "API key".to_owned(),
        KeyPart::Claim(name) => format!("claim `{name}`"),
    }
}

/// The modes of the controls and what happens to what is undeclared, as names and words.
fn settings(policy: &Policy) -> [(&'static str, &'static str); 8] {
    let (modes, undeclared) = (policy.modes, policy.undeclared);
    [
        ("contract_in", mode(modes.contract_in)),
        ("contract_out", mode(modes.contract_out)),
        ("url_secrets", mode(modes.url_secrets)),
        ("response_tokens", mode(modes.response_tokens)),
        ("undeclared.query", action(undeclared.query)),
        ("undeclared.header", action(undeclared.header)),
        ("undeclared.cookie", action(undeclared.cookie)),
        ("undeclared.body", action(undeclared.body)),
    ]
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforce => "enforce",
        Mode::Observe => "observe",
        Mode::Off => "off",
    }
}

fn action(action: UndeclaredAction) -> &'static str {
    match action {
        UndeclaredAction::Refuse => "refuse",
        UndeclaredAction::Strip => "strip",
        UndeclaredAction::Allow => "allow",
    }
}

/// How many rows there are of each state, and how many caveats.
fn counts(apis: &[Api<'_>]) -> ([(State, usize); 7], usize) {
    let rows = || {
        apis.iter()
            .flat_map(|api| &api.operations)
            .flat_map(|covered| &covered.rows)
    };
    let of = |state| (state, rows().filter(|row| row.state == state).count());
    (State::ALL.map(of), rows().map(|row| row.caveats.len()).sum())
}

fn text(apis: &[Api<'_>], width: u16) -> String {
    // Writing to a string cannot fail.
    let mut text = String::new();
    for api in apis {
        let Loaded { api: own, contract, .. } = api.loaded;
        let (title, version) = (&contract.title, &contract.version);
        let file = &own.contract;
        let below = below(contract);
        let _ = writeln!(text, "{BOLD}{}{BOLD:#}: {title} {version}, {file}{below}", own.name);
        let usual = usual(&api.operations);
        write_settings(&mut text, &usual, width);
        text.push('\n');
        for covered in &api.operations {
            write_operation(&mut text, covered, &usual, width);
        }
        for note in &contract.notes {
            let _ = writeln!(text, "{}: {}", place(&api.loaded.document, note.span), note.message);
        }
    }
    let _ = writeln!(text, "{BOLD}not in this version{BOLD:#}");
    let operations: usize = apis.iter().map(|api| api.operations.len()).sum();
    let (states, caveats) = counts(apis);
    let states = states.iter().filter(|(_, count)| *count > 0);
    let states: Vec<String> = states
        .map(|(state, count)| format!("{count} {}", state.name()))
        .collect();
    let _ = writeln!(
        text,
        "operations: {operations}; {}; caveats: {caveats}",
        states.join(", ")
    );
    text
}

/// What the paths are below, where that is not the root alone.
fn below(contract: &Contract) -> String {
    let bases: Vec<&str> = contract.bases().collect();
    match bases.as_slice() {
        [""] => String::new(),
        bases => {
            let named = bases.iter().map(|base| if base.is_empty() { "/" } else { base });
            format!(", below {}", named.collect::<Vec<_>>().join(" and "))
        }
    }
}

/// The settings that most operations have; others are told where they differ.
fn usual(operations: &[Covered<'_>]) -> Vec<(&'static str, &'static str)> {
    let mut counts: HashMap<_, usize> = HashMap::new();
    let all = operations.iter().map(|covered| settings(covered.policy));
    all.for_each(|settings| *counts.entry(settings).or_default() += 1);
    let most = counts.into_iter().max_by_key(|(settings, count)| (*count, *settings));
    most.map(|(settings, _)| settings.to_vec()).unwrap_or_default()
}

/// The settings, as many in a line as have room.
fn write_settings(text: &mut String, settings: &[(&str, &str)], width: u16) {
    let mut lines: Vec<String> = Vec::new();
    for (name, value) in settings {
        let word = format!("{name} {value}");
        match lines.last_mut() {
            Some(line) if line.len() + word.len() + 4 <= usize::from(width) => *line += &format!(", {word}"),
            _ => lines.push(word),
        }
    }
    for line in lines {
        let _ = writeln!(text, "  {FAINT}{line}{FAINT:#}");
    }
}

fn write_operation(text: &mut String, covered: &Covered<'_>, usual: &[(&'static str, &'static str)], width: u16) {
    let Operation {
        method, template, id, ..
    } = covered.operation;
    let id = id.as_ref().map(|id| format!("  {FAINT}{id}{FAINT:#}"));
    let _ = writeln!(text, "{BOLD}{method} {template}{BOLD:#}{}", id.unwrap_or_default());
    let own = settings(covered.policy).into_iter();
    let own: Vec<_> = own.filter(|setting| !usual.contains(setting)).collect();
    write_settings(text, &own, width);
    let mut table = table(width);
    for row in &covered.rows {
        table.add_row([&row.subject, row.state.name(), &row.why]);
        for (place, message) in &row.caveats {
            // The whole path would not fit; the name is enough to find it among the contract's files.
            let place = place.rsplit('/').next().unwrap_or_default();
            table.add_row([String::new(), "but".to_owned(), format!("{message} ({place})")]);
        }
    }
    let _ = writeln!(text, "{}\n", trimmed(table, width));
}

fn table(width: u16) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(width);
    table
}

/// The table without the spaces at the ends of its lines.
fn trimmed(mut table: Table, width: u16) -> String {
    // The columns are known only now. `application/problem+json` is not cut in two.
    let subject = (width * 42 / 100).clamp(28, 42);
    let widths = [subject, 16, width.saturating_sub(subject + 17)];
    table.set_constraints(widths.map(|width| ColumnConstraint::Absolute(Width::Fixed(width))));
    let lines: Vec<String> = table.lines().map(|line| format!(" {}", line.trim_end())).collect();
    lines.join("\n")
}

fn as_json(apis: &[Api<'_>]) -> Value {
    let (states, caveats) = counts(apis);
    let summary = states.map(|(state, count)| (state.name().replace([' ', '-'], "_"), Value::from(count)));
    let summary: serde_json::Map<String, Value> = summary.into_iter().collect();
    json!({
        "apis": apis.iter().map(api_json).collect::<Vec<_>>(),
        "summary": { "effects": summary, "caveats": caveats },
    })
}

fn api_json(api: &Api<'_>) -> Value {
    let Loaded {
        api: own,
        contract,
        document,
        ..
    } = api.loaded;
    let notes = contract.notes.iter();
    let notes = notes.map(|note| json!({ "location": place(document, note.span), "message": note.message }));
    json!({
        "name": own.name,
        "contract": own.contract.to_string(),
        "title": contract.title,
        "version": contract.version,
        "base_paths": contract.bases().collect::<Vec<_>>(),
        "operations": api.operations.iter().map(|covered| operation_json(api.loaded, covered)).collect::<Vec<_>>(),
        "notes": notes.collect::<Vec<_>>(),
    })
}

fn operation_json(loaded: &Loaded, covered: &Covered<'_>) -> Value {
    let operation = covered.operation;
    let settings: serde_json::Map<String, Value> = settings(covered.policy)
        .into_iter()
        .map(|(name, value)| (name.to_owned(), Value::from(value)))
        .collect();
    let check = |row: &Row| {
        let caveats = row.caveats.iter();
        let caveats = caveats.map(|(place, message)| json!({ "location": place, "message": message }));
        json!({
            "subject": row.subject,
            "effect": row.state.name(),
            "reason": row.why,
            "caveats": caveats.collect::<Vec<_>>(),
        })
    };
    json!({
        "operation": operation.name(),
        "method": operation.method.as_str(),
        "path": operation.template,
        "location": place(&loaded.document, operation.span),
        "settings": settings,
        "checks": covered.rows.iter().map(check).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::width::{WIDTH, WIDTH_MAX, WIDTH_MIN};
    use crate::config;

    const GATE: &str = "\
listen: 127.0.0.1:0
apis:
  - {contract: odd.yaml, upstream: 'http://127.0.0.1:9000', dangerous_unverified_schemes: true}
";

    const ODD: &str = "\
openapi: 3.1.0
info: {title: Odd things, version: '1'}
paths:
  /things/{id}:
    get:
      operationId: getThing
      parameters:
        - {name: id, in: path, required: true, schema: {type: string, format: thing-id, pattern: '^(?!0)'}}
      responses:
        '200':
          description: ok
          headers: {X-Count: {schema: {type: integer}}}
          content: {application/json: {schema: {$ref: '#/components/schemas/Thing'}}, image/png: {}}
    put:
      x-portcullis:
        modes: {contract_in: observe, contract_out: off}
        rate_limits: [{name: by-name, key: [{body: /name}, address], requests: 3, per: 1m, count: failures, shared: names}]
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Thing'}}, text/csv: {}, multipart/form-data: {}}}
      responses: {'204': {description: ok}}
    delete:
      security: [{key: []}]
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      responses: {'200': {description: ok, content: {application/json: {}}}}
webhooks: {}
components:
  securitySchemes: {key: {type: apiKey, in: header, name: X-Key}}
  schemas:
    Thing: {type: object, nullable: true, properties: {name: {type: string, format: colour}}}
";

    /// The report on [`ODD`], by what makes it.
    fn told(make: impl Fn(&[Api<'_>]) -> String) -> String {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or_default().replace(':', "-");
        let directory = std::env::temp_dir().join(format!("portcullis-coverage-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("odd.yaml"), ODD).unwrap();
        let location = directory.join("gate.yaml").to_str().unwrap().to_owned();
        let (configuration, _) = config::read(&location, GATE.as_bytes()).usable().unwrap();
        let apis = contracts::load_all(&configuration, &location).unwrap();
        std::fs::remove_dir_all(&directory).unwrap();
        let (logins, log) = (&configuration.logins, configuration.audit_log.as_ref());
        let covered: Vec<Api<'_>> = apis.iter().map(|loaded| api(loaded, logins, log)).collect();
        let told = anstream::adapter::strip_str(&make(&covered)).to_string();
        told.replace(&format!("{}/", directory.display()), "")
    }

    #[test]
    fn for_people() {
        insta::assert_snapshot!("coverage", told(|apis| text(apis, WIDTH)));
        for width in [WIDTH_MIN, 80, WIDTH, WIDTH_MAX] {
            let told = told(|apis| text(apis, width));
            // The first line names files, the last counts: they end where they end.
            let lines = told.lines().filter(|line| line.starts_with("  "));
            let widest = lines.map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= usize::from(width), "{widest} of {width}: {told}");
        }
    }

    #[test]
    fn for_programs() {
        let told = told(|apis| as_json(apis).to_string());
        let told: Value = serde_json::from_str(&told).unwrap();
        let checks = &told["apis"][0]["operations"][0]["checks"];
        assert_eq!(checks[0]["effect"], "not judged", "{}", checks[0]);
        assert_eq!(checks[1]["subject"], "decisions", "{}", checks[1]);
        assert_eq!(
            (&checks[2]["subject"], &checks[2]["effect"]),
            (&json!("audit log"), &json!("off"))
        );
        let parameter = &checks[3];
        assert_eq!(parameter["effect"], "enforced");
        assert_eq!(
            parameter["caveats"][0]["message"],
            "format `thing-id` is not asserted: any string passes"
        );
        assert_eq!(told["summary"]["effects"]["observed"], 2);
    }
}
