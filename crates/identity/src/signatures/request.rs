//! A request as signatures see it, and the values of its components (RFC 9421 §2.1, §2.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::component::{Component, Derived, Form, What};
use super::refusal::Refusal;
use crate::structured::{self, Member};

/// The header fields of a request.
pub trait Fields {
    /// The values of all lines of a field, in their order, without the white space around them. `name` is in lower case.
    fn values<'f>(&'f self, name: &str) -> Vec<&'f [u8]>;
}

/// A request as it came, before anything of it was changed.
#[derive(Clone, Copy)]
pub struct Request<'r> {
    /// As sent; methods are of one case.
    pub method: &'r str,
    /// `https` or `http`: what the client used.
    pub scheme: &'r str,
    /// `host` or `host:port`, as sent.
    pub authority: &'r str,
    /// As sent, from its first `/`.
    pub path: &'r str,
    /// What stands behind `?`, as sent, if there is one.
    pub query: Option<&'r str>,
    /// The target as the request line had it; none where that is not known any more.
    pub target: Option<&'r str>,
    /// Whether there is content, which may have no bytes.
    pub has_content: bool,
    /// Its header fields.
    pub fields: &'r dyn Fields,
}

/// What the value of a field is made of where it is structured.
#[derive(Clone, Copy)]
enum Kind {
    Dictionary,
    List,
    Item,
}

/// The fields whose structure is known, for `sf`. Any field may be a dictionary for `key`.
const STRUCTURED: &[(&str, Kind)] = &[
    ("accept-signature", Kind::Dictionary),
    ("cache-status", Kind::List),
    ("content-digest", Kind::Dictionary),
    ("priority", Kind::Dictionary),
    ("proxy-status", Kind::List),
    ("repr-digest", Kind::Dictionary),
    ("signature", Kind::Dictionary),
    ("signature-input", Kind::Dictionary),
    ("want-content-digest", Kind::Dictionary),
    ("want-repr-digest", Kind::Dictionary),
    ("capsule-protocol", Kind::Item),
];

impl Request<'_> {
    /// The value of a component: printable ASCII in one line.
    ///
    /// # Errors
    ///
    /// [`Refusal::ComponentMissing`] where the request does not have it, or not in a form that can be signed.
    pub(super) fn value(&self, component: &Component) -> Result<String, Refusal> {
        let value = match &component.what {
            What::Derived(derived) => self.derived(*derived),
            What::QueryParam(name) => self.query_param(name),
            What::Field(name, form) => self.field(name, form),
        };
        let value = value.ok_or(Refusal::ComponentMissing)?;
        let is_line = value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
        is_line.then_some(value).ok_or(Refusal::ComponentMissing)
    }

    /// Whether there is a field of this name, even an empty one.
    pub(super) fn has_field(&self, name: &str) -> bool {
        !self.fields.values(name).is_empty()
    }

    fn derived(&self, derived: Derived) -> Option<String> {
        Some(match derived {
            Derived::Method => self.method.to_owned(),
            Derived::Scheme => self.scheme.to_owned(),
            Derived::Authority => self.authority(),
            Derived::Path => self.path().to_owned(),
            // §2.2.7: the question mark is a part of the value, also where there is no query.
            Derived::Query => format!("?{}", self.query.unwrap_or_default()),
            Derived::RequestTarget => self.target?.to_owned(),
            Derived::TargetUri => {
                let query = self.query.map(|query| format!("?{query}")).unwrap_or_default();
                format!("{}://{}{}{query}", self.scheme, self.authority(), self.path())
            }
        })
    }

    /// §2.2.3: in lower case, without the port that the scheme has by itself.
    fn authority(&self) -> String {
        let usual = match self.scheme {
            "https" => ":443",
            _ => ":80",
        };
        let authority = self.authority.strip_suffix(usual).unwrap_or(self.authority);
        authority.to_ascii_lowercase()
    }

    /// §2.2.6: an empty path is `/`.
    fn path(&self) -> &str {
        if self.path.is_empty() { "/" } else { self.path }
    }

    /// The only parameter of this name (§2.2.8).
    fn query_param(&self, name: &str) -> Option<String> {
        let mut found = None;
        for pair in self.query?.split('&') {
            let (own, value) = pair.split_once('=').unwrap_or((pair, ""));
            if reencoded(own)? == name && found.replace(reencoded(value)?).is_some() {
                return None;
            }
        }
        found
    }

    fn field(&self, name: &str, form: &Form) -> Option<String> {
        let values = self.fields.values(name);
        if values.is_empty() {
            return None;
        }
        match form {
            Form::Plain => text(&joined(&values)),
            Form::Bytes => {
                let lines: Vec<String> = values
                    .iter()
                    .map(|line| format!(":{}:", STANDARD.encode(line)))
                    .collect();
                Some(lines.join(", "))
            }
            Form::Member(key) => {
                let dictionary = structured::dictionary(&joined(&values)).ok()?;
                dictionary.get(key).map(Member::to_string)
            }
            Form::Structured => {
                let kind = STRUCTURED.iter().find(|(known, _)| *known == name);
                respelled(kind?.1, &joined(&values))
            }
        }
    }
}

/// The lines of a field as one value (§2.1).
pub(super) fn joined(values: &[&[u8]]) -> Vec<u8> {
    values.join(b", ".as_slice())
}

fn text(value: &[u8]) -> Option<String> {
    std::str::from_utf8(value).ok().map(str::to_owned)
}

fn respelled(kind: Kind, value: &[u8]) -> Option<String> {
    match kind {
        Kind::Dictionary => structured::dictionary(value).ok().map(|value| value.to_string()),
        Kind::List => structured::list(value).ok().map(|value| structured::spelled(&value)),
        Kind::Item => structured::item(value).ok().map(|value| value.to_string()),
    }
}

/// A name or value of a query, decoded as a form is and encoded in one way (§2.2.8). None for what is no UTF-8 or has a
/// percent sign that encodes nothing: others may read that in another way.
fn reencoded(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        octets.push(match byte {
            b'+' => b' ',
            b'%' => hex(rest.next()?)? * 16 + hex(rest.next()?)?,
            other => other,
        });
    }
    std::str::from_utf8(&octets).ok()?;
    let mut encoded = String::with_capacity(text.len());
    for octet in octets {
        if octet.is_ascii_alphanumeric() || b"*-._".contains(&octet) {
            encoded.push(char::from(octet));
        } else {
            encoded.push_str(&format!("%{octet:02X}"));
        }
    }
    Some(encoded)
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}
