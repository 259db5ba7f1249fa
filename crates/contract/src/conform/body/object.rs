//! The object that a form spells: its fields gathered by name, read by their schemas, written as one JSON text.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use smallvec::SmallVec;

use super::{Reading, at_field, quiet};
use crate::conform::json::{Code, Cuts, STAND_IN, Violation};
use crate::conform::parameter::{Decoding, Part, write_string};

/// A form as an object.
#[derive(Debug, Default)]
pub struct Object {
    /// The object; a string in it that is spelled [`STAND_IN`] stands for bytes.
    pub json: Vec<u8>,
    /// Whether it holds bytes whose media type says nothing that could be checked.
    pub opaque: bool,
    /// Where each member begins in `json`; ascending.
    pub(super) members: Vec<usize>,
    /// Each field in the order of the form: its member, and where it stands in the form.
    pub(super) pieces: Vec<(usize, Range<usize>)>,
    /// What stands between two fields.
    pub(super) separator: &'static [u8],
    /// What follows the last field.
    pub(super) closing: Range<usize>,
}

impl Object {
    /// The form without the members that are cut from its JSON. Nothing where something is cut inside of a field, which
    /// cannot be left out.
    pub fn without(&self, cuts: &Cuts, form: &[u8]) -> Option<Vec<u8>> {
        let mut gone = vec![false; self.members.len()];
        for (start, _) in cuts.outermost() {
            let member = self.members.binary_search(&start).ok()?;
            *gone.get_mut(member)? = true;
        }
        let mut out = Vec::with_capacity(form.len());
        for (member, range) in &self.pieces {
            if gone.get(*member).copied().unwrap_or_default() {
                continue;
            }
            if !out.is_empty() {
                out.extend_from_slice(self.separator);
            }
            out.extend_from_slice(form.get(range.clone())?);
        }
        out.extend_from_slice(form.get(self.closing.clone())?);
        Some(out)
    }
}

/// One occurrence of a field.
#[derive(Debug)]
pub(super) enum Held<'t> {
    /// Text, to be read by the field's schema.
    Text(Part<'t>),
    /// One JSON value, checked to be nothing more.
    Json(Cow<'t, str>),
    /// Bytes, judged elsewhere.
    Bytes,
}

/// The fields of one name.
#[derive(Debug)]
struct Group<'t> {
    name: Cow<'t, str>,
    /// The declared property.
    field: Option<usize>,
    values: SmallVec<[Held<'t>; 2]>,
}

/// The fields of a form by name, in the order of their first occurrence.
#[derive(Debug, Default)]
pub(super) struct Groups<'t> {
    groups: Vec<Group<'t>>,
    by_name: HashMap<Cow<'t, str>, usize>,
}

impl<'t> Groups<'t> {
    /// Adds one occurrence; gives the number of its member.
    pub(super) fn add(&mut self, name: Cow<'t, str>, field: Option<usize>, value: Held<'t>) -> usize {
        let next = self.groups.len();
        let index = *self.by_name.entry(name.clone()).or_insert(next);
        match self.groups.get_mut(index) {
            Some(group) => group.values.push(value),
            None => self.groups.push(Group {
                name,
                field,
                values: SmallVec::from_iter([value]),
            }),
        }
        index
    }

    /// Writes the object, and notes where its members begin.
    ///
    /// # Errors
    /// A field that cannot be read at all. What breaks its schema is written, for the judge to find.
    pub(super) fn write(
        &self,
        object: &mut Object,
        decoding: Decoding,
        reading: &mut Reading<'_>,
    ) -> Result<(), Violation> {
        reading.scratch.json.share_steps();
        let written = self.write_members(object, decoding, reading);
        reading.scratch.json.end_sharing();
        written
    }

    fn write_members(
        &self,
        object: &mut Object,
        decoding: Decoding,
        reading: &mut Reading<'_>,
    ) -> Result<(), Violation> {
        object.json.push(b'{');
        for group in &self.groups {
            if object.json.len() > 1 {
                object.json.push(b',');
            }
            object.members.push(object.json.len());
            write_string(&mut object.json, &group.name);
            object.json.push(b':');
            group.write(&mut object.json, decoding, reading)?;
        }
        object.json.push(b'}');
        Ok(())
    }
}

impl Group<'_> {
    fn write(&self, json: &mut Vec<u8>, decoding: Decoding, reading: &mut Reading<'_>) -> Result<(), Violation> {
        let other;
        let declared = self.field.and_then(|field| reading.fields.parameters.get(field));
        let parameter = match declared {
            Some(parameter) => parameter,
            None => {
                other = reading.fields.other(reading.program, &self.name).1;
                &other
            }
        };
        let name = declared.map(|parameter| &*parameter.name);
        let texts: Option<SmallVec<[Part<'_>; 4]>> = self.values.iter().map(Held::text).collect();
        let Some(parts) = texts else {
            return self
                .write_values(json, decoding, reading)
                .map_err(|code| at_field(code, name, parameter.span));
        };
        reading
            .judging(&mut quiet, |judging| judging.read(parameter, &parts, decoding))
            .map_err(|violation| at_field(violation.code, name, violation.schema))?;
        json.extend_from_slice(&reading.scratch.text);
        Ok(())
    }

    /// Writes values of which some are not text: one as it is, several as an array where the property may be one.
    fn write_values(&self, json: &mut Vec<u8>, decoding: Decoding, reading: &Reading<'_>) -> Result<(), Code> {
        let rule = reading.fields.rule(reading.program, self.field, &self.name);
        if self.values.len() > 1 && !rule.repeats {
            return Err(Code::Duplicate);
        }
        let whole = matches!(self.values.as_slice(), [Held::Json(text)] if text.trim_start().starts_with('['));
        let array = rule.repeats && !whole && (rule.is_list || self.values.len() > 1);
        if array {
            json.push(b'[');
        }
        for (index, value) in self.values.iter().enumerate() {
            if index > 0 {
                json.push(b',');
            }
            value.write(json, decoding)?;
        }
        if array {
            json.push(b']');
        }
        Ok(())
    }
}

impl<'t> Held<'t> {
    fn text(&self) -> Option<Part<'t>> {
        match self {
            Self::Text(part) => Some(part.clone()),
            Self::Json(_) | Self::Bytes => None,
        }
    }

    fn write(&self, json: &mut Vec<u8>, decoding: Decoding) -> Result<(), Code> {
        match self {
            Self::Text(part) => {
                let text = crate::conform::parameter::decode(part.value, decoding, &mut Vec::new())?.to_owned();
                write_string(json, &text);
            }
            Self::Json(text) => json.extend_from_slice(text.as_bytes()),
            Self::Bytes => {
                json.push(b'"');
                json.extend_from_slice(STAND_IN.as_bytes());
                json.push(b'"');
            }
        }
        Ok(())
    }
}
