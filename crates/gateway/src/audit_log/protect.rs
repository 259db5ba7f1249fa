//! How values are written that must not stand in clear.

use std::borrow::Cow;

use portcullis_audit_log::entry::{Erasable, Protected};
use portcullis_audit_log::redact;

/// The most octets of a value that are written in clear; the rest is cut.
const CLEAR_BYTES_MAX: usize = 1024;
/// The most octets of a value that are encrypted or kept beside the log. An entry has at most 65,535.
const KEPT_BYTES_MAX: usize = 4096;

/// How a value is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Treatment {
    /// As it is, but for what looks like something that must not be.
    #[default]
    Clear,
    /// That there was one.
    Masked,
    /// As a digest under a key, alike for values that are alike.
    Hashed,
    /// Sealed for an auditor.
    Encrypted,
    /// As a commitment; the value lies beside the log until it is erased.
    Erasable,
}

/// Who has the keys for that.
pub trait Protect: Send + Sync {
    /// A digest under a key, after the name of the key and `:`. None where there is no key.
    fn digest(&self, clear: &[u8]) -> Option<String>;

    /// The value sealed for an auditor (RFC 9180), after the name of their key and `:`. None where there is no key, or it failed.
    fn seal(&self, clear: &str) -> Option<String>;

    /// Chance, for a salt. None where the system has none.
    fn salt(&self) -> Option<[u8; portcullis_audit_log::entry::SALT_BYTES]>;
}

/// Writes values, and gathers those that lie beside the log.
pub(crate) struct Writing<'w> {
    pub(crate) protect: &'w dyn Protect,
    /// How what looks like a token, a card or a person's number is written.
    pub(crate) found: Treatment,
    /// Values that can be erased, a line each.
    pub(crate) erasable: &'w mut Vec<u8>,
}

impl Writing<'_> {
    /// A value as an entry has it. What cannot be done as it should is masked.
    pub(crate) fn write<'v>(&mut self, value: &'v str, treatment: Treatment) -> Cow<'v, str> {
        let masked = || Protected::Masked("sensitive".into());
        let protected = match treatment {
            Treatment::Clear => Protected::Clear(self.bounded(value)),
            Treatment::Masked => masked(),
            Treatment::Hashed => self.protect.digest(value.as_bytes()).map_or_else(masked, hashed),
            Treatment::Encrypted => self
                .protect
                .seal(cut(value, KEPT_BYTES_MAX))
                .map_or_else(masked, |sealed| Protected::Encrypted(sealed.into())),
            Treatment::Erasable => self.commit(cut(value, KEPT_BYTES_MAX)).unwrap_or_else(masked),
        };
        protected.into_text()
    }

    /// A text in clear, cut after everything was taken out of it that must not be there: half a secret looks like none.
    fn bounded<'v>(&mut self, value: &'v str) -> Cow<'v, str> {
        match self.clear(cut(value, KEPT_BYTES_MAX)) {
            Cow::Borrowed(clear) => Cow::Borrowed(cut(clear, CLEAR_BYTES_MAX)),
            Cow::Owned(clear) => Cow::Owned(cut(&clear, CLEAR_BYTES_MAX).to_owned()),
        }
    }

    /// A text without what looks like something that must not be logged.
    pub(crate) fn clear<'v>(&mut self, text: &'v str) -> Cow<'v, str> {
        redact::redacted(text, |kind, clear| {
            let told = match self.found {
                Treatment::Hashed => self.protect.digest(clear.as_bytes()),
                Treatment::Encrypted => self.protect.seal(clear),
                Treatment::Clear | Treatment::Masked | Treatment::Erasable => None,
            };
            told.map_or_else(
                || format!("[{}]", kind.name()),
                |told| format!("[{}:{told}]", kind.name()),
            )
        })
    }

    fn commit<'v>(&mut self, value: &str) -> Option<Protected<'v>> {
        let erasable = Erasable::new(value, &self.protect.salt()?);
        serde_json::to_writer(&mut *self.erasable, &erasable).ok()?;
        self.erasable.push(b'\n');
        Some(Protected::Committed(erasable.commitment.into_owned().into()))
    }
}

fn hashed<'v>(digest: String) -> Protected<'v> {
    Protected::Hashed(digest.into())
}

/// The beginning of a text, at most so many octets of it.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes_max)).unwrap_or(text)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Keys that everybody knows.
    pub(crate) struct Open;

    impl Protect for Open {
        fn digest(&self, clear: &[u8]) -> Option<String> {
            Some(format!("k:{}", clear.len()))
        }

        fn seal(&self, _: &str) -> Option<String> {
            None
        }

        fn salt(&self) -> Option<[u8; 16]> {
            Some([7; 16])
        }
    }

    fn check(value: &str, treatment: Treatment, expected: &str) -> Vec<u8> {
        let mut erasable = Vec::new();
        let mut writing = Writing {
            protect: &Open,
            found: Treatment::Masked,
            erasable: &mut erasable,
        };
        assert_eq!(writing.write(value, treatment), expected, "{value}");
        erasable
    }

    #[test]
    fn values_are_written_as_they_should_be() {
        check("alice", Treatment::Clear, "alice");
        check("4111111111111111", Treatment::Clear, "[card]");
        check("masked:x", Treatment::Clear, "clear:masked:x");
        let long = "x ".repeat(505) + "4111111111111111";
        check(&long, Treatment::Clear, &("x ".repeat(505) + "[card]"));
        check("alice", Treatment::Masked, "masked:sensitive");
        check("alice", Treatment::Hashed, "hmac-sha256:k:5");
        // Whoever cannot seal does not write in clear.
        check("alice", Treatment::Encrypted, "masked:sensitive");
    }

    #[test]
    fn what_can_be_erased_lies_beside() {
        let commitment = portcullis_audit_log::entry::commitment(&[7; 16], "alice");
        let beside = check("alice", Treatment::Erasable, &format!("committed:{commitment}"));
        let read: Erasable<'_> = serde_json::from_slice(&beside).unwrap();
        assert!(read.holds() && read.value == "alice");
        assert_eq!(beside.last(), Some(&b'\n'));
    }

    #[test]
    fn what_is_cut_is_cut_at_a_character() {
        assert_eq!(cut("aé", 2), "a");
        assert_eq!(cut("aé", 3), "aé");
    }
}
