//! A configuration that is looked at and not served: what it names is read, and its routes are put together.

use std::num::NonZeroUsize;

use portcullis_contract::document::{Problem, Severity};
use portcullis_gateway::forward::balance::Fleet;
use portcullis_gateway::listen::Bounds;
use portcullis_gateway::routes::Routes;

use super::identity::Signs;
use super::routes::{self, Site};
use super::upstreams::Upstreams;
use super::{StartError, counters};
use crate::address_files::AddressFiles;
use crate::audit_log;
use crate::config::checked::Configuration;
use crate::contracts::Loaded;
use crate::decision_points::DecisionPoints;
use crate::relations;
use crate::signing::{self, Signing};
use crate::verifiers::{Keepers, Settled, Verifiers};

/// What a configuration names besides contracts and certificates, read.
pub(crate) struct Looked {
    files: AddressFiles,
    verifiers: Verifiers,
    /// What could be better.
    pub(crate) warnings: Vec<Problem>,
}

/// What judging saved requests needs.
pub(crate) struct Offline {
    /// The route table.
    pub(crate) routes: Routes,
    /// The bounds of a request's head.
    pub(crate) bounds: Bounds,
}

/// Reads what a configuration names besides contracts and certificates: lists of addresses, and all that credentials are verified and
/// tokens are signed with. Nothing is fetched and nothing is changed.
///
/// # Errors
/// Every problem, warnings among them.
pub(crate) fn look(configuration: &Configuration) -> Result<Looked, Vec<Problem>> {
    let files = AddressFiles::read(configuration);
    let signing = signing::check(configuration);
    let verifiers = Keepers::offline().settle(configuration, &configuration.listen);
    let store = relations::problem(configuration.relations.as_ref(), &configuration.location);
    let log = configuration.audit_log.as_ref();
    let log = log.map_or_else(Vec::new, |log| audit_log::problems(log, &configuration.location));
    let has_error = log.iter().any(|problem| problem.severity == Severity::Error);
    match (files, verifiers, signing, store) {
        (Ok(files), Ok(settled), Ok(()), None) if !has_error => {
            let Settled {
                verifiers,
                mut warnings,
                ..
            } = settled;
            warnings.extend(log);
            Ok(Looked {
                files,
                verifiers,
                warnings,
            })
        }
        (files, verifiers, signing, store) => {
            let mut problems = files.err().unwrap_or_default();
            problems.extend(store);
            problems.extend(verifiers.map_or_else(|found| found, |settled| settled.warnings));
            problems.extend(signing.err().unwrap_or_default());
            problems.extend(log);
            Err(problems)
        }
    }
}

/// The route table of a configuration.
///
/// # Errors
/// See [`StartError`].
pub(crate) fn offline(
    configuration: &Configuration,
    looked: &Looked,
    apis: Vec<Loaded>,
) -> Result<Offline, StartError> {
    let (limiter, registry) = counters(NonZeroUsize::MIN, 1)?;
    let mut upstreams = Upstreams::new(Fleet::new(1));
    let signing = Signing::new();
    let asked = DecisionPoints::offline().settle(&apis, &configuration.location);
    let asked = asked.map_err(StartError::Unusable)?;
    let site = Site {
        listeners: &configuration.listen,
        addresses: &configuration.listen_addresses(),
        files: &looked.files,
        verifiers: &looked.verifiers,
        asked: &asked,
        signs: Signs::of(configuration, signing.keys()),
        // Nothing is served, and nothing recorded.
        audit_log: None,
    };
    let routes = routes::table(configuration, site, apis, &limiter, &registry, &mut upstreams)?;
    Ok(Offline {
        routes,
        bounds: configuration.connection.bounds,
    })
}
