//! Why a token is refused: one exhaustive list.
//!
//! A refusal is for logs and for `token inspect`; a client never learns which it was. No message holds a part of a token.

use std::borrow::Cow;
use std::fmt;

use super::key::KeyRefusal;
use super::object::Fault;

/// Which JSON object of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The JOSE header.
    Header,
    /// The claims set.
    Claims,
}

/// How far a token came. A refusal at one step says that every step before it held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Length, characters, parts.
    Form,
    /// The header is read, and says nothing that is refused.
    Header,
    /// One key fits.
    Key,
    /// The content decrypts.
    Decryption,
    /// The signature is the key's.
    Signature,
    /// The claims are read, each of its type.
    Claims,
    /// The claims are the expected ones, now.
    Expectation,
}

/// Why a token is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Longer than [`super::compact::TOKEN_BYTES_MAX`].
    TooLong,
    /// A character that is neither base64url nor a dot.
    ForeignCharacter,
    /// Neither three nor five parts.
    PartCount,
    /// A part that is not the one spelling of its octets.
    NotCanonical,
    /// Encrypted, where a signed token is expected (RFC 8725 §3.3).
    EncryptedUnexpectedly,
    /// Signed only, where an encrypted token is expected.
    NotEncrypted,
    /// A header or claims set that is not a strict JSON object.
    Json(Part, Fault),
    /// A header parameter that is missing, of the wrong type or too long.
    HeaderParameter(&'static str),
    /// `alg` is `none`, however it is spelt.
    AlgorithmNone,
    /// An `alg` that has no name here.
    AlgorithmUnsupported,
    /// An `enc` that has no name here.
    EncryptionUnsupported,
    /// A `crit` that RFC 7515 §4.1.11 does not allow.
    CritInvalid,
    /// A `crit` that names an extension; none is understood.
    CritNotUnderstood,
    /// A `b64` header parameter (RFC 7797).
    PayloadUnencoded,
    /// A `zip` header parameter.
    Compressed,
    /// A `jwk` header parameter where keys come from elsewhere.
    KeyEmbedded,
    /// The embedded key of a proof is not one that can verify.
    EmbeddedKeyRefused(KeyRefusal),
    /// No key of this name, or none for this algorithm when there is no name.
    KeyUnknown,
    /// No name, and several keys for this algorithm.
    KeyAmbiguous,
    /// The key of this name is for another algorithm.
    AlgorithmNotOfKey,
    /// Not decrypted, for whatever cause.
    Decryption,
    /// The content of an encrypted token is not said to be a signed one (`cty` is neither `JWT` nor a kind of it, RFC 7519 §5.2).
    NotNested,
    /// The signature is not the key's.
    Signature,
    /// A registered claim of the wrong type or out of range.
    ClaimInvalid(&'static str),
    /// A claim that must be there is not.
    ClaimMissing(Cow<'static, str>),
    /// Not a `typ` that is expected here.
    TypeMismatch,
    /// Not from the expected issuer.
    IssuerMismatch,
    /// For nobody that is expected here.
    AudienceMismatch,
    /// `exp` is over.
    Expired,
    /// `nbf` is still to come.
    NotYetValid,
    /// `iat` is still to come.
    IssuedInFuture,
    /// `iat` is too long ago.
    TooOld,
    /// Its issuer says that it is not good (RFC 7662 §2.2).
    Inactive,
    /// Good once, and it was presented before (`jti`).
    Replayed,
}

impl Refusal {
    /// A stable code for logs and metrics; one of a small fixed set.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong => "token-too-long",
            Self::ForeignCharacter => "token-foreign-character",
            Self::PartCount => "token-part-count",
            Self::NotCanonical => "token-not-canonical",
            Self::EncryptedUnexpectedly => "token-encrypted-unexpectedly",
            Self::NotEncrypted => "token-not-encrypted",
            Self::Json(part, fault) => json_code(*part, *fault),
            Self::HeaderParameter(_) => "header-parameter-invalid",
            Self::AlgorithmNone => "algorithm-none",
            Self::AlgorithmUnsupported => "algorithm-unsupported",
            Self::EncryptionUnsupported => "encryption-unsupported",
            Self::CritInvalid => "crit-invalid",
            Self::CritNotUnderstood => "crit-not-understood",
            Self::PayloadUnencoded => "payload-unencoded",
            Self::Compressed => "compressed",
            Self::KeyEmbedded => "key-embedded",
            Self::EmbeddedKeyRefused(_) => "embedded-key-refused",
            Self::KeyUnknown => "key-unknown",
            Self::KeyAmbiguous => "key-ambiguous",
            Self::AlgorithmNotOfKey => "algorithm-not-of-key",
            Self::Decryption => "decryption-failed",
            Self::NotNested => "not-nested",
            Self::Signature => "signature-invalid",
            Self::ClaimInvalid(_) => "claim-invalid",
            Self::ClaimMissing(_) => "claim-missing",
            Self::TypeMismatch => "type-mismatch",
            Self::IssuerMismatch => "issuer-mismatch",
            Self::AudienceMismatch => "audience-mismatch",
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::IssuedInFuture => "issued-in-future",
            Self::TooOld => "too-old",
            Self::Inactive => "inactive",
            Self::Replayed => "replayed",
        }
    }

    /// Where the token failed; every earlier step held.
    pub fn step(&self) -> Step {
        match self {
            Self::TooLong
            | Self::ForeignCharacter
            | Self::PartCount
            | Self::NotCanonical
            | Self::EncryptedUnexpectedly
            | Self::NotEncrypted => Step::Form,
            Self::Json(Part::Header, _)
            | Self::HeaderParameter(_)
            | Self::AlgorithmNone
            | Self::AlgorithmUnsupported
            | Self::EncryptionUnsupported
            | Self::CritInvalid
            | Self::CritNotUnderstood
            | Self::PayloadUnencoded
            | Self::Compressed
            | Self::KeyEmbedded => Step::Header,
            Self::EmbeddedKeyRefused(_) | Self::KeyUnknown | Self::KeyAmbiguous | Self::AlgorithmNotOfKey => Step::Key,
            Self::Decryption | Self::NotNested => Step::Decryption,
            Self::Signature => Step::Signature,
            Self::Json(Part::Claims, _) | Self::ClaimInvalid(_) => Step::Claims,
            Self::ClaimMissing(_)
            | Self::TypeMismatch
            | Self::IssuerMismatch
            | Self::AudienceMismatch
            | Self::Expired
            | Self::NotYetValid
            | Self::IssuedInFuture
            | Self::TooOld
            | Self::Inactive
            | Self::Replayed => Step::Expectation,
        }
    }
}

fn json_code(part: Part, fault: Fault) -> &'static str {
    match (part, fault) {
        (Part::Header, Fault::Malformed) => "header-malformed",
        (Part::Header, Fault::NotAnObject) => "header-not-an-object",
        (Part::Header, Fault::DuplicateMember) => "header-duplicate-member",
        (Part::Header, Fault::TooDeep) => "header-too-deep",
        (Part::Claims, Fault::Malformed) => "claims-malformed",
        (Part::Claims, Fault::NotAnObject) => "claims-not-an-object",
        (Part::Claims, Fault::DuplicateMember) => "claims-duplicate-member",
        (Part::Claims, Fault::TooDeep) => "claims-too-deep",
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl Refusal {
    /// For the operator; names of parameters and claims at most, never their values.
    fn message(&self) -> Cow<'static, str> {
        let message = match self {
            Self::TooLong => "the token is too long",
            Self::ForeignCharacter => "the token has a character that is neither base64url nor a dot",
            Self::PartCount => "the token is not in compact serialization: the number of parts is wrong",
            Self::NotCanonical => "a part of the token is not canonical base64url",
            Self::EncryptedUnexpectedly => "the token is encrypted where a signed one is expected",
            Self::NotEncrypted => "the token is not encrypted",
            Self::Json(part, fault) => return format!("the {part} {fault}").into(),
            Self::HeaderParameter(name) => {
                return format!("the header parameter `{name}` is missing, of the wrong type or too long").into();
            }
            Self::AlgorithmNone => "the token is not signed: `alg` is `none`",
            Self::AlgorithmUnsupported => "`alg` is no algorithm that is accepted",
            Self::EncryptionUnsupported => "`enc` is no algorithm that is accepted",
            Self::CritInvalid => "`crit` is not what RFC 7515 allows",
            Self::CritNotUnderstood => "`crit` names an extension, and none is understood",
            Self::PayloadUnencoded => "`b64` is not accepted",
            Self::Compressed => "compressed content is not accepted",
            Self::KeyEmbedded => "a key in the header is not accepted here",
            Self::EmbeddedKeyRefused(why) => return format!("the embedded key cannot verify: {why}").into(),
            Self::KeyUnknown => "no key fits the token",
            Self::KeyAmbiguous => "the token has no `kid`, and several keys fit",
            Self::AlgorithmNotOfKey => "the key is for another algorithm than `alg`",
            Self::Decryption => "the token cannot be decrypted",
            Self::NotNested => "the content is not a nested token: `cty` is neither `JWT` nor a kind of it",
            Self::Signature => "the signature does not fit",
            Self::ClaimInvalid(name) => {
                return format!("the claim `{name}` is of the wrong type or out of range").into();
            }
            Self::ClaimMissing(name) => return format!("the claim `{name}` is missing").into(),
            Self::TypeMismatch => "`typ` is not the expected type",
            Self::IssuerMismatch => "`iss` is not the expected issuer",
            Self::AudienceMismatch => "`aud` has no expected audience",
            Self::Expired => "the token is expired",
            Self::NotYetValid => "the token is not valid yet",
            Self::IssuedInFuture => "the token was issued in the future",
            Self::TooOld => "the token was issued too long ago",
            Self::Inactive => "its issuer says that the token is not active",
            Self::Replayed => "the token is good once, and was presented before",
        };
        message.into()
    }
}

impl std::error::Error for Refusal {}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Claims => "claims set",
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "is not JSON",
            Self::NotAnObject => "is not a JSON object",
            Self::DuplicateMember => "has a member name twice",
            Self::TooDeep => "is nested too deep",
        })
    }
}
