//! What would permit a cause: a change of the contract where one does, else what to do instead.

use portcullis_contract::conform::media_type::MediaType;
use portcullis_contract::conform::operation::Operation;
use portcullis_contract::document::{Document, FileId, Node, Place, Span, Version};
use serde_json::{Value, json};

use super::target::Target;
use crate::contracts::{self, Loaded};
use crate::observations::Line;

/// How many steps a walk through schemas takes at the most.
const WALK_DEPTH_MAX: u8 = 32;

/// What would permit a cause.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Remedy {
    /// These changes, all of them.
    Overlay(Vec<Action>),
    /// No overlay does; what to do instead.
    ByHand(String),
}

/// One change of a contract, as an action of an overlay (OpenAPI Overlay 1.0 §4.4.3).
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Action {
    pub(super) target: Target,
    pub(super) change: Change,
}

/// What is done to the target.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// These members are merged into the object.
    Merge(Value),
    /// This is put behind the items of the array.
    Append(Value),
    Remove,
}

/// A line of observations, held against the contract it is about.
pub(super) struct Looking<'l> {
    loaded: &'l Loaded,
    line: &'l Line,
    operation: Option<&'l Operation>,
}

impl<'l> Looking<'l> {
    pub(super) fn new(loaded: &'l Loaded, line: &'l Line) -> Self {
        let mut operations = loaded.contract.operations.iter();
        let operation = operations.find(|operation| operation.name() == line.operation);
        Self {
            loaded,
            line,
            operation,
        }
    }

    /// Where the broken schema, parameter or operation stands.
    pub(super) fn place(&self) -> Option<String> {
        let own = Some(self.span()).filter(|span| span.line > 0);
        let span = own.or_else(|| self.operation.map(|operation| operation.span))?;
        Some(contracts::place(self.document(), span))
    }

    /// What would permit it.
    pub(super) fn remedy(&self) -> Remedy {
        let actions = match self.line.code.strip_prefix("contract.") {
            Some("body.media_type" | "response.media_type") if self.is_two() => None,
            Some("body.media_type") => self.media_type(),
            Some("response.status") => self.status(),
            Some("response.media_type") => self.answer_media_type(),
            Some(code) => self.violation(code),
            None => None,
        };
        match actions {
            Some(actions) if self.touches_root(&actions) => {
                Remedy::Overlay(actions.into_iter().map(|(_, one)| one).collect())
            }
            Some(_) => Remedy::ByHand(
                "it stands in another file than the contract's first, which no overlay reaches: widen it there"
                    .to_owned(),
            ),
            None => Remedy::ByHand(self.by_hand()),
        }
    }

    /// An overlay changes the first file only.
    fn touches_root(&self, actions: &[Located]) -> bool {
        actions.iter().all(|(file, _)| *file == FileId(0))
    }

    fn document(&self) -> &'l Document {
        &self.loaded.document
    }

    /// OpenAPI 2.0 says bodies and media types elsewhere than a reader of 3.x looks for them.
    fn is_two(&self) -> bool {
        self.document().version() == Version::V2_0
    }

    fn span(&self) -> Span {
        let (file, line, column) = self.line.schema;
        let file = FileId(file);
        Span { file, line, column }
    }

    fn undeclared(&self) -> Option<&'l str> {
        self.line.undeclared.as_deref()
    }

    /// The node at a place, and a way to change it.
    fn at(&self, span: Span) -> Option<Spot<'l>> {
        let (target, node) = Target::find(self.document(), span)?;
        Some(Spot { target, node })
    }

    fn operation_spot(&self) -> Option<Spot<'l>> {
        self.at(self.operation?.span)
    }

    /// A member of a node, or what its reference leads to.
    fn followed(&self, parent: &Spot<'l>, name: &str) -> Option<Spot<'l>> {
        let base = self.document().root().base;
        let mut place = Place {
            node: parent.node.get(name)?,
            base,
        };
        // The compiler has followed the same references, so that they end.
        while let Some(reference) = place.node.get("$ref").and_then(Node::as_str) {
            place = self.document().resolve(place, reference).ok()?;
        }
        self.at(place.node.span)
    }

    fn media_type(&self) -> Option<Vec<Located>> {
        let sent = self.readable()?;
        let body = self.followed(&self.operation_spot()?, "requestBody")?;
        Some(vec![body.merge(json!({ "content": { sent: {} } }))])
    }

    /// The media type that was sent, if it is one.
    fn readable(&self) -> Option<&'l str> {
        let sent = self.undeclared()?;
        MediaType::parse(sent).map(|_| sent)
    }

    fn status(&self) -> Option<Vec<Located>> {
        let status = self.undeclared()?;
        let description = "Seen in observe mode.";
        let answer = json!({ "responses": { status: { "description": description } } });
        Some(vec![self.operation_spot()?.merge(answer)])
    }

    fn answer_media_type(&self) -> Option<Vec<Located>> {
        let sent = self.undeclared()?;
        let operation = self.operation_spot()?;
        let responses = self.followed(&operation, "responses")?;
        let answer = self.followed(&responses, &self.line.place)?;
        Some(vec![answer.merge(json!({ "content": { sent: {} } }))])
    }

    /// `<where>.<what>`
    fn violation(&self, code: &str) -> Option<Vec<Located>> {
        let (location, what) = code.rsplit_once('.')?;
        let whole = self.operation.is_some_and(|operation| operation.span == self.span());
        match (location, what) {
            ("body" | "response.body", "undeclared") if whole && self.is_two() => None,
            ("body", "undeclared") if whole => {
                let sent = self.readable().unwrap_or("application/json");
                Some(vec![
                    self.operation_spot()?
                        .merge(json!({ "requestBody": { "content": { sent: {} } } })),
                ])
            }
            ("body", "required") if whole => {
                let body = self.followed(&self.operation_spot()?, "requestBody")?;
                Some(vec![body.merge(json!({ "required": false }))])
            }
            ("response.body", "undeclared") if whole => self.answer_media_type(),
            ("query" | "header" | "cookie", "undeclared") if self.line.place.is_empty() => self.parameter(location),
            ("query" | "header" | "cookie" | "response.header", "required") => {
                let spot = self.at(self.span())?;
                match spot.node.get("required").and_then(Node::as_bool) {
                    Some(true) => Some(vec![spot.merge(json!({ "required": false }))]),
                    _ => self.schema(what),
                }
            }
            _ => self.schema(what),
        }
    }

    fn parameter(&self, location: &str) -> Option<Vec<Located>> {
        let name = self.undeclared()?;
        let parameter = match (self.is_two(), location) {
            (true, "cookie") => return None,
            (true, _) => json!({ "name": name, "in": location, "type": "string" }),
            (false, _) => json!({ "name": name, "in": location, "schema": {} }),
        };
        let operation = self.operation_spot()?;
        Some(vec![match operation.node.get("parameters") {
            Some(_) => operation.member("parameters").change(Change::Append(parameter)),
            None => operation.merge(json!({ "parameters": [parameter] })),
        }])
    }

    /// The property that is hidden in this direction: its own schema may only refer to another, so it is looked for by its
    /// pointer, through the bodies of the operation.
    fn hidden(&self, keyword: &str) -> Option<Vec<Located>> {
        let operation = self.operation_spot()?;
        let owners = match keyword {
            "readOnly" => vec![self.followed(&operation, "requestBody")?],
            _ => {
                let responses = self.followed(&operation, "responses")?;
                let statuses = responses.node.as_object()?.iter();
                statuses
                    .filter_map(|(status, _)| self.followed(&responses, status))
                    .collect()
            }
        };
        let contents = owners.iter().filter_map(|owner| owner.node.get("content")?.as_object());
        let mut schemas = contents
            .flat_map(|content| content.iter())
            .filter_map(|(_, entry)| entry.get("schema"));
        let (owner, property) =
            schemas.find_map(|schema| self.walk(schema, &self.line.place, keyword, WALK_DEPTH_MAX))?;
        let shown = self.at(property.span)?.merge(json!({ keyword: false }));
        // What is hidden in a direction is not required there either; shown, it would be.
        let unrequired = self.unrequired(&self.at(owner.span)?);
        Some([shown].into_iter().chain(unrequired).collect())
    }

    /// The schema at a pointer that has a keyword, and the one that declares it, below a schema, its references and its
    /// parts.
    fn walk(&self, schema: &'l Node, pointer: &str, keyword: &str, depth: u8) -> Option<(&'l Node, &'l Node)> {
        let depth = depth.checked_sub(1)?;
        let path = pointer.strip_prefix('/')?;
        let (segment, rest) = path.split_at(path.find('/').unwrap_or(path.len()));
        let name = segment.replace("~1", "/").replace("~0", "~");
        let property = schema.get("properties").and_then(|properties| properties.get(&name));
        let item = name.parse::<usize>().ok().and_then(|_| schema.get("items"));
        match property.or(item) {
            Some(inner) if rest.is_empty() => return inner.get(keyword).map(|_| (schema, inner)),
            Some(inner) => return self.walk(inner, rest, keyword, depth),
            None => {}
        }
        let base = self.document().root().base;
        let reference = schema.get("$ref").and_then(Node::as_str);
        let referred =
            reference.and_then(|reference| self.document().resolve(Place { node: schema, base }, reference).ok());
        let parts = ["allOf", "anyOf", "oneOf"]
            .iter()
            .filter_map(|part| schema.get(part)?.as_array())
            .flatten();
        let mut inner = referred.map(|place| place.node).into_iter().chain(parts);
        inner.find_map(|inner| self.walk(inner, pointer, keyword, depth))
    }

    /// Takes the property at the end of the pointer out of `required`, where it stands there.
    fn unrequired(&self, owner: &Spot<'l>) -> Option<Located> {
        let name = self.line.place.rsplit('/').next()?;
        let name = name.replace("~1", "/").replace("~0", "~");
        let mut names = owner.node.get("required")?.as_array()?.iter();
        let stands = names.any(|listed| listed.as_str() == Some(&name));
        stands.then(|| owner.member("required").equal(&name).change(Change::Remove))
    }

    /// Loosens the schema that was broken.
    fn schema(&self, what: &str) -> Option<Vec<Located>> {
        let spot = self.at(self.span())?;
        spot.node.as_object()?;
        match what {
            "undeclared" => Some(vec![spot.merge(match self.undeclared() {
                Some(name) => json!({ "properties": { name: {} } }),
                None => json!({ "additionalProperties": true }),
            })]),
            "read_only" => self.hidden("readOnly"),
            "write_only" => self.hidden("writeOnly"),
            "required" => self.unrequired(&spot).map(|action| vec![action]),
            _ => {
                let present = keywords(what).iter().filter(|keyword| spot.has(keyword));
                let removed: Vec<_> = present
                    .map(|keyword| spot.member(keyword).change(Change::Remove))
                    .collect();
                (!removed.is_empty()).then_some(removed)
            }
        }
    }

    fn by_hand(&self) -> String {
        let (control, what) = (self.line.code.split('.').next(), self.line.code.rsplit('.').next());
        let told = match (control, what) {
            (Some("url"), _) => {
                "no contract permits it: send the secret in a header or the body, or set \
                 `x-portcullis: {modes: {url_secrets: off}}` at the operation"
            }
            (Some("rate"), _) => "raise `requests` or `burst` of the limit in `rate_limits`",
            (_, Some("jwt")) => {
                "take the claims out of the token, or set `sensitive_claims` in `x-portcullis` at the operation"
            }
            (_, Some("stack_trace")) => "let the service answer errors without its internals",
            (_, Some("oversize")) => "raise `body_bytes_max` of `response` in `x-portcullis`",
            (_, Some("syntax" | "encoding" | "number" | "duplicate" | "depth" | "members" | "budget")) => {
                "no contract permits it: correct the sender, or set `x-portcullis: {modes: {contract_in: off}}` at the \
                 operation (`contract_out` for an answer)"
            }
            (_, Some("media_type")) => "send another media type: forms, multipart and XML are not read in this version",
            (_, Some("undeclared")) => "declare it: its name is not kept, because it does not look like one",
            _ if self.at(self.span()).is_none() => "the contract has changed since: observe again",
            _ => "no single line permits it: widen the schema by hand",
        };
        told.to_owned()
    }
}

/// A change, and the file that it is in.
type Located = (FileId, Action);

/// A node of the contract.
struct Spot<'l> {
    target: Target,
    node: &'l Node,
}

impl Spot<'_> {
    fn has(&self, keyword: &str) -> bool {
        self.node.get(keyword).is_some()
    }

    fn member(&self, name: &str) -> Self {
        Self {
            target: self.target.member(name),
            node: self.node,
        }
    }

    fn equal(&self, text: &str) -> Self {
        Self {
            target: self.target.equal(text),
            node: self.node,
        }
    }

    fn merge(&self, members: Value) -> Located {
        self.change(Change::Merge(members))
    }

    fn change(&self, change: Change) -> Located {
        let target = self.target.clone();
        (self.node.span.file, Action { target, change })
    }
}

/// The keywords whose violation has this word.
fn keywords(what: &str) -> &'static [&'static str] {
    match what {
        "type" => &["type"],
        "enum" => &["enum", "const"],
        "range" => &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "format"],
        "multiple_of" => &["multipleOf"],
        "length" => &["minLength", "maxLength"],
        "pattern" => &["pattern"],
        "format" => &["format"],
        "count" => &["minItems", "maxItems", "minProperties", "maxProperties"],
        "unique" => &["uniqueItems"],
        "contains" => &["contains", "minContains", "maxContains"],
        "property_name" => &["propertyNames"],
        "dependent" => &["dependentRequired"],
        "not" => &["not"],
        _ => &[],
    }
}
