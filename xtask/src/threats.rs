//! The catalogued attacks that must have a test by now. The list only grows; never take an id out.
//!
//! A test belongs to an attack when its name starts with the id: `http_1_content_length_with_transfer_encoding`.

/// In the order of docs/threats.md.
pub(crate) const REQUIRED: &[&str] = &[
    "http_1", "http_2", "http_3", "http_4", "http_5", "http_6", "http_7", "http_8", "http_10", "http_12", "schema_1",
    "http_1", "http_3", "http_4", "http_5", "http_6", "http_7", "http_8", "http_10", "http_11", "http_12", "schema_1",
    "schema_2", "schema_3", "schema_4", "schema_5", "schema_7", "schema_8", "http_1", "http_3", "http_4", "http_5",
    "http_6", "http_7", "http_8", "http_10", "http_12", "schema_1", "schema_2", "schema_3", "schema_4", "schema_5",
    "schema_6", "schema_7", "schema_8", "http_1", "http_3", "http_4", "http_5", "http_6", "http_7", "http_8", "http_9",
    "http_10", "http_12", "schema_1", "schema_2", "schema_3", "schema_4", "schema_5", "schema_7", "schema_8", "jose_1",
    "jose_2", "jose_3", "jose_4", "jose_5", "jose_6", "jose_7", "jose_8", "jose_9", "jose_10", "jose_11", "jose_12",
    "jose_13", "jose_14", "jose_15", "jose_16", "jose_17", "jose_18", "jose_19", "jose_20", "jose_21", "jose_22",
    "jose_23", "jose_24", "oauth_14", "oauth_15", "oauth_16", "oauth_19", "oauth_28",
];

/// The same for keys and capabilities.
pub(crate) const CAPABILITIES: &[&str] = &["capability_6"];
