//! Why a secret key cannot be loaded.

use std::fmt;

use portcullis_identity::jose::object::Fault;

/// Why a secret key cannot be loaded. Names members, never their values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// Not one `PRIVATE KEY` in PEM.
    Pem,
    /// Not a strict JSON object.
    Json(Fault),
    /// A member that is missing, of the wrong type, or not canonical base64url.
    Member(&'static str),
    /// A `kty` or `crv` that does not go with what the key is loaded for.
    KeyType,
    /// Neither the key nor whoever loads it says the algorithm.
    AlgorithmMissing,
    /// An algorithm that is not supported, or another one than the key's own.
    Algorithm,
    /// `use` or `key_ops` speaks against it.
    Purpose,
    /// Too short for its algorithm.
    TooShort,
    /// The parts do not make a key, or are of different keys.
    Inconsistent,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = match self {
            Self::Pem => "not one `PRIVATE KEY` in PEM",
            Self::Json(fault) => return write!(f, "the key {fault}"),
            Self::Member(name) => {
                return write!(f, "`{name}` is missing, of the wrong type, or not canonical base64url");
            }
            Self::KeyType => "the type of the key does not go with what it is loaded for",
            Self::AlgorithmMissing => "the key has no `alg`, and none is given",
            Self::Algorithm => "`alg` is not supported, or not the one that is given",
            Self::Purpose => "`use` or `key_ops` does not go with what the key is loaded for",
            Self::TooShort => "the key is too short for its algorithm",
            Self::Inconsistent => "the parts of the key do not belong together",
        };
        f.write_str(message)
    }
}

impl std::error::Error for LoadError {}
