//! The entities that are known beforehand, read; and where in their text stands what is wrong with them, which Cedar does not say.

use std::ops::Range;
use std::sync::Arc;

use cedar_policy_core::entities::{EntityJsonParser, NoEntitiesSchema, TCComputation};
use cedar_policy_core::extensions::Extensions;
use cedar_policy_core::validator::{CoreSchema, ValidatorSchema};
use serde_json::Value;

use super::known::Entities;
use super::written::Text;
use crate::problem::{Place, Places, Problem};

/// How many problems are told of.
const TOLD_MAX: usize = 20;

pub(super) fn read(text: Option<Text<'_>>, schema: Option<&ValidatorSchema>) -> Result<Entities, Vec<Problem>> {
    let text = text.unwrap_or(Text { name: "", text: "[]" });
    parse(text.text, schema).map_err(|message| problems(text, schema, message))
}

fn parse(text: &str, schema: Option<&ValidatorSchema>) -> Result<Entities, String> {
    let extensions = Extensions::all_available();
    let read = match schema {
        Some(schema) => {
            let schema = CoreSchema::new(schema);
            EntityJsonParser::new(Some(&schema), extensions, TCComputation::ComputeNow).from_json_str(text)
        }
        None => {
            EntityJsonParser::new(None::<&NoEntitiesSchema>, extensions, TCComputation::ComputeNow).from_json_str(text)
        }
    };
    let entities = read.map_err(|error| chain(&error))?;
    let by_id = entities
        .iter()
        .map(|entity| (entity.uid().clone(), Arc::new(entity.clone())));
    Ok(by_id.collect())
}

/// An error with its causes, joined by colons.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(": ");
        words.push_str(&error.to_string());
        cause = error.source();
    }
    words
}

/// What is wrong, at its places: each entity is read by itself, since Cedar ends at the first error. `whole` is what it says of all.
fn problems(text: Text<'_>, schema: Option<&ValidatorSchema>, whole: String) -> Vec<Problem> {
    let places = text.places();
    if let Err(error) = serde_json::from_str::<Value>(text.text) {
        let place = Place {
            file: text.name.to_owned(),
            line: error.line(),
            column: error.column().max(1),
        };
        return vec![Problem::error(Some(place), format!("no JSON: {error}"))];
    }
    let entities = items(text.text);
    let mut problems = Vec::new();
    for entity in &entities {
        let Some(written) = text.text.get(entity.clone()) else {
            continue;
        };
        if let Err(message) = parse(&format!("[{written}]"), schema) {
            let place = places.at(entity.start + named(written, &message));
            problems.push(Problem::error(Some(place), message));
        }
    }
    problems.truncate(TOLD_MAX);
    if problems.is_empty() {
        problems.push(together(text.text, &places, &entities, whole));
    }
    problems
}

/// What is wrong with several entities together stands at the last one of those that it names.
fn together(text: &str, places: &Places<'_>, entities: &[Range<usize>], message: String) -> Problem {
    let is_named = |entity: &&Range<usize>| {
        let written = text
            .get((*entity).clone())
            .and_then(|one| serde_json::from_str::<Value>(one).ok());
        let uid = written.as_ref().and_then(|entity| entity.get("uid"));
        let uid = uid.map(|uid| uid.get("__entity").unwrap_or(uid));
        let part = |name: &str| uid.and_then(|uid| uid.get(name)).and_then(Value::as_str);
        let (Some(kind), Some(id)) = (part("type"), part("id")) else {
            return false;
        };
        message.contains(&format!("{kind}::{id:?}"))
    };
    let entity = entities.iter().rfind(is_named);
    let place = places.at(entity.map_or(0, |entity| entity.start));
    Problem::error(Some(place), message)
}

/// Where in an entity the first member stands that a message names in backticks; its beginning where it names none.
fn named(entity: &str, message: &str) -> usize {
    let quoted = message.split('`').skip(1).step_by(2);
    let member = |name: &str| {
        let written = serde_json::to_string(name).ok()?;
        let mut found = entity.match_indices(&written);
        let is_name = |at: usize| {
            let rest = entity.get(at + written.len()..).unwrap_or_default();
            rest.trim_start().starts_with(':')
        };
        found.find(|(at, _)| is_name(*at)).map(|(at, _)| at)
    };
    quoted.filter_map(member).next().unwrap_or(0)
}

/// Where the items of a list of objects stand in a text that is JSON.
fn items(text: &str) -> Vec<Range<usize>> {
    let (mut depth, mut start) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    let mut found = Vec::new();
    for (at, octet) in text.bytes().enumerate() {
        if in_string {
            in_string = escaped || octet != b'"';
            escaped = !escaped && octet == b'\\';
            continue;
        }
        match octet {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth += 1;
                if depth == 2 {
                    start = at;
                }
            }
            b'}' | b']' => {
                if depth == 2 {
                    found.push(start..at + 1);
                }
                depth = depth.saturating_sub(1);
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = "entity Account = { \"owner\"?: User }; entity User;";

    fn told(entities: &str) -> Vec<String> {
        let schema = ValidatorSchema::from_cedarschema_str(SCHEMA, Extensions::all_available())
            .unwrap()
            .0;
        let name = "e.json";
        let text = Text { name, text: entities };
        let found = read(Some(text), Some(&schema)).err().unwrap_or_default();
        found.iter().map(ToString::to_string).collect()
    }

    #[track_caller]
    fn check(entities: &str, expected: &[&str]) {
        let found = told(entities);
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{expected}: {found}");
        }
    }

    #[test]
    fn what_is_wrong_stands_where_it_is_written() {
        let good = r#"{"uid": {"type": "Account", "id": "a]\"}"}, "attrs": {}, "parents": []}"#;
        check(&format!("[{good}]"), &[]);
        check("[\n  {]", &["e.json:2:4: no JSON"]);
        let entity = |id: &str, attrs: &str| {
            format!(
                "{{\"uid\": {{\"type\": \"Account\", \"id\": \"{id}\"}},\n \"attrs\": {{{attrs}}}, \"parents\": []}}"
            )
        };
        let (misspelt, of_another_type) = (entity("1", "\"ownr\" : 7"), entity("2", "\"owner\": 7"));
        check(
            &format!("[{good},\n{misspelt},\n{of_another_type}]"),
            &["e.json:3:12: ", "e.json:5:12: "],
        );
        check(&format!("[{good},\n {{\"uid\": 7}}]"), &["e.json:2:2: "]);
        check("[\n7]", &["e.json:1:1: "]);
        let (once, again) = (
            entity("1", ""),
            entity("1", "\"owner\": {\"type\": \"User\", \"id\": \"x\"}"),
        );
        check(&format!("[{once},\n{},\n{again}]", entity("2", "")), &["e.json:5:1: "]);
    }
}
