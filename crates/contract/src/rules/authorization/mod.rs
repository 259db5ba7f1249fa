//! What callers may do: scopes, objects named by callers, functions apart from others.

use super::ContractRule;

pub(super) const RULES: &[ContractRule] = &[];
