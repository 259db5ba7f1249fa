//! Nonces that nobody has to remember (RFC 9449 §9): each stands for a stretch of time, under a secret of this process.

use std::fmt;

use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};
use portcullis_identity::jose::{decode_base64url, encode_base64url};
use portcullis_identity::time::UnixTime;

/// How long one nonce is handed out, in seconds. It is good for as long again.
pub(super) const WINDOW_SECONDS: u64 = 150;

/// A nonce: the authentication code of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonce([u8; 32]);

/// Makes nonces, and knows them again.
pub(super) struct Nonces(Key);

impl Nonces {
    /// Under a new secret.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub(super) fn new() -> Result<Self, getrandom::Error> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)?;
        Ok(Self(Key::new(HMAC_SHA256, &secret)))
    }

    /// The one to hand out now.
    pub(super) fn now(&self, now: UnixTime) -> Nonce {
        let tag = hmac::sign(&self.0, &window(now).to_be_bytes());
        let mut octets = [0; 32];
        // The code has exactly this length.
        for (to, from) in octets.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        Nonce(octets)
    }

    /// Whether a nonce is that of this window, or of the one before.
    pub(super) fn are_ours(&self, nonce: &str, now: UnixTime) -> bool {
        let Some(octets) = decode_base64url(nonce) else {
            return false;
        };
        let is_of = |window: u64| hmac::verify(&self.0, &window.to_be_bytes(), &octets).is_ok();
        let window = window(now);
        is_of(window) || window.checked_sub(1).is_some_and(is_of)
    }
}

fn window(now: UnixTime) -> u64 {
    now.seconds() / WINDOW_SECONDS
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode_base64url(&self.0))
    }
}

impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nonces").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oauth_15_a_nonce_is_good_for_two_windows() {
        let nonces = Nonces::new().unwrap();
        let at = |seconds| UnixTime::from_seconds(seconds).unwrap();
        let start = 1_000 * WINDOW_SECONDS;
        let nonce = nonces.now(at(start)).to_string();
        assert_eq!(nonces.now(at(start + WINDOW_SECONDS - 1)).to_string(), nonce);
        for (seconds, good) in [
            (start - 1, false),
            (start, true),
            (start + 2 * WINDOW_SECONDS - 1, true),
            (start + 2 * WINDOW_SECONDS, false),
        ] {
            assert_eq!(nonces.are_ours(&nonce, at(seconds)), good, "{seconds}");
        }
        for other in ["", "a", &format!("{nonce}="), "AAAA"] {
            assert!(!nonces.are_ours(other, at(start)), "{other}");
        }
        assert!(!Nonces::new().unwrap().are_ours(&nonce, at(start)), "of another secret");
    }
}
