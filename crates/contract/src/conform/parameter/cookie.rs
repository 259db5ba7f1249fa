//! Parameters of the Cookie header field (RFC 6265 §4.2.1).

use std::ops::ControlFlow;

use http::{HeaderMap, header};
use smallvec::SmallVec;

use super::{Judging, Location, Parameter, Part};
use crate::conform::json::{Code, Undeclared};

/// Most cookies of a request.
const COOKIES_MAX: usize = 200;

/// Judges the cookies. `others` are names that something else judges. Gives the field without what is to be stripped,
/// if anything is; empty if nothing is left.
pub(crate) fn judge_cookies(
    parameters: &[Parameter],
    others: &[Box<str>],
    headers: &HeaderMap,
    judging: &mut Judging<'_, '_>,
) -> ControlFlow<(), Option<String>> {
    let mut parts: SmallVec<[(usize, Part<'_>); 8]> = SmallVec::new();
    let mut kept: SmallVec<[&str; 8]> = SmallVec::new();
    let mut stripped = false;
    let mut credentials: SmallVec<[&str; 2]> = SmallVec::new();
    for field in headers.get_all(header::COOKIE) {
        let Ok(field) = std::str::from_utf8(field.as_bytes()) else {
            judging.refuse(Location::Cookie, Code::Encoding)?;
            continue;
        };
        for pair in field.split(';').map(|pair| pair.trim_matches([' ', '\t'])) {
            let Some((name, value)) = pair.split_once('=').filter(|(name, _)| !name.is_empty()) else {
                judging.refuse(Location::Cookie, Code::Syntax)?;
                continue;
            };
            if kept.len() >= COOKIES_MAX {
                judging.refuse(Location::Cookie, Code::Count)?;
                break;
            }
            if let Some(other) = others.iter().find(|other| ***other == *name) {
                // Of two credentials, who reads them next may take the other.
                if credentials.contains(&&**other) {
                    judging.refuse(Location::Cookie, Code::Duplicate)?;
                }
                credentials.push(other);
            }
            if let Some(index) = parameters.iter().position(|parameter| *parameter.name == *name) {
                parts.push((index, Part { key: None, value }));
            } else if !others.iter().any(|other| **other == *name) {
                match judging.level {
                    Undeclared::Allow => {}
                    Undeclared::Refuse => judging.refuse_named(Location::Cookie, Code::Undeclared, Some(name))?,
                    Undeclared::Strip => {
                        stripped = true;
                        continue;
                    }
                }
            }
            kept.push(pair);
        }
    }
    for (index, parameter) in parameters.iter().enumerate() {
        let own = parts
            .iter()
            .filter(|(owner, _)| *owner == index)
            .map(|(_, part)| part.clone());
        let own: SmallVec<[Part<'_>; 2]> = own.collect();
        judging.judge(parameter, &own)?;
    }
    ControlFlow::Continue(stripped.then(|| kept.join("; ")))
}
