//! HTTP message signatures (RFC 9421) of requests: who signed one, and that it is the one that was signed.
//!
//! ```text
//! Signature-Input, Signature --read--> Presented --verify, by Signers--> Verified
//! ```
//!
//! | RFC 9421 | here |
//! | --- | --- |
//! | §2.1 to §2.5 | components of requests; `req`, `tr` and `@status` are none of a request and are refused |
//! | §3.2 | the key decides the algorithm; `alg` may only agree |
//! | §7.2.1 insufficient coverage | [`Demands::components`] have to be covered |
//! | §7.2.2 replay | `created` is demanded and bounded; a nonce is for one use, which whoever remembers them sees to |
//! | §7.2.4 several signatures | those of keys that are known here all have to be good, and one caller's |
//! | §7.5.2 what is canonical | nothing stands twice: no label, no component, no parameter |
//!
//! Content is not here when a request is verified: [`Verified::digest`] is what it has to be held against.

mod component;
mod demands;
mod presented;
mod refusal;
mod request;
mod signers;

pub use demands::{COMPONENTS, Demands, Part, Required, SKEW_SECONDS, WINDOW_SECONDS};
pub use presented::{COMPONENTS_MAX, Presented, SIGNATURES_MAX};
pub use refusal::Refusal;
pub use request::{Fields, Request};
pub use signers::{AlgorithmRefused, OneUse, Signer, Signers, Verified};

#[cfg(test)]
mod tests;
