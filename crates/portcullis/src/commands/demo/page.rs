//! What a running demo says: where everything is, how the ordinary traffic fared, and what to try.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use super::certificates::{KIOSK, MIRROR};
use super::credentials::{SERVICE, password};
use super::log;
use super::ordinary::Ordinary;
use super::people::{Person, everybody};
use super::policies;
use super::possession::{MIRROR_VARIABLE, PHONE, PHONE_VARIABLE};
use super::stage::Guarded;
use super::trial::{Addresses, LINES, TRIALS, Trial};

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const PLACE: Style = AnsiColor::Cyan.on_default();
const BOLD: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();

/// For people; colours are taken out where it is printed, if need be.
pub(super) fn text(stage: &Guarded, ordinary: &Ordinary, seconds: Option<u32>) -> String {
    let mut text = String::new();
    places(&mut text, stage);
    traffic(&mut text, ordinary);
    people(&mut text, stage);
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(text, "\n{BOLD}Try it{BOLD:#} {FAINT}(in another terminal){FAINT:#}");
    for (number, trial) in (1..).zip(&TRIALS) {
        show(&mut text, number, trial, stage);
    }
    logged(&mut text, stage);
    let _ = writeln!(
        text,
        "\nAll at once, and many more: {BOLD}portcullis demo --attacks{BOLD:#}"
    );
    let _ = match seconds {
        Some(seconds) => writeln!(text, "{FAINT}Ends after {seconds} s, or with Ctrl-C.{FAINT:#}"),
        None => writeln!(text, "{FAINT}Ctrl-C ends it; nothing is left behind.{FAINT:#}"),
    };
    text
}

/// For programs.
pub(super) fn json(stage: &Guarded, ordinary: &Ordinary) -> Value {
    let trial = |trial: &Trial| {
        json!({
            "what": trial.what,
            "commands": trial.commands(addresses(stage)),
            "status": trial.status,
            "code": Some(trial.code).filter(|code| !code.is_empty()),
        })
    };
    let person = |person: &Person| {
        json!({
            "name": person.name,
            "what": person.what,
            "scope": person.scope,
            "token": stage.issuer.token(person).ok(),
            "opaque_token": stage.credentials.token(person),
            "api_key": stage.credentials.key(person),
            "password": password(person),
        })
    };
    json!({
        "natter": format!("http://{}", stage.services.natter),
        "gate": format!("http://{}", stage.gate),
        "gate_tls": format!("https://{}", stage.gate_tls),
        "admin": format!("http://{}", stage.admin),
        "audit_log": stage.folder.log(),
        "ordinary": {
            "requests": ordinary.requests,
            "answered": ordinary.answered(),
            "failed": ordinary.failed,
        },
        "policies": policies::json(),
        "people": everybody().map(person).collect::<Vec<_>>(),
        "paste_first": lines(stage),
        "try": TRIALS.iter().map(trial).collect::<Vec<_>>(),
    })
}

/// What the audit log has of a request that was refused a moment ago.
fn logged(text: &mut String, stage: &Guarded) {
    let _ = writeln!(
        text,
        "\n{BOLD}Who did what{BOLD:#} {FAINT}(the audit log; a refusal leads to its entry by its id){FAINT:#}\n"
    );
    let _ = match log::refused(stage) {
        Ok(id) => {
            let _ = writeln!(
                text,
                "   {FAINT}mallory has just been refused alice's diary: {FAINT:#}{id}"
            );
            let commands = log::commands(stage, &id);
            commands.iter().try_for_each(|command| writeln!(text, "   {command}"))
        }
        Err(error) => writeln!(text, "{BAD}✗ nothing was refused: {error}{BAD:#}"),
    };
}

fn places(text: &mut String, stage: &Guarded) {
    let places = [
        (
            "Natter",
            format!("http://{}", stage.services.natter),
            "an API with no security of its own, on purpose",
        ),
        (
            "the gate",
            format!("http://{}", stage.gate),
            "in front of it; by Natter's contract and policies",
        ),
        (
            "",
            format!("https://{}", stage.gate_tls),
            "the same, where callers may present certificates",
        ),
        (
            "metrics",
            format!("http://{}/metrics", stage.admin),
            "also /healthz and /readyz",
        ),
    ];
    let _ = writeln!(text);
    for (name, url, what) in places {
        let _ = writeln!(
            text,
            "  {BOLD}{name:<9}{BOLD:#} {PLACE}{url:<32}{PLACE:#} {FAINT}{what}{FAINT:#}"
        );
    }
}

/// A line for each person, then the tokens as lines for a shell, one below the other so that all are copied at once.
fn people(text: &mut String, stage: &Guarded) {
    let _ = writeln!(
        text,
        "\n{BOLD}People{BOLD:#} {FAINT}(access tokens, opaque tokens and API keys are good for a day){FAINT:#}\n"
    );
    for Person { name, what, scope, .. } in everybody() {
        let _ = writeln!(text, "  {BOLD}{name:<9}{BOLD:#} {what:<26} {FAINT}{scope}{FAINT:#}");
    }
    let programs = [
        (SERVICE, "a service, which signs", "read write"),
        (MIRROR, "a partner's service", "a certificate, and a token bound to it"),
        (KIOSK, "a device", "a certificate"),
        (PHONE, "alice's phone", "a key, and a token bound to it"),
    ];
    for (name, what, has) in programs {
        let _ = writeln!(text, "  {BOLD}{name:<9}{BOLD:#} {what:<26} {FAINT}{has}{FAINT:#}");
    }
    let _ = writeln!(
        text,
        "\nWho may do what: {BOLD}portcullis demo --policies{BOLD:#} {FAINT}({} of them; the rest is denied){FAINT:#}",
        policies::count()
    );
    let _ = writeln!(
        text,
        "\n{FAINT}Paste these into the other terminal (bash or zsh) first:{FAINT:#}\n"
    );
    for line in lines(stage) {
        let _ = writeln!(text, "{line}");
    }
}

/// What a shell needs before it can take the commands: what everybody has, and functions that sign.
fn lines(stage: &Guarded) -> Vec<String> {
    let (credentials, certificates, bound) = (&stage.credentials, &stage.certificates, &stage.bound);
    let mut lines = Vec::new();
    let mut export = |name: String, value: &str| lines.push(format!("export {name}={value}"));
    for person in everybody() {
        let variable = person.variable;
        // The ordinary traffic was signed with the same key a moment ago.
        let token = stage.issuer.token(person).unwrap_or_default();
        export(variable.to_owned(), &token);
        export(format!("{variable}_TOKEN"), credentials.token(person));
        export(format!("{variable}_KEY"), credentials.key(person));
    }
    export("ARCHIVE_KEY".to_owned(), credentials.service().pkcs8());
    export("GATE_CA".to_owned(), &certificates.authority());
    export(format!("{MIRROR_VARIABLE}_CERT"), &certificates.mirror.certificate());
    export(format!("{MIRROR_VARIABLE}_KEY"), &certificates.mirror.key());
    export(format!("{MIRROR_VARIABLE}_TOKEN"), &bound.mirror);
    export(format!("{PHONE_VARIABLE}_KEY"), bound.key().pkcs8());
    export(format!("{PHONE_VARIABLE}_TOKEN"), &bound.phone);
    export(format!("{PHONE_VARIABLE}_HEADER"), &bound.header());
    lines.extend(LINES.map(str::to_owned));
    lines
}

fn addresses(stage: &Guarded) -> Addresses {
    Addresses {
        natter: stage.services.natter,
        gate: stage.gate,
        gate_tls: stage.gate_tls,
    }
}

fn traffic(text: &mut String, ordinary: &Ordinary) {
    let (answered, requests) = (ordinary.answered(), ordinary.requests);
    if ordinary.failed.is_empty() {
        let _ = writeln!(
            text,
            "\n{GOOD}✓{GOOD:#} A little ordinary traffic: all {requests} requests through the gate were answered."
        );
        return;
    }
    let _ = writeln!(
        text,
        "\n{BAD}✗ Of the ordinary traffic only {answered} of {requests} requests were answered:{BAD:#}"
    );
    for failed in &ordinary.failed {
        let _ = writeln!(text, "  {failed}");
    }
}

fn show(text: &mut String, number: u32, trial: &Trial, stage: &Guarded) {
    let verdict = match trial.code {
        "" => format!("{GOOD}{}{GOOD:#}", trial.status),
        code => format!("{BAD}{} {code}{BAD:#}", trial.status),
    };
    let _ = writeln!(text, "\n{number}. {BOLD}{}{BOLD:#}", trial.what);
    let _ = writeln!(text, "   {FAINT}→{FAINT:#} {verdict}{FAINT}: {}{FAINT:#}", trial.see);
    for command in trial.commands(addresses(stage)) {
        let _ = writeln!(text, "   {command}");
    }
}
