//! How requests and answers travel.

use super::ContractRule;

pub(super) const RULES: &[ContractRule] = &[];
