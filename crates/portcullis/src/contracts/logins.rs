//! Passwords belong to logins: verifying one takes long on purpose, and whoever sends it with every request spreads it around. An operation
//! that takes passwords has to be marked as a login.

use std::collections::BTreeSet;

use portcullis_contract::conform::contract::Contract;
use portcullis_contract::conform::operation::Operation;
use portcullis_contract::conform::security::Requirement;
use portcullis_contract::document::{Document, Problem};

use crate::config::api::Api;
use crate::config::raw;
use crate::config::security::Verifier;

/// What is at odds between what an operation asks for and whether its policy says that it is a login; `own` is what stands at the
/// operation itself.
pub(super) fn problem(
    api: &Api,
    document: &Document,
    contract: &Contract,
    operation: &Operation,
    own: &raw::Policy,
    login: bool,
) -> Option<Problem> {
    let asked = operation.security.iter().flatten().flatten();
    let users: BTreeSet<&str> = asked.filter_map(|asked| users(api, contract, asked)).collect();
    let name = operation.name();
    match (users.len(), login) {
        (0, true) if own.login == Some(true) => {
            let message = "`login` has no effect: the operation takes no passwords that the gate verifies";
            let warning = Problem::warning(document.location(operation.span.file), operation.span, message);
            Some(warning.help("write `authentication: true` where the upstream verifies a password in the body"))
        }
        (0, _) | (1, true) => None,
        (1, false) => {
            let message = format!("`{name}` takes passwords and is not marked as a login");
            let help = "write `x-portcullis: {login: true}` at the one operation where users log in, and let the others take the \
                        tokens that are issued there";
            Some(document.problem(operation.span, message).help(help))
        }
        _ => {
            let message = format!("`{name}` takes passwords of several `users`, and only those of one can be verified");
            Some(document.problem(operation.span, message).help("put them into one file"))
        }
    }
}

/// Whose passwords a scheme takes; none where it is no scheme of passwords, which is told by itself.
fn users<'a>(api: &'a Api, contract: &Contract, requirement: &Requirement) -> Option<&'a str> {
    let scheme = contract.scheme(requirement)?;
    match api.verifier(contract, requirement)? {
        verifier @ Verifier::Users(name) if verifier.is_for(&scheme.kind) => Some(name),
        _ => None,
    }
}
