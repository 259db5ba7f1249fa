//! What controls in observe mode would have refused, gathered by cause: for `portcullis observe-report`, which turns it
//! into the lines of contract that would permit each. Names that only senders know are kept, values never.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use portcullis_contract::document::Span;

/// The most different causes that are held; further ones are only counted.
pub const CAUSES_MAX: usize = 10_000;

/// The longest name of something undeclared that is kept, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// Why requests or answers would have been refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cause {
    /// The API.
    pub api: Box<str>,
    /// The operation.
    pub operation: Box<str>,
    /// The refusal's code.
    pub code: &'static str,
    /// The pointer in a body, or the parameter's declared name.
    pub place: Box<str>,
    /// The name of something undeclared, if it looks like a name.
    pub undeclared: Option<Box<str>>,
    /// The schema that was broken.
    pub schema: Span,
}

/// Counts by cause, shared by all workers. Taken from only when something would have been refused.
#[derive(Debug, Default)]
pub struct Observations {
    causes: Mutex<BTreeMap<Cause, u64>>,
    beyond: AtomicU64,
}

impl Observations {
    /// Counts one.
    pub fn note(&self, cause: Cause) {
        let mut causes = self.causes.lock();
        if let Some(count) = causes.get_mut(&cause) {
            *count += 1;
        } else if causes.len() < CAUSES_MAX {
            causes.insert(cause, 1);
        } else {
            self.beyond.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes what was counted since the last time, and how many were beyond [`CAUSES_MAX`].
    #[must_use]
    pub fn take(&self) -> (BTreeMap<Cause, u64>, u64) {
        (
            std::mem::take(&mut *self.causes.lock()),
            self.beyond.swap(0, Ordering::Relaxed),
        )
    }
}

/// A sender's name for something (a media type is one), kept only if it looks like one: what is long or holds odd
/// characters may be a value in the wrong place.
#[must_use]
pub fn kept_name(name: &str) -> Option<Box<str>> {
    let media_type = name.bytes().filter(|byte| *byte == b'/').count() == 1;
    let plain = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'_' | b'-' | b'.' | b'$' | b'[' | b']')
            || (media_type && matches!(byte, b'/' | b'+'))
    };
    (name.len() <= NAME_BYTES_MAX && !name.is_empty() && name.bytes().all(plain)).then(|| name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(place: &str) -> Cause {
        let (api, operation) = ("natter".into(), "logIn".into());
        Cause {
            api,
            operation,
            code: "contract.body.type",
            place: place.into(),
            undeclared: None,
            schema: Span::default(),
        }
    }

    #[test]
    fn causes_are_counted_and_bounded() {
        let observations = Observations::default();
        for number in 0..CAUSES_MAX + 5 {
            observations.note(cause(&number.to_string()));
        }
        observations.note(cause("0"));
        let (causes, beyond) = observations.take();
        assert_eq!((causes.len(), beyond), (CAUSES_MAX, 5));
        assert_eq!(causes.get(&cause("0")), Some(&2));
        assert_eq!(observations.take(), (BTreeMap::new(), 0));
    }

    #[test]
    fn only_names_are_kept() {
        assert_eq!(kept_name("is_admin").as_deref(), Some("is_admin"));
        assert_eq!(kept_name("application/ld+json").as_deref(), Some("application/ld+json"));
        assert_eq!(kept_name("jane@example.com"), None);
        assert_eq!(kept_name("a/b/c"), None);
        assert_eq!(kept_name(&"x".repeat(65)), None);
    }
}
