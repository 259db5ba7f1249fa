//! Searches (section 8): who may do this, to what may it be done, what may be done. Over candidates that somebody gives, page by page.
//!
//! A search is as many evaluations as there are candidates, up to a bound a page. A page may hold fewer results than asked for, and none,
//! and still not be the last: `next_token` says so.

use std::fmt;
use std::iter::{Peekable, Skip};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::decision::DecisionPoint;
pub use crate::listed::Extent;
use crate::properties::Properties;
use crate::time::UnixTime;
use crate::words::{Action, Evaluation, Resource, Subject, identifier};

/// How many results a page may have, and has if nothing is said.
pub const RESULTS_MAX: usize = 100;
/// How many candidates are evaluated for a page.
pub const CANDIDATES_MAX: usize = 10_000;

/// Which page is asked for.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct PageRequest {
    /// The `next_token` of the page before.
    #[serde(default)]
    pub token: Option<String>,
    /// How many results at most; [`RESULTS_MAX`] counts if it is less.
    #[serde(default)]
    pub limit: Option<usize>,
}

/// Which page an answer is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PageResponse {
    /// What to ask for the next page with; empty if this is the last.
    pub next_token: String,
    /// How many results are here.
    pub count: usize,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SearchResponse {
    /// What was found, as AuthZEN writes entities.
    pub results: Vec<Value>,
    /// Which page it is.
    pub page: PageResponse,
    /// `{"cut_off": true}` on a last page behind which there may be more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<Map<String, Value>>,
}

/// What is searched for by its type alone. An id, if there is one, is not looked at.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Wanted {
    /// The type.
    #[serde(rename = "type", deserialize_with = "identifier")]
    pub kind: String,
}

/// Which subjects of a type may do an action to a resource (section 8.4)?
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct SubjectSearch {
    /// The type of subject.
    pub subject: Wanted,
    /// The action.
    pub action: Action,
    /// The resource.
    pub resource: Resource,
    /// The circumstances.
    #[serde(default)]
    pub context: Properties,
    /// Which page.
    #[serde(default)]
    pub page: PageRequest,
}

/// To which resources of a type may a subject do an action (section 8.5)?
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ResourceSearch {
    /// The subject.
    pub subject: Subject,
    /// The action.
    pub action: Action,
    /// The type of resource.
    pub resource: Wanted,
    /// The circumstances.
    #[serde(default)]
    pub context: Properties,
    /// Which page.
    #[serde(default)]
    pub page: PageRequest,
}

/// Which actions may a subject do to a resource (section 8.6)?
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ActionSearch {
    /// The subject.
    pub subject: Subject,
    /// The resource.
    pub resource: Resource,
    /// The circumstances.
    #[serde(default)]
    pub context: Properties,
    /// Which page.
    #[serde(default)]
    pub page: PageRequest,
}

/// A token that no page gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadToken;

impl fmt::Display for BadToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the page token is not one that was given")
    }
}

impl std::error::Error for BadToken {}

/// Searches among subjects; those of another type are passed over. Their properties count in the evaluation, and are not told.
///
/// # Errors
///
/// The token of the page is none.
pub fn subjects<'a>(
    point: &dyn DecisionPoint,
    search: &SubjectSearch,
    candidates: impl Iterator<Item = &'a Subject>,
    extent: Extent,
    at: UnixTime,
) -> Result<SearchResponse, BadToken> {
    let mut evaluation = Evaluation::new(
        Subject::new(&search.subject.kind, ""),
        search.action.clone(),
        search.resource.clone(),
    );
    evaluation.context = search.context.clone().into();
    let wanted = candidates.filter(|subject| subject.kind == search.subject.kind);
    page(&search.page, wanted, extent, |subject| {
        evaluation.subject = subject.clone().into();
        let permitted = point.evaluate(&evaluation, at).permits();
        permitted.then(|| named(&subject.kind, &subject.id))
    })
}

/// Searches among resources; those of another type are passed over. Their properties count in the evaluation, and are not told.
///
/// # Errors
///
/// The token of the page is none.
pub fn resources<'a>(
    point: &dyn DecisionPoint,
    search: &ResourceSearch,
    candidates: impl Iterator<Item = &'a Resource>,
    extent: Extent,
    at: UnixTime,
) -> Result<SearchResponse, BadToken> {
    let mut evaluation = Evaluation::new(
        search.subject.clone(),
        search.action.clone(),
        Resource::new(&search.resource.kind, ""),
    );
    evaluation.context = search.context.clone().into();
    let wanted = candidates.filter(|resource| resource.kind == search.resource.kind);
    page(&search.page, wanted, extent, |resource| {
        evaluation.resource.clone_from(resource);
        let permitted = point.evaluate(&evaluation, at).permits();
        permitted.then(|| named(&resource.kind, &resource.id))
    })
}

/// Searches among actions.
///
/// # Errors
///
/// The token of the page is none.
pub fn actions<'a>(
    point: &dyn DecisionPoint,
    search: &ActionSearch,
    candidates: impl Iterator<Item = &'a Action>,
    extent: Extent,
    at: UnixTime,
) -> Result<SearchResponse, BadToken> {
    let mut evaluation = Evaluation::new(search.subject.clone(), Action::new(""), search.resource.clone());
    evaluation.context = search.context.clone().into();
    page(&search.page, candidates, extent, |action| {
        evaluation.action.clone_from(action);
        let permitted = point.evaluate(&evaluation, at).permits();
        permitted.then(|| named_action(&action.name))
    })
}

/// An action as a result of a search.
#[must_use]
pub fn named_action(name: &str) -> Value {
    Value::Object(Map::from_iter([("name".to_owned(), Value::from(name))]))
}

/// A subject or a resource as a result of a search.
#[must_use]
pub fn named(kind: &str, id: &str) -> Value {
    let members = [
        ("type".to_owned(), Value::from(kind)),
        ("id".to_owned(), Value::from(id)),
    ];
    Value::Object(Map::from_iter(members))
}

fn page<T>(
    request: &PageRequest,
    candidates: impl Iterator<Item = T>,
    extent: Extent,
    mut judge: impl FnMut(T) -> Option<Value>,
) -> Result<SearchResponse, BadToken> {
    let mut page = Page::of(request, candidates, extent)?;
    while let Some(candidate) = page.candidate() {
        if let Some(result) = judge(candidate) {
            page.found(result);
        }
    }
    Ok(page.finish())
}

/// A page that is being made: goes through candidates from where the token says, until there are enough results or were enough
/// candidates. The token is the number of the first candidate that was not looked at: the same candidates have to come in the same order.
/// Whoever makes it asks about each candidate, and may wait for the answer.
pub struct Page<I: Iterator> {
    candidates: Peekable<Skip<I>>,
    start: usize,
    looked_at: usize,
    limit: usize,
    results: Vec<Value>,
    extent: Extent,
}

impl<I: Iterator> Page<I> {
    /// The page that is asked for.
    ///
    /// # Errors
    ///
    /// The token of the page is none.
    pub fn of(request: &PageRequest, candidates: I, extent: Extent) -> Result<Self, BadToken> {
        let start = match request.token.as_deref() {
            None | Some("") => 0,
            Some(token) => token.parse::<usize>().map_err(|_| BadToken)?,
        };
        Ok(Self {
            candidates: candidates.skip(start).peekable(),
            start,
            looked_at: 0,
            limit: request.limit.unwrap_or(RESULTS_MAX).clamp(1, RESULTS_MAX),
            results: Vec::new(),
            extent,
        })
    }

    /// Whom to ask about next; nobody, where the page is made.
    pub fn candidate(&mut self) -> Option<I::Item> {
        if self.results.len() >= self.limit || self.looked_at >= CANDIDATES_MAX {
            return None;
        }
        let candidate = self.candidates.next()?;
        self.looked_at += 1;
        Some(candidate)
    }

    /// The last candidate is a result, written like this.
    pub fn found(&mut self, result: Value) {
        self.results.push(result);
    }

    /// The answer.
    #[must_use]
    pub fn finish(mut self) -> SearchResponse {
        let next = self.start.saturating_add(self.looked_at);
        let next = self.candidates.peek().map(|_| next.to_string());
        let cut_off = next.is_none() && self.extent == Extent::CutOff;
        SearchResponse {
            context: cut_off.then(|| Map::from_iter([("cut_off".to_owned(), Value::Bool(true))])),
            page: PageResponse {
                next_token: next.unwrap_or_default(),
                count: self.results.len(),
            },
            results: self.results,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::{Decision, Opinion, Verdict, Version};

    /// Permits subjects whose id is even.
    struct Even;

    impl DecisionPoint for Even {
        fn evaluate(&self, evaluation: &Evaluation, _: UnixTime) -> Decision {
            let even = evaluation
                .subject
                .id
                .parse::<usize>()
                .is_ok_and(|id| id.is_multiple_of(2));
            let verdict = if even { Verdict::Permits } else { Verdict::Silent };
            Decision::of([Opinion {
                verdict,
                reasons: vec![],
            }])
        }

        fn reads_time(&self) -> bool {
            false
        }

        fn version(&self) -> Option<Version> {
            None
        }
    }

    fn search(token: Option<&str>, limit: Option<usize>) -> SubjectSearch {
        let mut search: SubjectSearch = serde_json::from_str(
            r#"{"subject":{"type":"user"},"action":{"name":"a"},"resource":{"type":"doc","id":"1"}}"#,
        )
        .unwrap();
        search.page = PageRequest {
            token: token.map(str::to_owned),
            limit,
        };
        search
    }

    fn candidates(number: usize) -> Vec<Subject> {
        (0..number).map(|id| Subject::new("user", id.to_string())).collect()
    }

    #[test]
    fn pages_together_are_the_whole() {
        let mut candidates = candidates(25);
        candidates.insert(3, Subject::new("device", "2"));
        for limit in [1, 2, 7, 100] {
            let mut found = Vec::new();
            let mut token = None;
            loop {
                let answer = subjects(
                    &Even,
                    &search(token.as_deref(), Some(limit)),
                    candidates.iter(),
                    Extent::Complete,
                    UnixTime(0),
                )
                .unwrap();
                assert!(answer.results.len() <= limit && answer.page.count == answer.results.len());
                found.extend(
                    answer
                        .results
                        .iter()
                        .map(|result| result["id"].as_str().unwrap().to_owned()),
                );
                if answer.page.next_token.is_empty() {
                    break;
                }
                token = Some(answer.page.next_token);
            }
            let expected: Vec<String> = (0..25).step_by(2).map(|id| id.to_string()).collect();
            assert_eq!(found, expected, "{limit}");
        }
    }

    #[test]
    fn a_page_looks_at_a_bounded_number_of_candidates() {
        let odd: Vec<Subject> = (0..CANDIDATES_MAX + 5)
            .map(|id| Subject::new("user", (2 * id + 1).to_string()))
            .collect();
        let answer = subjects(&Even, &search(None, None), odd.iter(), Extent::Complete, UnixTime(0)).unwrap();
        assert_eq!((answer.results.len(), answer.page.next_token.as_str()), (0, "10000"));
        let rest = subjects(
            &Even,
            &search(Some("10000"), None),
            odd.iter(),
            Extent::Complete,
            UnixTime(0),
        )
        .unwrap();
        assert_eq!(rest.page.next_token, "");
    }

    #[test]
    fn tokens_are_ours_or_refused() {
        assert_eq!(
            subjects(
                &Even,
                &search(Some("x"), None),
                candidates(1).iter(),
                Extent::Complete,
                UnixTime(0)
            ),
            Err(BadToken)
        );
        let behind = subjects(
            &Even,
            &search(Some("99"), None),
            candidates(4).iter(),
            Extent::Complete,
            UnixTime(0),
        )
        .unwrap();
        assert!(behind.results.is_empty() && behind.page.next_token.is_empty());
    }

    #[test]
    fn only_the_last_page_says_that_there_may_be_more() {
        let all = candidates(4);
        let page = |limit, extent| {
            let answer = subjects(&Even, &search(None, Some(limit)), all.iter(), extent, UnixTime(0)).unwrap();
            serde_json::to_value(answer).unwrap()["context"].clone()
        };
        assert_eq!(page(1, Extent::CutOff), Value::Null);
        assert_eq!(page(9, Extent::CutOff), serde_json::json!({"cut_off": true}));
        assert_eq!(page(9, Extent::Complete), Value::Null);
    }
}
