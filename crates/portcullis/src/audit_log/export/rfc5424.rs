//! An entry as a message of syslog (RFC 5424): structured data to sort by, and an event of OCSF as its text. A message never has more
//! octets than every receiver of TLS should take (RFC 5425 section 4.3.1); what does not fit is left out of the event, which says so.

use std::fmt::Write as _;

use portcullis_audit_log::entry::Entry;
use portcullis_identity::time::UnixTime;
use serde_json::{Map, Value, json};

use super::formats::{Gist, Grade, event, gist};
use crate::commands::date::Date;

/// The most octets of a message.
pub(super) const MESSAGE_BYTES_MAX: usize = 8192;

/// Log audit (RFC 5424 section 6.2.1).
const FACILITY: u8 = 13;
/// Private enterprise number of examples (RFC 5612): nobody's own, and Portcullis has none.
const ENTERPRISE: u32 = 32473;
/// The most characters of a value in structured data.
const VALUE_CHARS_MAX: usize = 256;

/// What is left out of an event that does not fit, in this order, until it does.
const LEFT_OUT: &[&[&str]] = &[
    &["unmapped", "decision"],
    &["unmapped", "fields"],
    &["http_request", "url", "query_string"],
    &["http_request", "user_agent"],
    &["unmapped", "determining"],
    &["status_detail"],
    &["comment"],
    &["raw_data"],
    &["http_request", "url", "path"],
    &["actor"],
    &["http_request"],
    &["unmapped"],
];

/// Who sends.
pub(super) struct Header {
    hostname: String,
    process: u32,
}

impl Header {
    /// From the name of this machine.
    pub(super) fn new(hostname: &str) -> Self {
        let printable = |c: char| c.is_ascii_graphic();
        let hostname: String = hostname.trim().chars().filter(|c| printable(*c)).take(255).collect();
        Self {
            hostname: if hostname.is_empty() { "-".to_owned() } else { hostname },
            process: std::process::id(),
        }
    }

    /// Adds the message of an entry behind its length (RFC 5425 section 4.3).
    pub(super) fn push_frame(&self, octets: &[u8], origin: &str, index: u64, frames: &mut Vec<u8>) {
        let message = self.message(octets, origin, index);
        frames.extend_from_slice(format!("{} ", message.len()).as_bytes());
        frames.extend_from_slice(message.as_bytes());
    }

    fn message(&self, octets: &[u8], origin: &str, index: u64) -> String {
        let entry = Entry::read(octets).ok();
        let gist = gist(entry.as_ref());
        let severity = match gist.grade {
            Grade::Ordinary => 6,
            Grade::Notable => 5,
            Grade::Warning => 4,
            Grade::Error => 3,
        };
        let priority = FACILITY * 8 + severity;
        let (time, hostname, process, kind) = (time(gist.time), &self.hostname, self.process, gist.event);
        let mut message = format!("<{priority}>1 {time} {hostname} portcullis {process} {kind} ");
        push_data(&gist, origin, index, &mut message);
        message.push(' ');
        let left = MESSAGE_BYTES_MAX.saturating_sub(message.len());
        message.push_str(&fitting(event(octets, origin, index), left));
        message
    }
}

/// RFC 5424 section 6.2.3; nil where it is not known.
fn time(milliseconds: u64) -> String {
    let known = (milliseconds > 0)
        .then(|| UnixTime::from_seconds(milliseconds / 1000))
        .flatten();
    let date = known.map(|seconds| Date(seconds).to_string());
    let date = date.as_deref().and_then(|date| date.strip_suffix('Z'));
    date.map_or("-".to_owned(), |date| format!("{date}.{:03}Z", milliseconds % 1000))
}

fn push_data(gist: &Gist<'_>, origin: &str, index: u64, message: &mut String) {
    let version = env!("CARGO_PKG_VERSION");
    // Writing to a text cannot fail.
    let _ = write!(message, "[origin software=\"portcullis\" swVersion=\"{version}\"]");
    let _ = write!(message, "[portcullis@{ENTERPRISE} log=\"");
    push_value(origin, message);
    let _ = write!(message, "\" index=\"{index}\" outcome=\"{}\"", gist.outcome);
    let known = [
        ("id", gist.id),
        ("principal", gist.principal),
        ("operation", gist.operation),
        ("api", gist.api),
        ("address", gist.address),
        ("code", gist.code),
    ];
    for (name, value) in known.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        let _ = write!(message, " {name}=\"");
        push_value(value, message);
        message.push('"');
    }
    message.push(']');
}

/// Adds a value of structured data, with what would end it escaped (section 6.3.3), and without what terminals act upon.
fn push_value(value: &str, message: &mut String) {
    for character in value.chars().take(VALUE_CHARS_MAX) {
        match character {
            '"' | '\\' | ']' => message.extend(['\\', character]),
            other if other.is_control() => message.push('\u{fffd}'),
            other => message.push(other),
        }
    }
}

/// The event in as many octets, of ASCII alone: no receiver needs a mark to know what it is.
fn fitting(mut event: Map<String, Value>, bytes_max: usize) -> String {
    let mut text = ascii(&event);
    for path in LEFT_OUT {
        if text.len() <= bytes_max {
            return text;
        }
        leave_out(&mut event, path);
        text = ascii(&event);
    }
    if text.len() <= bytes_max {
        return text;
    }
    // Something else is as long as no entry of ours has it: what the structured data says is left.
    let rest = json!({"metadata": {"is_truncated": true}});
    rest.to_string()
}

fn leave_out(event: &mut Map<String, Value>, path: &[&str]) {
    let Some((last, above)) = path.split_last() else { return };
    let mut object = Some(&mut *event);
    for name in above {
        object = object
            .and_then(|object| object.get_mut(*name))
            .and_then(Value::as_object_mut);
    }
    if object.and_then(|object| object.shift_remove(*last)).is_none() {
        return;
    }
    if let Some(metadata) = event.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("is_truncated".to_owned(), true.into());
    }
}

fn ascii(event: &Map<String, Value>) -> String {
    let text = serde_json::to_string(event).unwrap_or_default();
    if text.is_ascii() {
        return text;
    }
    let mut escaped = String::with_capacity(text.len() * 2);
    for character in text.chars() {
        if character.is_ascii() {
            escaped.push(character);
            continue;
        }
        // What is not ASCII stands in texts alone, where JSON has this for it (RFC 8259 section 7).
        for unit in character.encode_utf16(&mut [0; 2]) {
            let _ = write!(escaped, "\\u{unit:04x}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(entry: &Value) -> String {
        Header::new("gate-1\n").message(entry.to_string().as_bytes(), "gate.example/log", 7)
    }

    fn entry() -> Value {
        json!({
            "class_uid": 6003, "activity_id": 2, "time": 1_800_000_000_123_u64,
            "metadata": {"event_code": "request", "correlation_uid": "abc"},
            "actor": {"user": {"uid": "a\"b]c\\d\u{1b}e"}},
            "src_endpoint": {"ip": "192.0.2.1"},
            "api": {"operation": "getThing", "service": {"name": "things"}},
            "http_request": {"http_method": "GET", "url": {"path": "/\u{e9}\u{1f600}"}},
            "action_id": 2, "status_id": 2, "status_code": "authorization.denied",
        })
    }

    #[test]
    fn a_message_is_that_of_the_standard() {
        let message = message(&entry());
        let version = env!("CARGO_PKG_VERSION");
        let expected = format!(
            "<108>1 2027-01-15T08:00:00.123Z gate-1 portcullis {} request [origin software=\"portcullis\" \
             swVersion=\"{version}\"][portcullis@32473 log=\"gate.example/log\" index=\"7\" outcome=\"denied\" id=\"abc\" \
             principal=\"a\\\"b\\]c\\\\d\u{fffd}e\" operation=\"getThing\" api=\"things\" address=\"192.0.2.1\" \
             code=\"authorization.denied\"] ",
            std::process::id()
        );
        let text = message.strip_prefix(&expected).unwrap_or_else(|| panic!("{message}"));
        assert!(text.is_ascii());
        let event: Value = serde_json::from_str(text).unwrap();
        assert_eq!(
            event.pointer("/http_request/url/path"),
            Some(&json!("/\u{e9}\u{1f600}"))
        );
        assert_eq!(event.pointer("/metadata/sequence"), Some(&json!(7)));
    }

    #[test]
    fn grades_are_told_apart() {
        for (code, action, status, expected) in [
            ("request", 1, 1, "<110>1 "),
            ("request", 2, 2, "<108>1 "),
            ("abandoned", 1, 99, "<108>1 "),
            ("administration", 1, 1, "<109>1 "),
            ("lost", 1, 1, "<107>1 "),
        ] {
            let mut entry = entry();
            entry["metadata"]["event_code"] = code.into();
            entry["action_id"] = action.into();
            entry["status_id"] = status.into();
            let message = message(&entry);
            assert!(message.starts_with(expected), "{code}: {message}");
        }
        let unreadable = Header::new("").message(b"\xff", "gate.example/log", 7);
        assert!(unreadable.starts_with("<107>1 - - portcullis "), "{unreadable}");
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_told() {
        let long = "\u{e9}".repeat(3000);
        let places: [&dyn Fn(&mut Value); 4] = [
            &|entry| entry["unmapped"]["decision"] = json!({"text": long}),
            &|entry| entry["http_request"]["user_agent"] = long.clone().into(),
            &|entry| entry["actor"]["user"]["uid"] = long.clone().into(),
            &|entry| entry["src_endpoint"]["hostname"] = long.clone().into(),
        ];
        for (number, place) in places.into_iter().enumerate() {
            let mut entry = entry();
            place(&mut entry);
            let message = message(&entry);
            assert!(message.len() <= MESSAGE_BYTES_MAX, "{}", message.len());
            let text = message.split_once("] {").map(|(_, text)| format!("{{{text}")).unwrap();
            let event: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(event.pointer("/metadata/is_truncated"), Some(&json!(true)), "{number}");
            // Everything else is still there, unless nothing can be left out that is as long.
            assert_eq!(event.get("class_uid").is_some(), number < 3, "{number}");
        }
        let whole = message(&entry());
        assert!(!whole.contains("is_truncated"));
    }
}
