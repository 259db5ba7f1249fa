//! One attempt to prove something: counted before anything is verified, so that guesses sent at once do not get past
//! the limit, and given back unless it failed. What is nobody's guess is counted afterwards, and only where it failed:
//! no neighbour's failures keep it out.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use http::HeaderMap;
use portcullis_identity::principal::{Identity, Subject};
use smallvec::SmallVec;

use super::{Attempting, Unproven};
use crate::keyring::Untaken;
use crate::lately::Name;
use crate::limit::key::Facts;
use crate::limit::{Charges, Outcome};

/// In whose name something is presented.
pub(super) type Names = SmallVec<[Name; 1]>;

/// An attempt that may be made. Where it was charged and is dropped without [`Attempt::settle`] it counts as one that
/// failed, as it must where the caller hung up before anything was known.
#[must_use]
pub(super) struct Attempt<'p> {
    attempting: Attempting<'p>,
    /// None where a failure is counted afterwards.
    charged: Option<Charges>,
}

impl Attempt<'_> {
    /// Hands on what came of it. Only a credential that is not good has failed: what could not be verified is nobody's guess.
    ///
    /// # Errors
    /// Its own, or [`Unproven::TooMany`] where the failure is one too many.
    pub(super) async fn settle<T>(self, outcome: Result<T, Unproven>) -> Result<T, Unproven> {
        let Self { attempting, charged } = self;
        let failed = matches!(
            outcome,
            Err(Unproven::Rejected(_) | Unproven::Unreadable | Unproven::Dpop(..))
        );
        match charged {
            Some(charges) if !failed => {
                let limiter = attempting.gate.limiter();
                limiter.settle(charges, Outcome::Success, Instant::now()).await;
            }
            None if failed => drop(attempting.attempt().await?),
            Some(_) | None => {}
        }
        outcome
    }
}

impl<'p> Attempting<'p> {
    /// Begins an attempt, before anything that costs: one for each credential that is not remembered.
    ///
    /// # Errors
    /// [`Unproven::TooMany`].
    pub(super) async fn attempt(self) -> Result<Attempt<'p>, Unproven> {
        let tried = Tried {
            attempting: &self,
            subject: None,
        };
        let begun = self.failures.begin(&tried, self.request.arrival().at()).await;
        begun.map(|charges| self.charged(charges)).map_err(Unproven::TooMany)
    }

    /// The same for what costs the use of a private RSA key to know.
    ///
    /// # Errors
    /// [`Unproven::TooMany`].
    pub(super) async fn decryption(self) -> Result<Attempt<'p>, Unproven> {
        let tried = Tried {
            attempting: &self,
            subject: None,
        };
        let begun = self.failures.begin_decryption(&tried, self.request.arrival().at());
        let begun = begun.await;
        begun.map(|charges| self.charged(charges)).map_err(Unproven::TooMany)
    }

    /// The same for what is presented in these names. Where that was good lately, for each of them, it is nobody's
    /// guess.
    ///
    /// # Errors
    /// [`Unproven::TooMany`].
    pub(super) async fn attempt_of(self, names: &[Name]) -> Result<Attempt<'p>, Unproven> {
        let (lately, now) = (self.gate.lately(), self.request.arrival().at());
        if !names.is_empty() && names.iter().all(|name| lately.knows(*name, now)) {
            return Ok(self.no_guess());
        }
        self.attempt().await
    }

    /// Remembers in whose names something was presented that was good, when nothing of it was used before.
    pub(super) fn note(self, names: &[Name]) {
        let lately = self.gate.lately();
        names.iter().for_each(|name| lately.note(*name, Instant::now()));
    }

    /// The same for what is nobody's guess, or costs less than the count.
    pub(super) fn no_guess(self) -> Attempt<'p> {
        Attempt {
            attempting: self,
            charged: None,
        }
    }

    /// Begins an attempt to log in as this user. `familiar`: they did so from this address lately, and strangers cannot keep them out.
    ///
    /// # Errors
    /// [`Unproven::TooMany`].
    pub(super) async fn login(self, subject: &Subject, familiar: bool) -> Result<Attempt<'p>, Unproven> {
        let tried = Tried {
            attempting: &self,
            subject: Some(subject),
        };
        let begun = self.failures.begin_login(&tried, familiar, self.request.arrival().at());
        let begun = begun.await;
        begun.map(|charges| self.charged(charges)).map_err(Unproven::TooMany)
    }

    fn charged(self, charges: Charges) -> Attempt<'p> {
        Attempt {
            attempting: self,
            charged: Some(charges),
        }
    }

    /// What a keyring took. Two MACs cost less than the count, and nobody guesses 256 bits.
    ///
    /// # Errors
    /// As it was refused, or [`Unproven::TooMany`].
    pub(super) async fn taken(self, taken: Result<Arc<Identity>, Untaken>) -> Result<Arc<Identity>, Unproven> {
        let taken = taken.map_err(|untaken| match untaken {
            Untaken::Unavailable => Unproven::Unavailable,
            Untaken::Refused(refused) => Unproven::Rejected(refused.code()),
        });
        self.no_guess().settle(taken).await
    }
}

/// Who tries, and as whom.
struct Tried<'t, 'p> {
    attempting: &'t Attempting<'p>,
    subject: Option<&'t Subject>,
}

impl Facts for Tried<'_, '_> {
    fn address(&self) -> IpAddr {
        self.attempting.request.arrival().client().address
    }

    fn headers(&self) -> &HeaderMap {
        self.attempting.request.headers()
    }

    fn subject(&self) -> Option<&Subject> {
        self.subject
    }
}
