//! Relations that an operation brings about, learnt from its answer. An answer that says that something was created leaves when its
//! caller is known to own it, and not before.
//!
//! What cannot be learnt is noticed before anything is done, wherever that is possible: then nothing is sent to the upstream. Where it
//! turns out afterwards, the caller is told that it failed, and operators are told what to write down. Nobody is permitted anything
//! by what was not learnt.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use http::header::LOCATION;
use http::{HeaderMap, Response, StatusCode};
use portcullis_contract::conform::percent;
use portcullis_decision::relations::{Object, Operation, Origin, Subject, Tuple};

use super::authorize::{Permitted, naming};
use super::contract_in::Conforming;
use super::contract_out::Judged;
use super::tenure::Tenure;
use crate::account::Account;
use crate::body::ResponseBody;
use crate::decisions::{Denied, Named};
use crate::learning::{Happened, Id, LEARNING_TIME_MAX, Lesson, Missed, Unlearnt};
use crate::limit::Mode;
use crate::metrics::Control;
use crate::refusal::Refusal;

/// What will be learnt where the answer is a success; none: nothing is.
pub(crate) struct Expected(Option<Pending>);

/// An answer from which nothing is left to learn.
pub struct Learnt {
    pub(super) response: Response<ResponseBody>,
    pub(super) tenure: Tenure,
}

/// What is to be learnt. Where that was begun and is dropped before an answer was looked at, operators are told.
struct Pending {
    lesson: Arc<Lesson>,
    known: Known,
    /// What is done where it cannot be learnt.
    mode: Mode,
    is_open: bool,
}

/// What is known of it before there is an answer.
enum Known {
    Created {
        /// None: the answer says it.
        object: Option<Object>,
        caller: Object,
        parent: Option<Object>,
    },
    Deleted(Object),
}

/// Says what will be learnt from the answer, and whether that is possible.
///
/// # Errors
/// [`Refusal::Unlearnable`]; [`Refusal::Denied`] where nothing can be related to this caller, or to what the request names.
pub(crate) fn expect(permitted: &Permitted<'_>, account: &mut Account) -> Result<Expected, Refusal> {
    let conforming = &permitted.conforming;
    let policy = &conforming.route.operation.policy;
    let mode = policy.modes.authorization;
    let Some(lesson) = policy.lesson.as_ref().filter(|_| mode != Mode::Off) else {
        return Ok(Expected(None));
    };
    account.at(Control::LearnRelations);
    let known = match known(lesson, conforming) {
        Ok(known) => known,
        Err(refusal) => {
            account.found(mode, refusal.into())?;
            return Ok(Expected(None));
        }
    };
    if !lesson.by.is_ready() {
        // Where that is only observed it is done, and then it is tried: what is deleted must not be forgotten.
        account.found(mode, Refusal::Unlearnable.into())?;
    }
    Ok(Expected(Some(Pending {
        lesson: Arc::clone(lesson),
        known,
        mode,
        is_open: true,
    })))
}

/// Learns what an answer says.
///
/// # Errors
/// [`Refusal::Unlearnt`].
pub(crate) async fn learn(judged: Judged, expected: Expected, account: &mut Account) -> Result<Learnt, Refusal> {
    let Judged { response, tenure } = judged;
    if let Expected(Some(mut pending)) = expected {
        account.at(Control::LearnRelations);
        pending.is_open = false;
        if pending.is_done(response.status()) {
            let learnt = pending.learn(&response).await;
            learnt.or_else(|Unlearnt| account.found(pending.mode, Refusal::Unlearnt.into()))?;
        }
    }
    Ok(Learnt { response, tenure })
}

impl Expected {
    /// There is no answer to learn from. Where the request never got to the upstream, or was answered with an error, nothing was done
    /// there.
    pub(crate) fn unanswered(&mut self, refusal: Refusal) -> Refusal {
        let undone = matches!(
            refusal,
            Refusal::UpstreamConnect
                | Refusal::UpstreamOverloaded
                | Refusal::UpstreamCircuitOpen { .. }
                | Refusal::UpstreamStatus { .. }
                | Refusal::UpstreamError { because: Some(_) }
        );
        if let Some(pending) = self.0.as_mut().filter(|_| undone) {
            pending.is_open = false;
        }
        refusal
    }
}

/// What is known before there is an answer.
fn known(lesson: &Lesson, conforming: &Conforming<'_>) -> Result<Known, Refusal> {
    let object = |named: &Named| object(named, conforming).map_err(Refusal::from);
    let known = match &lesson.of {
        Happened::Created { id, parent, .. } => Known::Created {
            object: match id {
                Id::Request(named) => Some(object(named)?),
                Id::Answer(_) | Id::Location => None,
            },
            caller: caller(lesson, conforming)?,
            parent: match parent {
                Some(parent) => Some(object(&parent.of)?),
                None => None,
            },
        },
        Happened::Deleted(named) => Known::Deleted(object(named)?),
    };
    Ok(known)
}

/// The caller, as the model has them.
fn caller(lesson: &Lesson, conforming: &Conforming<'_>) -> Result<Object, Denied> {
    let decided = conforming.route.operation.policy.decided.as_ref();
    let named = decided.and_then(|decided| decided.by.subjects.name(&conforming.proven));
    let found = named.and_then(|(kind, id)| Some(Object::new(lesson.subjects.get(kind)?, &id).ok()?.keep()));
    found.ok_or_else(|| Denied("caller-unrelatable".into()))
}

/// The one object that a request names.
fn object(named: &Named, conforming: &Conforming<'_>) -> Result<Object, Denied> {
    let resources = named.read(naming(conforming))?;
    let only = match resources.as_slice() {
        [only] => Object::new(&only.kind, &only.id).map(|object| object.keep()).ok(),
        _ => None,
    };
    only.ok_or_else(|| Denied("resource-unreadable".into()))
}

impl Pending {
    /// Whether an answer says that it was done. What the request names may have been there before: then only 201 says that it was created
    /// (RFC 9110 section 9.3.4), and whoever may change something does not become its owner by that.
    fn is_done(&self, status: StatusCode) -> bool {
        match self.known {
            Known::Created { object: Some(_), .. } => status == StatusCode::CREATED,
            Known::Created { object: None, .. } | Known::Deleted(_) => status.is_success(),
        }
    }

    async fn learn(&self, response: &Response<ResponseBody>) -> Result<(), Unlearnt> {
        let by = &self.lesson.by;
        let Some(operations) = self.operations(response) else {
            by.missed(Missed::NoId, self);
            return Err(Unlearnt);
        };
        let learning = tokio::time::timeout(LEARNING_TIME_MAX, by.learn(operations));
        learning.await.unwrap_or_else(|_| {
            if let Known::Deleted(object) = &self.known {
                by.owe(object);
            }
            by.missed(Missed::Late, self);
            Err(Unlearnt)
        })
    }

    /// What is to be written; none where the answer does not say of which object.
    fn operations(&self, response: &Response<ResponseBody>) -> Option<Vec<Operation>> {
        let (object, caller, parent) = match &self.known {
            Known::Deleted(object) => return Some(vec![Operation::RemoveObject(object.clone())]),
            Known::Created { object, caller, parent } => (object, caller, parent),
        };
        let Happened::Created {
            kind,
            id,
            caller: owns,
            parent: belongs,
        } = &self.lesson.of
        else {
            return None;
        };
        let object = match object {
            Some(object) => object.clone(),
            None => Object::new(kind, &answered(id, response)?).ok()?.keep(),
        };
        let add = |relation: &str, subject: &Object| {
            let tuple = Tuple::new(object.view(), relation, Subject::One(subject.view())).ok()?;
            Some(Operation::Add(tuple.keep(), Origin::Learnt))
        };
        let mut operations = vec![add(owns, caller)?];
        if let (Some(belongs), Some(parent)) = (belongs, parent) {
            operations.push(add(&belongs.relation, parent)?);
        }
        Some(operations)
    }
}

/// The id that an answer gives.
fn answered<'a>(id: &Id, response: &'a Response<ResponseBody>) -> Option<Cow<'a, str>> {
    match (id, response.body()) {
        (Id::Answer(path), ResponseBody::Whole(json)) => match path.names(json).ok()?.as_slice() {
            [only] => Some(only.clone()),
            _ => None,
        },
        (Id::Location, _) => last_segment(response.headers()).map(Cow::Owned),
        (Id::Answer(_) | Id::Request(_), _) => None,
    }
}

/// The last segment of the path of the only `Location`, decoded; one that is empty names nothing.
fn last_segment(headers: &HeaderMap) -> Option<String> {
    let mut fields = headers.get_all(LOCATION).iter();
    let (only, None) = (fields.next()?.to_str().ok()?, fields.next()) else {
        return None;
    };
    let path = only.split(['?', '#']).next()?;
    let segment = match (path.split_once("://"), path.rsplit_once('/')) {
        (Some((_, rest)), _) => rest.rsplit_once('/')?.1,
        (None, Some((_, segment))) => segment,
        (None, None) => path,
    };
    String::from_utf8(percent::decoded(segment.as_bytes()).into_owned()).ok()
}

impl fmt::Display for Pending {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.known, &self.lesson.of) {
            (Known::Created { object, caller, .. }, Happened::Created { kind, caller: owns, .. }) => match object {
                Some(object) => write!(formatter, "{object}#{owns}@{caller}"),
                None => write!(formatter, "{kind}:?#{owns}@{caller}"),
            },
            (Known::Deleted(object) | Known::Created { caller: object, .. }, _) => {
                write!(formatter, "everything that is related to {object}")
            }
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if self.is_open {
            self.lesson.by.missed(Missed::Unseen, self);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_segment_of_a_location_is_an_id() {
        let check = |fields: &[&'static str], expected: Option<&str>| {
            let mut headers = HeaderMap::new();
            for field in fields {
                headers.append(LOCATION, field.parse().unwrap());
            }
            assert_eq!(last_segment(&headers).as_deref(), expected, "{fields:?}");
        };
        check(&["/accounts/7"], Some("7"));
        check(&["https://bank.example/v1/accounts/a%20b?x=/1#/2"], Some("a b"));
        check(&["7"], Some("7"));
        check(&["/accounts/"], Some(""));
        check(&["https://bank.example"], None);
        check(&["/accounts/%ff"], None);
        check(&["/accounts/7", "/accounts/8"], None);
        check(&[], None);
    }
}
