//! Answers of somebody elsewhere, read strictly: one JSON object, no member twice, bounded.

use std::fmt;

use crate::properties::Properties;

/// Why an answer says nothing. The text is for the log: it may name members, and holds no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable(String);

impl Unreadable {
    /// For this reason.
    #[must_use]
    pub fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreadable {}

/// The object that an answer is.
///
/// # Errors
/// It is none, or has a member twice, or more of anything than [`Properties`] may.
pub(crate) fn object(octets: &[u8]) -> Result<Properties, Unreadable> {
    // What serde says may repeat a value; where it stands is enough.
    let told = |error: serde_json::Error| match error.classify() {
        serde_json::error::Category::Data => format!(
            "what it answered is no object of AuthZEN's properties, or has a member twice (column {})",
            error.column()
        ),
        _ => format!("what it answered is not JSON (column {})", error.column()),
    };
    serde_json::from_slice(octets).map_err(|error| Unreadable::new(told(error)))
}
