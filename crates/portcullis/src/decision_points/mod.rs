//! Whoever else is asked when it is decided what callers may do: lookups of attributes and decision points elsewhere, as they are
//! configured, each with its secret and a client of its own.

mod endpoint;

use std::io;
use std::sync::Arc;

use portcullis_contract::document::Problem;
use portcullis_gateway::decisions::elsewhere::{Elsewhere, Lookup, Point};
use portcullis_gateway::decisions::questions::Questions;
use portcullis_gateway::metrics::Registry;

use self::endpoint::{Asked, Endpoint, Way};
use crate::asking::Asker;
use crate::config::authorization::Authorization;
use crate::config::elsewhere as config;
use crate::contracts::Loaded;

/// Whoever is asked about the requests of a gate.
pub(crate) struct DecisionPoints {
    /// None where nobody is asked, because nothing is served.
    asker: Option<Asker>,
    kept: Settled,
}

/// Whoever is asked about the requests of a configuration's APIs.
#[derive(Default)]
pub(crate) struct Settled(Vec<Kept>);

/// Those of one API, which stay what they are for as long as they are configured so: with their answers, counts and circuits.
#[derive(Clone)]
struct Kept {
    lookups: Vec<config::Lookup>,
    points: Vec<config::DecisionPoint>,
    /// Of the lookups, then of the points.
    endpoints: Vec<Arc<Endpoint>>,
    elsewhere: Arc<Elsewhere>,
}

impl DecisionPoints {
    /// For a gate that serves.
    ///
    /// # Errors
    /// There are no threads.
    pub(crate) fn start() -> io::Result<Self> {
        Ok(Self {
            asker: Some(Asker::start("decision points")?),
            kept: Settled::default(),
        })
    }

    /// For a configuration that is looked at and not served: nobody is asked.
    pub(crate) fn offline() -> Self {
        Self {
            asker: None,
            kept: Settled::default(),
        }
    }

    /// Those of these APIs. Until they are put in force nothing is different.
    ///
    /// # Errors
    /// Every secret that cannot be read, and every URL that cannot be asked.
    pub(crate) fn settle(&self, apis: &[Loaded], location: &str) -> Result<Settled, Vec<Problem>> {
        let (mut settled, mut problems) = (Settled::default(), Vec::new());
        for loaded in apis {
            let Some(authorization) = loaded.api.authorization.as_ref().filter(|written| written.asks()) else {
                continue;
            };
            match self.settle_one(&loaded.api.name, authorization, location) {
                Ok(kept) => settled.0.push(kept),
                Err(found) => {
                    // APIs of one folder have the same settings.
                    let new = found.into_iter().filter(|problem| !problems.contains(problem));
                    let new: Vec<Problem> = new.collect();
                    problems.extend(new);
                }
            }
        }
        if problems.is_empty() {
            Ok(settled)
        } else {
            Err(problems)
        }
    }

    /// Puts what was settled in force, and tells of it from here on.
    pub(crate) fn put_in_force(&mut self, settled: Settled, registry: &Registry) {
        registry.asked(settled.all().collect());
        self.kept = settled;
    }

    fn settle_one(&self, api: &str, authorization: &Authorization, location: &str) -> Result<Kept, Vec<Problem>> {
        let Authorization {
            lookups,
            decision_points: points,
            ..
        } = authorization;
        let of_lookups = lookups.iter().map(|lookup| {
            let way = Way::Get(lookup.template.clone());
            Endpoint::new(api, &lookup.kind, way, &lookup.asked, location)
        });
        let of_points = points.iter().map(|point| {
            let way = Way::Post(point.asked.url.value.clone());
            Endpoint::new(api, &point.name, way, &point.asked, location)
        });
        let (mut endpoints, mut problems) = (Vec::new(), Vec::new());
        for made in of_lookups.chain(of_points) {
            match made {
                Ok(endpoint) => endpoints.push(Arc::new(endpoint)),
                Err(problem) => problems.push(*problem),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let is_as = |kept: &&Kept| {
            let mut pairs = kept.endpoints.iter().zip(&endpoints);
            kept.elsewhere.api() == api
                && (&kept.lookups, &kept.points) == (lookups, points)
                && pairs.all(|(one, other)| one.is_as(other))
        };
        if let Some(known) = self.kept.0.iter().find(is_as) {
            return Ok(known.clone());
        }
        Ok(Kept {
            lookups: lookups.clone(),
            points: points.clone(),
            elsewhere: Arc::new(self.elsewhere(api, authorization, &endpoints)),
            endpoints,
        })
    }

    fn elsewhere(&self, api: &str, authorization: &Authorization, endpoints: &[Arc<Endpoint>]) -> Elsewhere {
        let asked = |endpoint: &Arc<Endpoint>| Asked {
            endpoint: Arc::clone(endpoint),
            asker: self.asker.clone(),
        };
        let mut endpoints = endpoints.iter();
        let lookups = authorization.lookups.iter().zip(endpoints.by_ref());
        let lookups = lookups.map(|(lookup, endpoint)| {
            let (attributes, bounds) = (lookup.attributes.clone(), lookup.asked.bounds.clone());
            Lookup {
                kind: lookup.kind.as_str().into(),
                questions: Questions::new(attributes, Box::new(asked(endpoint)), bounds),
            }
        });
        let lookups = lookups.collect();
        let points = authorization.decision_points.iter().zip(endpoints);
        let points = points.map(|(point, endpoint)| Point {
            name: point.name.as_str().into(),
            questions: Questions::new(point.protocol, Box::new(asked(endpoint)), point.asked.bounds.clone()),
        });
        Elsewhere::new(api, lookups, points.collect())
    }
}

impl Settled {
    /// Who is asked about the requests of an API; none: nobody.
    pub(crate) fn of(&self, api: &str) -> Option<Arc<Elsewhere>> {
        self.all().find(|elsewhere| elsewhere.api() == api)
    }

    fn all(&self) -> impl Iterator<Item = Arc<Elsewhere>> {
        self.0.iter().map(|kept| Arc::clone(&kept.elsewhere))
    }
}
