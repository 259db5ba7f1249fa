//! What a worker remembers of decisions: those that it made, and what it told of callers.

use std::net::IpAddr;
use std::sync::{Arc, Weak};

use portcullis_decision::cache::DecisionCache;
use portcullis_decision::properties::Properties;
use portcullis_decision::shared::Shared;
use portcullis_decision::words::Subject;
use portcullis_identity::principal::Identity;

use super::Decisions;
use crate::access::Proven;
use crate::halves::Halves;

/// How many callers, and how many addresses, are remembered at most is twice this.
const CALLERS_HALF_MAX: usize = 512;

/// Nothing is shared between workers.
pub(crate) struct Remembered {
    pub(super) decisions: DecisionCache,
    /// By the places of an identity and of who decides.
    callers: Halves<[usize; 2], Caller>,
    /// What is told of requests, by where they come from.
    contexts: Halves<IpAddr, Shared<Properties>>,
}

/// A caller who proved who they are by one credential, as it is told to those who decide.
#[derive(Clone)]
struct Caller {
    told: Shared<Subject>,
    /// While these are here, nothing else stands in the same places. Neither is kept alive.
    _places: (Weak<Identity>, Weak<Decisions>),
}

impl Remembered {
    /// With 0 no decision is remembered.
    pub(crate) fn new(decisions_max: usize) -> Self {
        Self {
            decisions: DecisionCache::new(decisions_max),
            callers: Halves::new(CALLERS_HALF_MAX),
            contexts: Halves::new(CALLERS_HALF_MAX),
        }
    }

    /// What is told of a caller. One who shows the same credential again is told of as before.
    pub(super) fn caller(&mut self, by: &Arc<Decisions>, proven: &Proven) -> Shared<Subject> {
        let Some(identity) = proven.only() else {
            return by.subjects.of_any(proven).into();
        };
        let places = [Arc::as_ptr(identity).addr(), Arc::as_ptr(by).addr()];
        if let Some(known) = self.callers.get(&places) {
            return known.told;
        }
        let told: Shared<Subject> = by.subjects.of_any(proven).into();
        let caller = Caller {
            told: told.clone(),
            _places: (Arc::downgrade(identity), Arc::downgrade(by)),
        };
        self.callers.put(places, caller);
        told
    }

    /// What is told of a request from this address.
    pub(super) fn context_of(&mut self, address: IpAddr) -> Shared<Properties> {
        if let Some(known) = self.contexts.get(&address) {
            return known;
        }
        let mut context = Properties::new();
        context.insert("address", address.to_canonical().to_string());
        let context = Shared::from(context);
        self.contexts.put(address, context.clone());
        context
    }
}
