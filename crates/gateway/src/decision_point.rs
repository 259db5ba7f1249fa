//! The gate as a decision point: questions of other enforcement points about what callers of an API may do, answered by whoever decides
//! for that API at the gate (OpenID Authorization API 1.0, "AuthZEN").
//!
//! Who may ask is not decided here: a decision point is an API like any other, with a contract, and its requests pass every control
//! before. What a question says of its subject is believed, since its enforcement point has authenticated that.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use portcullis_decision::askable::{Askable, Unasked};
use portcullis_decision::authzen::evaluations::{Batch, EvaluationsRequest, EvaluationsResponse};
use portcullis_decision::authzen::metadata::{Metadata, Searches};
use portcullis_decision::authzen::search::{
    ActionSearch, BadToken, Extent, Page, ResourceSearch, SearchResponse, SubjectSearch, named, named_action,
};
use portcullis_decision::authzen::{EvaluationResponse, read, write};
use portcullis_decision::decision::DecisionPoint as _;
use portcullis_decision::listed::Listed;
use portcullis_decision::time::UnixTime as At;
use portcullis_decision::words::{Action, Evaluation, Resource, Subject};
use portcullis_identity::time::UnixTime;

use crate::decisions::elsewhere::{Elsewhere, all};
use crate::decisions::{API, AT_ONCE_MAX, Decisions, Remembered, at};
use crate::listen::unix_time;

/// How long evaluations that come together may wait for somebody elsewhere, all of them.
const EVALUATIONS_TIME_MAX: Duration = Duration::from_secs(20);
/// After how many decisions others get their turn on the same worker.
const DECISIONS_AT_ONCE: usize = 64;

/// What a decision point is asked for, by the name of the operation in its contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// One question (section 6).
    Evaluation,
    /// Several (section 7).
    Evaluations,
    /// Who may (section 8.4)?
    SearchSubject,
    /// To what (section 8.5)?
    SearchResource,
    /// What (section 8.6)?
    SearchAction,
    /// Where all of that is (section 9).
    Metadata,
}

/// What a decision point is made of.
pub struct Made {
    /// Who decides.
    pub by: Arc<Decisions>,
    /// The API whose callers are asked about.
    pub api: Box<str>,
    /// Its operations.
    pub actions: Vec<String>,
    /// What is ever asked about it.
    pub askable: Askable,
    /// What enforcement points call the types of subjects, and what policies do.
    pub subject_types: BTreeMap<String, String>,
    /// What enforcement points call the types of resources, and what policies do.
    pub resource_types: BTreeMap<String, String>,
    /// Whether it says why.
    pub reasons: bool,
    /// Its URL, where it says who it is.
    pub url: Option<String>,
    /// What can be searched for.
    pub searches: Searches,
}

/// A decision point.
#[derive(Clone)]
pub struct Point {
    by: Arc<Decisions>,
    /// Who else is asked; none: nobody.
    elsewhere: Option<Arc<Elsewhere>>,
    api: Box<str>,
    actions: Vec<Action>,
    askable: Arc<Askable>,
    /// The second in which the log was told last of a question that nobody asks.
    told: Arc<AtomicI64>,
    subject_types: BTreeMap<String, String>,
    resource_types: BTreeMap<String, String>,
    reasons: bool,
    metadata: Bytes,
    /// For each operation of its contract.
    endpoints: Box<[Endpoint]>,
}

/// Why a question has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswerable {
    /// It conforms to the contract, and a part of it is beyond what is read: too long, too deep, or too many.
    Unreadable,
    /// The token of the page is none that was given.
    Token,
    /// Nobody can list what it searches for.
    NotListed,
    /// Others have a say in it, who are asked about one thing at a time.
    Elsewhere,
    /// A mistake of ours: the answer cannot be written.
    Unwritten,
}

impl Endpoint {
    /// Every endpoint.
    pub const ALL: [Self; 6] = [
        Self::Evaluation,
        Self::Evaluations,
        Self::SearchSubject,
        Self::SearchResource,
        Self::SearchAction,
        Self::Metadata,
    ];

    /// The name of its operation.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Evaluation => "evaluation",
            Self::Evaluations => "evaluations",
            Self::SearchSubject => "searchSubject",
            Self::SearchResource => "searchResource",
            Self::SearchAction => "searchAction",
            Self::Metadata => "metadata",
        }
    }

    /// How long its answers may be kept (RFC 9111): decisions are for the moment.
    pub(crate) fn cached(self) -> &'static str {
        match self {
            Self::Metadata => "max-age=300",
            _ => "no-store",
        }
    }
}

impl Unanswerable {
    /// In a word, for the log.
    pub(crate) fn place(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Token => "page-token",
            Self::NotListed => "not-listed",
            Self::Elsewhere => "elsewhere",
            Self::Unwritten => "unwritten",
        }
    }
}

impl From<BadToken> for Unanswerable {
    fn from(_: BadToken) -> Self {
        Self::Token
    }
}

impl Point {
    /// A decision point, whose contract has operations of these names.
    ///
    /// # Errors
    /// The name that is none of an endpoint.
    pub fn new<'n>(made: Made, operations: impl IntoIterator<Item = &'n str>) -> Result<Self, String> {
        let endpoint = |name: &str| {
            let mut all = Endpoint::ALL.into_iter();
            let found = all.find(|endpoint| endpoint.name() == name);
            found.ok_or_else(|| format!("`{name}` is no endpoint of a decision point"))
        };
        let metadata = made.url.map(|url| write(&Metadata::of(&url, made.searches)));
        let metadata = metadata.transpose().map_err(|error| error.to_string())?;
        Ok(Self {
            by: made.by,
            elsewhere: None,
            api: made.api,
            actions: made.actions.into_iter().map(Action::new).collect(),
            askable: Arc::new(made.askable),
            told: Arc::default(),
            subject_types: made.subject_types,
            resource_types: made.resource_types,
            reasons: made.reasons,
            metadata: metadata.unwrap_or_default().into(),
            endpoints: operations.into_iter().map(endpoint).collect::<Result<_, _>>()?,
        })
    }

    /// The same, that asks those who have a say in what callers of its API may do.
    #[must_use]
    pub fn asking(self, elsewhere: Option<Arc<Elsewhere>>) -> Self {
        Self { elsewhere, ..self }
    }

    /// The API whose callers are asked about.
    #[must_use]
    pub fn api(&self) -> &str {
        &self.api
    }

    /// What an operation of its contract is, by its index there.
    pub(crate) fn endpoint(&self, operation: u32) -> Option<Endpoint> {
        self.endpoints.get(usize::try_from(operation).ok()?).copied()
    }

    /// The body of the answer, in JSON. `remembered` is what this worker decided before, also for callers of the API: a decision is known by its
    /// whole question there, whoever asked.
    ///
    /// # Errors
    /// See [`Unanswerable`].
    pub(crate) async fn answer(
        &self,
        endpoint: Endpoint,
        question: &[u8],
        now: UnixTime,
        remembered: &RefCell<Remembered>,
    ) -> Result<Bytes, Unanswerable> {
        let at = at(now);
        match endpoint {
            Endpoint::Evaluation => {
                let answer = self.evaluation(understood(read(question))?, at, remembered).await;
                written(write(&answer))
            }
            Endpoint::Evaluations => {
                let answers = self.evaluations(&understood(read(question))?, remembered).await;
                written(write(&answers))
            }
            Endpoint::SearchSubject => written(write(&self.search_subject(understood(read(question))?, at).await?)),
            Endpoint::SearchResource => written(write(&self.search_resource(understood(read(question))?, at).await?)),
            Endpoint::SearchAction => written(write(&self.search_action(understood(read(question))?, at).await?)),
            Endpoint::Metadata => Ok(self.metadata.clone()),
        }
    }

    async fn evaluation(
        &self,
        mut evaluation: Evaluation,
        at: At,
        remembered: &RefCell<Remembered>,
    ) -> EvaluationResponse {
        self.rename(&mut evaluation);
        // What no request can be, a policy for everything would permit.
        if let Some(unasked) = self.askable.unasked(&evaluation).first() {
            return self.denied(&self.told(unasked, at));
        }
        let elsewhere = self.elsewhere.as_deref();
        match (
            self.by.decide(elsewhere, evaluation, at, remembered).await,
            self.reasons,
        ) {
            (Ok(decision), true) => EvaluationResponse::with_reasons(&decision),
            (Ok(decision), false) => EvaluationResponse::of(&decision),
            (Err(denied), _) => self.denied(&denied.0),
        }
    }

    /// Why a question is never asked, as the log is told in one line a second at most.
    fn told(&self, unasked: &Unasked, at: At) -> String {
        let why = format!("{}: {unasked}", unasked.word());
        if self.told.swap(at.0, Ordering::Relaxed) != at.0 {
            tracing::warn!(
                api = &*self.api,
                why = &*why,
                "a decision point was asked what nobody asks, and denied it"
            );
        }
        why
    }

    /// Whether somebody is permitted what a search has found, and could ask for it.
    fn permits(&self, evaluation: &Evaluation, at: At) -> bool {
        self.askable.unasked(evaluation).is_empty() && self.by.evaluate(evaluation, at).permits()
    }

    fn denied(&self, why: &str) -> EvaluationResponse {
        match self.reasons {
            true => EvaluationResponse::denied(why),
            false => EvaluationResponse {
                decision: false,
                context: None,
            },
        }
    }

    /// Where somebody elsewhere is waited for, several are asked about at once, some of which may come after the one that ends it.
    /// The time is that of each; what is not asked about in time is denied.
    async fn evaluations(&self, request: &EvaluationsRequest, remembered: &RefCell<Remembered>) -> EvaluationsResponse {
        let began = Instant::now();
        let at_once = self.elsewhere.as_ref().map_or(1, |_| AT_ONCE_MAX);
        let mut turns = Turns::default();
        let mut batch = Batch::of(request);
        loop {
            let upcoming = batch.upcoming(at_once);
            if upcoming.is_empty() {
                // What is incomplete at the end is answered by looking for the next.
                drop(batch.question());
                return batch.finish();
            }
            let (is_late, at) = (began.elapsed() > EVALUATIONS_TIME_MAX, at(unix_time()));
            let asked = upcoming.into_iter().map(async |one| match is_late {
                true => self.denied("evaluations-late"),
                false => self.evaluation(one, at, remembered).await,
            });
            for answer in all(asked).await {
                if batch.question().is_some() {
                    batch.answer(answer);
                }
                turns.pass().await;
            }
        }
    }

    async fn search_subject(&self, search: SubjectSearch, at: At) -> Result<SearchResponse, Unanswerable> {
        let asked = search.subject.kind;
        let mut evaluation = Evaluation::new(Subject::new(asked.clone(), ""), search.action, search.resource);
        evaluation.context = search.context.into();
        self.rename(&mut evaluation);
        self.decides_alone(&evaluation)?;
        let listed = self.subjects(&evaluation).ok_or(Unanswerable::NotListed)?;
        let mut page = Page::of(&search.page, listed.ids(), listed.extent())?;
        let mut turns = Turns::default();
        while let Some(id) = page.candidate() {
            evaluation.subject.id = id.to_string();
            if self.permits(&evaluation, at) {
                page.found(named(&asked, id));
            }
            turns.pass().await;
        }
        Ok(page.finish())
    }

    async fn search_resource(&self, search: ResourceSearch, at: At) -> Result<SearchResponse, Unanswerable> {
        let asked = search.resource.kind;
        let mut evaluation = Evaluation::new(search.subject, search.action, Resource::new(asked.clone(), ""));
        evaluation.context = search.context.into();
        self.rename(&mut evaluation);
        self.decides_alone(&evaluation)?;
        let listed = self.resources(&evaluation).ok_or(Unanswerable::NotListed)?;
        let mut page = Page::of(&search.page, listed.ids(), listed.extent())?;
        let mut turns = Turns::default();
        while let Some(id) = page.candidate() {
            evaluation.resource.id = id.to_string();
            if self.permits(&evaluation, at) {
                page.found(named(&asked, id));
            }
            turns.pass().await;
        }
        Ok(page.finish())
    }

    async fn search_action(&self, search: ActionSearch, at: At) -> Result<SearchResponse, Unanswerable> {
        let mut evaluation = Evaluation::new(search.subject, Action::new(""), search.resource);
        evaluation.context = search.context.into();
        self.rename(&mut evaluation);
        self.decides_alone(&evaluation)?;
        let mut page = Page::of(&search.page, self.actions.iter(), Extent::Complete)?;
        let mut turns = Turns::default();
        while let Some(action) = page.candidate() {
            evaluation.action.clone_from(action);
            if self.permits(&evaluation, at) {
                page.found(named_action(&action.name));
            }
            turns.pass().await;
        }
        Ok(page.finish())
    }

    /// Whether a search can tell, which asks nobody about thousands of candidates.
    fn decides_alone(&self, asked: &Evaluation) -> Result<(), Unanswerable> {
        let asks_others = self.by.asks_others_about(&asked.resource.kind);
        if asks_others {
            Err(Unanswerable::Elsewhere)
        } else {
            Ok(())
        }
    }

    /// The types as policies name them.
    fn rename(&self, evaluation: &mut Evaluation) {
        if let Some(own) = self.subject_types.get(&evaluation.subject.kind) {
            evaluation.subject.kind.clone_from(own);
        }
        if let Some(own) = self.resource_types.get(&evaluation.resource.kind) {
            evaluation.resource.kind.clone_from(own);
        }
    }

    /// Who could be permitted this, of the type of its subject.
    fn subjects(&self, asked: &Evaluation) -> Option<Listed> {
        let kind = &asked.subject.kind;
        listed_subjects(&self.by, kind, &asked.action, &asked.resource)
    }

    /// What this could be permitted on, of the type of its resource.
    fn resources(&self, asked: &Evaluation) -> Option<Listed> {
        let kind = &asked.resource.kind;
        if kind == API {
            let mut listed = Listed::default();
            listed.add(&self.api);
            return Some(listed);
        }
        self.by.resources.resources(kind, &asked.subject, &asked.action)
    }
}

impl Decisions {
    /// What a decision point can search for: subjects of these types and resources of those, where anybody can list some.
    #[must_use]
    pub fn searches<'k>(
        &self,
        subjects: impl IntoIterator<Item = &'k str>,
        resources: impl IntoIterator<Item = &'k str>,
    ) -> Searches {
        let (somebody, something, anything) = (Subject::new("", ""), Resource::new("", ""), Action::new(""));
        let mut subjects = subjects.into_iter();
        let mut resources = resources.into_iter();
        let lists = |kind: &str| self.resources.resources(kind, &somebody, &anything).is_some();
        let lists = |kind: &str| !self.asks_others_about(kind) && lists(kind);
        Searches {
            subjects: !self.asks_others_about(API)
                && subjects.any(|kind| listed_subjects(self, kind, &anything, &something).is_some()),
            resources: resources.any(lists),
        }
    }
}

/// Whoever can be listed by those who decide about resources, or about the operation.
fn listed_subjects(by: &Decisions, kind: &str, action: &Action, resource: &Resource) -> Option<Listed> {
    let engines = [&by.operations, &by.resources].into_iter();
    let listed = engines.filter_map(|engines| engines.subjects(kind, action, resource));
    listed.reduce(|mut all, one| {
        all.extend(&one);
        all
    })
}

/// Lets others have their turn.
#[derive(Default)]
struct Turns(usize);

impl Turns {
    async fn pass(&mut self) {
        self.0 += 1;
        if self.0.is_multiple_of(DECISIONS_AT_ONCE) {
            tokio::task::yield_now().await;
        }
    }
}

fn understood<T, E>(read: Result<T, E>) -> Result<T, Unanswerable> {
    read.map_err(|_| Unanswerable::Unreadable)
}

fn written<E>(written: Result<Vec<u8>, E>) -> Result<Bytes, Unanswerable> {
    written.map(Bytes::from).map_err(|_| Unanswerable::Unwritten)
}

impl fmt::Debug for Point {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Point")
            .field("api", &self.api)
            .field("endpoints", &self.endpoints)
            .finish_non_exhaustive()
    }
}
