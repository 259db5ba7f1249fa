//! The string formats that are asserted (JSON Schema 2020-12 Validation §7.3, OpenAPI format registry). Checking one
//! allocates nothing. A format that is not listed here is never asserted silently: [`Format::parse`] does not know it,
//! and coverage says so.
//!
//! The numeric formats (`int32`, `int64`, `float`, `double`) are the JSON judge's, because they speak of numbers.

mod address;
mod email;
mod hostname;
mod pointer;
mod template;
mod time;
mod token;
mod uri;

use super::pattern::Pattern;

/// A string format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// RFC 3339 §5.6 `date-time`, a leap second only at 23:59:60 UTC.
    DateTime,
    /// RFC 3339 §5.6 `full-date`.
    Date,
    /// RFC 3339 §5.6 `full-time`.
    Time,
    /// RFC 3339 appendix A `duration`, which skips no unit between two others: `P1Y2M3D`, not `P1Y3D`.
    Duration,
    /// RFC 5321 §4.1.2 `Mailbox`.
    Email,
    /// RFC 6531 §3.3: the same with characters beyond ASCII.
    IdnEmail,
    /// RFC 1123 §2.1, at most 253 characters; an A-label must be well-formed Punycode (RFC 5891 §4.4).
    Hostname,
    /// RFC 2673 §3.2 `dotted-quad`, without leading zeros.
    Ipv4,
    /// RFC 4291 §2.2, without zone.
    Ipv6,
    /// RFC 3986 §3 `URI`, with a scheme.
    Uri,
    /// RFC 3986 §4.1 `URI-reference`.
    UriReference,
    /// RFC 3987 §2.2 `IRI`.
    Iri,
    /// RFC 3987 §2.2 `IRI-reference`.
    IriReference,
    /// RFC 6570 §2.
    UriTemplate,
    /// RFC 9562 §4, any version and variant.
    Uuid,
    /// RFC 6901 §3.
    JsonPointer,
    /// The Internet-Draft "Relative JSON Pointers" §3.
    RelativeJsonPointer,
    /// ECMA-262 §22.2.1.
    Regex,
    /// RFC 4648 §4 with padding (OpenAPI's `byte`).
    Byte,
    /// RFC 4648 §5, padded or not.
    Base64Url,
}

/// Every format by its name.
const NAMES: [(&str, Format); 20] = [
    ("date-time", Format::DateTime),
    ("date", Format::Date),
    ("time", Format::Time),
    ("duration", Format::Duration),
    ("email", Format::Email),
    ("idn-email", Format::IdnEmail),
    ("hostname", Format::Hostname),
    ("ipv4", Format::Ipv4),
    ("ipv6", Format::Ipv6),
    ("uri", Format::Uri),
    ("uri-reference", Format::UriReference),
    ("iri", Format::Iri),
    ("iri-reference", Format::IriReference),
    ("uri-template", Format::UriTemplate),
    ("uuid", Format::Uuid),
    ("json-pointer", Format::JsonPointer),
    ("relative-json-pointer", Format::RelativeJsonPointer),
    ("regex", Format::Regex),
    ("byte", Format::Byte),
    ("base64url", Format::Base64Url),
];

impl Format {
    /// The format of a name, if it is asserted. Names are compared exactly.
    pub fn parse(name: &str) -> Option<Self> {
        NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, format)| *format)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        NAMES
            .iter()
            .find(|(_, format)| *format == self)
            .map_or("", |(name, _)| name)
    }

    /// Whether a text is of this format.
    pub fn check(self, text: &str) -> bool {
        let bytes = text.as_bytes();
        match self {
            Self::DateTime => time::is_date_time(bytes),
            Self::Date => time::is_date(bytes),
            Self::Time => time::is_time(bytes),
            Self::Duration => time::is_duration(bytes),
            Self::Email => text.is_ascii() && email::is_mailbox(text),
            Self::IdnEmail => email::is_mailbox(text),
            Self::Hostname => hostname::is_hostname(text),
            Self::Ipv4 => address::is_ipv4(bytes),
            Self::Ipv6 => address::is_ipv6(bytes),
            Self::Uri => text.is_ascii() && uri::is_absolute(text),
            Self::UriReference => text.is_ascii() && uri::is_reference(text),
            Self::Iri => uri::is_absolute(text),
            Self::IriReference => uri::is_reference(text),
            Self::UriTemplate => template::is_template(text),
            Self::Uuid => token::is_uuid(bytes),
            Self::JsonPointer => pointer::is_pointer(bytes),
            Self::RelativeJsonPointer => pointer::is_relative(bytes),
            Self::Regex => Pattern::is_valid(text),
            Self::Byte => token::is_base64(bytes),
            Self::Base64Url => token::is_base64url(bytes),
        }
    }
}

#[cfg(test)]
mod tests;
