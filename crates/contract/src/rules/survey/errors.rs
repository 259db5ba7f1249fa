//! The errors that an operation must be able to answer, and which of its answers are these.

use super::{Answer, Operation, Survey};

/// A kind of error (RFC 9110 §15.5 and §15.6, RFC 6585 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// What was sent is wrong.
    Input,
    /// It is not known who calls.
    Unauthenticated,
    /// The caller may not do this.
    Forbidden,
    /// What the path names is not there.
    Missing,
    /// The caller asks too often.
    TooMany,
    /// The service failed.
    Failure,
    /// Whatever else an operation declares.
    Other,
}

impl ErrorKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Input,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::Missing,
        Self::TooMany,
        Self::Failure,
        Self::Other,
    ];

    /// The statuses that say this; the first is the usual one.
    pub const fn statuses(self) -> &'static [&'static str] {
        match self {
            Self::Input => &["400", "422"],
            Self::Unauthenticated => &["401"],
            Self::Forbidden => &["403"],
            Self::Missing => &["404", "410"],
            Self::TooMany => &["429"],
            Self::Failure => &["500", "503"],
            Self::Other => &[],
        }
    }

    fn of(status: &str) -> Self {
        let says = |kind: &Self| kind.statuses().contains(&status);
        Self::ALL.into_iter().find(says).unwrap_or(Self::Other)
    }
}

impl<'d> Survey<'d> {
    /// Whether an operation must be able to answer an error of this kind.
    pub fn expects(&self, operation: &Operation<'d>, kind: ErrorKind) -> bool {
        match kind {
            ErrorKind::Input => {
                operation.body.is_some() || !operation.parameters.is_empty() || operation.has_template()
            }
            ErrorKind::Unauthenticated | ErrorKind::Forbidden => !self.lets_anybody_in(operation),
            ErrorKind::Missing => operation.has_template(),
            ErrorKind::TooMany | ErrorKind::Failure => true,
            ErrorKind::Other => false,
        }
    }

    /// Whether an operation must be able to answer an error of this kind, and no answer of it says how.
    pub fn lacks(&self, operation: &Operation<'d>, kind: ErrorKind) -> bool {
        let answers = |status: &&str| operation.answers_with(status);
        self.expects(operation, kind) && !kind.statuses().iter().any(answers)
    }

    /// The answers that say how an error of this kind looks: those of its statuses; without them, where the operation must be
    /// able to answer it, those of its range, and then `default`.
    pub fn answers_of<'s>(&self, operation: &'s Operation<'d>, kind: ErrorKind) -> Vec<&'s Answer<'d>> {
        let errors = || operation.answers.iter().filter(|answer| answer.is_error());
        let is_single = |answer: &&Answer<'_>| answer.status.bytes().all(|byte| byte.is_ascii_digit());
        let exact: Vec<_> = errors()
            .filter(|answer| is_single(answer) && ErrorKind::of(answer.status) == kind)
            .collect();
        if !exact.is_empty() || !self.expects(operation, kind) {
            return exact;
        }
        let digit = kind.statuses().first().and_then(|status| status.chars().next());
        let range: Vec<_> = errors()
            .filter(|answer| !is_single(answer) && digit.is_some_and(|digit| answer.status.starts_with(digit)))
            .collect();
        if !range.is_empty() {
            return range;
        }
        errors().filter(|answer| answer.status == "default").collect()
    }
}
