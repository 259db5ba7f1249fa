//! What to do once the draft is written: commands that work as they stand.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use http::Method;
use portcullis_contract::conform::contract::Contract;
use portcullis_contract::conform::operation::Operation;
use serde_json::{Value, json};

use super::draft::{Draft, Upstream, shell_word};

/// One command and what it does.
#[derive(Debug)]
struct Step {
    command: String,
    what: &'static str,
}

/// The commands to go on with.
#[derive(Debug)]
pub(super) struct Next {
    steps: Vec<Step>,
}

impl Next {
    /// The steps after this draft.
    pub(super) fn of(draft: &Draft, contract: &Contract, configuration: &Path) -> Self {
        let named = if configuration == Path::new("portcullis.yaml") {
            String::new()
        } else {
            format!(" -c {}", draft.file)
        };
        let step = |command: String, what| Step { command, what };
        let base = draft.bases.first().map_or("", String::as_str);
        let url = |path: &str| shell_word(Path::new(&format!("http://{}{base}{path}", reachable(draft.listen))));
        let mut steps = vec![
            step(
                format!("portcullis check{named}"),
                "every problem of the file and of the contract",
            ),
            step(
                format!("portcullis coverage{named}"),
                "what is checked of each operation, and what is not",
            ),
            step(format!("portcullis serve{named}"), "the gate"),
        ];
        if let Some(path) = contract.operations.iter().find(|operation| is_simple(operation)) {
            let command = format!("curl -i {}", url(&path.template));
            steps.push(step(
                command,
                "passes, as far as the service answers as the contract says",
            ));
        }
        let nowhere = format!("curl -i {}", url("/no-such-path"));
        steps.push(step(nowhere, "404 route.unknown, from the gate"));
        let judge = format!("portcullis try{named} saved.http");
        steps.push(step(judge, "judges requests that you saved, without sending them"));
        if draft.observe.is_some() {
            let report = format!("portcullis observe-report{named}");
            steps.push(step(report, "what would have been refused, and what would permit it"));
        }
        Self { steps }
    }

    /// For people.
    pub(super) fn text(&self, draft: &Draft, warnings: usize) -> String {
        let mut text = format!(
            "{}: {} of {} in front of {}\n",
            draft.file,
            draft.told_operations(),
            draft.contract,
            draft.upstream.url()
        );
        if let Upstream::Unknown = draft.upstream {
            text += "  nobody said where the service listens: write it beside `upstream`\n";
        }
        if !draft.guessable.is_empty() {
            text += &format!(
                "  operations that seem to take a password or a code: {}; the end of the file suggests limits for them\n",
                draft.guessable.len()
            );
        }
        if warnings > 0 {
            text += &format!("  warnings about the contract: {warnings}; `portcullis check` tells them\n");
        }
        for url in &draft.also {
            text += &format!("  the service publishes another contract: {url}\n");
        }
        text += "\nnext:\n";
        let width = self.steps.iter().map(|step| step.command.len()).max().unwrap_or(0);
        for Step { command, what } in &self.steps {
            text += &format!("  {command:width$}   # {what}\n");
        }
        text
    }

    /// For programs.
    pub(super) fn json(&self, draft: &Draft) -> Value {
        let steps = self
            .steps
            .iter()
            .map(|step| json!({ "command": step.command, "what": step.what }));
        let guessable = draft.guessable.iter().map(|guessable| {
            json!({
                "operation": guessable.operation,
                "place": guessable.place,
                "what": guessable.kind.word(),
                "rate_limit": guessable.limit(),
            })
        });
        json!({
            "contract": draft.contract,
            "operations": draft.operations,
            "listen": draft.listen.to_string(),
            "upstream": draft.upstream.url(),
            "upstream_known": matches!(draft.upstream, Upstream::Known(_)),
            "hosts": draft.hosts,
            "guessable": guessable.collect::<Vec<_>>(),
            "also": draft.also,
            "next": steps.collect::<Vec<_>>(),
        })
    }
}

/// Where a caller on this machine reaches the gate.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let address = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(address, listen.port())
}

/// Whether a plain GET of the path, without anything else, is all that the operation needs.
fn is_simple(operation: &Operation) -> bool {
    let parameters = &operation.parameters;
    let mut all = parameters
        .query
        .iter()
        .chain(&parameters.header)
        .chain(&parameters.cookie);
    operation.method == Method::GET
        && parameters.path.is_empty()
        && !operation.template.contains('{')
        && !all.any(|parameter| parameter.required)
        && operation.security.iter().flatten().all(Vec::is_empty)
}
