//! Media types (RFC 9110 §8.3.1) and the ranges that `content` maps to schemas.

use super::body::fields::{Fields, Written};
use super::json::{Program, SchemaId, TypeSet};
use crate::document::Span;

/// How the bytes of a media type are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// JSON, judged whole.
    Json,
    /// Plain text in UTF-8, judged as one string.
    Text,
    /// `application/x-www-form-urlencoded`, judged as the object that its fields make.
    Form,
    /// `multipart/form-data`, judged as the object that its parts make.
    Multipart,
    /// XML, of which only the size and the form are judged.
    Xml,
    /// Bytes or a stream of texts, passed under a bound and counted as not judged.
    Streamed,
}

/// The content of a body under one media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Nothing declared fits the media type.
    Undeclared,
    /// Judge it as JSON.
    Json(SchemaId),
    /// Judge it as a string: JSON's form of the text has to keep the schema.
    Text(SchemaId),
    /// Judge the object that the fields make.
    Form(FieldsId),
    /// Judge the object that the parts make.
    Multipart(FieldsId),
    /// Judge that it is well-formed.
    Xml,
    /// Pass it under a bound.
    Streamed,
    /// Declared, but with a schema that cannot judge such bytes; a request is refused with 415.
    Unread,
}

/// The fields of one entry of a [`Contents`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldsId(usize);

/// The entries of one `content`.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// Most specific first.
    entries: Vec<Entry>,
}

/// One entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// As declared, such as `application/json; charset=utf-8` or `image/*`.
    pub declared: Box<str>,
    /// What it has to keep; allows everything where nothing is declared.
    pub schema: SchemaId,
    range: MediaType,
    /// Whether bytes that are not read may pass as this: only where nothing but a string is asked for.
    streams: bool,
    /// What `encoding` says, until it is settled.
    written: Vec<Written>,
    /// How forms are read; nothing where none is declared.
    fields: Option<Box<Fields>>,
    /// What a Content-Type of exactly `declared` gets, which is what most messages send.
    found: Content,
}

/// A media type or a range of them, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType {
    main: Box<str>,
    sub: Box<str>,
    parameters: Vec<(Box<str>, Box<str>)>,
}

impl MediaType {
    /// Reads a media type or range; nothing if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut pieces = pieces(text);
        let (main, sub) = pieces.next()?.split_once('/')?;
        if !is_token(main) || !is_token(sub) {
            return None;
        }
        let mut parameters = Vec::new();
        for piece in pieces.filter(|piece| !piece.is_empty()) {
            let (name, value) = piece.split_once('=')?;
            let quoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            // Readers disagree on what escapes and stray quotes mean, and no real value needs them.
            let readable = quoted.map_or_else(|| is_token(value), |text| !text.contains(['"', '\\']));
            if !is_token(name) || !readable {
                return None;
            }
            // Some readers take `boundary*` for `boundary` (RFC 2231), others for a parameter of its own.
            if name.contains('*') {
                return None;
            }
            let name: Box<str> = name.to_ascii_lowercase().into();
            // Of two values for one name, who reads it next may take the other.
            if parameters.iter().any(|(other, _)| *other == name) {
                return None;
            }
            parameters.push((name, quoted.unwrap_or(value).to_ascii_lowercase().into()));
        }
        Some(Self {
            main: main.to_ascii_lowercase().into(),
            sub: sub.to_ascii_lowercase().into(),
            parameters,
        })
    }

    /// How its bytes are judged.
    pub fn kind(&self) -> Kind {
        match (&*self.main, &*self.sub) {
            ("application", "json") | ("text", "json") => Kind::Json,
            ("application", "x-www-form-urlencoded") => Kind::Form,
            ("multipart", "form-data") => Kind::Multipart,
            ("application" | "text", "xml") => Kind::Xml,
            (_, sub) if sub.ends_with("+json") => Kind::Json,
            // Documents and pictures for people, which come with a DTD that no reader loads.
            ("image", _) | (_, "xhtml+xml") => Kind::Streamed,
            (_, sub) if sub.ends_with("+xml") => Kind::Xml,
            ("text", "event-stream") => Kind::Streamed,
            ("text", _) => Kind::Text,
            _ => Kind::Streamed,
        }
    }

    /// Type and subtype, in lower case.
    pub fn essence(&self) -> (&str, &str) {
        (&self.main, &self.sub)
    }

    /// Whether its text is UTF-8, by `charset`, or says nothing of it.
    pub fn is_unicode(&self) -> bool {
        matches!(self.parameter("charset"), None | Some("utf-8" | "utf8" | "us-ascii"))
    }

    /// Whether it is for more than one media type.
    pub fn is_range(&self) -> bool {
        self.main.starts_with('*') || self.sub.starts_with('*')
    }

    /// The value of a parameter, in lower case.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(other, _)| **other == *name)
            .map(|(_, value)| &**value)
    }

    /// Whether a media type is in this range. A parameter of the range has to have its value where the media type has
    /// it at all.
    pub fn includes(&self, other: &Self) -> bool {
        let is = |range: &str, one: &str| range == "*" || range == one;
        is(&self.main, &other.main)
            && (is(&self.sub, &other.sub) || self.includes_suffix(&other.sub))
            && self
                .parameters
                .iter()
                .all(|(name, value)| other.parameter(name).is_none_or(|found| found == &**value))
    }

    /// `application/*+json`
    fn includes_suffix(&self, sub: &str) -> bool {
        self.sub
            .strip_prefix('*')
            .is_some_and(|suffix| suffix.starts_with('+') && sub.ends_with(suffix))
    }

    /// Larger for what should be tried first.
    fn specificity(&self) -> (usize, usize) {
        let stars = [&self.main, &self.sub]
            .iter()
            .filter(|part| part.starts_with('*'))
            .count();
        (2 - stars, self.parameters.len())
    }
}

impl Contents {
    /// Adds an entry with what its `encoding` says; nothing happens if the name is no media type.
    pub(crate) fn add(&mut self, declared: &str, schema: SchemaId, written: Vec<Written>) -> Option<()> {
        let range = MediaType::parse(declared)?;
        self.entries.push(Entry {
            declared: declared.into(),
            schema,
            range,
            streams: false,
            written,
            fields: None,
            found: Content::Undeclared,
        });
        self.entries
            .sort_by_key(|entry| std::cmp::Reverse(entry.range.specificity()));
        Some(())
    }

    /// Decides, once all schemas are compiled, which entries may be passed unread, and how forms are read. Until then
    /// `find` finds nothing. `anything` is a schema that allows everything. Gives what is wrong with an `encoding`.
    pub(crate) fn settle(&mut self, program: &Program, anything: SchemaId) -> Vec<(Span, String)> {
        let mut problems = Vec::new();
        for entry in &mut self.entries {
            entry.streams = program.is_any(entry.schema) || program.types(entry.schema) == TypeSet::STRING;
            let written = std::mem::take(&mut entry.written);
            if entry.range.is_range() || matches!(entry.range.kind(), Kind::Form | Kind::Multipart) {
                let fields = Fields::new(program, entry.schema, anything, written, &mut problems);
                entry.fields = Some(Box::new(fields));
            }
        }
        let found: Vec<_> = self.entries.iter().map(|entry| self.search(&entry.declared)).collect();
        for (entry, found) in self.entries.iter_mut().zip(found) {
            entry.found = found;
        }
        problems
    }

    /// Whether nothing is declared.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries, most specific first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The content for the value of a Content-Type field.
    pub fn find(&self, content_type: &str) -> Content {
        match self.entries.iter().find(|entry| *entry.declared == *content_type) {
            Some(entry) => entry.found,
            None => self.search(content_type),
        }
    }

    /// How the forms of an entry are read.
    pub fn fields(&self, id: FieldsId) -> Option<&Fields> {
        self.entries.get(id.0)?.fields.as_deref()
    }

    fn search(&self, content_type: &str) -> Content {
        let Some(found) = MediaType::parse(content_type) else {
            return Content::Undeclared;
        };
        let including = |entry: &Entry| entry.range.includes(&found);
        let Some((index, entry)) = self.entries.iter().enumerate().find(|(_, entry)| including(entry)) else {
            return Content::Undeclared;
        };
        let kind = found.kind();
        // What is not UTF-8 cannot be judged, so it is not what was declared; neither is what has no parts.
        if (kind != Kind::Streamed && !found.is_unicode())
            || (&*found.main == "multipart" && boundary(content_type).is_none())
        {
            return Content::Undeclared;
        }
        match kind {
            Kind::Json => Content::Json(entry.schema),
            Kind::Text => Content::Text(entry.schema),
            Kind::Form => Content::Form(FieldsId(index)),
            Kind::Multipart => Content::Multipart(FieldsId(index)),
            // The caller chose it from a range whose schema asks for more than syntax.
            Kind::Xml if entry.range.is_range() && !entry.streams => Content::Unread,
            Kind::Xml => Content::Xml,
            Kind::Streamed if entry.streams => Content::Streamed,
            // Its schema asks for more than bytes, and that cannot be judged.
            Kind::Streamed => Content::Unread,
        }
    }
}

/// The boundary of a multipart body (RFC 2046 §5.1.1), as it is spelled; nothing where there is none that every reader
/// takes for the same.
pub fn boundary(content_type: &str) -> Option<&str> {
    let mut parameters = pieces(content_type).skip(1).filter_map(|piece| piece.split_once('='));
    let (_, value) = parameters.find(|(name, _)| name.eq_ignore_ascii_case("boundary"))?;
    let value = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(value);
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    let fits = (1..=70).contains(&value.len()) && value.bytes().all(legal) && !value.ends_with(' ');
    fits.then_some(value)
}

impl Entry {
    /// How its bytes are judged; for a range, how those of unknown types are.
    pub fn kind(&self) -> Kind {
        self.range.kind()
    }

    /// Whether it is for more than one media type, some of which may be judged.
    pub fn is_range(&self) -> bool {
        self.range.is_range()
    }

    /// How its forms are read; nothing where it declares none.
    pub fn fields(&self) -> Option<&Fields> {
        self.fields.as_deref()
    }

    /// Whether bytes that are not read may pass as this.
    pub fn streams(&self) -> bool {
        self.streams
    }
}

/// Parts at semicolons that do not stand in quotes.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |character| {
        quoted ^= character == '"';
        character == ';' && !quoted
    })
    .map(|piece| piece.trim_matches([' ', '\t']))
}

/// RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_include_types() {
        let check = |range: &str, found: &str, expected: bool| {
            let (range, found) = (MediaType::parse(range).unwrap(), MediaType::parse(found).unwrap());
            assert_eq!(range.includes(&found), expected, "{range:?} {found:?}");
        };
        check("application/json", "Application/JSON; charset=UTF-8", true);
        check("application/json; charset=utf-8", "application/json", true);
        check(
            "application/json; charset=utf-8",
            "application/json; charset=\"utf-16\"",
            false,
        );
        check("application/*", "application/pdf", true);
        check("*/*", "a/b", true);
        check("application/*+json", "application/problem+json", true);
        check("application/json", "application/problem+json", false);
        check("text/*", "application/json", false);
    }

    #[test]
    fn broken_types_are_none() {
        for text in [
            "",
            "json",
            "a/",
            "/b",
            "a/b; c",
            "a/b;c=\"d",
            "a b/c",
            "a/b, c/d",
            "a/b;c=d e",
        ] {
            assert_eq!(MediaType::parse(text), None, "{text}");
        }
    }

    #[test]
    fn schema_6_charsets_are_not_smuggled() {
        for text in [
            "application/json;charset=utf-8;charset=utf-7",
            "application/json;charset=utf-8;CHARSET=utf-8",
            r#"application/json;charset="utf-\16""#,
            r#"application/json;charset="utf-8\""#,
            r#"application/json;charset="utf-8" "utf-7""#,
            r#"application/json;charset="utf-8"x";charset=utf-7"#,
            "application/json;charset*=us-ascii''utf-16",
            "multipart/form-data;boundary=a;boundary*=utf-8''b",
            "multipart/form-data;boundary=a;boundary*0=b",
        ] {
            assert_eq!(MediaType::parse(text), None, "{text}");
        }
        let found = MediaType::parse(r#"application/json; charset="UTF-8"; profile="a b""#).unwrap();
        assert_eq!(found.parameter("charset"), Some("utf-8"));
    }

    #[test]
    fn schema_6_a_boundary_is_spelled_in_one_way() {
        let check = |parameters: &str, expected: Option<&str>| {
            assert_eq!(
                boundary(&format!("multipart/form-data{parameters}")),
                expected,
                "{parameters}"
            );
        };
        check("; boundary=aB9", Some("aB9"));
        check("; Boundary=\"a b:c\"", Some("a b:c"));
        check("; charset=utf-8;boundary=----x", Some("----x"));
        check("", None);
        check("; boundary=", None);
        check("; boundary=\"\"", None);
        check("; boundary=\"a \"", None);
        check("; boundary=\"a;b\"", None);
        check("; boundary=é", None);
        check(&format!("; boundary={}", "a".repeat(71)), None);
        check(&format!("; boundary={}", "a".repeat(70)), Some(&"a".repeat(70)));
    }

    #[test]
    fn kinds() {
        let check = |text: &str, expected| assert_eq!(MediaType::parse(text).unwrap().kind(), expected, "{text}");
        check("application/problem+json", Kind::Json);
        check("text/plain", Kind::Text);
        check("text/event-stream", Kind::Streamed);
        check("image/svg+xml", Kind::Streamed);
        check("image/png", Kind::Streamed);
        check("application/xhtml+xml", Kind::Streamed);
        check("application/vnd.api+json", Kind::Json);
        check("application/atom+xml", Kind::Xml);
        check("text/xml", Kind::Xml);
        check("application/x-www-form-urlencoded", Kind::Form);
        check("multipart/form-data", Kind::Multipart);
        check("multipart/mixed", Kind::Streamed);
        check("application/octet-stream", Kind::Streamed);
    }
}
