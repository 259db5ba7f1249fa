//! Why a key is not used: one exhaustive list.

use std::fmt;

/// Why a key is not used. Names members, never their values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRefusal {
    /// A member that is missing, of the wrong type, or not canonical base64url.
    Member(&'static str),
    /// A member that only private keys have, in a key that is meant to be public.
    PrivateMember(&'static str),
    /// A symmetric key, in a place for public keys.
    Symmetric,
    /// A `kty` that is not supported.
    KeyTypeUnsupported,
    /// A `crv` that is not supported.
    CurveUnsupported,
    /// An `alg` that is not supported, or is not for signatures.
    AlgorithmUnsupported,
    /// An `alg` that the key itself cannot have.
    AlgorithmMismatch,
    /// `use` is not `sig`.
    NotForSignatures,
    /// `key_ops` has no `verify`, or something that does not go with it.
    NotForVerifying,
    /// Coordinates that are not as long as the curve's field.
    CoordinateLength,
    /// A point that is not on its curve.
    NotOnCurve,
    /// A point of small order, under which signatures fit many messages.
    SmallOrder,
    /// An integer that begins with zero octets (RFC 7518 §6.3.1.1).
    LeadingZero,
    /// A modulus of less than 2048 bits.
    ModulusTooShort,
    /// A modulus of more than 8192 bits.
    ModulusTooLong,
    /// An even modulus.
    ModulusEven,
    /// An exponent that is even, 1, or longer than 32 bits.
    Exponent,
    /// A modulus that bears the mark of the generator of CVE-2017-15361 (ROCA).
    Roca,
}

impl KeyRefusal {
    /// Whether somebody made a mistake that must not pass silently: what stands here is a secret.
    pub fn is_exposed_secret(self) -> bool {
        matches!(self, Self::PrivateMember(_) | Self::Symmetric)
    }
}

impl fmt::Display for KeyRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = match self {
            Self::Member(name) => {
                return write!(f, "`{name}` is missing, of the wrong type, or not canonical base64url");
            }
            Self::PrivateMember(name) => {
                return write!(
                    f,
                    "`{name}` is a private member: this key is exposed, and must be replaced"
                );
            }
            Self::Symmetric => "a symmetric key does not belong among public keys",
            Self::KeyTypeUnsupported => "`kty` is not supported",
            Self::CurveUnsupported => "`crv` is not supported",
            Self::AlgorithmUnsupported => "`alg` is not supported for signatures",
            Self::AlgorithmMismatch => "`alg` does not go with the key",
            Self::NotForSignatures => "`use` is not `sig`",
            Self::NotForVerifying => "`key_ops` is not `verify`",
            Self::CoordinateLength => "a coordinate is not as long as the curve's field",
            Self::NotOnCurve => "the point is not on the curve",
            Self::SmallOrder => "the point has small order",
            Self::LeadingZero => "`n` or `e` begins with a zero octet",
            Self::ModulusTooShort => "the modulus has less than 2048 bits",
            Self::ModulusTooLong => "the modulus has more than 8192 bits",
            Self::ModulusEven => "the modulus is even",
            Self::Exponent => "the exponent is even, 1, or longer than 32 bits",
            Self::Roca => "the modulus comes from the weak generator of CVE-2017-15361",
        };
        f.write_str(message)
    }
}

impl std::error::Error for KeyRefusal {}
