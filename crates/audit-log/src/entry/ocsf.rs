//! An entry as a whole OCSF event: with what is the same in every one.

use serde_json::{Map, Value, json};

use super::{ENTITY_MANAGEMENT, Entry, Event};

/// The version of OCSF whose names are used.
const OCSF_VERSION: &str = "1.3.0";

/// An entry as an event of OCSF 1.3. `origin` is the name of the log, `index` that of the entry in it.
///
/// # Errors
///
/// The entry cannot be read.
pub fn ocsf(octets: &[u8], origin: &str, index: u64) -> Result<Map<String, Value>, serde_json::Error> {
    let entry = Entry::read(octets)?;
    let mut event: Map<String, Value> = serde_json::from_slice(octets)?;
    let category = if entry.class_uid == ENTITY_MANAGEMENT { 3 } else { 6 };
    event.insert("category_uid".to_owned(), category.into());
    let type_uid = u64::from(entry.class_uid) * 100 + u64::from(entry.activity_id);
    event.insert("type_uid".to_owned(), type_uid.into());
    event.insert("severity_id".to_owned(), severity(&entry).into());
    if entry.action_id.is_some() {
        event.insert("disposition_id".to_owned(), entry.action_id.into());
    }
    let id = entry.id().map_or_else(|| format!("{origin}#{index}"), str::to_owned);
    let metadata = event.entry("metadata").or_insert_with(|| json!({}));
    if let Value::Object(metadata) = metadata {
        let product = json!({"name": "Portcullis", "vendor_name": "Portcullis", "feature": {"name": "audit log"}});
        metadata.insert("version".to_owned(), OCSF_VERSION.into());
        metadata.insert("product".to_owned(), product);
        metadata.insert("profiles".to_owned(), json!(["security_control"]));
        metadata.insert("log_name".to_owned(), origin.into());
        metadata.insert("sequence".to_owned(), index.into());
        metadata.insert("uid".to_owned(), format!("{origin}#{index}").into());
    }
    // A class demands these, also where nothing is known of them.
    for member in ["actor", "src_endpoint"] {
        event.entry(member).or_insert_with(|| json!({}));
    }
    if entry.class_uid == ENTITY_MANAGEMENT {
        event
            .entry("entity")
            .or_insert_with(|| json!({"type": "audit-log", "name": origin}));
    } else {
        let nothing = || json!({"operation": "unknown", "service": {"name": "unknown"}});
        let api = event.entry("api").or_insert_with(nothing);
        if let Value::Object(api) = api {
            api.insert("request".to_owned(), json!({"uid": id}));
        }
    }
    Ok(event)
}

/// 1 informational, 2 low, 3 medium.
fn severity(entry: &Entry<'_>) -> u8 {
    match (entry.metadata.event_code, entry.action_id) {
        (Event::Lost, _) => 3,
        (Event::Abandoned | Event::Refusals, _) | (_, Some(2)) => 2,
        _ => 1,
    }
}
