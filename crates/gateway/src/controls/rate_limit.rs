//! Rate limits, where each becomes countable: by address before routing, by operation after it, by who calls once that is known,
//! and by declared values of the request once it was judged.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Instant;

use http::HeaderMap;
use portcullis_identity::principal::{Credential, Identity};

use super::authenticate::Identified;
use super::authorize::Permitted;
use super::contract_in::Conforming;
use super::cors::Expected;
use super::route::Routed;
use crate::access::Proven;
use crate::account::Account;
use crate::limit::key::{Arrival, Facts};
use crate::limit::{Charges, Exceeded, Limits, Stage, Verdict};
use crate::listen::Received;
use crate::refusal::Refusal;
use crate::routes::Routes;

/// A request that is within the limits that count before anything is known of it.
pub struct Metered {
    pub(super) received: Received,
    pub(super) charges: Charges,
}

/// A request that is within the limits of its operation, whoever calls.
pub struct Paced<'r> {
    pub(super) routed: Routed<'r>,
}

/// A request that is within the limits of its caller.
pub struct Budgeted<'r> {
    pub(super) identified: Identified<'r>,
}

/// Counts a request by its address: unknown paths and garbage count too.
///
/// # Errors
/// [`Refusal::Rate`].
pub(crate) async fn meter(received: Received, routes: &Routes, account: &mut Account) -> Result<Metered, Refusal> {
    let facts = Arrival {
        address: received.arrival().client().address,
        headers: received.headers(),
    };
    let charges = take(
        routes.arrival(),
        Stage::Arrival,
        &facts,
        received.arrival().at(),
        account,
    )
    .await?;
    Ok(Metered { received, charges })
}

/// Counts a request by its address and headers against its operation, before a credential costs anything.
///
/// # Errors
/// [`Refusal::Rate`].
pub(crate) async fn pace<'r>(expected: Expected<'r>, account: &mut Account) -> Result<Paced<'r>, Refusal> {
    let mut routed = expected.routed;
    let arrival = routed.received.arrival();
    let facts = Arrival {
        address: arrival.client().address,
        headers: routed.received.headers(),
    };
    let limits = &routed.route.operation.limits;
    let charges = take(limits, Stage::Routed, &facts, arrival.at(), account).await?;
    routed.charges = std::mem::take(&mut routed.charges).and(charges);
    // Before anything is taken out of them: credentials end at the gate, and fields that are not declared after that.
    routed.counted = limits.counted_later(routed.received.headers());
    Ok(Paced { routed })
}

/// Counts a request by who calls. Whoever proved nothing counts by address.
///
/// # Errors
/// [`Refusal::Rate`].
pub(crate) async fn budget<'r>(mut identified: Identified<'r>, account: &mut Account) -> Result<Budgeted<'r>, Refusal> {
    let limits = &identified.routed.route.operation.limits;
    if limits.any(Stage::Identified) {
        let now = identified.routed.received.arrival().at();
        let charges = take(limits, Stage::Identified, &Caller(&identified), now, account).await?;
        let routed = &mut identified.routed;
        routed.charges = std::mem::take(&mut routed.charges).and(charges);
    }
    Ok(Budgeted { identified })
}

/// Counts a request by what it aims at: the user name, the account, the code that is guessed.
///
/// # Errors
/// [`Refusal::Rate`].
pub(crate) async fn target<'r>(mut permitted: Permitted<'r>, account: &mut Account) -> Result<Permitted<'r>, Refusal> {
    let conforming = &mut permitted.conforming;
    let limits = &conforming.route.operation.limits;
    if limits.any(Stage::Target) {
        let charges = take(
            limits,
            Stage::Target,
            &Target(conforming),
            conforming.head.arrival.at(),
            account,
        )
        .await?;
        conforming.charges = std::mem::take(&mut conforming.charges).and(charges);
    }
    Ok(permitted)
}

async fn take(
    limits: &Limits,
    stage: Stage,
    facts: &impl Facts,
    now: Instant,
    account: &mut Account,
) -> Result<Charges, Refusal> {
    match limits.take(stage, facts, now).await {
        Verdict::Admitted(charges) => {
            for exceeded in charges.would_refuse() {
                account.would_refuse(&exceeded.clone().into());
            }
            Ok(charges)
        }
        Verdict::Exceeded(exceeded) => Err(exceeded.into()),
    }
}

impl From<Exceeded> for Refusal {
    fn from(exceeded: Exceeded) -> Self {
        Self::Rate {
            limit: exceeded.limit,
            retry_after_seconds: exceeded.retry_after_seconds,
        }
    }
}

/// Who sends a request that is not judged yet.
struct Caller<'c, 'r>(&'c Identified<'r>);

impl Facts for Caller<'_, '_> {
    fn address(&self) -> IpAddr {
        self.0.routed.received.arrival().client().address
    }

    fn headers(&self) -> &HeaderMap {
        &self.0.routed.counted
    }

    fn identity(&self) -> Option<&Identity> {
        self.0.proof.proven()?.first().map(|identity| &**identity)
    }

    fn api_key(&self) -> Option<&Identity> {
        by_api_key(self.0.proof.proven()?)
    }
}

fn by_api_key(proven: &Proven) -> Option<&Identity> {
    proven.by(Credential::ApiKey).map(|identity| &**identity)
}

/// What a judged request aims at.
struct Target<'c, 'r>(&'c Conforming<'r>);

impl Facts for Target<'_, '_> {
    fn address(&self) -> IpAddr {
        self.0.head.arrival.client().address
    }

    fn headers(&self) -> &HeaderMap {
        &self.0.counted
    }

    fn path(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0
            .route
            .declared
            .path_value(self.0.head.parts.uri.path(), &self.0.route.captures, name)
    }

    fn query(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0.route.declared.query_value(self.0.head.parts.uri.query(), name)
    }

    fn json(&self) -> Option<&[u8]> {
        self.0.json.as_deref()
    }

    fn identity(&self) -> Option<&Identity> {
        self.0.proven.first().map(|identity| &**identity)
    }

    fn api_key(&self) -> Option<&Identity> {
        by_api_key(&self.0.proven)
    }
}
