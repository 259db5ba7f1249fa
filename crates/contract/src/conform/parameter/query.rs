//! Parameters of the query.

use std::borrow::Cow;
use std::ops::ControlFlow;

use smallvec::SmallVec;

use super::decode::{Decoding, decode};
use super::style::Style;
use super::{Encoding, Judging, Location, Parameter, Part};
use crate::conform::json::{Code, TypeSet, Undeclared};

/// Most `name=value` pairs of a query.
const PAIRS_MAX: usize = 1_000;

/// Judges a query (without its `?`). `others` are names that something else judges, such as API keys. Gives the query
/// without what is to be stripped, byte for byte otherwise, if anything is.
pub(crate) fn judge_query(
    parameters: &[Parameter],
    others: &[Box<str>],
    query: Option<&str>,
    judging: &mut Judging<'_, '_>,
) -> ControlFlow<(), Option<String>> {
    let mut parts: SmallVec<[(usize, Part<'_>); 16]> = SmallVec::new();
    let mut kept = None;
    let mut credentials: SmallVec<[&str; 2]> = SmallVec::new();
    let pairs = query.filter(|query| !query.is_empty());
    for (count, pair) in pairs.into_iter().flat_map(|query| query.split('&')).enumerate() {
        if count >= PAIRS_MAX {
            judging.refuse(Location::Query, Code::Count)?;
            break;
        }
        let (raw_name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = match decode_name(raw_name) {
            Ok(name) => name,
            Err(code) => {
                judging.refuse(Location::Query, code)?;
                continue;
            }
        };
        if let Some(other) = others.iter().find(|other| ***other == *name) {
            // Of two credentials, who reads them next may take the other.
            if credentials.contains(&&**other) {
                judging.refuse(Location::Query, Code::Duplicate)?;
            }
            credentials.push(other);
        }
        if let Some((index, key)) = owner(parameters, &name, judging) {
            parts.push((index, Part { key, value }));
        } else if !others.iter().any(|other| **other == *name) {
            match judging.level {
                Undeclared::Allow => {}
                Undeclared::Refuse => judging.refuse_named(Location::Query, Code::Undeclared, Some(&name))?,
                Undeclared::Strip => {
                    kept.get_or_insert_with(|| before(query.unwrap_or_default(), pair));
                    continue;
                }
            }
        }
        if let Some(kept) = &mut kept {
            push_pair(kept, pair);
        }
    }
    // A stable sort keeps the order of the occurrences.
    parts.sort_by_key(|(index, _)| *index);
    let mut rest = parts.as_slice();
    for (index, parameter) in parameters.iter().enumerate() {
        let count = rest.iter().take_while(|(owner, _)| *owner == index).count();
        let (own, behind) = rest.split_at_checked(count).unwrap_or((rest, &[]));
        let own: SmallVec<[Part<'_>; 4]> = own.iter().map(|(_, part)| part.clone()).collect();
        judging.judge(parameter, &own)?;
        rest = behind;
    }
    ControlFlow::Continue(kept)
}

/// The pairs that stand before one of them.
fn before(query: &str, pair: &str) -> String {
    let offset = pair.as_ptr().addr().saturating_sub(query.as_ptr().addr());
    let before = query.get(..offset).unwrap_or_default();
    before.strip_suffix('&').unwrap_or(before).to_owned()
}

fn push_pair(kept: &mut String, pair: &str) {
    if !kept.is_empty() {
        kept.push('&');
    }
    kept.push_str(pair);
}

fn decode_name(raw: &str) -> Result<Cow<'_, str>, Code> {
    if raw.is_empty() {
        return Err(Code::Syntax);
    }
    if !raw.contains('%') {
        return decode(raw, Decoding::Percent, &mut Vec::new()).map(|_| Cow::Borrowed(raw));
    }
    decode(raw, Decoding::Percent, &mut Vec::new()).map(|name| Cow::Owned(name.to_owned()))
}

/// The parameter that a name belongs to, and the property if the name holds one.
pub(crate) fn owner<'n>(
    parameters: &[Parameter],
    name: &Cow<'n, str>,
    judging: &Judging<'_, '_>,
) -> Option<(usize, Option<Cow<'n, str>>)> {
    let exactly = |parameter: &&Parameter| *parameter.name == **name;
    if let Some((index, _)) = parameters.iter().enumerate().find(|(_, parameter)| exactly(parameter)) {
        return Some((index, None));
    }
    parameters.iter().enumerate().find_map(|(index, parameter)| {
        let Encoding::Style { style, explode, schema } = parameter.encoding else {
            return None;
        };
        match style {
            Style::DeepObject => {
                let rest = name
                    .strip_prefix(&*parameter.name)?
                    .strip_prefix('[')?
                    .strip_suffix(']')?;
                // One level only; what nests deeper is not declared by this style.
                (!rest.contains(['[', ']'])).then(|| (index, Some(Cow::Owned(rest.to_owned()))))
            }
            Style::Form if explode && judging.program.types(schema).contains(TypeSet::OBJECT) => {
                let declared = judging.program.property(schema, name).is_some();
                declared.then(|| (index, Some(name.clone())))
            }
            _ => None,
        }
    })
}
