//! Grants as they are written. Nothing here is checked; compiling does that.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Which relations permit which actions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grants {
    /// The type that the model has for a type of subjects. Subjects of other types are related to nothing.
    #[serde(default)]
    pub subjects: BTreeMap<String, String>,
    /// The grants.
    #[serde(default)]
    pub grants: Vec<Grant>,
}

/// Permits actions on a type of resource to whoever stands in a relation to it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The actions, by their names.
    pub actions: Vec<String>,
    /// The type of resource, as questions name it.
    pub resource: String,
    /// The type that the model has for it; the same name if nothing is said.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The relation.
    pub relation: String,
}
