//! Decisions that wait for somebody elsewhere. What is decided here alone never comes here, and waits for nobody.

use std::cell::RefCell;
use std::sync::Arc;

use portcullis_decision::decision::{Decision, Engines};
use portcullis_decision::time::UnixTime as At;
use portcullis_decision::words::{Evaluation, Resource};

use super::elsewhere::{Elsewhere, Told, all};
use super::questions::Urgency;
use super::{API, Asking, Decided, Decisions, Denied, NamedResources, Remembered, at};
use crate::access::Access;
use crate::policy::Policy;

/// About how many resources or questions of one request somebody is asked at once.
pub(crate) const AT_ONCE_MAX: usize = 16;

/// What [`may_use`](super::may_use) says, and those elsewhere.
pub(crate) async fn may_use_elsewhere(
    policy: &Policy,
    elsewhere: &Elsewhere,
    asking: &mut Asking<'_>,
    urgency: Urgency,
) -> Told {
    let decided = policy.decided.as_ref();
    if let Some(admins) = &policy.admins
        && let Err(denied) = admins.admit(asking, decided)
    {
        return Told::Denied(denied);
    }
    match decided {
        Some(decided) => {
            decided
                .operation_elsewhere(elsewhere, asking, urgency, &policy.access)
                .await
        }
        None => Told::Permitted,
    }
}

impl Decisions {
    /// Both questions at once, as [`Decisions::alone`] asks them, and of those elsewhere what a request would be asked about.
    ///
    /// # Errors
    /// What has to be known is not, which denies.
    pub(crate) async fn decide(
        &self,
        elsewhere: Option<&Elsewhere>,
        question: Evaluation,
        at: At,
        remembered: &RefCell<Remembered>,
    ) -> Result<Arc<Decision>, Denied> {
        let here = |engines: &Engines, question: &Evaluation| {
            remembered.borrow_mut().decisions.evaluate(engines, question, at)
        };
        let is_operation = question.resource.kind == API;
        let engines = if is_operation {
            &self.operations
        } else {
            &self.resources
        };
        if let Some(roles) = self.roles.as_ref().filter(|_| !is_operation) {
            let decision = here(roles, &question);
            if !decision.permits() {
                return Ok(decision);
            }
        }
        if !self.asks_others_about(&question.resource.kind) {
            return Ok(here(engines, &question));
        }
        let nobody = || Denied("elsewhere: nobody is asked".into());
        let elsewhere = elsewhere.ok_or_else(nobody)?;
        let decided = elsewhere.decision(question, |question| here(engines, question), Urgency::Background);
        let (decision, _) = decided.await?;
        Ok(decision)
    }
}

impl Decided {
    /// Who else has a say in whether callers may use the operation; none: nobody, and nothing has to be waited for.
    pub(crate) fn operation_asks(&self) -> Option<&Arc<Elsewhere>> {
        let elsewhere = self.elsewhere.as_ref().filter(|_| self.is_decided_at_once());
        elsewhere.filter(|elsewhere| elsewhere.decides_operations())
    }

    /// The same of what they may do to the resources that a request named.
    pub(crate) fn resources_ask(&self, named: &NamedResources) -> Option<&Arc<Elsewhere>> {
        let elsewhere = self.elsewhere.as_ref().filter(|_| !named.is_empty())?;
        // Whoever names nothing asks for whatever there is.
        let asks = match named.iter().all(Vec::is_empty) {
            true => elsewhere.decides_operations(),
            false => named.iter().flatten().any(|resource| elsewhere.decides(&resource.kind)),
        };
        asks.then_some(elsewhere)
    }

    /// What [`Decided::operation`] says, and those elsewhere.
    async fn operation_elsewhere(
        &self,
        elsewhere: &Elsewhere,
        asking: &mut Asking<'_>,
        urgency: Urgency,
        access: &Access,
    ) -> Told {
        if asking.proven.first().is_none() && access.asks_for_nothing() {
            return Told::Permitted;
        }
        let question = self.question(asking, &self.api).clone();
        ask(elsewhere, &self.by.operations, asking, urgency, question).await
    }

    /// What [`Decided::resources`] says, and those elsewhere. Of so many resources at once all are asked about.
    pub(crate) async fn resources_elsewhere(
        &self,
        elsewhere: &Elsewhere,
        asking: &mut Asking<'_>,
        urgency: Urgency,
        named: &NamedResources,
    ) -> Told {
        if let Err(changed) = self.fits(named) {
            return Told::Denied(changed);
        }
        self.tell(asking, named);
        if named.iter().all(Vec::is_empty) {
            let question = self.question(asking, &self.api).clone();
            return ask(elsewhere, &self.by.operations, asking, urgency, question).await;
        }
        let resources: Vec<&Resource> = named.iter().flatten().collect();
        let mut told = Told::Permitted;
        for some in resources.chunks(AT_ONCE_MAX) {
            let questions: Vec<Evaluation> = some
                .iter()
                .map(|resource| self.question(asking, resource).clone())
                .collect();
            let asked = questions
                .into_iter()
                .map(|question| ask(elsewhere, &self.by.resources, asking, urgency, question));
            told = told.and(all(asked).await);
            if told != Told::Permitted {
                break;
            }
        }
        told
    }
}

async fn ask(
    elsewhere: &Elsewhere,
    engines: &Engines,
    asking: &Asking<'_>,
    urgency: Urgency,
    question: Evaluation,
) -> Told {
    let here = |question: &Evaluation| {
        let mut remembered = asking.remembered.borrow_mut();
        remembered.decisions.evaluate(engines, question, at(asking.now))
    };
    elsewhere.decide(question, here, urgency).await
}
