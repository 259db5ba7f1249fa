//! An entry in the forms in which others take it: a line of JSON, an event of OCSF, a log record of OpenTelemetry.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_audit_log::entry::{self, Entry, Event};
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use crate::audit_log::otlp::Record;
use crate::config::audit_log::exports::ExportFormat;

/// Adds a line. The entry stands in it octet for octet, so that whoever has the line can make its hash.
pub(super) fn push_line(format: ExportFormat, octets: &[u8], origin: &str, index: u64, lines: &mut Vec<u8>) {
    match format {
        ExportFormat::Entry => {
            lines.extend_from_slice(format!("{{\"index\":{index},").as_bytes());
            // One line is one entry, whatever it is.
            let is_json = serde_json::from_slice::<IgnoredAny>(octets).is_ok() && !octets.contains(&b'\n');
            if is_json {
                lines.extend_from_slice(b"\"entry\":");
                lines.extend_from_slice(octets);
            } else {
                lines.extend_from_slice(format!("\"octets\":\"{}\"", STANDARD.encode(octets)).as_bytes());
            }
            lines.push(b'}');
        }
        ExportFormat::Ocsf => {
            lines.extend_from_slice(Value::Object(event(octets, origin, index)).to_string().as_bytes())
        }
    }
    lines.push(b'\n');
}

/// An entry as an event of OCSF; one that cannot be read as its base event, so that it is not left out.
pub(super) fn event(octets: &[u8], origin: &str, index: u64) -> Map<String, Value> {
    entry::ocsf(octets, origin, index).unwrap_or_else(|error| {
        let event = json!({
            "class_uid": 0, "category_uid": 0, "activity_id": 99, "type_uid": 99, "severity_id": 3, "time": 0,
            "metadata": {
                "version": "1.3.0",
                "product": {"name": "Portcullis", "vendor_name": "Portcullis"},
                "log_name": origin,
                "sequence": index,
                "uid": format!("{origin}#{index}"),
            },
            "message": format!("this entry cannot be read: {error}"),
            "raw_data": STANDARD.encode(octets),
        });
        match event {
            Value::Object(event) => event,
            _ => Map::new(),
        }
    })
}

/// What sinks that sort entries need to know of one, whatever else it says.
pub(super) struct Gist<'e> {
    pub(super) event: &'static str,
    pub(super) grade: Grade,
    pub(super) time: u64,
    pub(super) id: Option<&'e str>,
    pub(super) principal: Option<&'e str>,
    pub(super) operation: Option<&'e str>,
    pub(super) api: Option<&'e str>,
    pub(super) address: Option<&'e str>,
    pub(super) outcome: &'static str,
    pub(super) code: Option<&'e str>,
}

/// How grave an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grade {
    /// Something was done that was let through.
    Ordinary,
    /// Somebody with the right to it did something to the gate.
    Notable,
    /// Somebody was refused, or something did not come to its end.
    Warning,
    /// The log itself is not whole, or cannot be read.
    Error,
}

/// The gist of an entry that cannot be read.
const UNREADABLE: Gist<'static> = Gist {
    event: "unreadable",
    grade: Grade::Error,
    time: 0,
    id: None,
    principal: None,
    operation: None,
    api: None,
    address: None,
    outcome: "unknown",
    code: None,
};

/// The gist of an entry.
pub(super) fn gist<'e>(entry: Option<&'e Entry<'e>>) -> Gist<'e> {
    let Some(entry) = entry else { return UNREADABLE };
    let event = entry.metadata.event_code;
    let outcome = match (entry.action_id, entry.status_id) {
        (Some(2), _) => "denied",
        (_, Some(1)) => "success",
        (_, Some(2)) => "failure",
        (Some(1), None) => "allowed",
        _ => "other",
    };
    let grade = match (event, outcome) {
        (Event::Lost, _) => Grade::Error,
        (Event::Abandoned | Event::Refusals, _) | (_, "denied" | "failure") => Grade::Warning,
        (Event::Administration, _) => Grade::Notable,
        (Event::Opened | Event::Request | Event::Other, _) => Grade::Ordinary,
    };
    Gist {
        event: event.name(),
        grade,
        time: entry.time,
        id: entry.id(),
        principal: entry.principal(),
        operation: entry.api.as_ref().map(|api| &*api.operation),
        api: entry.api.as_ref().map(|api| &*api.service.name),
        address: entry.src_endpoint.as_ref().and_then(|endpoint| endpoint.ip.as_deref()),
        outcome,
        code: entry.status_code.as_deref(),
    }
}

/// An entry as a log record, with an event of OCSF as its body.
pub(super) fn record(octets: &[u8], origin: &str, index: u64) -> Record {
    let entry = Entry::read(octets).ok();
    let gist = gist(entry.as_ref());
    let known = [
        ("portcullis.audit_log.outcome", Some(gist.outcome)),
        ("portcullis.audit_log.request_id", gist.id),
        ("portcullis.audit_log.operation", gist.operation),
        ("portcullis.audit_log.api", gist.api),
        ("portcullis.audit_log.code", gist.code),
        ("user.id", gist.principal),
        ("client.address", gist.address),
    ];
    let mut attributes = vec![
        ("log.record.uid", json!(format!("{origin}#{index}"))),
        ("portcullis.audit_log.index", json!(index)),
    ];
    let known = known.into_iter().filter_map(|(key, value)| Some((key, json!(value?))));
    attributes.extend(known);
    Record {
        time: gist.time,
        severity: match gist.grade {
            Grade::Ordinary => 9,
            Grade::Notable => 10,
            Grade::Warning => 13,
            Grade::Error => 17,
        },
        event: "portcullis.audit_log.entry",
        body: Value::Object(event(octets, origin, index)),
        attributes,
    }
}
