//! The operations of administrators: who is one, beside whatever else decides on an operation.

use std::sync::Arc;

use portcullis_decision::engines::roles;
use portcullis_identity::principal::Credential;

use super::{Asking, Decided, Denied};

/// Who may use the operations of administrators. Both have to hold where both are there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admins {
    /// One of these roles has to let the caller use the operation.
    pub roles: Option<Box<[Box<str>]>>,
    /// A client certificate has to name the caller so.
    pub certificates: Option<Box<[Box<str>]>>,
}

impl Admins {
    /// Whether a caller is an administrator for an operation.
    ///
    /// # Errors
    /// They are not.
    pub(super) fn admit(&self, asking: &mut Asking<'_>, decided: Option<&Decided>) -> Result<(), Denied> {
        if let Some(names) = &self.certificates {
            let certified = asking.proven.by(Credential::Certificate);
            let named = |name: &str| names.iter().any(|known| **known == *name);
            if !certified.is_some_and(|identity| named(identity.subject().name())) {
                return Err(Denied("admin-certificate".into()));
            }
        }
        match &self.roles {
            Some(names) => in_role(names, asking, decided),
            None => Ok(()),
        }
    }
}

/// Whether one of these roles lets the caller use the operation. Nobody has a role where nothing is said of roles.
fn in_role(names: &[Box<str>], asking: &mut Asking<'_>, decided: Option<&Decided>) -> Result<(), Denied> {
    let decision = decided.and_then(|decided| {
        let roles = decided.by.roles.as_ref()?;
        Some(decided.decide(roles, asking, &decided.api))
    });
    let named = |role: &Arc<str>| names.iter().any(|name| **name == **role);
    let mut determining = decision.iter().flat_map(|decision| decision.determining());
    match determining.any(|rule| rule.engine == roles::NAME && named(&rule.id)) {
        true => Ok(()),
        false => Err(Denied("admin-role".into())),
    }
}
