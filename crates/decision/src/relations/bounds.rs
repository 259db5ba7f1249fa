//! How much work a question may be, and what happens where it is more.

use thiserror::Error;

/// How deep a question may be asked to go, whatever is configured: what a walk needs of the stack grows with it.
pub const DEPTH_MAX: u32 = 100;

/// How much work one question may be. What is more is an error, which denies, or a list that says that it was cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How many relations of objects lead from the question to its answer, the first and the last included; [`DEPTH_MAX`] at most.
    pub depth_max: u32,
    /// How many relations of objects one check looks at.
    pub check_nodes_max: u32,
    /// How many tuples one check looks up or reads.
    pub check_tuples_max: u32,
    /// How many relations of objects one list looks at, to find what may be in it and to check that.
    pub list_nodes_max: u32,
    /// How many tuples one list looks up or reads for that.
    pub list_tuples_max: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            depth_max: 25,
            check_nodes_max: 10_000,
            check_tuples_max: 100_000,
            list_nodes_max: 1_000_000,
            list_tuples_max: 1_000_000,
        }
    }
}

/// Which bound a question has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Bound {
    /// [`Bounds::depth_max`].
    #[error("the relations are nested too deep")]
    Depth,
    /// [`Bounds::check_nodes_max`] or [`Bounds::list_nodes_max`].
    #[error("too many relations had to be looked at")]
    Nodes,
    /// [`Bounds::check_tuples_max`] or [`Bounds::list_tuples_max`].
    #[error("too many tuples had to be read")]
    Tuples,
}

/// What is left of the work that a question may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    nodes: u32,
    tuples: u32,
}

impl Budget {
    pub(super) fn of_check(bounds: &Bounds) -> Self {
        Self {
            nodes: bounds.check_nodes_max,
            tuples: bounds.check_tuples_max,
        }
    }

    pub(super) fn of_list(bounds: &Bounds) -> Self {
        Self {
            nodes: bounds.list_nodes_max,
            tuples: bounds.list_tuples_max,
        }
    }

    /// What one of several checks may take of what is left.
    pub(super) fn lend(&self, bounds: &Bounds) -> Self {
        Self {
            nodes: self.nodes.min(bounds.check_nodes_max),
            tuples: self.tuples.min(bounds.check_tuples_max),
        }
    }

    /// Takes off what was used of what was lent.
    pub(super) fn charge(&mut self, lent: Self, left: Self) {
        self.nodes = self.nodes.saturating_sub(lent.nodes.saturating_sub(left.nodes));
        self.tuples = self.tuples.saturating_sub(lent.tuples.saturating_sub(left.tuples));
    }

    /// Whether something of it is used up.
    pub(super) fn is_spent(&self) -> bool {
        self.nodes == 0 || self.tuples == 0
    }

    pub(super) fn spend_node(&mut self) -> Result<(), Bound> {
        self.nodes = self.nodes.checked_sub(1).ok_or(Bound::Nodes)?;
        Ok(())
    }

    pub(super) fn spend_tuple(&mut self) -> Result<(), Bound> {
        self.tuples = self.tuples.checked_sub(1).ok_or(Bound::Tuples)?;
        Ok(())
    }
}
