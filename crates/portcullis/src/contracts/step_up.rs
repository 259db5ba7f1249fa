//! Operations that ask for a better authentication of callers who present no access token.

use portcullis_contract::conform::contract::Contract;
use portcullis_contract::conform::operation::Operation;
use portcullis_contract::document::{Document, Problem};

use crate::config::api::Api;
use crate::config::policy::Policy;
use crate::config::security::Verifier;

/// An operation that nobody could call: it asks for what only an access token says, and accepts none.
pub(super) fn problem(
    api: &Api,
    document: &Document,
    contract: &Contract,
    operation: &Operation,
    policy: &Policy,
) -> Option<Problem> {
    policy.step_up.as_ref()?;
    let mut asked = operation.security.iter().flatten().flatten();
    let takes_tokens = asked.any(|asked| api.verifier(contract, asked).is_some_and(Verifier::takes_issuers));
    let message = "`step_up` asks for what only an access token says, and no access token is verified here";
    let help = "write `x-portcullis: {step_up: {}}` at the operation, or have it ask for tokens of an issuer";
    (!takes_tokens).then(|| document.problem(operation.span, message.to_owned()).help(help))
}
