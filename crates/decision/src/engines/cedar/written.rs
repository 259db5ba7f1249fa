//! Policies as they are written: texts in files, links of templates, and what else is compiled with them.

use serde::Deserialize;

use crate::problem::Places;

/// A text with the name by which problems call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a> {
    /// Such as the path of a file.
    pub name: &'a str,
    /// What is in it.
    pub text: &'a str,
}

impl<'a> Text<'a> {
    /// The places in it.
    pub(super) fn places(self) -> Places<'a> {
        Places::of(self.name, self.text)
    }
}

/// A template with its slots filled in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// The id of the template.
    pub template: String,
    /// The id of the policy that it becomes.
    pub id: String,
    /// What stands for `?principal`, such as `User::"jean"`.
    pub principal: Option<String>,
    /// What stands for `?resource`.
    pub resource: Option<String>,
}

/// A property that names entities which the subject or the resource is a member of.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Membership {
    /// The property: a string or an array of strings, each an id.
    pub property: String,
    /// The type of those entities.
    #[serde(rename = "type")]
    pub kind: String,
}

/// What becomes of a `forbid` whose condition fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailedForbid {
    /// It denies: nobody knows that it would not have forbidden.
    #[default]
    Denies,
    /// It is passed over, which is what Cedar does.
    DangerousPassedOver,
}

/// All that the engine is compiled of.
#[derive(Clone, Debug, Default)]
pub struct Source<'a> {
    /// The policies.
    pub policies: Vec<Text<'a>>,
    /// The links of their templates.
    pub links: Vec<Link>,
    /// The schema, as `.cedarschema`. With one, policies are validated strictly; without, they are not.
    pub schema: Option<Text<'a>>,
    /// Entities that are known beforehand, as Cedar's JSON: groups, the members of them, action groups.
    pub entities: Option<Text<'a>>,
    /// The namespace of types and actions whose name has none.
    pub namespace: Option<String>,
    /// What a subject is a member of, besides what the entities say.
    pub subject_memberships: Vec<Membership>,
    /// The same for resources.
    pub resource_memberships: Vec<Membership>,
    /// What becomes of a `forbid` that fails.
    pub failed_forbid: FailedForbid,
}
