//! What callers are answered: leaks, missing schemas, errors that are not declared.

use super::ContractRule;

pub(super) const RULES: &[ContractRule] = &[];
