//! How the requests of an operation are recorded in the audit log: what the configuration says, joined with what the contract calls
//! personal or secret.

use std::sync::Arc;

use portcullis_contract::conform::operation::Operation;
use portcullis_contract::conform::parameter::{Parameter, Sensitivity};
use portcullis_gateway::audit_log::{Field, Recording, Treatment};
use portcullis_gateway::metrics::Registry;

use super::StartError;
use super::routes::place;
use crate::audit_log::Keeper;
use crate::config::audit_log::{self, AuditLog, AuditPolicy};
use crate::config::checked::Configuration;

/// The audit log, where there is one.
pub(super) fn keeper(configuration: &Configuration, registry: &Arc<Registry>) -> Result<Option<Keeper>, StartError> {
    let configured = configuration.audit_log.as_ref();
    let keeper = configured.map(|log| Keeper::start(log, configuration.workers.get(), registry));
    keeper.transpose().map_err(StartError::Setting)
}

/// None where there is no audit log.
///
/// # Errors
/// A place that was not checked before.
pub(super) fn recording(
    log: Option<&AuditLog>,
    policy: &AuditPolicy,
    declared: &Operation,
) -> Result<Option<Arc<Recording>>, String> {
    let Some(log) = log else { return Ok(None) };
    let AuditPolicy {
        durability,
        on_failure,
        fields,
    } = policy.clone().within(&log.defaults);
    let treatment = |parameter: &Parameter| match parameter.sensitivity {
        Sensitivity::None => Treatment::Clear,
        Sensitivity::Personal => log.redaction.personal,
        Sensitivity::Secret => Treatment::Masked,
    };
    let query = declared.parameters.query.iter();
    let field = |field: &audit_log::Field| {
        let key = match field.treatment {
            Treatment::Hashed if log.redaction.hash_key.is_none() => Some("hash_key"),
            Treatment::Encrypted if log.redaction.auditor_key.is_none() => Some("auditor_key"),
            _ => None,
        };
        if let Some(key) = key {
            let name = &field.name.value;
            return Err(format!(
                "the value `{name}` cannot be recorded so: `audit_log: {{redaction: {{{key}: ...}}}}` names no key"
            ));
        }
        Ok(Field {
            name: field.name.value.as_str().into(),
            place: place(&field.place)?,
            treatment: field.treatment,
        })
    };
    Ok(Some(Arc::new(Recording {
        durability: durability.unwrap_or_default(),
        on_failure: on_failure.unwrap_or_default(),
        subject: log.redaction.principals,
        found: log.redaction.found,
        path: path(declared, treatment),
        query: query
            .map(|parameter| (parameter.name.clone(), treatment(parameter)))
            .collect(),
        fields: fields.iter().map(field).collect::<Result<_, String>>()?,
        user_agent: log.redaction.user_agents,
        decisions: log.redaction.decisions,
    })))
}

/// For each place of the template that has a value; one that is not declared has nothing said of it.
fn path(declared: &Operation, treatment: impl Fn(&Parameter) -> Treatment) -> Box<[Treatment]> {
    let parameters = &declared.parameters.path;
    let places = declared.template.matches('{').count();
    let of = |place: usize| parameters.iter().find(|(capture, _)| *capture == place);
    let treated = (0..places).map(|place| of(place).map_or(Treatment::Clear, |(_, parameter)| treatment(parameter)));
    treated.collect()
}
