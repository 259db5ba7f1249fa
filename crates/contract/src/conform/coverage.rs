//! What of a contract is judged, what is not, and why: nothing is skipped without being seen here.

use super::contract::Contract;
use super::json::SchemaId;
use super::media_type::{Contents, Kind};
use super::operation::Operation;
use super::parameter::{Encoding, Parameter};

/// The coverage of one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationCoverage {
    /// The index of the operation.
    pub operation: u32,
    /// Its checks, in the order in which a request and its answer meet them.
    pub checks: Vec<Check>,
}

/// One thing that an operation declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What is checked, such as "query parameter `since`" or "answer 200, `application/json`".
    pub subject: String,
    /// How far.
    pub effect: Effect,
}

/// How far something is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// By its schema.
    Judged,
    /// Its syntax only: the schema allows everything.
    Unconstrained,
    /// It passes without being judged, for this reason.
    NotJudged(&'static str),
    /// It is refused, for this reason.
    Refused(&'static str),
}

/// The coverage of every operation.
pub fn coverage(contract: &Contract) -> Vec<OperationCoverage> {
    let numbered = (0..).zip(&contract.operations);
    numbered
        .map(|(index, operation)| OperationCoverage {
            operation: index,
            checks: checks(contract, operation),
        })
        .collect()
}

fn checks(contract: &Contract, operation: &Operation) -> Vec<Check> {
    let mut checks = Vec::new();
    let own = &operation.parameters;
    let path = own.path.iter().map(|(_, parameter)| parameter);
    for parameter in path.chain(&own.query).chain(&own.header).chain(&own.cookie) {
        let subject = format!("{} parameter `{}`", parameter.location.name(), parameter.name);
        checks.push(Check {
            subject,
            effect: parameter_effect(contract, parameter),
        });
    }
    if let Some(body) = &operation.body {
        add_contents(contract, "request body", &body.contents, true, &mut checks);
    }
    if !operation.security.is_empty() {
        let effect = Effect::NotJudged("credentials are not verified in this version");
        checks.push(Check {
            subject: "security requirements".to_owned(),
            effect,
        });
    }
    for response in &operation.responses {
        for header in &response.headers {
            let subject = format!("answer {}, header `{}`", response.declared, header.name);
            checks.push(Check {
                subject,
                effect: parameter_effect(contract, header),
            });
        }
        add_contents(
            contract,
            &format!("answer {}", response.declared),
            &response.contents,
            false,
            &mut checks,
        );
    }
    checks
}

fn add_contents(contract: &Contract, what: &str, contents: &Contents, request: bool, checks: &mut Vec<Check>) {
    for entry in contents.entries() {
        let effect = match entry.kind() {
            Kind::Json | Kind::Text => schema_effect(contract, entry.schema),
            Kind::Streamed => Effect::NotJudged("it is passed as bytes, under a bound"),
            Kind::Unread if request => Effect::Refused("forms, multipart and XML are not read in this version"),
            Kind::Unread => Effect::NotJudged("forms, multipart and XML are not read in this version"),
        };
        checks.push(Check {
            subject: format!("{what}, `{}`", entry.declared),
            effect,
        });
    }
}

fn parameter_effect(contract: &Contract, parameter: &Parameter) -> Effect {
    match parameter.encoding {
        Encoding::Style { schema, .. } | Encoding::Json(schema) => schema_effect(contract, schema),
        Encoding::Unjudged => Effect::NotJudged("its definition is ignored by OpenAPI, or its media type is not read"),
    }
}

fn schema_effect(contract: &Contract, schema: SchemaId) -> Effect {
    if contract.program.is_any(schema) {
        Effect::Unconstrained
    } else {
        Effect::Judged
    }
}
