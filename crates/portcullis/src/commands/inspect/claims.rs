//! What a token says, check by check, beside what is expected of it.

use portcullis_identity::confirmation::{Binding, Confirmation, Unconfirmed};
use portcullis_identity::jose::claims::{Check, Claims, Expected};
use portcullis_identity::jose::media_type::MediaType;
use portcullis_identity::principal::Identity;
use portcullis_identity::thumbprint::Thumbprint;
use portcullis_identity::time::UnixTime;
use serde_json::Value;

use super::super::date::Date;
use super::report::{Report, Sides};
use crate::config::issuer::Issuer;

/// What programs are told of a token that its issuer vouches for.
const TOLD: [&str; 12] = [
    "iss",
    "aud",
    "sub",
    "client_id",
    "iat",
    "nbf",
    "exp",
    "jti",
    "scope",
    "acr",
    "auth_time",
    "cnf",
];

/// Holds the claims of a token, whose signature or issuer vouches for them, against what is expected; whom they speak of.
pub(super) fn check(issuer: &Issuer, claims: Claims, now: UnixTime, report: &mut Report) -> Option<Identity> {
    for name in TOLD {
        if let Some(value) = claims.get(name) {
            report.claim(name, value.clone());
        }
    }
    for finding in issuer.expected.findings(&claims, now) {
        let sides = sides(finding.check, &issuer.expected, &claims, now);
        report.compare(&told(finding.check), finding.outcome, sides);
    }
    bind(issuer.binding, &claims, report);
    if issuer.one_time {
        report.depend(
            "presented once (`jti`)",
            "nobody presented it before, which only a gate that serves knows",
        );
    }
    // What does not hold was told.
    let accepted = issuer.expected.accept(claims, now).ok()?;
    let identity = report.note("subject", Identity::of_access_token(&issuer.name, accepted))?;
    name(&identity, report);
    Some(identity)
}

/// Says what people want to know of a token beside what was checked.
fn name(identity: &Identity, report: &mut Report) {
    if let Some(client) = identity.client() {
        report.name("client", client);
    }
    let scopes = identity.scopes().to_string();
    report.name("scopes", if scopes.is_empty() { "none" } else { &scopes });
    if let Some(acr) = identity.claims().get("acr").and_then(Value::as_str) {
        report.name("acr", acr);
    }
    if let Some(at) = identity.claims().authenticated_at() {
        report.name("auth_time", Date(at));
    }
}

/// What a token is bound to is not shown by the token, so nothing more can be said here.
fn bind(binding: Binding, claims: &Claims, report: &mut Report) {
    const CHECK: &str = "binding (`cnf`)";
    match binding.keep(claims) {
        Ok(None) => report.hold(CHECK, "none: whoever has the token can use it"),
        Ok(Some(confirmation)) => report.depend(CHECK, shown(&confirmation)),
        Err(Unconfirmed::NotUnderstood) => report.fail(CHECK, misunderstood(claims)),
        Err(_) => {
            let what = match binding {
                Binding::Certificate => "a client certificate (`x5t#S256`)",
                Binding::Dpop => "the key of DPoP proofs (`jkt`)",
                Binding::Any | Binding::None => "a client certificate or the key of DPoP proofs",
            };
            report.fail(CHECK, format!("the tokens of its issuer have to be bound to {what}"));
        }
    }
}

/// Why nobody could check what a token is bound to.
fn misunderstood(claims: &Claims) -> String {
    let named = |name: &&str| claims.get("cnf").and_then(|cnf| cnf.get(*name));
    let malformed = |name: &&str| named(name).is_some_and(|value| Thumbprint::of_value(value).is_none());
    match ["x5t#S256", "jkt"].iter().find(|name| malformed(name)) {
        Some(name) => format!("`{name}` is no SHA-256 digest in base64url, which has 43 characters"),
        None => {
            "it names something else than one certificate (`x5t#S256`) and one key (`jkt`), which nobody could check"
                .to_owned()
        }
    }
}

fn shown(confirmation: &Confirmation) -> &'static str {
    match (confirmation.certificate(), confirmation.key()) {
        (Some(_), Some(_)) => {
            "the request comes over a connection with the certificate, and with a DPoP proof by the key, that it is bound to"
        }
        (None, Some(_)) => "the request comes with a DPoP proof by the key that it is bound to (`jkt`)",
        (_, None) => "the request comes over a connection with the certificate that it is bound to (`x5t#S256`)",
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

/// What a check compares. Times are compared with a difference of clocks allowed for, which is not told.
fn sides(check: Check<'_>, expected: &Expected, claims: &Claims, now: UnixTime) -> Sides {
    let date = |at: Option<UnixTime>| at.map(|at| Date(at).to_string());
    let (wanted, found) = match check {
        Check::Type => {
            let types = expected.types().iter().map(MediaType::as_str);
            (Some(any_of(types)), claims.typ().map(|typ| format!("`{typ}`")))
        }
        Check::Issuer => {
            let found = claims.issuer().map(|issuer| format!("`{issuer}`"));
            (Some(format!("`{}`", expected.issuer())), found)
        }
        Check::Audience => {
            let found: Vec<String> = claims.audience().map(|audience| format!("`{audience}`")).collect();
            let wanted = any_of(expected.audiences().iter().map(String::as_str));
            (Some(wanted), (!found.is_empty()).then(|| found.join(", ")))
        }
        Check::Expiry => (Some(format!("after {}", Date(now))), date(claims.expires())),
        Check::NotBefore => (Some(format!("not after {}", Date(now))), date(claims.not_before())),
        Check::IssuedAt => (Some(format!("not after {}", Date(now))), date(claims.issued_at())),
        Check::Age => {
            let wanted = expected.age_max().map(|most| format!("at most {most} s ago"));
            (wanted, date(claims.issued_at()))
        }
        Check::Present(_) => (None, None),
    };
    Sides {
        expected: wanted,
        found,
    }
}

/// A choice in words.
pub(super) fn any_of<'w>(words: impl Iterator<Item = &'w str>) -> String {
    let words: Vec<String> = words.map(|word| format!("`{word}`")).collect();
    words.join(" or ")
}
