//! Whoever else has a say in a decision and has to be asked: endpoints that know the attributes of resources, and decision points
//! elsewhere. What they answer joins the opinions of the engines here; where they do not, the request is denied.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use portcullis_decision::attributes::Attributes;
use portcullis_decision::decision::{Decision, Opinion, Verdict};
use portcullis_decision::elsewhere::{Protocol, Said};
use portcullis_decision::properties::Properties;
use portcullis_decision::strict::Unreadable;
use portcullis_decision::words::{Evaluation, Resource};

use super::questions::{Answered, Matter, Outcome, Questions, Unanswered, Urgency};
use super::{Denied, permitted};
use crate::forward::balance::Circuit;

/// Who else is asked about the operations of an API.
pub struct Elsewhere {
    api: Arc<str>,
    lookups: Box<[Lookup]>,
    points: Box<[Point]>,
}

/// Where the attributes of resources of one type come from. A question is a resource's id.
pub struct Lookup {
    /// The type.
    pub kind: Box<str>,
    /// Who is asked.
    pub questions: Questions<Attributes>,
}

/// A decision point elsewhere. A question is a text of its protocol.
pub struct Point {
    /// What it is called here.
    pub name: Arc<str>,
    /// Who is asked.
    pub questions: Questions<Protocol>,
}

/// What is known of a resource.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// These attributes.
    Attributes(Arc<Properties>),
    /// There is no such resource.
    Unknown,
}

/// What came of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It is permitted.
    Permitted,
    /// It is denied.
    Denied(Denied),
    /// Somebody did not answer, so that nothing can be told; which denies whatever waits for it.
    Unanswered(Denied),
}

/// Why there is no decision. Either denies.
pub(super) enum Undecided {
    /// There is nothing to decide on.
    Denied(Denied),
    /// Somebody did not answer.
    Unanswered(Denied),
}

/// What is told of one whom is asked.
pub(crate) struct AskedState<'e> {
    pub(crate) api: &'e str,
    pub(crate) name: &'e str,
    /// How often each of [`Outcome::ALL`] came out.
    pub(crate) counts: [u64; Outcome::ALL.len()],
    pub(crate) circuit: Circuit,
}

impl Matter for Attributes {
    type Answer = Found;

    fn read(&self, answered: Answered<'_>) -> Result<Found, Unreadable> {
        match answered {
            Answered::Rejected => Ok(Found::Unknown),
            Answered::Json(octets) => Ok(Found::Attributes(Arc::new(Self::read(self, octets)?))),
        }
    }

    fn is_good(answer: &Found) -> bool {
        *answer != Found::Unknown
    }

    fn remark(_: &Found) -> Option<&str> {
        None
    }
}

impl Matter for Protocol {
    type Answer = Said;

    fn read(&self, answered: Answered<'_>) -> Result<Said, Unreadable> {
        match answered {
            Answered::Rejected => Err(Unreadable::new("it does not take the question")),
            Answered::Json(octets) => Self::read(*self, octets),
        }
    }

    fn is_good(answer: &Said) -> bool {
        answer.permits
    }

    fn remark(answer: &Said) -> Option<&str> {
        answer.why.as_deref().filter(|_| !answer.permits)
    }
}

impl Elsewhere {
    /// These, for the API of this name.
    #[must_use]
    pub fn new(api: &str, lookups: Vec<Lookup>, points: Vec<Point>) -> Self {
        Self {
            api: api.into(),
            lookups: lookups.into(),
            points: points.into(),
        }
    }

    /// Whether anybody has a say in decisions about operations that name no resource.
    pub(crate) fn decides_operations(&self) -> bool {
        !self.points.is_empty()
    }

    /// Whether anybody has a say in decisions about resources of this type.
    pub(crate) fn decides(&self, kind: &str) -> bool {
        !self.points.is_empty() || self.lookup(kind).is_some()
    }

    /// What comes of a question, together with what is decided here.
    pub(super) async fn decide(
        &self,
        evaluation: Evaluation,
        here: impl Fn(&Evaluation) -> Arc<Decision>,
        urgency: Urgency,
    ) -> Told {
        match self.decision(evaluation, here, urgency).await {
            Ok((decision, verdicts)) => told(&decision, &verdicts),
            Err(Undecided::Denied(why)) => Told::Denied(why),
            Err(Undecided::Unanswered(why)) => Told::Unanswered(why),
        }
    }

    /// The decision on a question, and what decision points elsewhere thought of it.
    ///
    /// # Errors
    /// What has to be known of its resource is not.
    pub(super) async fn decision(
        &self,
        mut evaluation: Evaluation,
        here: impl Fn(&Evaluation) -> Arc<Decision>,
        urgency: Urgency,
    ) -> Result<(Arc<Decision>, Vec<Verdict>), Undecided> {
        if let Some(lookup) = self.lookup(&evaluation.resource.kind) {
            let properties = &mut evaluation.resource.properties;
            // Also where there is none: nobody else can say one in its place.
            lookup.names().for_each(|name| properties.remove(name));
            match lookup.attributes(&evaluation.resource, urgency).await {
                Ok(Found::Attributes(attributes)) => evaluation.resource.properties.extend(&attributes),
                Ok(Found::Unknown) => return Err(Undecided::Denied(Denied("resource-unknown".into()))),
                Err(why) => {
                    let why = format!("attributes-unknown: {}", why.told());
                    return Err(Undecided::Unanswered(Denied(why.into())));
                }
            }
        }
        let decision = here(&evaluation);
        if decision.is_final_deny() || self.points.is_empty() {
            return Ok((decision, Vec::new()));
        }
        let evaluation = &evaluation;
        let opinions = self.points.iter().map(|point| point.opinion(evaluation, urgency));
        let opinions = all(opinions).await;
        let verdicts = opinions.iter().map(|opinion| opinion.verdict).collect();
        Ok((Arc::new(decision.with(opinions)), verdicts))
    }

    fn lookup(&self, kind: &str) -> Option<&Lookup> {
        self.lookups.iter().find(|lookup| *lookup.kind == *kind)
    }

    /// Whom the lookups ask, by their types.
    pub(crate) fn lookups(&self) -> impl Iterator<Item = AskedState<'_>> {
        let lookups = self.lookups.iter();
        lookups.map(|lookup| state(&self.api, &lookup.kind, &lookup.questions))
    }

    /// The decision points elsewhere, by their names.
    pub(crate) fn points(&self) -> impl Iterator<Item = AskedState<'_>> {
        let points = self.points.iter();
        points.map(|point| state(&self.api, &point.name, &point.questions))
    }

    /// The API.
    #[must_use]
    pub fn api(&self) -> &str {
        &self.api
    }
}

impl Lookup {
    /// The attributes that it says, or says that there are none of.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.questions.matter().names()
    }

    async fn attributes(&self, resource: &Resource, urgency: Urgency) -> Result<Found, Unanswered> {
        self.questions.answer(&resource.id.as_str().into(), urgency).await
    }
}

impl Point {
    async fn opinion(&self, evaluation: &Evaluation, urgency: Urgency) -> Opinion {
        let protocol = *self.questions.matter();
        let unknown = |why: &str| Opinion::indeterminate(protocol.name(), format!("{}: {why}", self.name));
        let question: Arc<str> = match protocol.question(evaluation) {
            Ok(question) => question.into(),
            Err(unaskable) => return unknown(&unaskable.to_string()),
        };
        match self.questions.answer(&question, urgency).await {
            Ok(said) => protocol.opinion(&self.name, said.permits),
            Err(why) => unknown(why.told()),
        }
    }
}

impl Told {
    /// What comes of this and of several more questions, all of which have to be permitted.
    pub(super) fn and(self, told: Vec<Self>) -> Self {
        let mut unanswered = Self::Permitted;
        for one in std::iter::once(self).chain(told) {
            match one {
                Self::Denied(_) => return one,
                Self::Unanswered(_) => unanswered = one,
                Self::Permitted => {}
            }
        }
        unanswered
    }
}

impl From<Undecided> for Denied {
    fn from(undecided: Undecided) -> Self {
        match undecided {
            Undecided::Denied(why) | Undecided::Unanswered(why) => why,
        }
    }
}

impl From<Told> for Result<(), Denied> {
    fn from(told: Told) -> Self {
        match told {
            Told::Permitted => Ok(()),
            Told::Denied(why) | Told::Unanswered(why) => Err(why),
        }
    }
}

/// What a decision is, of which decision points elsewhere had these verdicts.
fn told(decision: &Decision, elsewhere: &[Verdict]) -> Told {
    match permitted(decision) {
        Ok(()) => Told::Permitted,
        Err(why) if elsewhere.contains(&Verdict::Indeterminate) && !elsewhere.contains(&Verdict::Forbids) => {
            Told::Unanswered(why)
        }
        Err(why) => Told::Denied(why),
    }
}

fn state<'e, M: Matter>(api: &'e str, name: &'e str, questions: &Questions<M>) -> AskedState<'e> {
    AskedState {
        api,
        name,
        counts: Outcome::ALL.map(|outcome| questions.count(outcome)),
        circuit: questions.circuit(),
    }
}

/// Waits for all at once; what comes of them, in their order. For a few: each is looked at whenever one of them wakes.
pub(crate) async fn all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut open: Vec<Result<F::Output, Pin<Box<F>>>> = futures.map(|future| Err(Box::pin(future))).collect();
    poll_fn(|cx| {
        for one in &mut open {
            if let Err(future) = one
                && let Poll::Ready(output) = future.as_mut().poll(cx)
            {
                *one = Ok(output);
            }
        }
        match open.iter().all(Result::is_ok) {
            true => Poll::Ready(std::mem::take(&mut open).into_iter().filter_map(Result::ok).collect()),
            false => Poll::Pending,
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn all_are_waited_for_at_once_and_told_in_their_order() {
        let began = std::time::Instant::now();
        let wait = |number: u64| async move {
            tokio::time::sleep(Duration::from_millis(100 * number)).await;
            number
        };
        assert_eq!(all([3, 1, 2].into_iter().map(wait)).await, [3, 1, 2]);
        assert!(began.elapsed() < Duration::from_millis(550), "{:?}", began.elapsed());
        assert!(all(std::iter::empty::<std::future::Ready<()>>()).await.is_empty());
    }

    #[test]
    fn a_deny_counts_for_more_than_what_is_not_answered() {
        let denied = |why: &str| Told::Denied(Denied(why.into()));
        let unanswered = |why: &str| Told::Unanswered(Denied(why.into()));
        for (told, expected) in [
            (vec![], Told::Permitted),
            (vec![Told::Permitted, Told::Permitted], Told::Permitted),
            (vec![Told::Permitted, unanswered("u")], unanswered("u")),
            (vec![unanswered("u"), denied("d"), Told::Permitted], denied("d")),
        ] {
            assert_eq!(Told::Permitted.and(told), expected);
        }
    }
}
