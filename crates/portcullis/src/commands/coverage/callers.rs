//! Who has to prove what before an operation is used, as coverage tells it.

use portcullis_contract::conform::contract::Contract;
use portcullis_contract::conform::operation::Operation;
use portcullis_contract::conform::security::{Alternative, Requirement};

use super::{Row, State};
use crate::config::api::Api;
use crate::config::checked::Pace;
use crate::config::policy::Policy;
use crate::config::security::Verifier;
use crate::config::users::Logins;

/// The rows of one operation.
pub(super) fn rows(
    api: &Api,
    contract: &Contract,
    operation: &Operation,
    policy: &Policy,
) -> impl Iterator<Item = Row> {
    let callers = callers(api, contract, operation);
    let step_up = policy.step_up.as_ref().map(|asked| {
        let classes: Vec<String> = asked.acr.iter().map(|class| format!("`{class}`")).collect();
        let classes = (!classes.is_empty()).then(|| format!("class {}", classes.join(" or ")));
        let age = asked.max_age_seconds.map(|seconds| format!("at most {seconds} s ago"));
        let asked: Vec<String> = classes.into_iter().chain(age).collect();
        Row::new("step-up", State::Enforced, asked.join(", "))
    });
    std::iter::once(callers).chain(step_up)
}

/// How often logins may fail, where the operation is one. That is no rate limit of a policy: who fails is known, and counted before a
/// password is verified.
pub(super) fn failed_logins(api: &Api, contract: &Contract, operation: &Operation, logins: &Logins) -> Option<Row> {
    let mut asked = operation.security.iter().flatten().flatten();
    asked.find(|asked| matches!(api.verifier(contract, asked), Some(Verifier::Users(_))))?;
    let told = |pace: &Pace| format!("{} in {} s, burst {}", pace.requests, pace.per.as_secs(), pace.burst);
    let why = format!(
        "{}, by user and address; {}, by user at addresses where that user did not log in lately",
        told(&logins.failures_of_user_at_address),
        told(&logins.failures_of_user)
    );
    Some(Row::new("failed logins", State::Enforced, why))
}

fn callers(api: &Api, contract: &Contract, operation: &Operation) -> Row {
    let alternatives = operation.security.as_deref().unwrap_or_default();
    if alternatives.is_empty() {
        let why = "anybody may call: `security` asks for nothing";
        return Row::new("callers", State::NotJudged, why.to_owned());
    }
    let verifier = |asked: &Requirement| api.verifier(contract, asked);
    let is_open = |all: &&Alternative| {
        let left = |asked: &Requirement| verifier(asked) == Some(&Verifier::Upstream);
        !all.is_empty() && all.iter().all(left)
    };
    let told = |all: &Alternative| match all.as_slice() {
        [] => "anybody, who presents nothing or what is good".to_owned(),
        all => {
            let needs: Vec<String> = all.iter().map(|asked| need(asked, verifier(asked))).collect();
            needs.join(" and ")
        }
    };
    let mut ways: Vec<String> = alternatives.iter().map(told).collect();
    ways.dedup();
    let state = match alternatives.iter().find(is_open) {
        Some(_) => State::NotJudged,
        None => State::Enforced,
    };
    Row::new("callers", state, ways.join("; or "))
}

/// What one scheme of an alternative asks for.
fn need(asked: &Requirement, verifier: Option<&Verifier>) -> String {
    let what = match verifier {
        Some(Verifier::Tokens { own: false, issuers }) => format!("tokens of {}", named(issuers)),
        Some(Verifier::Tokens { own: true, issuers }) if issuers.is_empty() => "opaque tokens of the gate".to_owned(),
        Some(Verifier::Tokens { own: true, issuers }) => {
            format!("opaque tokens of the gate or tokens of {}", named(issuers))
        }
        Some(Verifier::ApiKeys { .. }) => "API keys".to_owned(),
        Some(Verifier::Users(name)) => format!("passwords of `{name}`"),
        Some(Verifier::Signers(name)) => format!("signatures of `{name}`"),
        Some(Verifier::ClientCertificates(name)) => format!("client certificates of `{name}`"),
        Some(Verifier::Upstream) => "what the upstream has to verify".to_owned(),
        None => "what nothing verifies".to_owned(),
    };
    if asked.scopes.is_empty() {
        return what;
    }
    let scopes: Vec<String> = asked.scopes.iter().map(|scope| format!("`{scope}`")).collect();
    format!("{what} with {}", scopes.join(", "))
}

fn named(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(" or ")
}
