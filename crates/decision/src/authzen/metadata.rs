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
    /// Search for subjects, where there is anybody to list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search_subject_endpoint: Option<String>,
    /// Search for resources, where there is anything to list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search_resource_endpoint: Option<String>,
    /// Search for actions.
    pub search_action_endpoint: String,
}

/// What can be searched for besides actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Searches {
    /// Subjects.
    pub subjects: bool,
    /// Resources.
    pub resources: bool,
}

impl Metadata {
    /// The document of a decision point with this URL, which ends without a slash; the endpoints have the paths of section 10.
    #[must_use]
    pub fn of(policy_decision_point: &str, searches: Searches) -> Self {
        let base = policy_decision_point.trim_end_matches('/');
        let endpoint = |path: &str| format!("{base}/access/v1/{path}");
        Self {
            policy_decision_point: base.to_owned(),
            access_evaluation_endpoint: endpoint("evaluation"),
            access_evaluations_endpoint: endpoint("evaluations"),
            search_subject_endpoint: searches.subjects.then(|| endpoint("search/subject")),
            search_resource_endpoint: searches.resources.then(|| endpoint("search/resource")),
            search_action_endpoint: endpoint("search/action"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_stand_below_the_url() {
        let document = |subjects, resources| {
            let searches = Searches { subjects, resources };
            serde_json::to_value(Metadata::of("https://pdp.example.com/", searches)).unwrap()
        };
        let all = document(true, true);
        assert_eq!(all["policy_decision_point"], "https://pdp.example.com");
        assert_eq!(
            all["search_subject_endpoint"],
            "https://pdp.example.com/access/v1/search/subject"
        );
        assert_eq!(all.as_object().unwrap().len(), 6);
        let few = document(false, false);
        assert_eq!(few.as_object().unwrap().len(), 4);
        assert!(few.get("search_resource_endpoint").is_none());
    }
}
