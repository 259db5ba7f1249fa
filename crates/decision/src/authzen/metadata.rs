//! What a decision point says of itself (section 9): where its endpoints are.

use serde::Serialize;

/// Where the document is, below the host of the decision point.
pub const WELL_KNOWN: &str = "/.well-known/authzen-configuration";

/// The document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Metadata {
    /// The decision point's own URL.
    pub policy_decision_point: String,
    /// One evaluation.
    pub access_evaluation_endpoint: String,
    /// Several.
    pub access_evaluations_endpoint: String,
    /// Search for subjects.
    pub search_subject_endpoint: String,
    /// Search for resources.
    pub search_resource_endpoint: String,
    /// Search for actions.
    pub search_action_endpoint: String,
}

impl Metadata {
    /// The document of a decision point with this URL, which ends without a slash; the endpoints have the paths of section 10.
    #[must_use]
    pub fn of(policy_decision_point: &str) -> Self {
        let base = policy_decision_point.trim_end_matches('/');
        let endpoint = |path: &str| format!("{base}/access/v1/{path}");
        Self {
            policy_decision_point: base.to_owned(),
            access_evaluation_endpoint: endpoint("evaluation"),
            access_evaluations_endpoint: endpoint("evaluations"),
            search_subject_endpoint: endpoint("search/subject"),
            search_resource_endpoint: endpoint("search/resource"),
            search_action_endpoint: endpoint("search/action"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_stand_below_the_url() {
        let document = serde_json::to_value(Metadata::of("https://pdp.example.com/")).unwrap();
        assert_eq!(document["policy_decision_point"], "https://pdp.example.com");
        assert_eq!(
            document["search_subject_endpoint"],
            "https://pdp.example.com/access/v1/search/subject"
        );
        assert_eq!(document.as_object().unwrap().len(), 6);
    }
}
