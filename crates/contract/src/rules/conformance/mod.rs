//! Whether a contract says what its author thinks: what is read otherwise, contradicts itself or has no effect.

use super::ContractRule;

pub(super) const RULES: &[ContractRule] = &[];
