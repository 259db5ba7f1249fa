//! What of a contract is judged, what is not, and why: nothing is skipped without being seen here.

use std::collections::HashMap;

use http::{Method, StatusCode};

use super::body::fields::Fields;
use super::body::magic;
use super::contract::Contract;
use super::json::{Note, SchemaId};
use super::media_type::{Contents, Entry, Kind};
use super::operation::Operation;
use super::parameter::{Encoding, Parameter};
use super::response::{Response, Statuses};
use crate::document::Span;

/// The coverage of one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationCoverage {
    /// The index of the operation.
    pub operation: u32,
    /// Its checks, in the order in which a request and its answer meet them.
    pub checks: Vec<Check>,
}

/// One thing that an operation declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What is checked, such as "query parameter `since`" or "answer 200, `application/json`".
    pub subject: String,
    /// Whether it stands in the answer; otherwise in the request.
    pub answer: bool,
    /// How far.
    pub effect: Effect,
    /// What its schema says that has no effect, or costs more to judge; by place.
    pub caveats: Vec<Caveat>,
}

/// Something in a schema that is not judged as its author may think.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Caveat {
    /// Where it stands.
    pub span: Span,
    /// What it is, and what follows from it.
    pub message: String,
}

/// How far something is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// By its schema.
    Judged,
    /// Its syntax only: the schema allows everything.
    Unconstrained,
    /// Its syntax only, whatever the schema says.
    WellFormed(&'static str),
    /// It may not be there: what is so is refused, with this consequence.
    Absent(&'static str),
    /// It passes without being judged, for this reason.
    NotJudged(&'static str),
    /// It is refused, for this reason.
    Refused(&'static str),
}

/// The coverage of every operation.
pub fn coverage(contract: &Contract) -> Vec<OperationCoverage> {
    let mut notes: HashMap<SchemaId, Vec<&Note>> = HashMap::new();
    for note in &contract.schema_notes {
        notes.entry(note.schema).or_default().push(note);
    }
    let looking = Looking { contract, notes };
    let numbered = (0..).zip(&contract.operations);
    numbered
        .map(|(index, operation)| OperationCoverage {
            operation: index,
            checks: looking.checks(operation),
        })
        .collect()
}

/// A contract, with the notes of its schemas by schema.
struct Looking<'c> {
    contract: &'c Contract,
    notes: HashMap<SchemaId, Vec<&'c Note>>,
}

impl Looking<'_> {
    fn checks(&self, operation: &Operation) -> Vec<Check> {
        let own = &operation.parameters;
        let path = own.path.iter().map(|(_, parameter)| parameter);
        let parameters = path.chain(&own.query).chain(&own.header).chain(&own.cookie);
        let named = |parameter: &Parameter| format!("{} parameter `{}`", parameter.location.name(), parameter.name);
        let mut checks: Vec<Check> = parameters
            .map(|parameter| self.parameter(named(parameter), parameter, false))
            .collect();
        if let Some(body) = &operation.body {
            self.contents("request body", &body.contents, true, &mut checks);
        }
        for response in &operation.responses {
            let what = format!("answer {}", response.declared);
            for header in &response.headers {
                checks.push(self.parameter(format!("{what}, header `{}`", header.name), header, true));
            }
            let from = checks.len();
            self.contents(&what, &response.contents, false, &mut checks);
            if operation.method != Method::HEAD {
                checks.extend(bodiless(&what, response));
            }
            if response.is_partial() {
                for check in checks.iter_mut().skip(from) {
                    check.effect = Effect::NotJudged("it is a part of a body, if a range was asked for");
                    check.caveats.clear();
                }
            }
        }
        checks
    }

    fn contents(&self, what: &str, contents: &Contents, request: bool, checks: &mut Vec<Check>) {
        for entry in contents.entries() {
            let effect = match entry.kind() {
                Kind::Json | Kind::Text => self.effect(entry.schema),
                Kind::Form | Kind::Multipart if request => self.effect(entry.schema),
                Kind::Form | Kind::Multipart => Effect::NotJudged("forms are judged in requests only"),
                Kind::Xml => Effect::WellFormed("XML is held to its syntax, and has no document type"),
                Kind::Streamed if entry.streams() || !request => {
                    Effect::NotJudged("it is passed as bytes, under a bound")
                }
                Kind::Streamed => Effect::Refused("its schema asks for more than bytes, which nothing here can read"),
            };
            let judged = matches!(effect, Effect::Judged | Effect::Unconstrained);
            let subject = format!("{what}, `{}`", entry.declared);
            checks.push(Check {
                subject: subject.clone(),
                answer: !request,
                effect,
                caveats: if judged { self.caveats(entry.schema) } else { Vec::new() },
            });
            if request && entry.kind() == Kind::Multipart {
                checks.extend(files(&subject, entry));
            }
        }
    }

    fn parameter(&self, subject: String, parameter: &Parameter, answer: bool) -> Check {
        let (effect, caveats) = match parameter.encoding {
            Encoding::Style { schema, .. } | Encoding::Json(schema) => (self.effect(schema), self.caveats(schema)),
            Encoding::Unjudged => {
                let reason = "its definition is ignored by OpenAPI, or its media type is not read";
                (Effect::NotJudged(reason), Vec::new())
            }
        };
        Check {
            subject,
            answer,
            effect,
            caveats,
        }
    }

    fn effect(&self, schema: SchemaId) -> Effect {
        if self.contract.program.is_any(schema) {
            Effect::Unconstrained
        } else {
            Effect::Judged
        }
    }

    /// What was noted of the schemas that this one leads to.
    fn caveats(&self, schema: SchemaId) -> Vec<Caveat> {
        if self.notes.is_empty() {
            return Vec::new();
        }
        let reached = self.contract.program.reachable(schema);
        let notes = reached.iter().filter_map(|id| self.notes.get(id)).flatten();
        let mut caveats: Vec<Caveat> = notes.map(|note| caveat(note)).collect();
        caveats.sort_unstable();
        caveats.dedup();
        caveats
    }
}

/// That an answer declares no body, where one could come: the most likely thing to be forgotten in a contract.
fn bodiless(what: &str, response: &Response) -> Option<Check> {
    let can_have_none = matches!(
        response.statuses,
        Statuses::One(
            StatusCode::SWITCHING_PROTOCOLS
                | StatusCode::NO_CONTENT
                | StatusCode::RESET_CONTENT
                | StatusCode::NOT_MODIFIED
        ) | Statuses::Class(1)
    );
    let why = match response.statuses {
        Statuses::One(status) if status.is_client_error() => {
            "it declares no `content`: of one with a body, only its status is passed on"
        }
        _ => "it declares no `content`: one with a body is not passed on",
    };
    (response.contents.is_empty() && !can_have_none).then(|| Check {
        subject: format!("{what}, no body"),
        answer: true,
        effect: Effect::Absent(why),
        caveats: Vec::new(),
    })
}

/// The files of a multipart body: of their bytes, only the first are looked at.
fn files<'e>(subject: &'e str, entry: &'e Entry) -> impl Iterator<Item = Check> + 'e {
    let files = entry.fields().into_iter().flat_map(Fields::files);
    files.map(move |(name, types)| {
        let known = !types.is_empty() && types.iter().all(magic::is_known);
        let why = match known {
            true => "its size, its media type and its first bytes are judged, the rest passes",
            false => "its size and its media type are judged, and the first bytes of well-known types",
        };
        Check {
            subject: format!("{subject}, file `{name}`"),
            answer: false,
            effect: Effect::NotJudged(why),
            caveats: Vec::new(),
        }
    })
}

fn caveat(note: &Note) -> Caveat {
    let message = note.kind.told();
    Caveat {
        span: note.span,
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conform::contract::compile;
    use crate::document::{Fetch, load};

    struct One(&'static str);

    impl Fetch for One {
        fn fetch(&mut self, _: &str) -> Result<Vec<u8>, String> {
            Ok(self.0.into())
        }
    }

    const API: &str = r##"{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {
      "/a": {"post": {
        "parameters": [{"name": "n", "in": "query", "schema": {"type": "string", "pattern": "^(?!x)"}}],
        "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}},
        "responses": {"200": {"description": "", "content": {"application/json": {}, "image/png": {}}}}}},
      "/b": {"get": {"responses": {"204": {"description": ""}}}}},
     "components": {"schemas": {
       "A": {"allOf": [{"type": "object", "nullable": true, "properties": {
         "c": {"type": "array", "items": {"type": "string", "format": "colour", "pattern": "^(?!x)"}}}}]},
       "Unused": {"format": "taste"}}}}"##;

    #[test]
    fn notes_stand_where_their_schemas_are_reached() {
        let document = load("api.json", &mut One(API)).unwrap();
        let compiled = compile(&document);
        let covered = coverage(&compiled.contract);
        let told: Vec<(String, Effect, Vec<String>)> = covered
            .into_iter()
            .flat_map(|operation| operation.checks)
            .map(|check| {
                let words = |caveat: Caveat| caveat.message.split(&[' ', ':']).take(2).collect::<Vec<_>>().join(" ");
                (
                    check.subject,
                    check.effect,
                    check.caveats.into_iter().map(words).collect(),
                )
            })
            .collect();
        let line = |subject: &str, effect, caveats: &[&str]| {
            let caveats = caveats.iter().map(|caveat| (*caveat).to_owned()).collect();
            (subject.to_owned(), effect, caveats)
        };
        let streamed = Effect::NotJudged("it is passed as bytes, under a bound");
        assert_eq!(
            told,
            [
                line("query parameter `n`", Effect::Judged, &["a pattern"]),
                line(
                    "request body, `application/json`",
                    Effect::Judged,
                    &["`nullable` has", "format `colour`", "a pattern"]
                ),
                line("answer 200, `application/json`", Effect::Unconstrained, &[]),
                line("answer 200, `image/png`", streamed, &[]),
            ]
        );
    }

    const BODILESS: &str = r#"{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {"/a": {
      "get": {"responses": {
        "101": {"description": ""}, "204": {"description": ""}, "304": {"description": ""}, "1XX": {"description": ""},
        "200": {"description": "", "content": {"text/plain": {}}},
        "404": {"description": ""}, "5XX": {"description": ""}, "default": {"description": ""}}},
      "head": {"responses": {"200": {"description": ""}}}}}}"#;

    #[test]
    fn answers_that_declare_no_content_are_listed() {
        let document = load("api.json", &mut One(BODILESS)).unwrap();
        let covered = coverage(&compile(&document).contract);
        let checks = covered.into_iter().flat_map(|operation| operation.checks);
        let absent = checks.filter_map(|check| match check.effect {
            Effect::Absent(why) => Some((check.subject, why.contains("only its status"))),
            _ => None,
        });
        let expected = [("answer 404", true), ("answer 5XX", false), ("answer default", false)];
        let expected = expected.map(|(subject, status_alone)| (format!("{subject}, no body"), status_alone));
        assert_eq!(absent.collect::<Vec<_>>(), expected);
    }
}
