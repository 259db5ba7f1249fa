//! The `Authorization` field (RFC 9110 §11.6.2): its scheme says who verifies it.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use portcullis_identity::authorization::{Authorization, Unreadable};
use portcullis_identity::principal::{Credential, Identity};

use super::{Presented, Unproven, password, token};

const NOT_ACCEPTED: Unproven = Unproven::Rejected("scheme-not-accepted");

/// Whom the field speaks of, if it is there and the operation accepts any of its schemes.
pub(super) async fn verify(presented: Presented<'_>) -> Result<Option<Arc<Identity>>, Unproven> {
    let tokens = presented.access.accepts(Credential::AccessToken);
    let passwords = presented.access.passwords();
    if !tokens && passwords.is_none() {
        return Ok(None);
    }
    let values = presented.request.headers().get_all(AUTHORIZATION).iter();
    match Authorization::read(values.map(|value| value.as_bytes())) {
        Err(Unreadable) => Err(Unproven::Unreadable),
        Ok(None) => Ok(None),
        Ok(Some(Authorization::Bearer(token))) if tokens => token::verify(token, presented).await.map(Some),
        Ok(Some(Authorization::Basic(credential))) => match passwords {
            Some(passwords) => password::verify(credential, passwords, presented).await.map(Some),
            None => Err(NOT_ACCEPTED),
        },
        Ok(Some(Authorization::Bearer(_) | Authorization::Other)) => Err(NOT_ACCEPTED),
    }
}
