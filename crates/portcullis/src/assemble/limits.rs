//! From rate limits as they are configured to rate limits as they are counted.

use portcullis_contract::conform::contract::Contract;
use portcullis_contract::conform::json::{SchemaId, TypeSet};
use portcullis_contract::conform::media_type::Kind;
use portcullis_contract::conform::operation::Operation;
use portcullis_contract::conform::parameter::{Encoding, Parameter};
use portcullis_gateway::failures::Quotas;
use portcullis_gateway::limit::gcra::Quota;
use portcullis_gateway::limit::key::{Part, Reading, Scope, Source};
use portcullis_gateway::limit::target::Pointer;
use portcullis_gateway::limit::{Counts, Limit, Mode, Stage};

use super::routes::mode;
use crate::config::checked::{Configuration, Pace};
use crate::config::policy::Policy;
use crate::config::rate_limit::KeyPart;
use crate::config::rate_limit::RateLimit;

/// What counts before anything is known of a request.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn arrival(limit: Pace) -> Result<Limit, String> {
    let quota = quota("arrival_limit", limit)?;
    Ok(Limit {
        name: "arrival".into(),
        scope: Scope::Shared("gateway".into()),
        parts: vec![Part::new(Source::Address)],
        quota,
        counts: Counts::All,
        stage: Stage::Arrival,
        mode: Mode::Enforce,
    })
}

/// How many credentials may be bad.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn failures(configuration: &Configuration) -> Result<Quotas, String> {
    let logins = configuration.logins;
    Ok(Quotas {
        of_address: quota("failed_authentication_limit", configuration.failed_authentication_limit)?,
        of_user_at_address: quota("failures_of_user_at_address", logins.failures_of_user_at_address)?,
        of_user: quota("failures_of_user", logins.failures_of_user)?,
    })
}

fn quota(setting: &str, pace: Pace) -> Result<Quota, String> {
    Quota::new(pace.requests, pace.per, pace.burst).map_err(|error| format!("`{setting}`: {error}"))
}

/// The limits of one operation; `api` and `id` are the names under which it is counted.
///
/// # Errors
/// What is wrong with a limit, in words.
pub(crate) fn of_operation(
    api: &str,
    id: &str,
    contract: &Contract,
    declared: &Operation,
    policy: &Policy,
) -> Result<Vec<Limit>, String> {
    let lower = |limit: &RateLimit| lower(limit, api, id, contract, declared, policy);
    policy.rate_limits.iter().map(lower).collect()
}

/// One limit of an operation.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn lower(
    limit: &RateLimit,
    api: &str,
    id: &str,
    contract: &Contract,
    declared: &Operation,
    policy: &Policy,
) -> Result<Limit, String> {
    let about = |problem: String| format!("the rate limit `{}` of `{id}`: {problem}", limit.name);
    let quota = Quota::new(limit.requests, limit.per, limit.burst).map_err(|error| about(error.to_string()))?;
    let part = |part: &KeyPart| key_part(part, limit.exact, contract, declared);
    let parts: Vec<Part> = limit.key.iter().map(part).collect::<Result<_, _>>().map_err(about)?;
    Ok(Limit {
        name: limit.name.as_str().into(),
        scope: match &limit.shared {
            Some(name) => Scope::Shared(name.as_str().into()),
            None => Scope::Operation {
                api: api.into(),
                operation: id.into(),
            },
        },
        stage: Stage::of(&parts),
        parts,
        quota,
        counts: if limit.failures_only {
            Counts::Failures
        } else {
            Counts::All
        },
        mode: mode(limit.mode.unwrap_or(policy.modes.rate_limits)),
    })
}

fn key_part(part: &KeyPart, exact: bool, contract: &Contract, declared: &Operation) -> Result<Part, String> {
    let (source, schema) = match part {
        KeyPart::Address => return Ok(Part::new(Source::Address)),
        KeyPart::Principal => return Ok(Part::new(Source::Principal)),
        KeyPart::Client => return Ok(Part::new(Source::Client)),
        KeyPart::ApiKey => return Ok(Part::new(Source::ApiKey)),
        KeyPart::Claim(name) => return Ok(Part::new(Source::Claim(name.as_str().into()))),
        KeyPart::Header(name) => {
            let name = name.0.parse().map_err(|_| format!("`{}` is no header", name.0))?;
            (Source::Header(name), None)
        }
        KeyPart::Path(name) => {
            let mut parameters = declared.parameters.path.iter().map(|(_, parameter)| parameter);
            let parameter = parameters.find(|parameter| *parameter.name == *name.0);
            let parameter =
                parameter.ok_or_else(|| format!("the operation declares no path parameter `{}`", name.0))?;
            (Source::Path(name.0.as_str().into()), schema_of(parameter))
        }
        KeyPart::Query(name) => {
            let parameter = declared
                .parameters
                .query
                .iter()
                .find(|parameter| *parameter.name == *name.0);
            let parameter =
                parameter.ok_or_else(|| format!("the operation declares no query parameter `{}`", name.0))?;
            (Source::Query(name.0.as_str().into()), schema_of(parameter))
        }
        KeyPart::Body(pointer) => {
            let found = in_body(contract, declared, &pointer.0).ok_or_else(|| {
                format!(
                    "the operation declares nothing at `{}` of a JSON body or a form",
                    pointer.0
                )
            })?;
            let pointer = Pointer::parse(&pointer.0).map_err(|error| error.to_string())?;
            (Source::Body(pointer), Some(found))
        }
    };
    let number = schema.is_some_and(|schema| contract.program.types(schema).intersects(TypeSet::NUMBER));
    let reading = match (exact, number) {
        (true, _) => Reading::Exact,
        (false, true) => Reading::Number,
        (false, false) => Reading::Text,
    };
    Ok(Part { source, reading })
}

fn schema_of(parameter: &Parameter) -> Option<SchemaId> {
    match parameter.encoding {
        Encoding::Style { schema, .. } | Encoding::Json(schema) => Some(schema),
        Encoding::Unjudged => None,
    }
}

/// The reference tokens of a JSON pointer, unescaped.
pub(crate) fn names_of(pointer: &str) -> impl Iterator<Item = String> {
    let tokens = pointer.split('/').skip(1);
    tokens.map(|name| name.replace("~1", "/").replace("~0", "~"))
}

/// The schema at a pointer of the operation's JSON body, or of the object that a form makes; a value that may be anything is declared too.
pub(crate) fn in_body(contract: &Contract, declared: &Operation, pointer: &str) -> Option<SchemaId> {
    in_bodies(contract, declared, pointer).first().copied()
}

/// The schemas there, of every media type that has one.
pub(crate) fn in_bodies(contract: &Contract, declared: &Operation, pointer: &str) -> Vec<SchemaId> {
    let bodies = declared.body.iter();
    let entries = bodies.flat_map(|body| body.contents.entries());
    let json = entries.filter(|entry| matches!(entry.kind(), Kind::Json | Kind::Form | Kind::Multipart));
    let step = |schema: SchemaId, name: &String| {
        let item = name.parse().ok().and_then(|index| contract.program.item(schema, index));
        contract.program.property(schema, name).or(item)
    };
    let names: Vec<String> = names_of(pointer).collect();
    json.filter_map(|entry| names.iter().try_fold(entry.schema, step))
        .collect()
}
