//! What the callers of an API may do: how a request becomes a question, and who answers it.
//!
//! Two questions are asked. May this caller use this operation at all? And, once the request was judged, may they do this to
//! each of the resources that it names? An operation that names none is decided whole by the first, with the API as the
//! resource; by the second where those who decide are told values of its request. Nothing is permitted that no role, policy or relation
//! permits.

mod admins;
mod body_names;
mod collection;
pub mod elsewhere;
mod named;
pub mod questions;
mod remembered;
mod values;
mod waiting;

use std::cell::RefCell;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use portcullis_decision::decision::{Decision, DecisionPoint, Engine, Engines, Rule, Version};
use portcullis_decision::properties::Properties;
use portcullis_decision::time::UnixTime as At;
use portcullis_decision::words::{Action, Evaluation, Resource, Subject};
use portcullis_identity::principal::{Identity, SubjectKind};
use portcullis_identity::time::UnixTime;
use serde_json::Value;

use crate::access::{Access, Proven};
use crate::policy::Policy;

pub use admins::Admins;
pub use body_names::Path;
pub(crate) use collection::Irreducible;
pub use collection::{Collection, ITEMS_MAX};
use elsewhere::Elsewhere;
pub(crate) use named::{Content, Naming};
pub use named::{Named, Place, RESOURCES_MAX, Spelling};
pub(crate) use remembered::Remembered;
pub use values::{REQUEST, ValueKind, Valued};
pub(crate) use waiting::{AT_ONCE_MAX, may_use_elsewhere};

/// The type of whoever proved nothing, and its only name.
pub const ANONYMOUS: (&str, &str) = ("Anonymous", "anonymous");
/// The type of the resource that stands for an API as a whole.
pub const API: &str = "Api";
/// How long it takes at least from one line about what failed to the next.
const TELLING_TIME_MIN: Duration = Duration::from_secs(1);
/// The properties of callers that the gate itself knows.
pub const KNOWN: [&str; 4] = ["authority", "credentials", "scopes", "client"];

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
    /// The rules that were written.
    rules: Vec<Rule>,
    /// Who else has a say, and is asked by a gate only.
    others: Others,
}

/// Who else has a say in decisions than whoever decides here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Others {
    /// The types of resources whose attributes are fetched.
    pub fetched: Vec<Box<str>>,
    /// Whether there are decision points elsewhere.
    pub points: bool,
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
    pub resources: Arc<[Named]>,
    /// What those who decide are told of a request besides; only of one that was judged.
    pub values: Arc<[Valued]>,
    /// What an answer lists; none: it leaves whole.
    pub collection: Option<Collection>,
    /// Who else is asked; none: nobody, and nothing is waited for.
    pub elsewhere: Option<Arc<Elsewhere>>,
}

/// What a request named, and what else those who decide are told of it.
#[derive(Clone, Debug)]
pub(crate) struct NamedResources {
    /// The places where its operation had a name.
    places: Arc<[Named]>,
    /// For each of them.
    found: Box<[Vec<Resource>]>,
    /// The values that its operation had.
    values: Arc<[Valued]>,
    /// What they were.
    told: Properties,
}

/// Somebody who is decided on.
pub(crate) struct Asking<'a> {
    pub(crate) proven: &'a Proven,
    /// From where.
    pub(crate) address: IpAddr,
    pub(crate) now: UnixTime,
    /// What this worker decided and told before.
    pub(crate) remembered: &'a RefCell<Remembered>,
    /// What was asked about the same request before: it tells of its caller.
    pub(crate) question: Option<Box<Evaluation>>,
    /// How much of decisions is recorded; none: nothing.
    pub(crate) recorded: Option<Recorded>,
    /// What was decided, where that is recorded.
    pub(crate) made: Vec<Made>,
}

/// A decision that was made about a request.
pub(crate) struct Made {
    /// What was asked, where that is recorded as well.
    pub(crate) question: Option<Box<Evaluation>>,
    pub(crate) decision: Arc<Decision>,
    pub(crate) at: At,
}

/// How much of decisions is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recorded {
    /// By which rules they were made.
    #[default]
    Rules,
    /// That, and what was asked, with digests in the place of properties.
    Digested,
    /// That, and what was asked, so that they can be made again.
    Whole,
}

/// Why something is not permitted: rules and engines, for operators only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied(pub Arc<str>);

impl Decisions {
    /// Decisions by these: roles about operations, policies about both, relations about resources.
    #[must_use]
    pub fn new(
        roles: Option<Arc<dyn Engine>>,
        policies: Vec<Arc<dyn Engine>>,
        relations: Option<Arc<dyn Engine>>,
        subjects: Subjects,
        rules: Vec<Rule>,
    ) -> Self {
        let policies = || policies.iter().map(Arc::clone);
        Self {
            operations: Engines::new(roles.iter().map(Arc::clone).chain(policies()).collect()),
            resources: Engines::new(policies().chain(relations).collect()),
            roles: roles.map(|roles| Engines::new(vec![roles])),
            subjects,
            rules,
            others: Others::default(),
        }
    }

    /// The same, of which others decide as well: nothing that they have a say in is permitted without them.
    #[must_use]
    pub fn beside(self, others: Others) -> Self {
        Self { others, ..self }
    }

    /// Whether others have a say, so that nothing is decided without an [`Elsewhere`].
    #[must_use]
    pub fn asks_others(&self) -> bool {
        self.others != Others::default()
    }

    /// Whether others have a say in what is done to resources of this type.
    #[must_use]
    pub fn asks_others_about(&self, kind: &str) -> bool {
        let Others { fetched, points } = &self.others;
        *points || fetched.iter().any(|known| **known == *kind)
    }

    /// What is decided here, as if nobody else had a say: for tests of policies.
    #[must_use]
    pub fn alone(&self, evaluation: &Evaluation, at: At) -> Decision {
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

    /// The rules that were written.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }
}

/// Both questions at once, as a gate asks them: a resource that is not the API is one that a request names.
impl DecisionPoint for Decisions {
    fn evaluate(&self, evaluation: &Evaluation, at: At) -> Decision {
        if self.asks_others_about(&evaluation.resource.kind) {
            return Decision::indeterminate("elsewhere", "others have a say, who are asked for requests only");
        }
        self.alone(evaluation, at)
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

/// Whether a caller may use an operation: as an administrator where it is one of theirs, and by whoever decides on it.
///
/// # Errors
/// They may not.
pub(crate) fn may_use(policy: &Policy, asking: &mut Asking<'_>) -> Result<(), Denied> {
    let decided = policy.decided.as_ref();
    if let Some(admins) = &policy.admins {
        admins.admit(asking, decided)?;
    }
    decided.map_or(Ok(()), |decided| decided.operation(asking, &policy.access))
}

impl Decided {
    /// Whether a caller may use the operation. Whoever proves nothing where the contract asks for nothing may.
    ///
    /// # Errors
    /// They may not.
    fn operation(&self, asking: &mut Asking<'_>, access: &Access) -> Result<(), Denied> {
        if asking.proven.first().is_none() && access.asks_for_nothing() {
            return Ok(());
        }
        let engines = match (&self.by.roles, &*self.resources) {
            (_, []) if self.is_decided_at_once() => &self.by.operations,
            (_, []) => return Ok(()),
            (Some(roles), _) => roles,
            (None, _) => return Ok(()),
        };
        self.ask(engines, asking, &self.api)
    }

    /// Whether it is decided on before anything of a request is looked at: it names no resource, and nobody is told a value.
    fn is_decided_at_once(&self) -> bool {
        self.resources.is_empty() && self.values.is_empty()
    }

    /// The resources that a request names, and what else is told of it.
    ///
    /// # Errors
    /// One is missing, cannot be told, or there are too many.
    pub(crate) fn named(&self, naming: Naming<'_>) -> Result<NamedResources, Denied> {
        let found: Result<_, Denied> = self.resources.iter().map(|named| named.read(naming)).collect();
        Ok(NamedResources {
            places: Arc::clone(&self.resources),
            found: found?,
            values: Arc::clone(&self.values),
            told: values::read(&self.values, naming)?,
        })
    }

    /// Whether a caller may do it to every resource that a request named.
    ///
    /// # Errors
    /// They may not, or what was named was named for something else.
    pub(crate) fn resources(&self, asking: &mut Asking<'_>, named: &NamedResources) -> Result<(), Denied> {
        self.fits(named)?;
        if named.is_empty() {
            return Ok(());
        }
        self.tell(asking, named);
        // Whoever names nothing asks for whatever there is.
        if named.iter().all(Vec::is_empty) {
            return self.ask(&self.by.operations, asking, &self.api);
        }
        let mut all = named.iter().flatten();
        all.try_for_each(|resource| self.ask(&self.by.resources, asking, resource))
    }

    /// Which of the resources that an answer lists the caller may see. None where somebody elsewhere has a say: a list waits for
    /// nobody.
    pub(crate) fn visible(&self, asking: &mut Asking<'_>, action: &Action, listed: &[Resource]) -> Vec<bool> {
        let mut question = self.new_question(asking, &self.api);
        question.action.clone_from(action);
        asking.question = Some(question);
        let waits = |resource: &Resource| {
            let elsewhere = self.elsewhere.as_ref();
            elsewhere.is_some_and(|elsewhere| elsewhere.decides(&resource.kind))
        };
        let may_see =
            |resource: &Resource| !waits(resource) && self.decide(&self.by.resources, asking, resource).permits();
        listed.iter().map(may_see).collect()
    }

    /// Whether what was named was named for this operation.
    fn fits(&self, named: &NamedResources) -> Result<(), Denied> {
        let is_same = Arc::ptr_eq(&self.resources, &named.places) || self.resources == named.places;
        if !is_same || self.values != named.values {
            return Err(Denied("resources-changed".into()));
        }
        Ok(())
    }

    fn ask(&self, engines: &Engines, asking: &mut Asking<'_>, about: &Resource) -> Result<(), Denied> {
        let decision = self.decide(engines, asking, about);
        if let Some(recorded) = asking.recorded {
            let question = asking.question.as_ref().filter(|_| recorded != Recorded::Rules);
            asking.made.push(Made {
                question: question.cloned(),
                decision: Arc::clone(&decision),
                at: at(asking.now),
            });
        }
        permitted(&decision)
    }

    fn decide(&self, engines: &Engines, asking: &mut Asking<'_>, about: &Resource) -> Arc<Decision> {
        let (remembered, now) = (asking.remembered, asking.now);
        let question = self.question(asking, about);
        remembered.borrow_mut().decisions.evaluate(engines, question, at(now))
    }

    /// Puts what is told of a request into every question about it.
    fn tell(&self, asking: &mut Asking<'_>, named: &NamedResources) {
        if !self.values.is_empty() {
            let told = Value::Object(named.told.clone().into());
            self.question(asking, &self.api).context.insert(REQUEST, told);
        }
    }

    /// The question about a resource; of the caller it is known already after the first.
    fn question<'q>(&self, asking: &'q mut Asking<'_>, about: &Resource) -> &'q mut Evaluation {
        let question = match asking.question.take() {
            Some(mut question) => {
                question.resource.clone_from(about);
                question
            }
            None => self.new_question(asking, about),
        };
        asking.question.insert(question)
    }

    fn new_question(&self, asking: &Asking<'_>, about: &Resource) -> Box<Evaluation> {
        let mut remembered = asking.remembered.borrow_mut();
        let subject = remembered.caller(&self.by, asking.proven);
        let mut question = Evaluation::new(subject, self.action.clone(), about.clone());
        question.context = remembered.context_of(asking.address);
        Box::new(question)
    }
}

impl NamedResources {
    /// Nothing, of an operation that names nothing.
    pub(crate) fn none() -> Self {
        Self {
            places: Arc::new([]),
            found: Box::default(),
            values: Arc::new([]),
            told: Properties::new(),
        }
    }

    /// Whether the operation names nothing, and nothing is told of its requests.
    fn is_empty(&self) -> bool {
        self.found.is_empty() && self.values.is_empty()
    }

    /// For each place.
    fn iter(&self) -> std::slice::Iter<'_, Vec<Resource>> {
        self.found.iter()
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

    /// The type and the name of a caller; none of one who proved nothing.
    pub(crate) fn name(&self, proven: &Proven) -> Option<(&'static str, String)> {
        let of = proven.first()?.subject();
        let id = match self.qualified {
            true => format!("{}/{}", of.authority(), of.name()),
            false => of.name().to_owned(),
        };
        Some((kind(of.kind()), id))
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
        let [authority, credentials, scopes, client] = KNOWN;
        known.insert(authority, of.authority());
        known.insert(credentials, proven.credentials().map(Value::from).collect::<Vec<_>>());
        known.insert(scopes, identity.scopes().iter().map(Value::from).collect::<Vec<_>>());
        // Never a claim of that name, also where the gate knows none.
        known.remove(client);
        if let Some(name) = identity.client() {
            known.insert(client, name);
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

pub(crate) fn at(now: UnixTime) -> At {
    At(i64::try_from(now.seconds()).unwrap_or(i64::MAX))
}

fn permitted(decision: &Decision) -> Result<(), Denied> {
    if decision.permits() {
        return Ok(());
    }
    let why = decision.why();
    if let Some(failures) = decision.failures() {
        tell(&why, &failures);
    }
    Err(Denied(why.into()))
}

/// Tells the log what failed where somebody could not tell, in one line a second at most. It stands in no place of a refusal: these are
/// counted, and kept, and of this there is no end.
fn tell(place: &str, why: &str) {
    static LAST: Mutex<Option<Instant>> = Mutex::new(None);
    let now = Instant::now();
    let mut last = LAST.lock();
    if last.is_none_or(|last| now.duration_since(last) >= TELLING_TIME_MIN) {
        *last = Some(now);
        tracing::warn!(place, why, "whoever decides could not tell, and denied");
    }
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
