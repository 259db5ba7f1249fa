//! Questions that are open: each is asked once, however many wait for its answer, and a bounded number of them at once.
//!
//! Nothing is sent or remembered here.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// Where what comes of a question comes from, when there is something.
pub(crate) type Told<V> = watch::Receiver<Option<V>>;

/// Questions that are open.
#[derive(Debug)]
pub(crate) struct Flights<K, V> {
    open: HashMap<K, Open<V>>,
}

#[derive(Debug)]
struct Open<V> {
    asked: Instant,
    told: Told<V>,
}

/// What to do for an answer that is not known.
pub(crate) enum Boarding<V> {
    /// Wait for the answer to a question that is open.
    Join(Told<V>),
    /// Wait for that as well, but only to ask again: it was asked so long ago that its answer would not count any more.
    Outwait(Told<V>),
    /// Nothing: too much is being asked.
    Full,
    /// Ask, and tell what comes of it.
    Take(Flight<V>),
}

/// A question to be asked by whoever got it.
pub(crate) struct Flight<V> {
    pub(crate) asked: Instant,
    pub(crate) tell: watch::Sender<Option<V>>,
    pub(crate) told: Told<V>,
}

impl<K: Clone + Eq + Hash, V> Flights<K, V> {
    pub(crate) fn new() -> Self {
        Self { open: HashMap::new() }
    }

    /// What to do for whoever began to need an answer then, of which no older ones count than `age_max`; `open_max` questions
    /// are open at most.
    pub(crate) fn board(&mut self, question: &K, began: Instant, age_max: Duration, open_max: usize) -> Boarding<V> {
        if let Some(open) = self.open.get(question) {
            return match began > open.asked + age_max {
                true => Boarding::Outwait(open.told.clone()),
                false => Boarding::Join(open.told.clone()),
            };
        }
        if self.open.len() >= open_max {
            return Boarding::Full;
        }
        let (tell, told) = watch::channel(None);
        let asked = Instant::now();
        let open = Open {
            asked,
            told: told.clone(),
        };
        self.open.insert(question.clone(), open);
        Boarding::Take(Flight { asked, tell, told })
    }

    /// A question is open no more.
    pub(crate) fn land(&mut self, question: &K) {
        self.open.remove(question);
    }

    pub(crate) fn has(&self, question: &K) -> bool {
        self.open.contains_key(question)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGE_MAX: Duration = Duration::from_secs(1);

    #[test]
    fn a_question_is_asked_once_at_a_time_and_a_bounded_number_of_them() {
        let mut flights = Flights::<u32, ()>::new();
        let begin = Instant::now();
        let board = |flights: &mut Flights<u32, ()>, question: u32, after: Duration| match flights.board(
            &question,
            begin + after,
            AGE_MAX,
            2,
        ) {
            Boarding::Take(_) => "take",
            Boarding::Join(_) => "join",
            Boarding::Outwait(_) => "outwait",
            Boarding::Full => "full",
        };
        assert_eq!(board(&mut flights, 1, Duration::ZERO), "take");
        assert_eq!(board(&mut flights, 1, Duration::ZERO), "join");
        assert_eq!(board(&mut flights, 1, AGE_MAX * 2), "outwait");
        assert_eq!(board(&mut flights, 2, Duration::ZERO), "take");
        assert_eq!(board(&mut flights, 3, Duration::ZERO), "full");
        flights.land(&1);
        assert!(!flights.has(&1) && flights.has(&2));
        assert_eq!(board(&mut flights, 3, Duration::ZERO), "take");
    }
}
