//! Custody of secrets: private and symmetric keys, and what can be done with them.
//!
//! Keys come in as PKCS#8 in PEM or as private JWKs, and never go out again: what others get is a thing that signs
//! ([`Signer`]), one that authenticates ([`MacKey`]) or one that decrypts ([`DecryptionKey`]). The last two are the
//! handles that `portcullis-identity` asks. A new MAC key ([`NewMacKey`]) is text once, for the file it is kept in. Nothing here prints a key, and what held one is overwritten when it is dropped.
//! Never reads a file: whoever does hands over the octets.

mod bytes;
mod decrypt;
mod jwk;
mod load;
mod mac;
mod mac_keys;
mod pem;
mod public;
mod sealing;
mod sign;

pub use bytes::SecretBytes;
pub use decrypt::DecryptionKey;
pub use load::LoadError;
pub use mac::{MAC_KEY_BYTES_MIN, MacKey};
pub use mac_keys::{NewMacKey, NoRandomness};
pub use sealing::{OpeningKey, SealingFailed, SealingKey};
pub use sign::{Signer, SigningAlgorithm, SigningFailed};
