//! What the callers of an API may do: how a request becomes a question, and who answers it.
//!
//! Two questions are asked. May this caller use this operation at all? And, once the request was judged, may they do this to
//! each of the resources that it names? An operation that names none is decided whole by the first, with the API as the
//! resource. Nothing is permitted that no role, policy or relation permits.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderName;
use portcullis_decision::decision::{Decision, DecisionPoint as _, Engine, Engines, Reason};
use portcullis_decision::time::UnixTime as At;
use portcullis_decision::words::{Action, Evaluation, IDENTIFIER_BYTES_MAX, Resource, Subject};
use portcullis_identity::principal::{Identity, SubjectKind};
use portcullis_identity::time::UnixTime;
use serde_json::Value;

use crate::access::Proven;
use crate::limit::target::Pointer;

/// The type of whoever proved nothing, and its only name.
pub const ANONYMOUS: (&str, &str) = ("Anonymous", "anonymous");
/// The type of the resource that stands for an API as a whole.
pub const API: &str = "Api";

/// Who decides for an API.
pub struct Decisions {
    /// About operations that name resources: roles alone; none: every caller may ask.
    pub roles: Option<Engines>,
    /// About operations that name none: roles and policies.
    pub operations: Engines,
    /// About the resources that a request names: policies and relations.
    pub resources: Engines,
    /// What is told of callers.
    pub subjects: Subjects,
}

/// What is told of callers, besides what the gate knows of their credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subjects {
    /// The claims of their tokens, as properties of the same names.
    pub claims: Vec<Box<str>>,
    /// Whether names are told with who vouches for them: `main/alice`.
    pub qualified: bool,
}

/// How an operation is decided on.
#[derive(Clone)]
pub struct Decided {
    /// Who decides.
    pub by: Arc<Decisions>,
    /// The operation, as policies name it.
    pub action: Action,
    /// The API.
    pub api: Resource,
    /// What a request names.
    pub resources: Box<[Named]>,
}

/// A resource that a request names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The type of the resource.
    pub kind: Box<str>,
    /// Where its name stands.
    pub place: Place,
    /// Whether a request may leave it out.
    pub optional: bool,
}

/// Where the name of a resource stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A path parameter.
    Path(Box<str>),
    /// A query parameter.
    Query(Box<str>),
    /// A header field.
    Header(HeaderName),
    /// A value of a JSON body.
    Body(Pointer),
}

/// What a request says at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said<'r> {
    /// Nothing.
    Nothing,
    /// This.
    Name(Cow<'r, str>),
    /// Something that cannot be told, or names nothing.
    Unreadable,
}

/// Why something is not permitted: rules and engines, for operators only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied(pub Arc<str>);

impl Decisions {
    /// Decisions by these: roles about operations, policies about both, relations about resources.
    #[must_use]
    pub fn new(
        roles: Option<Arc<dyn Engine>>,
        policies: Option<Arc<dyn Engine>>,
        relations: Option<Arc<dyn Engine>>,
        subjects: Subjects,
    ) -> Self {
        let together = |engines: [&Option<Arc<dyn Engine>>; 2]| {
            Engines::new(engines.into_iter().flatten().map(Arc::clone).collect())
        };
        Self {
            operations: together([&roles, &policies]),
            resources: together([&policies, &relations]),
            roles: roles.map(|roles| Engines::new(vec![roles])),
            subjects,
        }
    }
}

impl Decided {
    /// Whether a caller may use the operation. Whoever proves nothing where the contract asks for nothing may.
    ///
    /// # Errors
    /// They may not.
    pub(crate) fn operation(&self, proven: &Proven, address: IpAddr, now: UnixTime) -> Result<(), Denied> {
        let Some(identity) = proven.first() else { return Ok(()) };
        let engines = match (&self.by.roles, &*self.resources) {
            (_, []) => &self.by.operations,
            (Some(roles), _) => roles,
            (None, _) => return Ok(()),
        };
        let subject = self.by.subjects.of(identity, proven);
        let evaluation = self.question(subject, self.api.clone(), address);
        permitted(&engines.evaluate(&evaluation, at(now)))
    }

    /// Whether a caller may do it to every resource that the request names; `said` is what it says at a place.
    ///
    /// # Errors
    /// They may not, or what is named cannot be told.
    pub(crate) fn resources<'r>(
        &self,
        proven: &Proven,
        address: IpAddr,
        now: UnixTime,
        said: impl Fn(&Place) -> Said<'r>,
    ) -> Result<(), Denied> {
        if self.resources.is_empty() {
            return Ok(());
        }
        let mut evaluation = self.question(self.by.subjects.of_any(proven), self.api.clone(), address);
        let mut named = false;
        for resource in &self.resources {
            let name = match said(&resource.place) {
                Said::Name(name) if !name.is_empty() && name.len() <= IDENTIFIER_BYTES_MAX => name,
                Said::Nothing if resource.optional => continue,
                Said::Nothing => return Err(Denied("resource-missing".into())),
                Said::Name(_) | Said::Unreadable => return Err(Denied("resource-unreadable".into())),
            };
            named = true;
            evaluation.resource = Resource::new(&*resource.kind, name);
            permitted(&self.by.resources.evaluate(&evaluation, at(now)))?;
        }
        if named {
            return Ok(());
        }
        // Whoever names nothing asks for whatever there is.
        evaluation.resource = self.api.clone();
        permitted(&self.by.operations.evaluate(&evaluation, at(now)))
    }

    fn question(&self, subject: Subject, resource: Resource, address: IpAddr) -> Evaluation {
        let mut evaluation = Evaluation::new(subject, self.action.clone(), resource);
        evaluation.context.insert("address", address.to_canonical().to_string());
        evaluation
    }
}

impl Subjects {
    fn of_any(&self, proven: &Proven) -> Subject {
        let (kind, name) = ANONYMOUS;
        let anonymous = || Subject::new(kind, name);
        proven
            .first()
            .map_or_else(anonymous, |identity| self.of(identity, proven))
    }

    /// What the gate knows goes before claims of the same names.
    fn of(&self, identity: &Identity, proven: &Proven) -> Subject {
        let of = identity.subject();
        let id = match self.qualified {
            true => format!("{}/{}", of.authority(), of.name()),
            false => of.name().to_owned(),
        };
        let mut subject = Subject::new(kind(of.kind()), id);
        let known = &mut subject.properties;
        for name in &self.claims {
            if let Some(value) = identity.claims().get(name) {
                known.insert(&**name, value.clone());
            }
        }
        known.insert("authority", of.authority());
        known.insert("credentials", proven.credentials().map(Value::from).collect::<Vec<_>>());
        known.insert("scopes", identity.scopes().iter().map(Value::from).collect::<Vec<_>>());
        if let Some(client) = identity.client() {
            known.insert("client", client);
        }
        subject
    }
}

/// The type of a subject, as policies name it.
#[must_use]
pub fn kind(kind: SubjectKind) -> &'static str {
    match kind {
        SubjectKind::User => "User",
        SubjectKind::Client => "Client",
        SubjectKind::Service => "Service",
        SubjectKind::Device => "Device",
    }
}

fn at(now: UnixTime) -> At {
    At(i64::try_from(now.seconds()).unwrap_or(i64::MAX))
}

fn permitted(decision: &Decision) -> Result<(), Denied> {
    if decision.permits() {
        return Ok(());
    }
    let told = |reason: &Reason| match reason {
        Reason::Forbids { rule } => Some(format!("{}:{}", rule.engine, rule.id)),
        Reason::Failed { rule, .. } => Some(format!("{}:{} failed", rule.engine, rule.id)),
        Reason::Indeterminate { engine, .. } => Some(format!("{engine} cannot tell")),
        Reason::NothingPermits => Some("nothing-permits".to_owned()),
        Reason::Permits { .. } => None,
    };
    let why: Vec<String> = decision.reasons().iter().filter_map(told).collect();
    Err(Denied(why.join(", ").into()))
}

impl std::fmt::Debug for Decided {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Decided")
            .field("action", &self.action.name)
            .field("resources", &self.resources)
            .finish_non_exhaustive()
    }
}
