//! User names and passwords (RFC 7617), where the contract's operation is a login. Each is verified, none is remembered.

use std::sync::Arc;
use std::time::Instant;

use portcullis_identity::authorization::{Basic, Unreadable};
use portcullis_identity::principal::Identity;

use super::{Attempting, Unproven};
use crate::passwords::{Busy, Passwords};

/// Whom a user name and a password speak of. An unknown user, one who is disabled and a wrong password are one and the same: in the answer,
/// in its time, in what is counted and in the log.
pub(super) async fn verify(
    credential: &str,
    passwords: &Passwords,
    attempting: Attempting<'_>,
) -> Result<Arc<Identity>, Unproven> {
    let basic = Basic::decode(credential).map_err(|Unreadable| Unproven::Unreadable)?;
    let subject = passwords.claimed(basic.user_name());
    let address = attempting.request.arrival().client().address;
    let familiar = passwords.familiar().knows(&subject, address, Instant::now());
    let attempt = attempting.login(&subject, familiar).await?;
    let verified = match passwords.verify(&subject, basic.into_password()).await {
        Ok(Some(identity)) => Ok(Arc::new(identity)),
        Ok(None) => Err(Unproven::Rejected("login-failed")),
        Err(Busy) => Err(Unproven::Busy),
    };
    if verified.is_ok() {
        passwords.familiar().note(&subject, address, Instant::now());
    }
    attempt.settle(verified).await
}
