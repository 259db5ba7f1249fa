//! Log records of OpenTelemetry, in the JSON of OTLP (opentelemetry-proto, JSON Protobuf Encoding), and what a collector answers.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::sending::Sender;

/// What a collector may answer, in octets.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// One log record.
pub(super) struct Record {
    /// When what it tells of was, in milliseconds since 1970; 0 where that is not known.
    pub(super) time: u64,
    /// How grave, by OpenTelemetry's numbers: 9 info, 13 warning, 17 error.
    pub(super) severity: u8,
    /// What it is an instance of.
    pub(super) event: &'static str,
    pub(super) body: Value,
    pub(super) attributes: Vec<(&'static str, Value)>,
}

/// Sends records, and waits until the collector has taken them.
///
/// # Errors
/// It has not, and may be sent them again.
pub(super) fn send(sender: &Sender, log: &str, records: Vec<Record>, time_max: Duration) -> Result<(), String> {
    let count = records.len();
    let body = request(log, records).to_string().into_bytes();
    let answer = sender.post("application/json", body, ANSWER_BYTES_MAX, time_max)?;
    if answer.status != 200 {
        return Err(format!("the collector answered {}", answer.status));
    }
    let rejected = rejected(&answer.body);
    if rejected > 0 {
        // They must not be sent again (OTLP, Partial Success), and what others may have taken need not.
        tracing::error!(
            log,
            count,
            rejected,
            "the collector has rejected records of the audit log"
        );
    }
    Ok(())
}

fn request(log: &str, records: Vec<Record>) -> Value {
    let resource = [
        ("service.name", json!("portcullis")),
        ("service.version", json!(env!("CARGO_PKG_VERSION"))),
        ("portcullis.audit_log.origin", json!(log)),
    ];
    let records: Vec<Value> = records.into_iter().map(record).collect();
    json!({"resourceLogs": [{
        "resource": {"attributes": attributes(resource)},
        "scopeLogs": [{
            "scope": {"name": "portcullis.audit_log", "version": env!("CARGO_PKG_VERSION")},
            "logRecords": records,
        }],
    }]})
}

fn record(record: Record) -> Value {
    let mut written = Map::new();
    if record.time > 0 {
        // A number of 64 bits is a text in the JSON of Protobuf.
        let nanoseconds = u128::from(record.time) * 1_000_000;
        written.insert("timeUnixNano".to_owned(), nanoseconds.to_string().into());
    }
    written.insert("severityNumber".to_owned(), record.severity.into());
    let text = match record.severity {
        0..13 => "INFO",
        13..17 => "WARN",
        _ => "ERROR",
    };
    written.insert("severityText".to_owned(), text.into());
    written.insert("eventName".to_owned(), record.event.into());
    written.insert("body".to_owned(), any_value(record.body));
    written.insert("attributes".to_owned(), attributes(record.attributes));
    Value::Object(written)
}

fn attributes(attributes: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let written = attributes.into_iter();
    let written = written.map(|(key, value)| json!({"key": key, "value": any_value(value)}));
    Value::Array(written.collect())
}

/// A value as `AnyValue` has it.
fn any_value(value: Value) -> Value {
    match value {
        Value::Null => json!({}),
        Value::Bool(value) => json!({"boolValue": value}),
        Value::Number(number) if number.is_f64() => json!({"doubleValue": number}),
        // What no signed number of 64 bits holds stays a text, rather than another number.
        Value::Number(number) if number.as_i64().is_none() => json!({"stringValue": number.to_string()}),
        Value::Number(number) => json!({"intValue": number.to_string()}),
        Value::String(text) => json!({"stringValue": text}),
        Value::Array(values) => {
            let values: Vec<Value> = values.into_iter().map(any_value).collect();
            json!({"arrayValue": {"values": values}})
        }
        Value::Object(members) => {
            let members = members.into_iter();
            let members = members.map(|(key, value)| json!({"key": key, "value": any_value(value)}));
            json!({"kvlistValue": {"values": members.collect::<Vec<Value>>()}})
        }
    }
}

/// How many records a collector says that it has rejected.
fn rejected(answer: &[u8]) -> u64 {
    // A collector may answer in another form, or nothing; the status has said that it took them.
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    match answer.pointer("/partialSuccess/rejectedLogRecords") {
        Some(Value::String(count)) => count.parse().unwrap_or(u64::MAX),
        Some(count) => count.as_u64().unwrap_or_default(),
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_the_protocol() {
        for (value, expected) in [
            (json!(null), json!({})),
            (json!(true), json!({"boolValue": true})),
            (json!(-7), json!({"intValue": "-7"})),
            (json!(u64::MAX), json!({"stringValue": "18446744073709551615"})),
            (json!(1.5), json!({"doubleValue": 1.5})),
            (json!("x"), json!({"stringValue": "x"})),
            (json!([1]), json!({"arrayValue": {"values": [{"intValue": "1"}]}})),
            (
                json!({"a": {"b": "c"}}),
                json!({"kvlistValue": {"values": [{"key": "a", "value":
                    {"kvlistValue": {"values": [{"key": "b", "value": {"stringValue": "c"}}]}}}]}}),
            ),
        ] {
            assert_eq!(any_value(value), expected);
        }
    }

    #[test]
    fn what_is_rejected_is_noticed() {
        for (answer, expected) in [
            ("", 0),
            ("{}", 0),
            (r#"{"partialSuccess":{}}"#, 0),
            (r#"{"partialSuccess":{"rejectedLogRecords":"3"}}"#, 3),
            (r#"{"partialSuccess":{"rejectedLogRecords":3}}"#, 3),
        ] {
            assert_eq!(rejected(answer.as_bytes()), expected, "{answer}");
        }
    }
}
