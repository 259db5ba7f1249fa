//! Decision points: their contract, which the gate brings along, with what the configuration says of who may ask; and who decides there.

use std::collections::BTreeMap;
use std::sync::Arc;

use portcullis_contract::document::{self, Document, Fetch, Problem};
use portcullis_gateway::decision_point::{Made, Point};
use serde_json::{Map, Value, json};

use super::{Loaded, askable, description, types};
use crate::config::api::{Api, Behind};
use crate::config::checked::Configuration;
use crate::config::contract::OWN;
use crate::config::decision_point::DecisionPoint;
use crate::config::nearest::nearest;
use crate::config::security::Verifier;
use crate::config::spanned::Spanned;

const CONTRACT: &str = include_str!("authzen.openapi.yaml");
/// What the changes of the contract are called.
const CHANGES: &str = "changes of authzen.openapi.yaml";
/// Where its metadata is.
const METADATA: &str = "$.paths['/.well-known/authzen-configuration']";
/// Where API keys stand.
const KEY_FIELD: &str = "X-API-Key";

/// The contract of a decision point.
///
/// # Errors
/// A mistake of ours.
pub(super) fn document(api: &Api, point: &DecisionPoint) -> Result<Document, Vec<Problem>> {
    let mut own = Own {
        changes: changes(api, point).to_string(),
    };
    document::load_overlaid(OWN, &[CHANGES], &mut own)
}

/// The contract, and what changes it.
struct Own {
    changes: String,
}

impl Fetch for Own {
    fn fetch(&mut self, location: &str) -> Result<Vec<u8>, String> {
        match location {
            OWN => Ok(CONTRACT.into()),
            CHANGES => Ok(self.changes.clone().into()),
            _ => Err("the contract of a decision point refers to nothing".to_owned()),
        }
    }
}

/// Who may ask, and where, as an overlay.
fn changes(api: &Api, point: &DecisionPoint) -> Value {
    let schemes = api.security_schemes.iter();
    let schemes = schemes.filter_map(|(name, scheme)| Some((name.clone(), declared(&scheme.value.verifier)?)));
    let schemes: Map<String, Value> = schemes.collect();
    let ways = schemes.keys().map(|name| json!({name: point.scopes}));
    let mut update = json!({
        "security": ways.collect::<Vec<_>>(),
        "components": {"securitySchemes": schemes},
    });
    let mut actions = Vec::new();
    match (&point.url, update.as_object_mut()) {
        (Some(url), Some(update)) => drop(update.insert("servers".to_owned(), json!([{"url": url}]))),
        _ => actions.push(json!({"target": METADATA, "remove": true})),
    }
    actions.push(json!({"target": "$", "update": update}));
    json!({
        "overlay": "1.0.0",
        "info": {"title": "Who may ask", "version": "1.0"},
        "actions": actions,
    })
}

/// How a contract declares what is verified in this way; none where a decision point cannot have it, which was told before.
fn declared(verifier: &Verifier) -> Option<Value> {
    match verifier {
        Verifier::Tokens { .. } => Some(json!({"type": "http", "scheme": "bearer"})),
        Verifier::ApiKeys { .. } => Some(json!({"type": "apiKey", "in": "header", "name": KEY_FIELD})),
        Verifier::Signers(_) => Some(json!({"type": "http", "scheme": "signature"})),
        Verifier::ClientCertificates(_) => Some(json!({"type": "mutualTLS"})),
        Verifier::Users(_) | Verifier::Upstream => None,
    }
}

/// Lets each decision point ask whoever decides for its API.
pub(super) fn join(apis: &mut [Loaded], configuration: &Configuration, location: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let joined: Vec<Option<Arc<Point>>> = apis
        .iter()
        .map(|loaded| {
            let Behind::DecisionPoint(point) = &loaded.api.behind else {
                return None;
            };
            let made = made(point, apis, configuration, location);
            made.and_then(|made| built(made, loaded, location))
                .map_err(|found| problems.extend(found))
                .ok()
        })
        .collect();
    for (loaded, point) in apis.iter_mut().zip(joined) {
        loaded.point = point;
    }
    problems
}

fn built(made: Made, loaded: &Loaded, location: &str) -> Result<Arc<Point>, Vec<Problem>> {
    let names: Vec<String> = loaded
        .contract
        .operations
        .iter()
        .map(|own| own.name().into_owned())
        .collect();
    let point = Point::new(made, names.iter().map(String::as_str));
    let wrong = |message| vec![Problem::error(location, loaded.api.contract_span, message)];
    point.map(Arc::new).map_err(wrong)
}

/// What a decision point is made of. The problems that were not told before.
fn made(
    point: &DecisionPoint,
    apis: &[Loaded],
    configuration: &Configuration,
    location: &str,
) -> Result<Made, Vec<Problem>> {
    let name = &point.of.value;
    let Some(of) = apis.iter().find(|loaded| loaded.api.name == *name) else {
        let is_known = configuration.apis.iter().any(|api| api.name == *name);
        let names: Vec<&str> = apis.iter().map(|loaded| &*loaded.api.name).collect();
        let help = match nearest(name, &names) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "name the API whose callers are asked about".to_owned(),
        };
        let problem = || Problem::error(location, point.of.span, format!("no API is called `{name}`")).help(help);
        return Err((!is_known).then(problem).into_iter().collect());
    };
    let Some(by) = &of.decisions else {
        let message = format!("nobody decides for `{name}`");
        let problem = Problem::error(location, point.of.span, message);
        return Err(vec![problem.help("write `authorization` there, or name another API")]);
    };
    let described = description(of);
    let unknown = types::renamed(&point.subject_types, &point.resource_types, &described, location);
    if !unknown.is_empty() {
        return Err(unknown);
    }
    let types = |entities: &[portcullis_decision::schema::EntityType]| -> Vec<String> {
        entities.iter().map(|entity| entity.name.clone()).collect()
    };
    let (subjects, resources) = (types(&described.principals), types(&described.resources));
    let searches = by.searches(
        subjects.iter().map(String::as_str),
        resources.iter().map(String::as_str),
    );
    Ok(Made {
        by: Arc::clone(by),
        api: of.api.name.as_str().into(),
        actions: of
            .contract
            .operations
            .iter()
            .map(|own| own.name().into_owned())
            .collect(),
        askable: askable(of),
        subject_types: of_names(&point.subject_types),
        resource_types: of_names(&point.resource_types),
        reasons: point.reasons,
        url: point.url.clone(),
        searches,
    })
}

fn of_names(written: &BTreeMap<String, Spanned<String>>) -> BTreeMap<String, String> {
    let of = |(name, to): (&String, &Spanned<String>)| (name.clone(), to.value.clone());
    written.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use portcullis_contract::conform::contract::compile;
    use portcullis_gateway::decision_point::Endpoint;

    use super::*;
    use crate::config;

    fn document_of(settings: &str) -> Document {
        let text = format!(
            "listen: 127.0.0.1:0\napis: [{{contract: a.yaml, upstream: 'http://127.0.0.1:1'}}]\ncredentials: {{store: s, secret: \
             t}}\nissuers: [{{name: main, issuer: 'https://id.example', audiences: [a], keys: {{file: k}}}}]\nauthzen: \
             [{{name: pdp, for: a, {settings}}}]\n"
        );
        let (configuration, _) = config::read("gate.yaml", text.as_bytes()).usable().unwrap();
        let api = &configuration.apis[1];
        let Behind::DecisionPoint(point) = &api.behind else {
            panic!("{api:?}");
        };
        document(api, point).unwrap()
    }

    #[test]
    fn its_contract_is_judged_whole_and_asks_who_calls() {
        let document = document_of(
            "url: 'https://pdp.example', security_schemes: {k: {api_keys: true}, t: {issuers: [main]}}, scopes: [decide]",
        );
        let compiled = compile(&document);
        assert!(compiled.problems.is_empty(), "{:?}", compiled.problems);
        let operations = &compiled.contract.operations;
        let names: Vec<_> = operations
            .iter()
            .map(|operation| operation.name().into_owned())
            .collect();
        assert_eq!(names, Endpoint::ALL.map(Endpoint::name));
        for operation in operations {
            let expected = if operation.name() == "metadata" { 0 } else { 2 };
            let ways = operation.security.as_deref().unwrap();
            assert_eq!(ways.len(), expected, "{}", operation.name());
            assert!(ways.iter().flatten().all(|asked| asked.scopes.len() == 1));
        }
    }

    #[test]
    fn without_a_url_there_is_no_metadata() {
        let document = document_of("security_schemes: {k: {api_keys: true}}");
        let operations = compile(&document).contract.operations;
        assert_eq!(operations.len(), Endpoint::ALL.len() - 1);
        assert!(operations.iter().all(|operation| operation.name() != "metadata"));
    }
}
