//! What a rule of contracts is: what it looks at, and what a finding costs.

use portcullis_lint::rule::Rule;

use super::found::Found;
use super::survey::{ErrorKind, Operation, Parameter, Scheme, Survey, Value};

/// A rule of contracts.
#[derive(Clone, Copy)]
pub struct ContractRule {
    /// What reports know of it.
    pub rule: Rule<'static>,
    /// What a finding costs.
    pub cost: Cost,
    /// How its findings are folded.
    pub fold: Fold,
    /// What it looks at.
    pub check: Check,
}

/// What a rule looks at; it is asked once for each.
#[derive(Clone, Copy)]
pub enum Check {
    /// The contract as a whole.
    Contract(for<'d> fn(&Survey<'d>, &mut Found<'d>)),
    /// Every operation of `paths`.
    Operation(for<'d> fn(&Survey<'d>, &Operation<'d>, &mut Found<'d>)),
    /// Every parameter of every operation; one that is shared, for each operation that takes it.
    Parameter(for<'d> fn(&Survey<'d>, &Operation<'d>, &Parameter<'d>, &mut Found<'d>)),
    /// Every security scheme that is declared.
    Scheme(for<'d> fn(&Survey<'d>, &Scheme<'d>, &mut Found<'d>)),
    /// Every value in this direction.
    Value(Travels, for<'s, 'd> fn(&Value<'s, 'd>, &mut Found<'d>)),
}

/// Which values a rule looks at. Those that nothing uses are looked at by all rules, and are never grave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Travels {
    /// Those that callers send.
    InRequests,
    /// Those that are answered.
    InResponses,
    /// All; what is only answered is one step less grave.
    Either,
}

/// How findings of one rule are folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// One finding for each cause: a schema, a parameter by its name, an operation, a scheme.
    Cause,
    /// One finding for the whole contract.
    Contract,
}

/// What a finding costs: percent of the slots that it touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// Nothing.
    Nothing,
    /// Of the value's share of what is exchanged. 100 is for what hides everything inside it, so that saying more never
    /// costs points.
    Data(u8),
    /// Of a part of the operation that no schema covers.
    Part(Part, u8),
    /// All of the parts for errors of these kinds that the operation does not declare and must be able to answer.
    Lacks(&'static [ErrorKind]),
    /// Of an area of security, for every operation that it touches.
    Security(Area, u8),
}

/// A part of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What it takes.
    Request,
    /// What it answers when all goes well.
    Success,
    /// What it answers when not.
    Error,
}

/// An area of the security points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// Who calls.
    Authentication,
    /// What they may do.
    Authorization,
    /// How it travels.
    Transport,
    /// What else is shown or open: leaks, shadows, sensitive data in the wrong place.
    Exposure,
}
