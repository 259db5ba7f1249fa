//! The laws, one file each, in the order in which they are reported. A law reads the tree; it never changes it.

mod attacks;
mod direction;
mod exemptions;
mod head;
mod length;
mod map;
mod names;
mod places;
mod purity;
mod reasons;
mod requirements;
mod unsafety;

use crate::problem::Problem;
use crate::tree::Tree;

pub(crate) type Law = fn(&Tree) -> Vec<Problem>;

/// Every law of the house that a program can check.
pub(crate) const LAWS: &[Law] = &[
    purity::check,
    direction::check,
    unsafety::check,
    length::check,
    names::check,
    reasons::check,
    head::check,
    places::check,
    attacks::check,
    requirements::check,
    exemptions::check,
    map::check,
];

/// Holds the tree against every law; problems come in the order of the laws, then of the files.
pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    LAWS.iter().flat_map(|law| law(tree)).collect()
}
