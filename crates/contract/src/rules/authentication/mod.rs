//! Who calls: operations that do not ask, schemes that prove little, and credentials in places where others see them.

mod write_without_authentication;

use super::ContractRule;
use super::survey::{Operation, Survey};

pub(super) const RULES: &[ContractRule] = &[write_without_authentication::RULE];

/// Whether an operation asks for no credential at all, and does not say that this is meant.
fn is_open(survey: &Survey<'_>, operation: &Operation<'_>) -> bool {
    let asks = survey
        .requirements(operation)
        .is_some_and(|said| !said.alternatives.iter().all(|one| one.asked.is_empty()));
    !asks && operation.public.is_none()
}
