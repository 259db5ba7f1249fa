//! Which operations there are: shadows, leftovers, and what should not have been published.

use super::ContractRule;

pub(super) const RULES: &[ContractRule] = &[];
