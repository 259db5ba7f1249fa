//! The algorithms that have a name here (RFC 7518, RFC 8037, RFC 9864). One that has none cannot be chosen.
//!
//! Names are compared exactly: `hs256` is not `HS256`, and no spelling of `none` is an algorithm.

/// What signs or authenticates a token: `alg` of a JWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256 and a salt of 32 octets.
    Ps256,
    /// RSASSA-PSS with SHA-512 and a salt of 64 octets.
    Ps512,
    /// Ed25519, by this name (RFC 9864) or by the older `EdDSA` (RFC 8037).
    Ed25519,
    /// HMAC with SHA-256; only ever by a [`super::handle::Mac`].
    Hs256,
}

/// What an RSA key may sign with. Nothing in the key itself says which, so somebody else has to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RsaAlgorithm {
    /// What issuers sign with that publish keys without `alg`.
    #[default]
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-512.
    Ps512,
}

impl RsaAlgorithm {
    /// `None` for what is not RSA.
    pub fn of(algorithm: SignatureAlgorithm) -> Option<Self> {
        match algorithm {
            SignatureAlgorithm::Rs256 => Some(Self::Rs256),
            SignatureAlgorithm::Rs384 => Some(Self::Rs384),
            SignatureAlgorithm::Rs512 => Some(Self::Rs512),
            SignatureAlgorithm::Ps256 => Some(Self::Ps256),
            SignatureAlgorithm::Ps512 => Some(Self::Ps512),
            SignatureAlgorithm::Es256
            | SignatureAlgorithm::Es384
            | SignatureAlgorithm::Ed25519
            | SignatureAlgorithm::Hs256 => None,
        }
    }
}

impl From<RsaAlgorithm> for SignatureAlgorithm {
    fn from(algorithm: RsaAlgorithm) -> Self {
        match algorithm {
            RsaAlgorithm::Rs256 => Self::Rs256,
            RsaAlgorithm::Rs384 => Self::Rs384,
            RsaAlgorithm::Rs512 => Self::Rs512,
            RsaAlgorithm::Ps256 => Self::Ps256,
            RsaAlgorithm::Ps512 => Self::Ps512,
        }
    }
}

/// How the key that encrypts the content comes to the receiver: `alg` of a JWE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyManagement {
    /// The content is encrypted with the shared key itself.
    Dir,
    /// The agreed key encrypts the content.
    EcdhEs,
    /// The agreed key wraps the content's key by AES-128.
    EcdhEsA128Kw,
    /// The agreed key wraps the content's key by AES-256.
    EcdhEsA256Kw,
    /// RSAES-OAEP with SHA-256 and MGF1 with SHA-256.
    RsaOaep256,
}

/// What encrypts the content: `enc` of a JWE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContentEncryption {
    /// AES-GCM with a key of 128 bits.
    A128Gcm,
    /// AES-GCM with a key of 256 bits.
    A256Gcm,
    /// AES-CBC with 256 bits, authenticated by HMAC-SHA-512.
    A256CbcHs512,
}

/// A registry of names for one header parameter.
pub trait Named: Copy + Sized + 'static {
    /// Every name, `EdDSA` and the like beside the newer one.
    const NAMES: &'static [(&'static str, Self)];

    /// The algorithm of exactly this name.
    fn named(name: &str) -> Option<Self> {
        let entry = Self::NAMES.iter().find(|(known, _)| *known == name);
        entry.map(|(_, algorithm)| *algorithm)
    }
}

impl Named for SignatureAlgorithm {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("ES256", Self::Es256),
        ("ES384", Self::Es384),
        ("RS256", Self::Rs256),
        ("RS384", Self::Rs384),
        ("RS512", Self::Rs512),
        ("PS256", Self::Ps256),
        ("PS512", Self::Ps512),
        ("Ed25519", Self::Ed25519),
        ("EdDSA", Self::Ed25519),
        ("HS256", Self::Hs256),
    ];
}

impl Named for KeyManagement {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("dir", Self::Dir),
        ("ECDH-ES", Self::EcdhEs),
        ("ECDH-ES+A128KW", Self::EcdhEsA128Kw),
        ("ECDH-ES+A256KW", Self::EcdhEsA256Kw),
        ("RSA-OAEP-256", Self::RsaOaep256),
    ];
}

impl Named for ContentEncryption {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("A128GCM", Self::A128Gcm),
        ("A256GCM", Self::A256Gcm),
        ("A256CBC-HS512", Self::A256CbcHs512),
    ];
}

impl SignatureAlgorithm {
    /// The name to write; of Ed25519 the older one, which every implementation knows.
    pub fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps512 => "PS512",
            Self::Ed25519 => "EdDSA",
            Self::Hs256 => "HS256",
        }
    }
}

impl KeyManagement {
    /// The name in headers, and in the key derivation of RFC 7518 §4.6.2.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dir => "dir",
            Self::EcdhEs => "ECDH-ES",
            Self::EcdhEsA128Kw => "ECDH-ES+A128KW",
            Self::EcdhEsA256Kw => "ECDH-ES+A256KW",
            Self::RsaOaep256 => "RSA-OAEP-256",
        }
    }
}

impl ContentEncryption {
    /// The name in headers, and in the key derivation of RFC 7518 §4.6.2.
    pub fn name(self) -> &'static str {
        match self {
            Self::A128Gcm => "A128GCM",
            Self::A256Gcm => "A256GCM",
            Self::A256CbcHs512 => "A256CBC-HS512",
        }
    }

    /// The length of the content's key, in bytes.
    pub fn key_bytes(self) -> usize {
        match self {
            Self::A128Gcm => 16,
            Self::A256Gcm => 32,
            Self::A256CbcHs512 => 64,
        }
    }

    /// The length of the initialization vector, in bytes.
    pub fn iv_bytes(self) -> usize {
        match self {
            Self::A128Gcm | Self::A256Gcm => 12,
            Self::A256CbcHs512 => 16,
        }
    }

    /// The length of the authentication tag, in bytes. A shorter one is never accepted.
    pub fn tag_bytes(self) -> usize {
        match self {
            Self::A128Gcm | Self::A256Gcm => 16,
            Self::A256CbcHs512 => 32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jose_1_none_has_no_name() {
        for name in ["none", "None", "NONE", "noNE", "nOnE", "", "es256", "ES256 ", "ES256\0"] {
            assert_eq!(SignatureAlgorithm::named(name), None, "{name}");
            assert_eq!(KeyManagement::named(name), None, "{name}");
        }
    }

    #[test]
    fn jose_15_passwords_and_old_paddings_have_none() {
        for name in ["PBES2-HS256+A128KW", "PBES2-HS512+A256KW", "RSA1_5", "RSA-OAEP"] {
            assert_eq!(KeyManagement::named(name), None, "{name}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for (_, algorithm) in SignatureAlgorithm::NAMES {
            assert_eq!(SignatureAlgorithm::named(algorithm.name()), Some(*algorithm));
        }
        for (name, algorithm) in KeyManagement::NAMES {
            assert_eq!(algorithm.name(), *name);
        }
        for (name, algorithm) in ContentEncryption::NAMES {
            assert_eq!(algorithm.name(), *name);
        }
    }
}
