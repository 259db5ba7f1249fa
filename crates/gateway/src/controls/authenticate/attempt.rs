//! One attempt to prove something: counted before anything is verified, so that guesses sent at once do not get past the limit, and
//! given back unless it failed.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use http::HeaderMap;
use portcullis_identity::principal::{Identity, Subject};

use super::{Presented, Unproven};
use crate::gate::Gate;
use crate::keyring::Untaken;
use crate::limit::key::Facts;
use crate::limit::{Charges, Outcome};

/// An attempt that may be made. Dropped without [`Attempt::settle`] it counts as one that failed, as it must where the caller hung up
/// before anything was known.
#[must_use]
pub(super) struct Attempt(Charges);

impl Attempt {
    /// Hands on what came of it. Only a credential that is not good has failed: what could not be verified is nobody's guess.
    pub(super) async fn settle<T>(self, outcome: Result<T, Unproven>, gate: &Gate) -> Result<T, Unproven> {
        let failed = matches!(
            outcome,
            Err(Unproven::Rejected(_) | Unproven::Unreadable | Unproven::Dpop(..))
        );
        if !failed {
            gate.limiter().settle(self.0, Outcome::Success, Instant::now()).await;
        }
        outcome
    }
}

impl Presented<'_> {
    /// Begins an attempt, before anything that costs: one for each credential that is not remembered.
    ///
    /// # Errors
    /// [`Unproven::TooMany`].
    pub(super) async fn attempt(&self) -> Result<Attempt, Unproven> {
        let tried = Tried {
            presented: self,
            subject: None,
        };
        let begun = self.failures.begin(&tried, self.request.arrival().at()).await;
        begun.map(Attempt).map_err(Unproven::TooMany)
    }

    /// What a keyring took. It is asked first and counted afterwards, only where it took nothing: two MACs cost less than the
    /// count, nobody guesses 256 bits, and whoever has a good key is not kept out by neighbours.
    ///
    /// # Errors
    /// As it was refused, or [`Unproven::TooMany`].
    pub(super) async fn taken(&self, taken: Result<Arc<Identity>, Untaken>) -> Result<Arc<Identity>, Unproven> {
        match taken {
            Ok(identity) => Ok(identity),
            Err(Untaken::Unknown) => Err(Unproven::Unverifiable),
            Err(Untaken::Refused(refused)) => {
                let attempt = self.attempt().await?;
                attempt.settle(Err(Unproven::Rejected(refused.code())), self.gate).await
            }
        }
    }

    /// Begins an attempt to log in as this user. `familiar`: they did so from this address lately, and strangers cannot keep them out.
    ///
    /// # Errors
    /// [`Unproven::TooMany`].
    pub(super) async fn login(&self, subject: &Subject, familiar: bool) -> Result<Attempt, Unproven> {
        let tried = Tried {
            presented: self,
            subject: Some(subject),
        };
        let begun = self.failures.begin_login(&tried, familiar, self.request.arrival().at());
        begun.await.map(Attempt).map_err(Unproven::TooMany)
    }
}

/// Who tries, and as whom.
struct Tried<'t, 'p> {
    presented: &'t Presented<'p>,
    subject: Option<&'t Subject>,
}

impl Facts for Tried<'_, '_> {
    fn address(&self) -> IpAddr {
        self.presented.request.arrival().client().address
    }

    fn headers(&self) -> &HeaderMap {
        self.presented.request.headers()
    }

    fn subject(&self) -> Option<&Subject> {
        self.subject
    }
}
