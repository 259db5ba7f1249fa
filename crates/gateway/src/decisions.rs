//! What the callers of an API may do: how a request becomes a question, and who answers it.
//!
//! Two questions are asked. May this caller use this operation at all? And, once the request was judged, may they do this to
//! each of the resources that it names? An operation that names none is decided whole by the first, with the API as the
//! resource. Nothing is permitted that no role, policy or relation permits.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderName;
use portcullis_decision::decision::{Decision, DecisionPoint, Engine, Engines, Reason, Version};
use portcullis_decision::time::UnixTime as At;
use portcullis_decision::words::{Action, Evaluation, IDENTIFIER_BYTES_MAX, Resource, Subject};
use portcullis_identity::principal::{Identity, SubjectKind};
use portcullis_identity::time::UnixTime;
use serde_json::Value;

use crate::access::{Access, Proven};
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
    /// The rules that were written, by their names.
    rules: Vec<Arc<str>>,
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
        rules: Vec<Arc<str>>,
    ) -> Self {
        let together = |engines: [&Option<Arc<dyn Engine>>; 2]| {
            Engines::new(engines.into_iter().flatten().map(Arc::clone).collect())
        };
        Self {
            operations: together([&roles, &policies]),
            resources: together([&policies, &relations]),
            roles: roles.map(|roles| Engines::new(vec![roles])),
            subjects,
            rules,
        }
    }

    /// The rules that were written, by their names.
    pub fn rules(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| &**rule)
    }
}

/// Both questions at once, as a gate asks them: a resource that is not the API is one that a request names.
impl DecisionPoint for Decisions {
    fn evaluate(&self, evaluation: &Evaluation, at: At) -> Decision {
        if evaluation.resource.kind == API {
            return self.operations.evaluate(evaluation, at);
        }
        if let Some(roles) = &self.roles {
            let decision = roles.evaluate(evaluation, at);
            if !decision.permits() {
                return decision;
            }
        }
        self.resources.evaluate(evaluation, at)
    }

    fn reads_time(&self) -> bool {
        let roles = self.roles.as_ref().is_some_and(DecisionPoint::reads_time);
        roles || self.operations.reads_time() || self.resources.reads_time()
    }

    /// Of several engines' versions none is that of all.
    fn version(&self) -> Option<Version> {
        None
    }
}

impl Decided {
    /// Whether a caller may use the operation. Whoever proves nothing where the contract asks for nothing may.
    ///
    /// # Errors
    /// They may not.
    pub(crate) fn operation(
        &self,
        proven: &Proven,
        access: &Access,
        address: IpAddr,
        now: UnixTime,
    ) -> Result<(), Denied> {
        if proven.first().is_none() && access.asks_for_nothing() {
            return Ok(());
        }
        let engines = match (&self.by.roles, &*self.resources) {
            (_, []) => &self.by.operations,
            (Some(roles), _) => roles,
            (None, _) => return Ok(()),
        };
        let evaluation = self.question(self.by.subjects.of_any(proven), self.api.clone(), address);
        permitted(&engines.evaluate(&evaluation, at(now)))
    }

    /// The resources that a request names, one for each place where one may stand; `said` is what it says at a place.
    ///
    /// # Errors
    /// One is missing, or cannot be told.
    pub(crate) fn named<'r>(&self, said: impl Fn(&Place) -> Said<'r>) -> Result<Vec<Option<Resource>>, Denied> {
        let resource = |named: &Named| match said(&named.place) {
            Said::Name(name) if !name.is_empty() && name.len() <= IDENTIFIER_BYTES_MAX => {
                Ok(Some(Resource::new(&*named.kind, name)))
            }
            Said::Nothing if named.optional => Ok(None),
            Said::Nothing => Err(Denied("resource-missing".into())),
            Said::Name(_) | Said::Unreadable => Err(Denied("resource-unreadable".into())),
        };
        self.resources.iter().map(resource).collect()
    }

    /// Whether a caller may do it to every resource that a request named.
    ///
    /// # Errors
    /// They may not, or what was named was named for something else.
    pub(crate) fn resources(
        &self,
        proven: &Proven,
        address: IpAddr,
        now: UnixTime,
        named: &[Option<Resource>],
    ) -> Result<(), Denied> {
        let kinds = self.resources.iter().map(|resource| &*resource.kind);
        let fits = |(kind, named): (&str, &Option<Resource>)| named.as_ref().is_none_or(|named| named.kind == kind);
        if self.resources.len() != named.len() || !kinds.zip(named).all(fits) {
            return Err(Denied("resources-changed".into()));
        }
        if named.is_empty() {
            return Ok(());
        }
        // Whoever names nothing asks for whatever there is.
        let (engines, asked) = match named.iter().any(Option::is_some) {
            true => (&self.by.resources, named),
            false => (&self.by.operations, &[Some(self.api.clone())][..]),
        };
        let mut evaluation = self.question(self.by.subjects.of_any(proven), self.api.clone(), address);
        for resource in asked.iter().flatten() {
            evaluation.resource.clone_from(resource);
            permitted(&engines.evaluate(&evaluation, at(now)))?;
        }
        Ok(())
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
