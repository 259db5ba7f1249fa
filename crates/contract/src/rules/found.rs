//! What a rule tells: where, about what, and in which words.

use portcullis_lint::rule::{Confidence, Severity};

use super::survey::keyword::Keyword;
use super::survey::{At, Operation, Parameter, SchemaId, Scheme, Value};

/// What one rule has found so far.
#[derive(Debug, Default)]
pub struct Found<'d> {
    pub(super) spots: Vec<Spot<'d>>,
}

/// One place where a rule found something.
#[derive(Debug)]
pub struct Spot<'d> {
    pub(super) cause: Cause<'d>,
    pub(super) at: At,
    pub(super) message: String,
    pub(super) severity: Option<Severity>,
    pub(super) confidence: Option<Confidence>,
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Cause<'d> {
    Value(SchemaId),
    Parameter(&'d str, &'d str, usize),
    Operation(usize),
    Scheme(usize),
    Contract,
}

impl<'d> Found<'d> {
    /// Something about a value, shown where the value stands.
    pub fn value(&mut self, value: &Value<'_, 'd>, message: impl Into<String>) -> &mut Spot<'d> {
        self.value_at(value, value.schema.at, message)
    }

    /// Something that a keyword says about a value, shown at the keyword.
    pub fn keyword(&mut self, value: &Value<'_, 'd>, keyword: Keyword, message: impl Into<String>) -> &mut Spot<'d> {
        let written = value.survey.conjunct_with(value.schema.id, keyword);
        let at = written.map_or(value.schema.at, |node| At::member(node, keyword.name()));
        self.value_at(value, at, message)
    }

    /// Something about a value, shown elsewhere.
    pub fn value_at(&mut self, value: &Value<'_, 'd>, at: At, message: impl Into<String>) -> &mut Spot<'d> {
        self.add(Cause::Value(value.schema.id), at, message)
    }

    /// Something about a parameter as such, not only about its schema.
    pub fn parameter(
        &mut self,
        operation: &Operation<'d>,
        parameter: &Parameter<'d>,
        at: At,
        message: impl Into<String>,
    ) -> &mut Spot<'d> {
        let cause = Cause::Parameter(parameter.location, parameter.name, operation.index);
        self.add(cause, at, message)
    }

    /// Something about an operation.
    pub fn operation(&mut self, operation: &Operation<'d>, at: At, message: impl Into<String>) -> &mut Spot<'d> {
        self.add(Cause::Operation(operation.index), at, message)
    }

    /// Something about a security scheme; it costs every operation that asks for it.
    pub fn scheme(&mut self, scheme: &Scheme<'d>, at: At, message: impl Into<String>) -> &mut Spot<'d> {
        self.add(Cause::Scheme(scheme.index), at, message)
    }

    /// Something about the contract; it costs every operation.
    pub fn contract(&mut self, at: At, message: impl Into<String>) -> &mut Spot<'d> {
        self.add(Cause::Contract, at, message)
    }

    fn add(&mut self, cause: Cause<'d>, at: At, message: impl Into<String>) -> &mut Spot<'d> {
        let spot = Spot {
            cause,
            at,
            message: message.into(),
            severity: None,
            confidence: None,
        };
        self.spots.push_mut(spot)
    }
}

impl Spot<'_> {
    /// Another severity than the rule's.
    pub fn severity(&mut self, severity: Severity) -> &mut Self {
        self.severity = Some(severity);
        self
    }

    /// Another confidence than the rule's.
    pub fn confidence(&mut self, confidence: Confidence) -> &mut Self {
        self.confidence = Some(confidence);
        self
    }
}
