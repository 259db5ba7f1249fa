//! The operations of administrators, as they are written and settled: which they are, and who may use them from where. What is said here
//! goes before whatever the contract says of them.

use std::path::Path;

use portcullis_contract::document::Span;
use schemars::JsonSchema;
use serde::Deserialize;

use super::address_list::{self, Addresses};
use super::listen;
use super::problems::Problems;
use super::raw;
use super::spanned::Spanned;
use super::text::Name;

/// Who may use the operations of administrators: those that the contract marks with `x-portcullis: {admin: true}`, and those with
/// one of `tags`. All that is said has to hold, beside whatever else holds for the operation.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdminOperationsWritten {
    /// The tags of the contract that mark operations of administrators, beside `admin: true`. Default: none.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub(crate) tags: Vec<String>,
    /// The roles that may use them, of those in the API's `roles`: one of these has to let the caller use the operation. Default: any.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) roles: Option<Vec<Spanned<String>>>,
    /// Whom client certificates name, as the rules of `client_certificates` have it: `dns:NAME`, `email:ADDRESS`, `cn:NAME` or a URI. Default:
    /// anybody, and none is needed.
    #[schemars(length(min = 1, max = 1000))]
    pub(crate) certificates: Option<Vec<String>>,
    /// Which addresses may call. Default: any.
    pub(crate) addresses: Option<Addresses>,
    /// The names of the listeners through which they are reached, of those through which they are reached anyway; through any other they
    /// are as if they did not exist. Default: any.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) listeners: Option<Vec<Spanned<Name>>>,
}

/// Who may use the operations of administrators, and from where.
#[derive(Clone, Debug)]
pub(crate) struct AdminOperations {
    /// Where it is written.
    pub(crate) span: Span,
    /// The tags that mark them.
    pub(crate) tags: Vec<String>,
    /// In one of these roles; `None`: whatever lets the caller in.
    pub(crate) roles: Option<Vec<Spanned<String>>>,
    /// With a certificate of one of these names; `None`: with none.
    pub(crate) certificates: Option<Vec<String>>,
    /// The innermost layer of their policies.
    pub(crate) layer: raw::Policy,
}

impl AdminOperations {
    pub(super) fn lower(
        written: Spanned<AdminOperationsWritten>,
        directory: &Path,
        listeners: &[String],
        problems: &mut Problems<'_>,
    ) -> Self {
        let Spanned { value: raw, span } = written;
        listen::check_names(raw.listeners.as_deref(), listeners, problems);
        let is_open = raw.roles.is_none() && raw.certificates.is_none() && raw.listeners.is_none();
        if is_open && raw.addresses.is_none() {
            let message = "nobody is kept from the operations of administrators";
            problems.error(
                span,
                message,
                "name `roles`, `certificates`, `addresses` or `listeners`",
            );
        }
        for name in raw.certificates.iter().flatten().filter(|name| !name.contains(':')) {
            let message = format!("`{name}` is not whom a certificate names");
            problems.error(
                span,
                message,
                format!("write `dns:{name}`, `email:{name}` or `cn:{name}`, or a URI"),
            );
        }
        // What the contract, or the API, only observes is not observed here: nobody else is let in for a trial.
        let modes = raw::Modes {
            authorization: Some(raw::Mode::Enforce),
            addresses: Some(raw::Mode::Enforce),
            ..raw::Modes::default()
        };
        let mut layer = raw::Policy {
            modes,
            listeners: raw.listeners,
            addresses: raw.addresses,
            ..raw::Policy::default()
        };
        address_list::locate(&mut layer, directory);
        Self {
            span,
            tags: raw.tags,
            roles: raw.roles,
            certificates: raw.certificates,
            layer,
        }
    }
}
