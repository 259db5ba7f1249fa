//! The drafted configuration: what is known about an API, and the YAML that says so.
//!
//! What a contract says gets into comments and values only in a spelling that cannot end either.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use reqwest::Url;
use serde_json::Value;

use super::guessable::{self, Guessable};
use super::source::Source;
use super::{Arguments, Observe};

/// Where the service is taken to listen if nobody says so.
pub(super) const UPSTREAM_PLACEHOLDER: &str = "http://127.0.0.1:9000";

const CALLERS_PORT: u16 = 8080;
const ADMIN_PORT: u16 = 9901;
/// Of a text of the contract, no more is told in a comment.
const TOLD_CHARACTERS_MAX: usize = 80;
const COLUMNS_MAX: usize = 120;
/// Of a list, no more is told in a comment.
const TOLD_MAX: usize = 5;

/// Where the service listens.
#[derive(Debug)]
pub(super) enum Upstream {
    /// Someone said so.
    Known(String),
    /// The contract's servers say so.
    Guessed(String),
    /// Nobody said so.
    Unknown,
}

/// A configuration to be.
#[derive(Debug)]
pub(super) struct Draft {
    /// The configuration's file, as a shell takes it.
    pub(super) file: String,
    /// Title and version of the contract.
    pub(super) title: String,
    /// The API's name in logs and metrics.
    pub(super) name: String,
    /// The contract's path, relative to the configuration where it can be.
    pub(super) contract: String,
    /// How many operations it declares.
    pub(super) operations: usize,
    /// Where the service listens.
    pub(super) upstream: Upstream,
    /// Where callers arrive.
    pub(super) listen: SocketAddr,
    /// Where operators arrive.
    pub(super) admin: SocketAddr,
    /// The hosts of the contract's servers, without ports, those of loopback left out.
    pub(super) hosts: Vec<String>,
    /// What stands before every path.
    pub(super) bases: Vec<String>,
    /// The security schemes that operations ask for.
    pub(super) schemes: Vec<String>,
    /// What is let pass and recorded.
    pub(super) observe: Option<Observe>,
    /// Operations that need more than the usual rate limit.
    pub(super) guessable: Vec<Guessable>,
    /// Further contracts that the service publishes.
    pub(super) also: Vec<String>,
}

impl Upstream {
    /// The URL to write.
    pub(super) fn url(&self) -> &str {
        match self {
            Self::Known(url) | Self::Guessed(url) => url,
            Self::Unknown => UPSTREAM_PLACEHOLDER,
        }
    }

    fn port(&self) -> Option<u16> {
        Url::parse(self.url()).ok()?.port_or_known_default()
    }
}

impl Draft {
    /// The draft for a contract.
    pub(super) fn of(source: &Source, arguments: &Arguments, upstream: Upstream) -> Self {
        let contract = &source.contract;
        let taken = upstream.port().unwrap_or_default();
        let loopback = |port, others: &[u16]| {
            let free = (port..).find(|port| !others.contains(port)).unwrap_or(port);
            SocketAddr::from(([127, 0, 0, 1], free))
        };
        let listen = arguments.listen.unwrap_or_else(|| loopback(CALLERS_PORT, &[taken]));
        let servers = contract.servers.iter().filter_map(|server| server.host.as_deref());
        let named = servers.filter(|host| !is_loopback(host) && told(host) == *host);
        let mut hosts: Vec<String> = named.map(|host| without_port(host).to_owned()).collect();
        hosts.sort_unstable();
        hosts.dedup();
        let mut bases: Vec<String> = contract.servers.iter().map(|server| server.base.clone()).collect();
        bases.sort_unstable();
        bases.dedup();
        Self {
            file: shell_word(&arguments.config),
            title: told(format!("{} {}", contract.title, contract.version).trim()),
            name: name(&contract.title),
            contract: source.path.clone(),
            operations: contract.operations.len(),
            admin: loopback(ADMIN_PORT, &[taken, listen.port()]),
            upstream,
            listen,
            hosts,
            bases,
            schemes: contract
                .security_schemes
                .iter()
                .map(|scheme| scheme.name.to_string())
                .collect(),
            observe: arguments.observe,
            guessable: guessable::find(&source.document, contract),
            also: source.also.clone(),
        }
    }

    /// The configuration, with comments.
    pub(super) fn yaml(&self) -> String {
        [self.head(), self.gate(), self.api(), self.policy(), self.suggestions()].concat()
    }

    /// "1 operation", "7 operations".
    pub(super) fn told_operations(&self) -> String {
        match self.operations {
            1 => "1 operation".to_owned(),
            operations => format!("{operations} operations"),
        }
    }

    fn head(&self) -> String {
        let Self { title, file, .. } = self;
        let operations = self.told_operations();
        let mut head = comment(
            0,
            &format!("The gate in front of {title}: {operations}. Drafted by `portcullis init`."),
        );
        head += "#\n";
        let commands = [
            (
                format!("check -c {file}"),
                "every problem of this file and of the contract",
            ),
            (
                format!("coverage -c {file}"),
                "what is checked of each operation, what is not, and why",
            ),
            (
                format!("serve -c {file}"),
                "the gate; a changed file is put in force at once, or refused whole",
            ),
            ("config schema".to_owned(), "every setting there is, with its default"),
        ];
        let width = commands.iter().map(|(command, _)| command.len()).max().unwrap_or(0);
        for (command, what) in commands {
            head += &format!("#   portcullis {command:width$}   {what}\n");
        }
        head + "\n"
    }

    fn gate(&self) -> String {
        let reach = match self.listen.ip() {
            ip if ip.is_loopback() => "Loopback while you try it out; then an address that they reach.",
            _ => "Whoever reaches this address is a caller.",
        };
        let mut gate = comment(0, &format!("Where callers arrive. {reach}"));
        gate += &format!("listen: {}\n\n", scalar(&self.listen.to_string()));
        gate += &comment(
            0,
            "/metrics, /healthz and /readyz, for operators. It asks for no credential, so it stays on loopback.",
        );
        gate += &format!("admin: {{ listen: {} }}\n\n", scalar(&self.admin.to_string()));
        gate += &comment(
            0,
            "Behind a load balancer or another proxy, name its network. Otherwise all callers seem to have its address, \
             and count as one where rate limits count by address.",
        );
        gate += "# trusted_proxies: [10.0.0.0/8]\n\n";
        if self.observe.is_some() {
            let report = format!(
                "What controls in mode `observe` would have refused. `portcullis observe-report -c {}` turns it into the \
                 lines of contract that would permit it.",
                self.file
            );
            gate += &comment(0, &report);
            gate += "observe: { file: observed.jsonl }\n\n";
        }
        gate
    }

    fn api(&self) -> String {
        let mut api = "apis:\n".to_owned();
        api += &comment(2, "The name in logs and metrics.");
        api += &format!("  - name: {}\n", scalar(&self.name));
        api += &comment(
            4,
            "What this file declares may pass, in requests and in answers; nothing else does.",
        );
        api += &format!("    contract: {}\n", scalar(&self.contract));
        api += &comment(
            4,
            "The service that implements it. Callers must not reach it in any other way.",
        );
        api += &match self.upstream {
            Upstream::Known(_) => String::new(),
            Upstream::Guessed(_) => comment(4, "Taken from the contract's `servers`: is it right?"),
            Upstream::Unknown => comment(4, "TO DO: nobody said where it listens; write it here."),
        };
        api += &format!("    upstream: {}\n", scalar(self.upstream.url()));
        api + &self.hosts() + &self.bases() + &self.schemes()
    }

    fn hosts(&self) -> String {
        let Some(first) = self.hosts.first() else {
            let none = "The contract's `servers` name no host of their own, so requests are served for the address above \
                        and the names of loopback only; any other ends with 421 `http.host`. Name those that callers use:";
            return comment(4, none) + "    # hosts: [api.example.com]\n";
        };
        let served = format!(
            "Requests are served for the hosts of the contract's `servers` ({}), the address above and the names of \
             loopback; any other ends with 421 `http.host`. A list replaces all of these:",
            listed(&self.hosts)
        );
        comment(4, &served) + &format!("    # hosts: [{}]\n", scalar(first))
    }

    fn bases(&self) -> String {
        if self.bases.iter().all(String::is_empty) {
            return String::new();
        }
        let below: Vec<String> = self.bases.iter().map(|base| told(&format!("`{base}/`"))).collect();
        let below = format!(
            "Paths begin as the contract's `servers` say, with {}. To put something else before them:",
            listed(&below)
        );
        comment(4, &below) + "    # base_path: /\n"
    }

    fn schemes(&self) -> String {
        let Some(first) = self.schemes.first() else {
            return String::new();
        };
        let schemes: Vec<String> = self.schemes.iter().map(|scheme| told(&format!("`{scheme}`"))).collect();
        let unverified = format!(
            "Nothing verifies yet what operations ask of their callers by {}: credentials go on as they are, and the service \
             has to verify them. Where tokens of an issuer are asked for, describe it below `issuers` and name it here:",
            listed(&schemes)
        );
        comment(4, &unverified)
            + &format!(
                "    # security_schemes: {{ {}: {{ issuers: [main] }} }}\n",
                scalar(first)
            )
            + "    dangerous_unverified_schemes: true\n"
    }

    fn policy(&self) -> String {
        let (why, modes) = match self.observe {
            None => {
                return comment(
                    4,
                    "Everything is enforced from the first request on. In front of a service that is already in use, look \
                     first: `portcullis init --observe=everything --force` drafts this file so.",
                );
            }
            Some(Observe::Answers) => (
                "Answers pass as they are, and what is wrong with them is recorded. Requests are held to the contract.",
                &["contract_out", "response_tokens"][..],
            ),
            Some(Observe::Everything) => (
                "Nothing of the contract is enforced yet, only recorded; strict HTTP, hosts, paths and rate limits are.",
                &["contract_in", "contract_out", "url_secrets", "response_tokens"][..],
            ),
        };
        let mut policy = "    policy:\n".to_owned();
        policy += &comment(6, why);
        policy += &comment(
            6,
            "Take out, line by line, what the report has nothing to say about any more.",
        );
        policy += "      modes:\n";
        for mode in modes {
            policy += &format!("        {mode}: observe\n");
        }
        policy
    }

    fn suggestions(&self) -> String {
        if self.guessable.is_empty() {
            return String::new();
        }
        let mut text = "\n".to_owned();
        text += &comment(
            0,
            "These operations seem to take something that can be guessed, by their names. They have the rate limit of every \
             other one, 100 requests a second and address. What stands below each is a start for the contract: write it \
             beside the operation, and change the numbers to what your users need.",
        );
        for guessable in &self.guessable {
            let (operation, place) = (told(&guessable.operation), told(&guessable.place));
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "#\n#   {operation} ({place}) seems to be {}:\n#     x-portcullis:\n#       authentication: true\n",
                guessable.kind.word()
            );
            if let Some(limit) = guessable.limit() {
                let _ = writeln!(text, "#       rate_limits:\n#         - {limit}");
            }
        }
        text
    }
}

/// A comment of YAML, its lines no longer than a page is wide.
fn comment(indent: usize, text: &str) -> String {
    let mut lines = String::new();
    let mut line = String::new();
    let mut flush = |line: &mut String| lines += &format!("{:indent$}#{}\n", "", std::mem::take(line));
    for word in text.split_whitespace() {
        if indent + line.len() + word.len() + 2 > COLUMNS_MAX && !line.is_empty() {
            flush(&mut line);
        }
        line.push(' ');
        line.push_str(word);
    }
    flush(&mut line);
    lines
}

/// A name for logs and metrics, out of a title.
pub(super) fn name(title: &str) -> String {
    let mut name = String::new();
    for character in title.chars().take(64) {
        if character.is_ascii_alphanumeric() {
            name.push(character.to_ascii_lowercase());
        } else if !name.ends_with('-') && !name.is_empty() {
            name.push('-');
        }
    }
    match name.trim_end_matches('-') {
        "" => "api".to_owned(),
        name => name.to_owned(),
    }
}

/// Whether a host, with or without a port, is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let name = without_port(host);
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// A text as a comment can hold it: one line, not long.
fn told(text: &str) -> String {
    // What YAML 1.1 takes for the end of a line besides control characters.
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
    let line = text.chars().map(|c| if breaks(c) { ' ' } else { c });
    let mut told: String = line.take(TOLD_CHARACTERS_MAX).collect();
    if text.chars().count() > TOLD_CHARACTERS_MAX {
        told.push_str("...");
    }
    told
}

fn listed(texts: &[String]) -> String {
    let mut listed = texts.iter().take(TOLD_MAX).cloned().collect::<Vec<_>>().join(", ");
    if texts.len() > TOLD_MAX {
        listed += &format!(" and {} more", texts.len() - TOLD_MAX);
    }
    listed
}

/// A text as a value of YAML: plain where nothing in it can be misread, else in JSON's quotes.
fn scalar(text: &str) -> String {
    let begins_well = text.starts_with(|c: char| c.is_ascii_alphabetic() || "./".contains(c));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
    let is_word = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let misread =
        is_word.contains(&text.to_ascii_lowercase().as_str()) || text.ends_with(':') || text.starts_with("...");
    if begins_well && text.chars().all(plain) && !misread && text.parse::<f64>().is_err() {
        return text.to_owned();
    }
    Value::from(text).to_string()
}

/// A path as a shell takes it for one word.
pub(super) fn shell_word(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |c: char| c.is_alphanumeric() || "-_./+:@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.into_owned();
    }
    format!("'{}'", told(&text).replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (title, expected) in [
            ("Natter", "natter"),
            ("Orders & Returns (v2)", "orders-returns-v2"),
            ("  ", "api"),
            ("", "api"),
            ("Üben", "ben"),
            ("a\nb", "a-b"),
        ] {
            assert_eq!(name(title), expected, "{title:?}");
        }
        assert!(name(&"x".repeat(1000)).len() <= 64);
    }

    #[test]
    fn hosts_of_this_machine() {
        for (host, expected) in [
            ("localhost", true),
            ("localhost:9000", true),
            ("127.0.0.1:1", true),
            ("[::1]:9000", true),
            ("[::1]", true),
            ("api.example.com", false),
            ("10.0.0.1:80", false),
            ("localhost.example.com", false),
        ] {
            assert_eq!(is_loopback(host), expected, "{host}");
        }
    }

    #[test]
    fn values_cannot_be_misread() {
        for (text, expected) in [
            ("openapi.yaml", "openapi.yaml"),
            ("/srv/a-b/c_d.json", "/srv/a-b/c_d.json"),
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
            ("127.0.0.1:8080", "\"127.0.0.1:8080\""),
            ("no", "\"no\""),
            ("a b", "\"a b\""),
            ("a: b", "\"a: b\""),
            ("a\n- b", "\"a\\n- b\""),
            ("*a", "\"*a\""),
            (".5", "\".5\""),
            ("inf", "\"inf\""),
        ] {
            assert_eq!(scalar(text), expected, "{text:?}");
        }
    }

    #[test]
    fn comments_are_wrapped() {
        let text = comment(4, &"word ".repeat(40));
        assert!(
            text.lines()
                .all(|line| line.starts_with("    # word") && line.len() <= COLUMNS_MAX),
            "{text}"
        );
        assert_eq!(text.matches("word").count(), 40);
        assert_eq!(comment(0, "a"), "# a\n");
    }

    #[test]
    fn comments_end_where_they_should() {
        assert_eq!(told("a\nlisten: b\r\u{2028}\u{85}c"), "a listen: b   c");
        assert_eq!(told(&"x".repeat(100)), "x".repeat(80) + "...");
    }

    #[test]
    fn words_of_a_shell() {
        for (path, expected) in [
            ("portcullis.yaml", "portcullis.yaml"),
            ("a b.yaml", "'a b.yaml'"),
            ("it's", "'it'\\''s'"),
            ("$(x)", "'$(x)'"),
        ] {
            assert_eq!(shell_word(Path::new(path)), expected);
        }
    }
}
