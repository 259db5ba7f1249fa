//! `multipart/form-data` (RFC 7578) as the object that its parts make (OpenAPI 3.1 §4.8.14.3).
//!
//! Text and JSON parts are held until they can be judged. Of the bytes of a file only the length and the beginning are
//! looked at, as they pass, so that a file needs no room here. What the parts may be is decided when each begins, what the
//! whole has to be when all of them have ended.

pub mod head;
pub mod parser;

use std::borrow::Cow;
use std::ops::{ControlFlow, Range};

use smallvec::SmallVec;

use self::head::PartHead;
use self::parser::{Event, Parser};
use super::fields::{Holds, Rule};
use super::object::{Groups, Held, Object};
use super::{Reading, Unfit, at_field, magic, pointer, xml};
use crate::conform::json::{Code, Undeclared};
use crate::conform::media_type::{Kind, MediaType};
use crate::conform::parameter::{Decoding, Finding, Part, judge_declared};
use crate::document::Span;

/// Bounds on one body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The most bytes of all parts that are held to be judged.
    pub held_bytes_max: usize,
    /// The most bytes of all its files together.
    pub file_bytes_max: u64,
}

/// A body being read.
#[derive(Debug)]
pub struct Multipart {
    parser: Parser,
    parts: Parts,
}

/// The parts so far.
#[derive(Debug)]
struct Parts {
    bounds: Bounds,
    /// The one that is being read.
    current: Option<Current>,
    ended: Vec<Ended>,
    /// The bytes of text and JSON parts, one behind the other.
    held: Vec<u8>,
    /// Bytes of files so far.
    file_bytes: u64,
    /// Whether a file passed of whose type nothing is known.
    opaque: bool,
    /// Where the last delimiter stands.
    closing: usize,
}

/// What the bytes of a part are read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PartKind {
    Text,
    Json,
    Xml,
    Bytes,
}

/// A part that is being read.
#[derive(Debug)]
struct Current {
    name: String,
    field: Option<usize>,
    /// The property of the field that the name holds too.
    key: Option<String>,
    kind: PartKind,
    media_type: Option<MediaType>,
    /// What `Content-Length` says.
    announced: Option<u64>,
    /// Least and most bytes.
    length: (usize, Option<usize>),
    /// Where it begins in the body.
    from: usize,
    /// Where it begins in what is held.
    held_from: usize,
    bytes: u64,
    /// Its first bytes.
    start: SmallVec<[u8; magic::START_BYTES]>,
}

/// A part that was read.
#[derive(Debug)]
struct Ended {
    name: String,
    field: Option<usize>,
    key: Option<String>,
    kind: PartKind,
    /// Where it stands in what is held.
    held: Range<usize>,
    /// Where it stands in the body, delimiter and all.
    piece: Range<usize>,
}

/// Reads a whole body.
///
/// # Errors
/// See [`Multipart::push`] and [`Multipart::finish`].
pub fn read(body: &[u8], boundary: &str, bounds: Bounds, reading: &mut Reading<'_>) -> Result<Object, Unfit> {
    let mut multipart = Multipart::new(boundary, bounds);
    multipart.push(body, reading)?;
    multipart.finish(body.len(), reading)
}

impl Multipart {
    /// Begins a body with a boundary, which [`boundary`](crate::conform::media_type::boundary) found to be one.
    pub fn new(boundary: &str, bounds: Bounds) -> Self {
        Self {
            parser: Parser::new(boundary),
            parts: Parts {
                bounds,
                current: None,
                ended: Vec::new(),
                held: Vec::new(),
                file_bytes: 0,
                opaque: false,
                closing: 0,
            },
        }
    }

    /// How many bytes are held: of parts that are judged, until the end.
    pub fn held_bytes(&self) -> usize {
        self.parts.held.len()
    }

    /// Reads on.
    ///
    /// # Errors
    /// It is no such body, or a part is not what it may be by itself.
    pub fn push(&mut self, input: &[u8], reading: &mut Reading<'_>) -> Result<(), Unfit> {
        let Self { parser, parts } = self;
        parser.push(input, &mut |event| match event {
            Event::Begin(head, from) => parts.begin(head, from, reading),
            Event::Data(data) => parts.data(data),
            Event::End(to) => parts.end(to, reading),
        })
    }

    /// The body ended after so many bytes.
    ///
    /// # Errors
    /// It ended early, or a field cannot be read. What breaks a schema is no error here: it is for the judge of the
    /// object.
    pub fn finish(&self, bytes: usize, reading: &mut Reading<'_>) -> Result<Object, Unfit> {
        self.parser.finish()?;
        let object = Object {
            opaque: self.parts.opaque,
            closing: self.parts.closing..bytes,
            ..Object::default()
        };
        self.parts.write(object, reading)
    }

    /// The object of the parts so far, a file that has begun among them.
    ///
    /// # Errors
    /// A field cannot be read.
    pub fn so_far(&self, reading: &mut Reading<'_>) -> Result<Object, Unfit> {
        self.parts.write(Object::default(), reading)
    }

    /// How many parts have begun, if what comes next is in a file, as far as that is known, so that everything before it
    /// was understood.
    pub fn parts_up_to_file(&self) -> Option<usize> {
        let current = self.parts.current.as_ref()?;
        (current.kind == PartKind::Bytes).then_some(self.parts.ended.len() + 1)
    }
}

impl Parts {
    fn begin(&mut self, head: PartHead, from: usize, reading: &mut Reading<'_>) -> Result<(), Unfit> {
        let fields = reading.fields;
        let name = Cow::Borrowed(head.name.as_str());
        let (field, key) = reading.owner(&name);
        let declared = fields.name(field);
        let rule = fields.rule(reading.program, field, &head.name);
        check_headers(&rule, &head, declared, reading)?;
        let refused = || Unfit::MediaType {
            pointer: pointer(declared),
        };
        let (kind, media_type) = kind_of(&rule, &head).ok_or_else(refused)?;
        if kind == PartKind::Text && head.has_filename {
            // Many servers keep files apart from fields, and would not see this one where it was judged.
            return Err(at_field(Code::Type, declared, Span::default()).into());
        }
        self.current = Some(Current {
            key: key.map(Cow::into_owned),
            field,
            kind,
            media_type,
            announced: head.length,
            length: rule.length,
            name: head.name,
            from,
            held_from: self.held.len(),
            bytes: 0,
            start: SmallVec::new(),
        });
        Ok(())
    }

    fn data(&mut self, data: &[u8]) -> Result<(), Unfit> {
        let Some(current) = &mut self.current else {
            return Err(Code::Syntax.into());
        };
        current.bytes += data.len() as u64;
        if current.kind != PartKind::Bytes {
            if self.held.len() + data.len() > self.bounds.held_bytes_max {
                return Err(Unfit::TooLarge);
            }
            self.held.extend_from_slice(data);
            return Ok(());
        }
        let room = magic::START_BYTES.saturating_sub(current.start.len());
        current.start.extend_from_slice(data.get(..room).unwrap_or(data));
        self.file_bytes += data.len() as u64;
        if self.file_bytes > self.bounds.file_bytes_max {
            return Err(Unfit::TooLarge);
        }
        Ok(())
    }

    fn end(&mut self, to: usize, reading: &mut Reading<'_>) -> Result<(), Unfit> {
        self.closing = to;
        let current = self.current.take().ok_or(Code::Syntax)?;
        let declared = reading.fields.name(current.field);
        if current.announced.is_some_and(|bytes| bytes != current.bytes) {
            return Err(at_field(Code::Syntax, declared, Span::default()).into());
        }
        let from = current.held_from;
        if current.kind == PartKind::Bytes {
            self.opaque |= current.check_file(declared)?;
        } else {
            let text = std::str::from_utf8(self.held.get(from..).unwrap_or_default()).map_err(|_| Code::Encoding);
            let checked = text.and_then(|text| match current.kind {
                PartKind::Json => reading.check_json(text),
                PartKind::Xml => xml::check(text.as_bytes()),
                PartKind::Text | PartKind::Bytes => Ok(()),
            });
            checked.map_err(|code| at_field(code, declared, Span::default()))?;
        }
        if current.kind == PartKind::Xml {
            self.held.truncate(from);
        }
        self.ended.push(Ended {
            name: current.name,
            field: current.field,
            key: current.key,
            kind: current.kind,
            held: from..self.held.len(),
            piece: current.from..to,
        });
        Ok(())
    }

    fn write(&self, mut object: Object, reading: &mut Reading<'_>) -> Result<Object, Unfit> {
        let mut groups = Groups::default();
        for part in &self.ended {
            let declared = reading.fields.name(part.field);
            let name = Cow::Borrowed(declared.unwrap_or(&part.name));
            let member = groups.add(name, part.field, self.value(part)?);
            object.pieces.push((member, part.piece.clone()));
        }
        if let Some(file) = self.current.as_ref().filter(|part| part.kind == PartKind::Bytes) {
            let declared = reading.fields.name(file.field);
            groups.add(Cow::Borrowed(declared.unwrap_or(&file.name)), file.field, Held::Bytes);
        }
        groups.write(&mut object, Decoding::None, reading)?;
        Ok(object)
    }

    fn value<'p>(&'p self, part: &'p Ended) -> Result<Held<'p>, Code> {
        let bytes = self.held.get(part.held.clone()).unwrap_or_default();
        let text = std::str::from_utf8(bytes).map_err(|_| Code::Encoding)?;
        Ok(match part.kind {
            PartKind::Text => Held::Text(Part {
                key: part.key.as_deref().map(Cow::Borrowed),
                value: text,
            }),
            PartKind::Json => Held::Json(Cow::Borrowed(text)),
            PartKind::Xml | PartKind::Bytes => Held::Bytes,
        })
    }
}

impl Current {
    /// Holds a file against its length and its type; says whether nothing is known of the type.
    fn check_file(&self, declared: Option<&str>) -> Result<bool, Unfit> {
        let (min, max) = self.length;
        if self.bytes < min as u64 || max.is_some_and(|max| self.bytes > max as u64) {
            return Err(at_field(Code::Length, declared, Span::default()).into());
        }
        let fits = self
            .media_type
            .as_ref()
            .and_then(|found| magic::fits(found, &self.start));
        match fits {
            Some(false) => Err(Unfit::MediaType {
                pointer: pointer(declared),
            }),
            Some(true) => Ok(false),
            None => Ok(true),
        }
    }
}

/// What a part is read as, and its media type; nothing where it is not of a type that its field may have.
fn kind_of(rule: &Rule, head: &PartHead) -> Option<(PartKind, Option<MediaType>)> {
    let sent = match &head.content_type {
        Some(text) => Some(MediaType::parse(text).filter(|found| !found.is_range())?),
        None => None,
    };
    // A part that says nothing of its type is what the only declared one says.
    let media_type = match (sent, rule.types.as_slice()) {
        (None, [only]) if !only.is_range() => Some(only.clone()),
        (sent, _) => sent,
    };
    if let Some(found) = &media_type
        && rule.holds != Holds::Bytes
        && !found.is_unicode()
    {
        return None;
    }
    let plain = media_type.is_none()
        || media_type
            .as_ref()
            .is_some_and(|found| found.essence() == ("text", "plain"));
    let kind = media_type.as_ref().map_or(Kind::Text, MediaType::kind);
    if !rule.types.is_empty() {
        let fits = |found: &MediaType| rule.types.iter().any(|range| range.includes(found));
        let implied = || MediaType::parse("text/plain").is_some_and(|found| fits(&found));
        if !media_type.as_ref().map_or_else(implied, fits) {
            return None;
        }
    }
    let part = match (rule.holds, kind) {
        (Holds::Bytes, _) => PartKind::Bytes,
        (Holds::Json, Kind::Json) => PartKind::Json,
        (Holds::Json, _) if media_type.is_none() && !rule.styled => PartKind::Json,
        (Holds::Sent, Kind::Json) => PartKind::Json,
        (Holds::Sent, _) if plain && !head.has_filename => PartKind::Text,
        (Holds::Sent, _) => PartKind::Bytes,
        (_, _) if plain && (rule.styled || rule.holds == Holds::Text) => PartKind::Text,
        // From here on only what `contentType` asks for.
        (_, _) if rule.types.is_empty() => return None,
        (_, Kind::Json) => PartKind::Json,
        (_, Kind::Xml) => PartKind::Xml,
        (Holds::Text, Kind::Text) => PartKind::Text,
        (Holds::Text, _) => PartKind::Bytes,
        (Holds::Json, _) => return None,
    };
    Some((part, media_type))
}

/// Holds the other header fields of a part against those that are declared for it.
fn check_headers(rule: &Rule, head: &PartHead, declared: Option<&str>, reading: &mut Reading<'_>) -> Result<(), Unfit> {
    if rule.headers.is_empty() && head.others.is_empty() {
        return Ok(());
    }
    let undeclared = |name: &str| !rule.headers.iter().any(|header| *header.name == *name);
    if reading.level != Undeclared::Allow && head.others.keys().any(|name| undeclared(name.as_str())) {
        return Err(at_field(Code::Undeclared, declared, Span::default()).into());
    }
    let mut found = None;
    let mut report = |finding: Finding<'_>| {
        found = Some(finding.violation);
        ControlFlow::Break(())
    };
    let judged = reading.judging(&mut report, |judging| {
        judge_declared(&rule.headers, &head.others, judging)
    });
    match (judged, found) {
        (ControlFlow::Break(()), Some(violation)) => Err(at_field(violation.code, declared, violation.schema).into()),
        (ControlFlow::Break(()), None) => Err(Code::Syntax.into()),
        (ControlFlow::Continue(()), _) => Ok(()),
    }
}
