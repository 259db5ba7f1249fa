//! What one leaf of the audit log says: who did what, where, when, and what became of it.
//!
//! The members and their places are those of OCSF's class API Activity (6003), and of Entity Management (3004) for what
//! administrators do; what OCSF has no place for stands in `unmapped`. What is the same in every entry is left out, and added when
//! entries are exported ([`ocsf`]). Entries are read for years: members are added, never changed, and whoever reads passes over
//! those that are not known.
//!
//! A request makes one entry when it has ended ([`Event::Request`]). Where it has to be durable before it is acted upon, another one
//! comes before ([`Event::Opened`]): what a crash leaves open is closed as abandoned at the next start. The order of entries is that
//! of their indices; their times are those of a clock, which may go back.

mod ocsf;
mod protected;
mod write;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub use ocsf::ocsf;
pub use protected::{Erasable, Protected, SALT_BYTES, commitment};

/// The class of a request: API Activity.
pub const API_ACTIVITY: u32 = 6003;
/// The class of what administrators do: Entity Management.
pub const ENTITY_MANAGEMENT: u32 = 3004;

/// A text of an entry.
pub type Text<'e> = Cow<'e, str>;

/// What an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// A request came, and something will be decided and done.
    Opened,
    /// A request has ended: everything that is known of it, also of one that was opened.
    Request,
    /// A request was opened, and the gate ended before it did.
    Abandoned,
    /// Refusals that were too many to be logged one by one.
    Refusals,
    /// Something that an administrator did, or the gate itself.
    Administration,
    /// Entries that were lost, by their number.
    Lost,
    /// Something that later versions write.
    #[serde(other)]
    Other,
}

impl Event {
    /// Its name, as an entry has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Request => "request",
            Self::Abandoned => "abandoned",
            Self::Refusals => "refusals",
            Self::Administration => "administration",
            Self::Lost => "lost",
            Self::Other => "other",
        }
    }
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry<'e> {
    /// Its class: [`API_ACTIVITY`] or [`ENTITY_MANAGEMENT`].
    pub class_uid: u32,
    /// What was to be done: 1 create, 2 read, 3 update, 4 delete, 99 something else.
    pub activity_id: u8,
    /// When, in milliseconds since 1970: for a request when it came.
    pub time: u64,
    /// What the entry itself is.
    #[serde(borrow)]
    pub metadata: Metadata<'e>,
    /// Who.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Actor<'e>>,
    /// With what they came.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Device<'e>>,
    /// From where.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub src_endpoint: Option<Endpoint<'e>>,
    /// The gate.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub dst_endpoint: Option<Endpoint<'e>>,
    /// The operation.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub api: Option<Api<'e>>,
    /// The request.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub http_request: Option<HttpRequest<'e>>,
    /// The answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_response: Option<HttpResponse>,
    /// Whether it was let through: 1 allowed, 2 denied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_id: Option<u8>,
    /// What it came to: 1 success, 2 failure, 99 neither, as `status_code` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_id: Option<u8>,
    /// The code of the refusal, or what ended it: `client_gone`, `abandoned`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub status_code: Option<Text<'e>>,
    /// Why: the place of a violation, the reason of a denial.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub status_detail: Option<Text<'e>>,
    /// How long it took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<u64>,
    /// Of refusals together: how many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Of refusals together: when the first came, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<u64>,
    /// Of refusals together: when the last came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<u64>,
    /// What an administrator did something to.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<Entity<'e>>,
    /// What an administrator did, in words.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<Text<'e>>,
    /// What OCSF has no place for.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub unmapped: Option<Unmapped<'e>>,
}

/// What an entry itself is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata<'e> {
    /// What it is about.
    pub event_code: Event,
    /// The id of the request, which its refusal names too.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub correlation_uid: Option<Text<'e>>,
}

/// Who did it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor<'e> {
    /// The principal; none: nobody was proved to be anybody.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub user: Option<User<'e>>,
    /// The client that acts for the principal.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub app_uid: Option<Text<'e>>,
}

/// A principal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User<'e> {
    /// Its name among those of its kind and domain.
    #[serde(borrow)]
    pub uid: Text<'e>,
    /// What it is: `user`, `client`, `service`, `device`.
    #[serde(borrow, rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Text<'e>>,
    /// What whoever vouches for it is called at the gate.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<Text<'e>>,
    /// A digest of the credential, under a key: equal ones are of one credential.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub credential_uid: Option<Text<'e>>,
}

/// What somebody came with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device<'e> {
    /// The thumbprint of the key that the credential is bound to.
    #[serde(borrow)]
    pub uid: Text<'e>,
}

/// One side of the connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint<'e> {
    /// The address.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<Text<'e>>,
    /// The host that was asked for.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<Text<'e>>,
    /// Which gate it was.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub instance_uid: Option<Text<'e>>,
}

/// An operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Api<'e> {
    /// The operation, as the contract names it.
    #[serde(borrow)]
    pub operation: Text<'e>,
    /// The API.
    #[serde(borrow)]
    pub service: Service<'e>,
}

/// An API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service<'e> {
    /// Its name in the configuration.
    #[serde(borrow)]
    pub name: Text<'e>,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRequest<'e> {
    /// The method.
    #[serde(borrow)]
    pub http_method: Text<'e>,
    /// The target.
    #[serde(borrow)]
    pub url: Url<'e>,
    /// What the client calls itself.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<Text<'e>>,
    /// The octets of its body, as far as they were read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
}

/// The target of a request, without what must not be logged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Url<'e> {
    /// The path.
    #[serde(borrow)]
    pub path: Text<'e>,
    /// The query.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub query_string: Option<Text<'e>>,
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpResponse {
    /// The status.
    pub code: u16,
    /// The octets of its body that the client was sent.
    pub length: u64,
}

/// What an administrator did something to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entity<'e> {
    /// What it is: `configuration`, `audit-log`, `key`.
    #[serde(borrow, rename = "type")]
    pub kind: Text<'e>,
    /// Which one.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text<'e>>,
}

/// What OCSF has no place for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmapped<'e> {
    /// The control that refused.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub control: Option<Text<'e>>,
    /// The rules that decided, as `engine:id`.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub determining: Vec<Text<'e>>,
    /// Values of the request that the configuration says to record, by their names.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<(Text<'e>, Text<'e>)>,
    /// Of a request that was opened: the index of that entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened: Option<u64>,
    /// Decisions as they can be looked at or made again: the records of a decision point, as JSON.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<serde_json::Value>,
}

impl<'e> Entry<'e> {
    /// An entry of which nothing is known but its kind, and when.
    #[must_use]
    pub fn new(event: Event, time: u64) -> Self {
        let class_uid = match event {
            Event::Administration | Event::Lost => ENTITY_MANAGEMENT,
            Event::Opened | Event::Request | Event::Abandoned | Event::Refusals | Event::Other => API_ACTIVITY,
        };
        Self {
            class_uid,
            activity_id: 99,
            time,
            metadata: Metadata {
                event_code: event,
                correlation_uid: None,
            },
            actor: None,
            device: None,
            src_endpoint: None,
            dst_endpoint: None,
            api: None,
            http_request: None,
            http_response: None,
            action_id: None,
            status_id: None,
            status_code: None,
            status_detail: None,
            duration: None,
            count: None,
            start_time: None,
            end_time: None,
            entity: None,
            comment: None,
            unmapped: None,
        }
    }

    /// Adds the entry as JSON to what is there.
    pub fn write(&self, octets: &mut Vec<u8>) {
        write::write(self, octets);
    }

    /// Reads an entry.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn read(octets: &'e [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(octets)
    }

    /// The same without what can be of any length, where it is too long for a log: recorded values and decisions. It says so itself.
    #[must_use]
    pub fn bounded(&self) -> Self {
        let mut bounded = self.clone();
        if let Some(unmapped) = &mut bounded.unmapped {
            unmapped.fields = vec![("truncated".into(), "recorded values were too long".into())];
            unmapped.decisions.clear();
        }
        bounded
    }

    /// The id of the request.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.metadata.correlation_uid.as_deref()
    }

    /// The principal's name, as it stands there.
    #[must_use]
    pub fn principal(&self) -> Option<&str> {
        let user = self.actor.as_ref()?.user.as_ref()?;
        Some(&user.uid)
    }

    /// Whether it tells the end of something, rather than that it began: every request has one such entry.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.metadata.event_code != Event::Opened
    }
}

/// What a method does to what it names (RFC 9110 section 9.3), as OCSF counts: 1 create, 2 read, 3 update, 4 delete, 99 other.
#[must_use]
pub fn activity(method: &str) -> u8 {
    match method {
        "POST" => 1,
        "GET" | "HEAD" | "QUERY" => 2,
        "PUT" | "PATCH" => 3,
        "DELETE" => 4,
        _ => 99,
    }
}

#[cfg(test)]
mod tests;
