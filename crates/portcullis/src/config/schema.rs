//! The published JSON Schema (2020-12) of the configuration and of `x-portcullis`.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

use super::audit_log::AuditLogWritten;
use super::credentials::CredentialsWritten;
use super::raw;
use super::relations::RelationsWritten;

/// The schema of the configuration file.
pub(crate) fn configuration() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
        let mut schema = of::<raw::Configuration>();
        if let Some(members) = schema.as_object_mut() {
            members.insert("title".to_owned(), json!("The configuration of Portcullis"));
        }
        schema
    });
    &SCHEMA
}

/// The schema of a policy, as in the contract's `x-portcullis`.
pub(crate) fn policy() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(of::<raw::Policy>);
    &SCHEMA
}

/// The schema of `credentials` alone.
pub(super) fn credentials() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(of::<CredentialsWritten>);
    &SCHEMA
}

/// The schema of `relations` alone.
pub(super) fn relations() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(of::<RelationsWritten>);
    &SCHEMA
}

/// The schema of `audit_log` alone.
pub(super) fn audit_log() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(of::<AuditLogWritten>);
    &SCHEMA
}

fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12()
        .for_deserialize()
        .with_transform(RecursiveTransform(without_null))
        .with_transform(RecursiveTransform(without_defaults));
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// A setting that may be left out may not be written as nothing: an empty line is a mistake.
fn without_null(schema: &mut Schema) {
    if let Some(Value::Array(kinds)) = schema.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [only] = kinds.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    let Some(Value::Array(branches)) = schema.get_mut("anyOf") else {
        return;
    };
    branches.retain(|branch| branch.get("type").is_none_or(|kind| kind != "null"));
    if let [Value::Object(only)] = branches.as_slice() {
        let only = only.clone();
        schema.remove("anyOf");
        for (keyword, value) in only {
            schema.insert(keyword, value);
        }
    }
}

/// The defaults that serde knows are empty values; the real ones stand in the descriptions.
fn without_defaults(schema: &mut Schema) {
    schema.remove("default");
}
