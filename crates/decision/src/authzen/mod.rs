//! What AuthZEN asks of a decision point besides one evaluation: several at once, searches, what it can do.
//!
//! Pure functions over a [`crate::decision::DecisionPoint`]: who may ask, and over which wire, is the caller's business.

pub mod evaluations;
pub mod metadata;
pub mod search;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::decision::Decision;

/// Reads a request, within the bounds of its parts. What stands twice in it is refused where it is read; what nobody reads is passed over.
///
/// # Errors
///
/// It is none.
pub fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(json)
}

/// Writes an answer.
///
/// # Errors
///
/// It cannot be JSON, which no answer of this module is.
pub fn write(answer: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(answer)
}

/// The answer to an evaluation (section 6.2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvaluationResponse {
    /// Whether it is permitted.
    pub decision: bool,
    /// More about it, for the enforcement point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Map<String, Value>>,
}

impl EvaluationResponse {
    /// The decision alone. Why it was made stays with the decision point: reasons name rules and attributes.
    #[must_use]
    pub fn of(decision: &Decision) -> Self {
        Self {
            decision: decision.permits(),
            context: None,
        }
    }

    /// The decision, and why it was made, for administrators: names of rules, and of attributes in them.
    #[must_use]
    pub fn with_reasons(decision: &Decision) -> Self {
        Self {
            decision: decision.permits(),
            ..Self::denied(&decision.why())
        }
    }

    /// A deny, and why, for administrators.
    #[must_use]
    pub fn denied(why: &str) -> Self {
        let why = serde_json::json!({ "en": why });
        Self {
            decision: false,
            context: Some(Map::from_iter([("reason_admin".to_owned(), why)])),
        }
    }

    /// A deny because the question could not be put, with what was wrong.
    #[must_use]
    pub fn refused(message: &str) -> Self {
        let error = serde_json::json!({"status": 400, "message": message});
        Self {
            decision: false,
            context: Some(Map::from_iter([("error".to_owned(), error)])),
        }
    }
}
