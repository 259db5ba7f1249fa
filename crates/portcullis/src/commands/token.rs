//! `portcullis token`: opaque tokens of the gate's own; and `inspect`, which says, check by check, why a token is or is not accepted. Of the token it shows what names it and
//! when it ends; never its signature, and nothing of what it says that is not checked.

use std::fmt::Write as _;
use std::io::{Read, Write};

use clap::{Args, Subcommand};
use portcullis_gateway::listen::unix_time;
use portcullis_gateway::upstream_identity;
use portcullis_identity::access_token::AccessTokens;
use portcullis_identity::credentials::Kind;
use portcullis_identity::introspection::Introspected;
use portcullis_identity::jose::Refusal;
use portcullis_identity::jose::claims::{Check, Claims};
use portcullis_identity::jose::compact::{Form, TOKEN_BYTES_MAX};
use portcullis_identity::jose::jwe::{Decrypted, Encrypted};
use portcullis_identity::jose::jws::Unverified;
use portcullis_identity::principal::Identity;
use portcullis_identity::time::UnixTime;
use serde_json::{Value, json};

use super::credentials::{self, Issue, List, Revoke};
use super::{ConfigFile, Failure, Outcome, Shared};
use crate::config::introspection::Introspection;
use crate::config::issuer::{Authority, Issuer};
use crate::issuers;
use crate::signing;

/// How long an opaque token is good where nothing is said, in seconds: an hour.
const LIFETIME_SECONDS: u64 = 3600;

/// The arguments of `token`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Say, check by check, whether an access token is accepted
    Inspect(Inspect),
    /// Make an opaque token, and print it this once
    Issue(Issue),
    /// List the opaque tokens, without their secrets
    List(List),
    /// Revoke an opaque token, those of an owner, or all, for good
    Revoke(Revoke),
    /// Print the public keys of the tokens that upstreams get, as a JWK Set
    Jwks(ConfigFile),
}

#[derive(Debug, Args)]
struct Inspect {
    /// The token; `-` reads it from standard input, which no list of processes shows
    token: String,
    /// Ask the issuer about a token that only it knows, as the gate does
    #[arg(long)]
    introspect: bool,
    #[command(flatten)]
    config: ConfigFile,
}

/// What came of one check.
struct Finding {
    check: String,
    /// Why it does not hold.
    outcome: Result<(), String>,
}

/// Everything that was looked at, in order.
#[derive(Default)]
struct Report {
    findings: Vec<Finding>,
    /// What the token says that names it, once its signature was verified.
    named: Vec<(&'static str, Value)>,
    subject: Option<String>,
}

/// Looks at tokens of callers, keeps those of the gate, or shows the keys of those for upstreams.
pub(super) fn run(arguments: &Arguments, shared: &Shared) -> Result<Outcome, Failure> {
    match &arguments.verb {
        Verb::Inspect(inspect) => self::inspect(inspect, shared),
        Verb::Issue(issue) => credentials::issue(issue, Kind::Token, LIFETIME_SECONDS, shared),
        Verb::List(list) => credentials::list(list, Kind::Token, shared),
        Verb::Revoke(revoke) => credentials::revoke(revoke, Kind::Token, shared),
        Verb::Jwks(config) => jwks(config),
    }
}

/// Prints what a gate with this configuration publishes; one that makes its key publishes another.
fn jwks(config: &ConfigFile) -> Result<Outcome, Failure> {
    let configuration = config.load()?;
    let tokens = configuration
        .upstream_tokens
        .as_ref()
        .filter(|tokens| !tokens.keys.is_empty());
    let tokens = tokens.ok_or_else(|| {
        Failure::unusable(
            "the configuration names no `keys` in `upstream_tokens`: a key that is made at the start is only known to the gate, \
             which publishes it on its admin surface at `/jwks.json`",
        )
    })?;
    let keys = signing::read(tokens, &config.config.to_string_lossy()).map_err(Failure::of_problems)?;
    let keys = upstream_identity::jwks(keys.iter().map(|key| &**key));
    writeln!(anstream::stdout(), "{keys:#}")?;
    Ok(Outcome::Clean)
}

/// Inspects a token.
fn inspect(inspect: &Inspect, shared: &Shared) -> Result<Outcome, Failure> {
    let configuration = inspect.config.load()?;
    if configuration.issuers.is_empty() {
        let message = "the configuration has no `issuers`, so no token is accepted: see docs/authentication.md";
        return Err(Failure::unusable(message));
    }
    let token = token(&inspect.token)?;
    let mut report = Report::default();
    let looking = Looking {
        issuers: &configuration.issuers,
        introspect: inspect.introspect,
        now: unix_time(),
    };
    let _accepted = looking.at(&token, &mut report);
    let told = if shared.json { report.json() } else { report.text() };
    writeln!(anstream::stdout(), "{}", told.trim_end())?;
    Ok(if report.is_accepted() {
        Outcome::Clean
    } else {
        Outcome::Found
    })
}

/// The token as it is meant: without the scheme and the line end that come with copying it.
fn token(written: &str) -> Result<String, Failure> {
    let mut read = String::new();
    let written = if written == "-" {
        let most = u64::try_from(TOKEN_BYTES_MAX * 2).unwrap_or(u64::MAX);
        let bytes = std::io::stdin().take(most).read_to_string(&mut read);
        bytes.map_err(|error| Failure::unusable(format!("cannot read the token: {error}")))?;
        read.as_str()
    } else {
        written
    };
    let written = written.trim();
    let token = match written.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token,
        _ => written,
    };
    Ok(token.trim().to_owned())
}

/// Walks the way of a token at the gate, and stops where the gate could not go on.
struct Looking<'i> {
    issuers: &'i [Issuer],
    /// Whether an issuer may be asked.
    introspect: bool,
    now: UnixTime,
}

impl Looking<'_> {
    /// None where the way ends.
    fn at(&self, token: &str, report: &mut Report) -> Option<()> {
        match Form::of(token) {
            Form::Opaque => {
                let unknown = "it is no JWT by its form, and no issuer has `introspection`";
                let asked = self.issuers.iter().find_map(introspection).ok_or(unknown);
                let (issuer, asked) = report.note("issuer that knows it", asked)?;
                self.ask(issuer, asked, token, report)
            }
            Form::Signed => {
                let signed = report.note("form and header", Unverified::parse(token))?;
                self.at_signed(signed, token, false, report)
            }
            Form::Encrypted => {
                let encrypted = report.note("form and header of the encrypted token", Encrypted::parse(token))?;
                let decrypted = report.note("decryption", self.decrypt(&encrypted))?;
                let signed = report.note("form and header of the token in it", decrypted.nested())?;
                let text = String::from_utf8_lossy(decrypted.plaintext());
                self.at_signed(signed, &text, true, report)
            }
        }
    }

    fn at_signed(&self, token: Unverified<'_>, text: &str, encrypted: bool, report: &mut Report) -> Option<()> {
        let issuer = report.note("issuer", issuer(&token, self.issuers))?;
        let required = issuer.decryption.as_ref().map(|decryption| decryption.required);
        match (encrypted, required) {
            (false, Some(true)) => report.note("encrypted", Err::<(), _>("its issuer's tokens have to be"))?,
            (true, None) => report.note("not encrypted", Err::<(), _>("its issuer has no `decryption`"))?,
            _ => {}
        }
        let keys = match &issuer.authority {
            Authority::Keys(keys) => report.note("keys of the issuer", issuers::keys(issuer, keys))?,
            Authority::Introspection(asked) => return self.ask(issuer, asked, text, report),
        };
        let header = token.header();
        let (kid, algorithm) = (header.kid().cloned(), header.algorithm());
        report.note("key", keys.find(kid.as_ref(), algorithm))?;
        let verified = report.note("signature", token.verify(&keys))?;
        let claims = report.note("claims of the right type", verified.claims())?;
        report.expect(issuer, claims, self.now);
        Some(())
    }

    fn decrypt(&self, token: &Encrypted<'_>) -> Result<Decrypted, String> {
        for issuer in self.issuers {
            let decryption = issuers::decryption(issuer)?;
            if let Some(decryption) = decryption.filter(|decryption| token.is_for(&decryption.keys)) {
                let decrypted = token.clone().decrypt(&decryption.keys);
                return decrypted.map_err(|refusal| refusal.to_string());
            }
        }
        Err("no issuer has a key for it".to_owned())
    }

    fn ask(&self, issuer: &Issuer, asked: &Introspection, token: &str, report: &mut Report) -> Option<()> {
        let said = if self.introspect {
            issuers::introspect(issuer, asked, token)
        } else {
            Err(format!(
                "only `{}` knows, and is asked with `--introspect`",
                issuer.expected.issuer()
            ))
        };
        let active = match report.note("answer of the issuer", said)? {
            Introspected::Active(active) => Ok(active),
            Introspected::Inactive => Err(Refusal::Inactive),
        };
        let active = report.note("active", active)?;
        let claims = report.note("an access token, with claims of the right type", active.into_claims())?;
        report.expect(issuer, claims, self.now);
        Some(())
    }
}

/// How an issuer is asked, if it is.
fn introspection(issuer: &Issuer) -> Option<(&Issuer, &Introspection)> {
    match &issuer.authority {
        Authority::Keys(_) => None,
        Authority::Introspection(asked) => Some((issuer, asked)),
    }
}

/// The issuer that a token says it has.
fn issuer<'i>(token: &Unverified<'_>, issuers: &'i [Issuer]) -> Result<&'i Issuer, String> {
    let claimed = token
        .claimed_issuer()
        .ok_or("the claim `iss` is missing or no string")?;
    let known = issuers.iter().find(|issuer| issuer.expected.issuer() == claimed);
    known.ok_or_else(|| {
        let known: Vec<_> = issuers
            .iter()
            .map(|issuer| format!("`{}`", issuer.expected.issuer()))
            .collect();
        format!("`{}` is none of {}", claimed.escape_debug(), known.join(", "))
    })
}

impl Report {
    /// Notes whether a check held; what it gives, if it did.
    fn note<T, E: ToString>(&mut self, check: impl Into<String>, outcome: Result<T, E>) -> Option<T> {
        let (value, outcome) = match outcome {
            Ok(value) => (Some(value), Ok(())),
            Err(why) => (None, Err(why.to_string())),
        };
        self.findings.push(Finding {
            check: check.into(),
            outcome,
        });
        value
    }

    fn name(&mut self, claims: &Claims) {
        for name in ["iss", "aud", "iat", "nbf", "exp", "scope"] {
            if let Some(value) = claims.get(name) {
                self.named.push((name, value.clone()));
            }
        }
    }

    fn expect(&mut self, issuer: &Issuer, claims: Claims, now: UnixTime) {
        self.name(&claims);
        for finding in issuer.expected.findings(&claims, now) {
            self.note(told(finding.check), finding.outcome);
        }
        let tokens = AccessTokens::new(issuer.name.clone(), issuer.expected.clone());
        if let Ok(accepted) = tokens.expected().accept(claims, now)
            && let Some(identity) = self.note("subject", Identity::of_access_token(&issuer.name, accepted))
        {
            self.subject = Some(identity.subject().to_string());
        }
    }

    fn is_accepted(&self) -> bool {
        self.subject.is_some() && self.findings.iter().all(|finding| finding.outcome.is_ok())
    }

    fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        for Finding { check, outcome } in &self.findings {
            let _written = match outcome {
                Ok(()) => writeln!(text, "  ok   {check}"),
                Err(why) => writeln!(text, "  NO   {check}: {why}"),
            };
        }
        for (name, value) in &self.named {
            let _written = writeln!(text, "       {name}: {value}");
        }
        let _written = match &self.subject {
            Some(subject) if self.is_accepted() => writeln!(text, "accepted: {subject}"),
            _ => writeln!(text, "not accepted"),
        };
        text
    }

    fn json(&self) -> String {
        let checks: Vec<Value> = self
            .findings
            .iter()
            .map(|finding| json!({ "check": finding.check, "holds": finding.outcome.is_ok(), "why": finding.outcome.as_ref().err() }))
            .collect();
        let claims: serde_json::Map<_, _> = self
            .named
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        let report =
            json!({ "accepted": self.is_accepted(), "subject": self.subject, "checks": checks, "claims": claims });
        format!("{report:#}")
    }
}

fn told(check: Check<'_>) -> String {
    match check {
        Check::Type => "type (`typ`)".to_owned(),
        Check::Issuer => "issuer (`iss`)".to_owned(),
        Check::Audience => "audience (`aud`)".to_owned(),
        Check::Expiry => "not expired (`exp`)".to_owned(),
        Check::NotBefore => "valid already (`nbf`)".to_owned(),
        Check::IssuedAt => "issued in the past (`iat`)".to_owned(),
        Check::Age => "not too old (`iat`)".to_owned(),
        Check::Present(claim) => format!("`{claim}` is there"),
    }
}
