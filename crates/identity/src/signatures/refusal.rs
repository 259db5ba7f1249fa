//! Why a signature does not count.

use std::fmt;

/// Why the signatures of a request are refused. For the log: callers are told nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `Signature-Input` or `Signature` is missing, does not parse, or names something twice; or the two do not agree.
    Malformed,
    /// More signatures, components or bytes than are looked at.
    TooLarge,
    /// A parameter of a signature that nobody knows (RFC 9421 §2.3), or with a value of the wrong type.
    ParameterUnknown,
    /// A component that requests do not have, or a parameter that does not go with it.
    ComponentUnknown,
    /// A component that stands twice.
    ComponentTwice,
    /// A component is covered that the request does not have, or has in a form that cannot be signed.
    ComponentMissing,
    /// No signature is by a key that is known here.
    KeyUnknown,
    /// `alg` names another algorithm than the key's.
    AlgorithmNotOfKey,
    /// Something that has to be covered is not.
    Uncovered,
    /// `created` is missing.
    CreatedMissing,
    /// It was made too long ago.
    TooOld,
    /// It is from the future.
    NotYet,
    /// It has expired.
    Expired,
    /// A nonce is demanded, and there is none, or one that is too long.
    NonceMissing,
    /// The signature is not the key's over this request.
    Signature,
    /// Two signatures are good, and are different callers'.
    Ambiguous,
    /// `Content-Digest` is covered and cannot be held against the content: it does not parse, or has no digest that is known.
    DigestUnknown,
}

impl Refusal {
    /// A stable name, for logs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "signature-malformed",
            Self::TooLarge => "signature-too-large",
            Self::ParameterUnknown => "signature-parameter-unknown",
            Self::ComponentUnknown => "signature-component-unknown",
            Self::ComponentTwice => "signature-component-twice",
            Self::ComponentMissing => "signature-component-missing",
            Self::KeyUnknown => "signature-key-unknown",
            Self::AlgorithmNotOfKey => "signature-algorithm",
            Self::Uncovered => "signature-uncovered",
            Self::CreatedMissing => "signature-created-missing",
            Self::TooOld => "signature-too-old",
            Self::NotYet => "signature-not-yet",
            Self::Expired => "signature-expired",
            Self::NonceMissing => "signature-nonce-missing",
            Self::Signature => "signature-invalid",
            Self::Ambiguous => "signature-ambiguous",
            Self::DigestUnknown => "signature-digest-unknown",
        }
    }

    /// Whether the fields cannot be read in one way only, whoever signed.
    pub fn is_of_form(self) -> bool {
        matches!(
            self,
            Self::Malformed | Self::TooLarge | Self::ParameterUnknown | Self::ComponentUnknown | Self::ComponentTwice
        )
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl std::error::Error for Refusal {}
