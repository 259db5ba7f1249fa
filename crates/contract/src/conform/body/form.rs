//! `application/x-www-form-urlencoded` (WHATWG URL §5), read strictly: every field counts, however often its name occurs,
//! and what readers disagree about (`;` between fields, control characters, broken escapes, empty names) is refused.

use std::borrow::Cow;

use super::object::{Groups, Held, Object};
use super::{FIELDS_MAX, Reading, Unfit, at_field};
use crate::conform::json::Code;
use crate::conform::parameter::{Decoding, Part, decode};
use crate::document::Span;

const FORM: Decoding = Decoding::PercentAndPlus;

/// Reads a whole form.
///
/// # Errors
/// It is no form, has more than [`FIELDS_MAX`] fields, or a field cannot be read. What breaks a schema is no error here: it
/// is for the judge of the object.
pub fn read(form: &[u8], reading: &mut Reading<'_>) -> Result<Object, Unfit> {
    let form = std::str::from_utf8(form).map_err(|_| Code::Encoding)?;
    if form.bytes().any(|byte| byte.is_ascii_control() || byte == b';') {
        return Err(Code::Syntax.into());
    }
    let mut object = Object {
        separator: b"&",
        ..Object::default()
    };
    let mut groups = Groups::default();
    let (mut start, mut buffer) = (0, Vec::new());
    let pairs = Some(form).filter(|form| !form.is_empty());
    for (count, pair) in pairs.into_iter().flat_map(|form| form.split('&')).enumerate() {
        if count >= FIELDS_MAX {
            return Err(Code::Count.into());
        }
        let (raw, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = match decode(raw, FORM, &mut buffer)? {
            "" => return Err(Code::Syntax.into()),
            name if name.len() == raw.len() => Cow::Borrowed(raw),
            name => Cow::Owned(name.to_owned()),
        };
        let member = add(&mut groups, name, value, reading)?;
        object.pieces.push((member, start..start + pair.len()));
        start += pair.len() + 1;
    }
    groups.write(&mut object, FORM, reading)?;
    Ok(object)
}

fn add<'t>(
    groups: &mut Groups<'t>,
    name: Cow<'t, str>,
    value: &'t str,
    reading: &mut Reading<'_>,
) -> Result<usize, Unfit> {
    let fields = reading.fields;
    let (Some(field), key) = reading.owner(&name) else {
        return Ok(groups.add(name, None, Held::Text(Part { key: None, value })));
    };
    let declared = fields.name(Some(field));
    let json = fields.rules.get(field).is_some_and(super::fields::Rule::is_json);
    let held = if json {
        let mut buffer = Vec::new();
        let text = decode(value, FORM, &mut buffer)?.to_owned();
        let checked = reading.check_json(&text);
        checked.map_err(|code| at_field(code, declared, Span::default()))?;
        Held::Json(Cow::Owned(text))
    } else {
        Held::Text(Part { key, value })
    };
    let name = declared.map_or(name, |declared| Cow::Owned(declared.to_owned()));
    Ok(groups.add(name, Some(field), held))
}
