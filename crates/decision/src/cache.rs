//! Decisions remembered by one worker: for the very same question, under the same version of everything that decides, in the same second if
//! time matters.
//!
//! A question is known by all of its bytes, not by a digest of them, so a remembered decision is always the one that would be made. Nothing
//! is shared between workers, and there is no lock.
//!
//! What is asked once only is not remembered: a worker that is asked about ten million accounts would fill its caches with them, and find
//! none of them again. A question takes a place when it comes for the second time.

use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::sync::Arc;

use foldhash::quality::{RandomState, SeedableRandomState};
use serde_json::Value;

use crate::decision::{Decision, DecisionPoint, Version};
use crate::properties::Properties;
use crate::time::UnixTime;
use crate::words::Evaluation;

/// How long a question may be that is remembered, in bytes; longer ones are always asked.
pub const QUESTION_BYTES_MAX: usize = 4_096;

/// By their questions. Callers choose what they ask about, so the hash has a secret; there are few enough to bear what collides all the same.
type Decisions = HashMap<Box<[u8]>, Arc<Decision>, RandomState>;

/// The decisions of a worker. What was not asked for while half of the places were filled anew is forgotten.
#[derive(Debug)]
pub struct DecisionCache {
    young: Decisions,
    old: Decisions,
    decisions_max: usize,
    /// Digests of questions that came, each in the place that it gives: a hint, which another may have taken away.
    came: Box<[u64]>,
    digests: SeedableRandomState,
    question: Vec<u8>,
}

impl DecisionCache {
    /// A cache of at most so many decisions; with 0 nothing is remembered.
    #[must_use]
    pub fn new(decisions_max: usize) -> Self {
        Self::digesting(decisions_max, SeedableRandomState::random())
    }

    fn digesting(decisions_max: usize, digests: SeedableRandomState) -> Self {
        Self {
            young: Decisions::default(),
            old: Decisions::default(),
            decisions_max,
            came: vec![0; decisions_max].into(),
            digests,
            question: Vec::new(),
        }
    }

    /// The decision, remembered or made. One that was made under another version is not found, and forgotten as whatever is not asked for.
    pub fn evaluate(&mut self, point: &dyn DecisionPoint, evaluation: &Evaluation, at: UnixTime) -> Arc<Decision> {
        // Asked for before the question: what changes meanwhile makes the next version, and is asked about anew.
        let version = point.version().filter(|_| self.decisions_max >= 2);
        let time = point.reads_time().then_some(at);
        if !version.is_some_and(|version| write_question(&mut self.question, version, evaluation, time)) {
            return Arc::new(point.evaluate(evaluation, at));
        }
        if let Some(decision) = self.young.get(self.question.as_slice()) {
            return Arc::clone(decision);
        }
        // An empty map would digest the question to find nothing.
        let remembered = match self.old.is_empty() {
            true => None,
            false => self.old.remove(self.question.as_slice()),
        };
        let is_new = remembered.is_none();
        let decision = remembered.unwrap_or_else(|| Arc::new(point.evaluate(evaluation, at)));
        if is_new && !self.came_before() {
            return decision;
        }
        if self.young.len() >= self.decisions_max / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young
            .insert(self.question.as_slice().into(), Arc::clone(&decision));
        decision
    }

    /// Whether the question came before, as far as that is known; from now on it did.
    fn came_before(&mut self) -> bool {
        let digest = self.digests.hash_one(self.question.as_slice());
        let places = self.came.len() as u64;
        let place = digest.checked_rem(places).and_then(|place| usize::try_from(place).ok());
        let came = place.and_then(|place| self.came.get_mut(place));
        came.is_some_and(|came| std::mem::replace(came, digest) == digest)
    }

    /// How many decisions are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Whether nothing is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Writes a question so that no two write the same; whether it is short enough to be remembered.
fn write_question(out: &mut Vec<u8>, version: Version, evaluation: &Evaluation, time: Option<UnixTime>) -> bool {
    out.clear();
    out.extend_from_slice(&version.to_bytes());
    let Evaluation {
        subject,
        action,
        resource,
        context,
    } = evaluation;
    out.extend_from_slice(&time.map_or(i64::MIN, |time| time.0).to_le_bytes());
    let mut names = [&subject.kind, &subject.id, &action.name, &resource.kind, &resource.id].into_iter();
    let mut all = [&subject.properties, &action.properties, &resource.properties, context].into_iter();
    names.all(|name| write_text(out, name)) && all.all(|properties| write_properties(out, properties))
}

fn write_properties(out: &mut Vec<u8>, properties: &Properties) -> bool {
    out.extend_from_slice(&properties.len().to_le_bytes());
    let mut members = properties.iter();
    members.all(|(name, value)| write_text(out, name) && write_value(out, value))
}

/// Nothing of a text is copied for which there is no room.
fn write_text(out: &mut Vec<u8>, text: &str) -> bool {
    let has_room = out.len() + text.len() <= QUESTION_BYTES_MAX;
    if has_room {
        out.extend_from_slice(&text.len().to_le_bytes());
        out.extend_from_slice(text.as_bytes());
    }
    has_room
}

/// Writes a value with its kind before it and its length, so that the end of each part is known.
fn write_value(out: &mut Vec<u8>, value: &Value) -> bool {
    match value {
        Value::Null => out.push(0),
        Value::Bool(bool) => out.extend([1, u8::from(*bool)]),
        Value::Number(number) => {
            out.push(2);
            return write_text(out, &number.to_string());
        }
        Value::String(text) => {
            out.push(3);
            return write_text(out, text);
        }
        Value::Array(items) => {
            out.push(4);
            out.extend_from_slice(&items.len().to_le_bytes());
            return out.len() <= QUESTION_BYTES_MAX && items.iter().all(|item| write_value(out, item));
        }
        Value::Object(members) => {
            out.push(5);
            out.extend_from_slice(&members.len().to_le_bytes());
            let mut members = members.iter();
            return members.all(|(name, value)| write_text(out, name) && write_value(out, value));
        }
    }
    out.len() <= QUESTION_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use foldhash::SharedSeed;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::decision::Engines;
    use crate::words::{Action, Resource, Subject};

    /// Permits nothing, counts questions, and says when it was asked.
    struct Counting {
        asked: Cell<usize>,
        reads_time: bool,
        version: Cell<Option<Version>>,
    }

    impl Counting {
        fn new(reads_time: bool) -> Self {
            Self {
                asked: Cell::new(0),
                reads_time,
                version: Cell::new(Engines::new(vec![]).version()),
            }
        }
    }

    impl DecisionPoint for Counting {
        fn evaluate(&self, evaluation: &Evaluation, at: UnixTime) -> Decision {
            self.asked.set(self.asked.get() + 1);
            Decision::indeterminate("counting", format!("{evaluation} {}", at.0))
        }

        fn reads_time(&self) -> bool {
            self.reads_time
        }

        fn version(&self) -> Option<Version> {
            self.version.get()
        }
    }

    /// So that what comes for the second time is the same in every run.
    fn same_digests() -> SeedableRandomState {
        SeedableRandomState::with_seed(1, SharedSeed::global_fixed())
    }

    fn question(subject: &str) -> Evaluation {
        Evaluation::new(
            Subject::new("user", subject),
            Action::new("read"),
            Resource::new("doc", "1"),
        )
    }

    fn check(reads_time: bool, asked: usize, questions: &[(&str, usize, i64)]) {
        let point = Counting::new(reads_time);
        let versions = [Engines::new(vec![]).version(), Engines::new(vec![]).version(), None];
        let mut cache = DecisionCache::digesting(4, same_digests());
        for (subject, version, at) in questions {
            point.version.set(versions[*version]);
            let decision = cache.evaluate(&point, &question(subject), UnixTime(*at));
            if reads_time {
                assert_eq!(*decision, point.evaluate(&question(subject), UnixTime(*at)));
                point.asked.set(point.asked.get() - 1);
            }
            assert!(cache.len() <= 4);
        }
        assert_eq!(point.asked.get(), asked, "{questions:?}");
    }

    #[test]
    fn the_same_question_is_asked_twice_at_most() {
        check(false, 2, &[("a", 0, 0), ("a", 0, 0), ("a", 0, 9), ("a", 0, 9)]);
        check(false, 3, &[("a", 0, 0), ("a", 0, 0), ("b", 0, 0), ("a", 0, 0)]);
        check(false, 3, &[("a", 0, 0), ("a", 0, 0), ("a", 1, 0), ("a", 0, 0)]);
        check(false, 2, &[("a", 1, 0), ("a", 1, 0), ("a", 1, 0)]);
        check(false, 3, &[("a", 2, 0), ("a", 2, 0), ("a", 2, 0)]);
        check(
            true,
            4,
            &[
                ("a", 0, 0),
                ("a", 0, 0),
                ("a", 0, 0),
                ("a", 0, 1),
                ("a", 0, 1),
                ("a", 0, 1),
            ],
        );
        let all = ["a", "a", "b", "b", "c", "c", "d", "d", "e", "e", "a"].map(|subject| (subject, 0, 0));
        check(false, 11, &all);
    }

    #[test]
    fn what_is_asked_once_only_takes_no_place() {
        let point = Counting::new(false);
        let mut cache = DecisionCache::new(1_024);
        for number in 0..100 {
            cache.evaluate(&point, &question(&number.to_string()), UnixTime(0));
        }
        assert!(cache.is_empty());
    }

    #[test]
    fn what_is_too_long_is_always_asked() {
        let point = Counting::new(false);
        let mut cache = DecisionCache::digesting(4, same_digests());
        let mut long = question("a");
        long.context.insert("x", "y".repeat(QUESTION_BYTES_MAX));
        for _ in 0..2 {
            cache.evaluate(&point, &long, UnixTime(0));
        }
        assert_eq!((point.asked.get(), cache.is_empty()), (2, true));
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(Value::from),
            (0..3_i64).prop_map(Value::from),
            "[a\\x00]{0,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 8, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[ab]{0,2}", inner, 0..3)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    fn questions() -> impl Strategy<Value = Evaluation> {
        ("[ab]{1,2}", "[ab]{1,2}", values(), values()).prop_map(|(kind, id, property, context)| {
            let mut question = Evaluation::new(Subject::new(kind, id), Action::new("a"), Resource::new("b", "c"));
            question.subject.properties.insert("p", property);
            question.context.insert("p", context);
            question
        })
    }

    proptest! {
        #[test]
        fn two_questions_are_written_the_same_only_if_they_are(one in questions(), other in questions()) {
            let (mut a, mut b) = (Vec::new(), Vec::new());
            let version = Engines::new(vec![]).version().unwrap();
            prop_assert!(write_question(&mut a, version, &one, None) && write_question(&mut b, version, &other, None));
            prop_assert_eq!(a == b, one == other);
        }
    }
}
