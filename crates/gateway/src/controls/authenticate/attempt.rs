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
    /// What was charged, and is given back where it does not fail.
    charged: Option<Charges>,
    /// What is counted afterwards, where it fails.
    counted: Option<Failure>,
}

/// What a failure is counted as.
#[derive(Clone, Copy)]
pub(super) enum Failure {
    /// As any.
    Any,
    /// As that of a token which cost the use of a private RSA key.
    Decryption,
}

impl Attempt<'_> {
    /// Hands on what came of it. Only a credential that is not good has failed: what could not be verified is nobody's guess.
    ///
    /// # Errors
    /// Its own, or [`Unproven::TooMany`] where the failure is one too many.
    pub(super) async fn settle<T>(self, outcome: Result<T, Unproven>) -> Result<T, Unproven> {
        let Self {
            attempting,
            charged,
            counted,
        } = self;
        let failed = matches!(
            outcome,
            Err(Unproven::Rejected(_) | Unproven::Unreadable | Unproven::Bearer(..) | Unproven::Dpop(..))
        );
        if failed {
            if let Some(failure) = counted {
                drop(attempting.charge(failure).await?);
            }
        } else if let Some(charges) = charged {
            let limiter = attempting.gate.limiter();
            limiter.settle(charges, Outcome::Success, Instant::now()).await;
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
        Ok(self.charged(self.charge(Failure::Any).await?))
    }

    /// The same for what costs the use of a private RSA key to know.
    ///
    /// # Errors
    /// [`Unproven::TooMany`].
    pub(super) async fn decryption(self) -> Result<Attempt<'p>, Unproven> {
        Ok(self.charged(self.charge(Failure::Decryption).await?))
    }

    /// The same for what is presented in these names. Where that was good lately, for each of them, it is nobody's
    /// guess, and may fail far more often.
    ///
    /// # Errors
    /// [`Unproven::TooMany`].
    pub(super) async fn attempt_of(self, names: &[Name]) -> Result<Attempt<'p>, Unproven> {
        let (lately, now) = (self.gate.lately(), self.request.arrival().at());
        if names.is_empty() || !names.iter().all(|name| lately.knows(*name, now)) {
            return self.attempt().await;
        }
        let begun = self.failures.begin_in_known_name(&self.tried(None), now).await;
        let charges = begun.map_err(Unproven::TooMany)?;
        Ok(Attempt {
            charged: Some(charges),
            ..self.no_guess()
        })
    }

    /// Remembers in whose names something was presented that was good, when nothing of it was used before.
    pub(super) fn note(self, names: &[Name]) {
        let lately = self.gate.lately();
        names.iter().for_each(|name| lately.note(*name, Instant::now()));
    }

    /// The same for what is nobody's guess, or costs less than the count.
    pub(super) fn no_guess(self) -> Attempt<'p> {
        self.counted_as(Failure::Any)
    }

    /// The same, where another failure is counted.
    pub(super) fn counted_as(self, failure: Failure) -> Attempt<'p> {
        Attempt {
            attempting: self,
            charged: None,
            counted: Some(failure),
        }
    }

    /// Counts a token of this subject that was good, and cost the use of a private RSA key to know.
    ///
    /// # Errors
    /// [`Unproven::TooMany`].
    pub(super) async fn decrypted(self, subject: &Subject) -> Result<(), Unproven> {
        let tried = self.tried(Some(subject));
        let counted = self.failures.decrypted(&tried, self.request.arrival().at());
        counted.await.map_err(Unproven::TooMany)
    }

    /// Begins an attempt to log in as this user. `familiar`: they did so from this address lately, and strangers cannot keep them out.
    ///
    /// # Errors
    /// [`Unproven::TooMany`].
    pub(super) async fn login(self, subject: &Subject, familiar: bool) -> Result<Attempt<'p>, Unproven> {
        let tried = self.tried(Some(subject));
        let begun = self.failures.begin_login(&tried, familiar, self.request.arrival().at());
        let begun = begun.await;
        begun.map(|charges| self.charged(charges)).map_err(Unproven::TooMany)
    }

    fn charged(self, charges: Charges) -> Attempt<'p> {
        Attempt {
            attempting: self,
            charged: Some(charges),
            counted: None,
        }
    }

    async fn charge(self, failure: Failure) -> Result<Charges, Unproven> {
        let (tried, now) = (self.tried(None), self.request.arrival().at());
        let begun = match failure {
            Failure::Any => self.failures.begin(&tried, now).await,
            Failure::Decryption => self.failures.begin_decryption(&tried, now).await,
        };
        begun.map_err(Unproven::TooMany)
    }

    fn tried<'t>(&'t self, subject: Option<&'t Subject>) -> Tried<'t, 'p> {
        Tried {
            attempting: self,
            subject,
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
