//! Entries as JSON, written by hand: every request of a gate pays for it. What it has to write is what serde does, which a test holds it to.

use serde_json::Value;

use super::{Actor, Api, Endpoint, Entity, Entry, HttpRequest, Text, Unmapped};

/// Members of an object that is being written.
struct Members<'o> {
    octets: &'o mut Vec<u8>,
    is_first: bool,
}

/// Adds an entry to what is there.
pub(super) fn write(entry: &Entry<'_>, octets: &mut Vec<u8>) {
    let mut object = Members::begin(octets);
    object.number("class_uid", entry.class_uid.into());
    object.number("activity_id", entry.activity_id.into());
    object.number("time", entry.time);
    object.object("metadata", |metadata| {
        metadata.text("event_code", entry.metadata.event_code.name());
        metadata.any_text("correlation_uid", entry.metadata.correlation_uid.as_ref());
    });
    object.any("actor", entry.actor.as_ref(), actor);
    object.any("device", entry.device.as_ref(), |device, object| {
        object.text("uid", &device.uid)
    });
    object.any("src_endpoint", entry.src_endpoint.as_ref(), endpoint);
    object.any("dst_endpoint", entry.dst_endpoint.as_ref(), endpoint);
    object.any("api", entry.api.as_ref(), api);
    object.any("http_request", entry.http_request.as_ref(), request);
    object.any("http_response", entry.http_response.as_ref(), |response, object| {
        object.number("code", response.code.into());
        object.number("length", response.length);
    });
    object.any_number("action_id", entry.action_id.map(u64::from));
    object.any_number("status_id", entry.status_id.map(u64::from));
    object.any_text("status_code", entry.status_code.as_ref());
    object.any_text("status_detail", entry.status_detail.as_ref());
    object.any_number("duration", entry.duration);
    object.any_number("count", entry.count);
    object.any_number("start_time", entry.start_time);
    object.any_number("end_time", entry.end_time);
    object.any("entity", entry.entity.as_ref(), entity);
    object.any_text("comment", entry.comment.as_ref());
    object.any("unmapped", entry.unmapped.as_ref(), unmapped);
    object.end();
}

fn actor(actor: &Actor<'_>, object: &mut Members<'_>) {
    object.any("user", actor.user.as_ref(), |user, object| {
        object.text("uid", &user.uid);
        object.any_text("type", user.kind.as_ref());
        object.any_text("domain", user.domain.as_ref());
        object.any_text("credential_uid", user.credential_uid.as_ref());
    });
    object.any_text("app_uid", actor.app_uid.as_ref());
}

fn endpoint(endpoint: &Endpoint<'_>, object: &mut Members<'_>) {
    object.any_text("ip", endpoint.ip.as_ref());
    object.any_text("hostname", endpoint.hostname.as_ref());
    object.any_text("instance_uid", endpoint.instance_uid.as_ref());
}

fn api(api: &Api<'_>, object: &mut Members<'_>) {
    object.text("operation", &api.operation);
    object.object("service", |service| service.text("name", &api.service.name));
}

fn request(request: &HttpRequest<'_>, object: &mut Members<'_>) {
    object.text("http_method", &request.http_method);
    object.object("url", |url| {
        url.text("path", &request.url.path);
        url.any_text("query_string", request.url.query_string.as_ref());
    });
    object.any_text("user_agent", request.user_agent.as_ref());
    object.any_number("length", request.length);
}

fn entity(entity: &Entity<'_>, object: &mut Members<'_>) {
    object.text("type", &entity.kind);
    object.any_text("name", entity.name.as_ref());
}

fn unmapped(unmapped: &Unmapped<'_>, object: &mut Members<'_>) {
    object.any_text("control", unmapped.control.as_ref());
    object.list("determining", &unmapped.determining, |rule, octets| text(rule, octets));
    object.list("fields", &unmapped.fields, |(name, value), octets| {
        octets.push(b'[');
        text(name, octets);
        octets.push(b',');
        text(value, octets);
        octets.push(b']');
    });
    object.any_number("opened", unmapped.opened);
    object.list("decisions", &unmapped.decisions, |decision: &Value, octets| {
        octets.extend_from_slice(decision.to_string().as_bytes());
    });
}

impl<'o> Members<'o> {
    fn begin(octets: &'o mut Vec<u8>) -> Self {
        octets.push(b'{');
        Self { octets, is_first: true }
    }

    fn end(self) {
        self.octets.push(b'}');
    }

    fn name(&mut self, name: &str) {
        if !std::mem::take(&mut self.is_first) {
            self.octets.push(b',');
        }
        self.octets.push(b'"');
        self.octets.extend_from_slice(name.as_bytes());
        self.octets.extend_from_slice(b"\":");
    }

    fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        text(value, self.octets);
    }

    fn any_text(&mut self, name: &str, value: Option<&Text<'_>>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    fn number(&mut self, name: &str, value: u64) {
        self.name(name);
        number(value, self.octets);
    }

    fn any_number(&mut self, name: &str, value: Option<u64>) {
        if let Some(value) = value {
            self.number(name, value);
        }
    }

    fn object(&mut self, name: &str, write: impl FnOnce(&mut Members<'_>)) {
        self.name(name);
        let mut object = Members::begin(self.octets);
        write(&mut object);
        object.end();
    }

    fn any<T>(&mut self, name: &str, value: Option<&T>, write: impl FnOnce(&T, &mut Members<'_>)) {
        if let Some(value) = value {
            self.object(name, |object| write(value, object));
        }
    }

    /// Nothing where it is empty.
    fn list<T>(&mut self, name: &str, items: &[T], write: impl Fn(&T, &mut Vec<u8>)) {
        if items.is_empty() {
            return;
        }
        self.name(name);
        for (number, item) in items.iter().enumerate() {
            self.octets.push(if number == 0 { b'[' } else { b',' });
            write(item, self.octets);
        }
        self.octets.push(b']');
    }
}

/// A string. Almost none has anything to escape (RFC 8259 section 7).
fn text(value: &str, octets: &mut Vec<u8>) {
    let needs_escape = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    // Looked at as a whole, not up to the first: so it is done in wide steps.
    if value
        .as_bytes()
        .iter()
        .fold(false, |any, byte| any | needs_escape(byte))
    {
        octets.extend_from_slice(Value::from(value).to_string().as_bytes());
        return;
    }
    octets.push(b'"');
    octets.extend_from_slice(value.as_bytes());
    octets.push(b'"');
}

fn number(mut value: u64, octets: &mut Vec<u8>) {
    let mut digits = [b'0'; 20];
    let mut first = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(value % 10).unwrap_or(0);
        first -= 1;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    octets.extend_from_slice(digits.get(first..).unwrap_or_default());
}
