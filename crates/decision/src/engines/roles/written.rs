//! The role model as it is written. Nothing here is checked; `compile` does that.

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::Value;

use crate::time::Weekday;

/// Roles and who has them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleModel {
    /// The roles by their names.
    #[serde(default)]
    pub roles: BTreeMap<String, Role>,
    /// Who has which.
    #[serde(default)]
    pub assignments: Vec<Assignment>,
    /// The claim that names a subject's groups: a string or an array of strings. `groups` if nothing is said.
    pub groups_claim: Option<String>,
}

/// What a role may do.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Roles whose operations this one may do too.
    #[serde(default)]
    pub inherits: Vec<String>,
    /// Operations by name. `*` alone is every operation; in any other name it is a character like any other.
    #[serde(default)]
    pub operations: Vec<String>,
    /// Tags, each for all operations that bear it.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// Gives one role to whom exactly one of `subject`, `group` and `claim` names.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// The role.
    pub role: String,
    /// The id of a subject.
    pub subject: Option<String>,
    /// The type of that subject; any if nothing is said.
    pub subject_type: Option<String>,
    /// A group, as the claim of groups names it.
    pub group: Option<String>,
    /// A claim by name; members of objects stand behind dots.
    pub claim: Option<String>,
    /// What the claim has to be, or what its array has to hold.
    pub equals: Option<Value>,
    /// Under which conditions: all of them have to hold.
    #[serde(default)]
    pub when: Conditions,
}

/// Conditions of an assignment.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conditions {
    /// When it counts.
    pub time: Option<Window>,
    /// From where: networks that the context's `address` has to be in. Empty is the same as not written.
    #[serde(default)]
    pub networks: Vec<IpNet>,
    /// Claims that have to be so, by name.
    #[serde(default)]
    pub claims: BTreeMap<String, Value>,
}

/// Hours of days.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// On which days; on each if none is named. A window over midnight belongs to the day on which it begins.
    #[serde(default)]
    pub days: Vec<Weekday>,
    /// The first minute.
    pub from: Clock,
    /// The minute after the last one. Before `from`: on the next day. The same as `from`: the whole day.
    pub until: Clock,
    /// How many minutes the clock that is meant is ahead of UTC, -840 to 840. There are no time zones here.
    #[serde(default)]
    pub ahead_of_utc_minutes: i32,
}

/// A time of day, `HH:MM`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Clock(u16);

impl Clock {
    /// Minutes since midnight, 0 to 1439.
    #[must_use]
    pub fn minute(self) -> u16 {
        self.0
    }
}

impl TryFrom<String> for Clock {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parsed = text.split_once(':').and_then(|(hour, minute)| {
            let digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
            let (hour, minute) = (Some(hour).filter(|h| digits(h))?, Some(minute).filter(|m| digits(m))?);
            let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
            (hour < 24 && minute < 60).then_some(Self(hour * 60 + minute))
        });
        parsed.ok_or_else(|| format!("`{text}` is no time of day: write `HH:MM`"))
    }
}
