//! Passwords as the workers see them: whose they are, and who verifies them, which is no worker: one verification takes as long as
//! hundreds of requests.

mod familiar;
mod hashing;

use std::fmt;
use std::sync::Arc;

use portcullis_identity::authorization::Password;
use portcullis_identity::principal::{Credential, Identity, Subject, SubjectKind};
use portcullis_identity::users::Users;

pub use familiar::Familiar;
pub use hashing::{Busy, Hashing};

/// Users whose passwords are accepted.
pub struct Passwords {
    authority: Arc<str>,
    users: Users,
    hashing: Arc<Hashing>,
    familiar: Arc<Familiar>,
}

impl Passwords {
    /// These users. `authority` is what they are called here together.
    #[must_use]
    pub fn new(authority: Arc<str>, users: Users, hashing: Arc<Hashing>, familiar: Arc<Familiar>) -> Self {
        Self {
            authority,
            users,
            hashing,
            familiar,
        }
    }

    /// What the users are called here together.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// From where they logged in lately.
    pub(crate) fn familiar(&self) -> &Familiar {
        &self.familiar
    }

    /// Who somebody says they are.
    pub(crate) fn claimed(&self, user_name: &str) -> Subject {
        Subject::new(Arc::clone(&self.authority), SubjectKind::User, user_name)
    }

    /// Who it is; none where there is no such user, they are disabled, or the password is wrong, all of which take the same time.
    ///
    /// # Errors
    /// [`Busy`].
    pub(crate) async fn verify(&self, claimed: &Subject, password: Password) -> Result<Option<Identity>, Busy> {
        let candidate = self.users.candidate(claimed.name());
        let verified = self.hashing.verify(candidate.hash.clone(), password).await?;
        Ok(candidate
            .admitted(verified)
            .map(|scopes| Identity::new(Credential::Password, claimed.clone()).with_scopes(scopes.clone())))
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Passwords")
            .field("authority", &self.authority)
            .finish_non_exhaustive()
    }
}
