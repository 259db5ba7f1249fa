//! JSON Web Signatures, Encryption, Keys and Tokens (RFC 7515 to 7519), as RFC 8725 says to read them.
//!
//! A token walks through types, each of which only the step before can make:
//!
//! ```text
//! text --parse--> jws::Unverified --verify, by a KeySet--> jws::Verified --claims--> Claims --accept--> Accepted
//! text --parse--> jwe::Encrypted --decrypt, by a handle--> jwe::Decrypted --verify_nested--> jws::Verified ...
//! ```
//!
//! | RFC 8725 | here |
//! | --- | --- |
//! | §3.1, §3.2 algorithms | the key decides ([`key::VerificationKey`]); the header may only agree; `none`, RSA1_5 and PBES2 have no name here |
//! | §3.3 every operation | decrypting verifies nothing: [`jwe::Decrypted`] has no claims, only a nested token that must be verified |
//! | §3.4 inputs | points, lengths and exponents are checked when a key is loaded; epk when it is used |
//! | §3.5 entropy | MAC keys have at least 256 bits, RSA keys 2048 |
//! | §3.6 compression | `zip` is refused |
//! | §3.7 UTF-8 | nothing else is read |
//! | §3.8, §3.9 issuer, audience | [`claims::Expected`] cannot be made without them |
//! | §3.10 received claims | `kid` is matched exactly; `jku`, `x5u`, `x5c` are never read, `jwk` only in [`proof`] |
//! | §3.11, §3.12 kinds of tokens | `typ` must be one that was asked for |
//!
//! Never accepts the JSON serializations, an unencoded payload (RFC 7797), or anything longer than
//! [`compact::TOKEN_BYTES_MAX`]. Nothing is allocated before the form of the whole token was checked.

pub mod algorithm;
mod base64url;
pub mod claims;
pub mod compact;
pub mod handle;
pub mod header;
pub mod jwe;
pub mod jws;
pub mod key;
pub mod key_set;
pub mod media_type;
pub mod object;
pub mod proof;
pub mod refusal;

pub use base64url::{decode as decode_base64url, encode as encode_base64url};
pub use refusal::Refusal;
