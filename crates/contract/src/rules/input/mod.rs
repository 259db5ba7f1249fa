//! What callers send: every keyword that should bound a value, and values that are dangerous whatever their size.

mod string_without_max_length;

use super::ContractRule;

pub(super) const RULES: &[ContractRule] = &[string_without_max_length::RULE];
