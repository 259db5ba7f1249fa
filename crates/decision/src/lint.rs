//! Rules that are allowed and most likely not meant: that can never apply, that permit everything, that are there twice, that no case
//! ever needed.

use serde::Serialize;

use crate::decision::Rule;
use crate::problem::Place;

/// What is odd about a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum LintKind {
    /// It can never apply.
    Unreachable {
        /// Why not.
        because: String,
    },
    /// It permits everything to everybody, or more than anybody can foresee.
    TooWide,
    /// It says what another one says.
    Identical {
        /// The first that says so.
        to: Rule,
    },
    /// It decided in none of the cases.
    Unused,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lint {
    /// The rule.
    pub rule: Rule,
    /// Where it is written, if that is known.
    pub place: Option<Place>,
    /// What is odd.
    #[serde(flatten)]
    pub kind: LintKind,
}
