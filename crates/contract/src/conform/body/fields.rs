//! How each property of a form is written: by `encoding` where it says so, else by what its schema asks for (OpenAPI 3.1
//! §4.8.15; its 3.1.1 and 3.0.4 say the defaults most clearly).

use std::borrow::Cow;

use crate::conform::json::{Program, SchemaId, TypeSet};
use crate::conform::media_type::{Kind, MediaType};
use crate::conform::parameter::{Encoding, Location, Parameter, Sensitivity, Style};
use crate::document::Span;

/// What `encoding` says of one property.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) name: Box<str>,
    /// `contentType`, at its commas.
    pub(crate) content_types: Vec<MediaType>,
    /// `style` and `explode`, if either is there.
    pub(crate) style: Option<(Style, bool)>,
    /// `headers`
    pub(crate) headers: Vec<Parameter>,
    pub(crate) span: Span,
}

/// How a form is read as an object.
#[derive(Clone, Debug)]
pub struct Fields {
    /// What the object has to keep.
    pub schema: SchemaId,
    /// A schema that allows everything.
    pub(super) anything: SchemaId,
    /// The declared properties, as if they stood in a query.
    pub(super) parameters: Vec<Parameter>,
    /// In the same order.
    pub(super) rules: Vec<Rule>,
}

/// What a property's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Text that may spell a number or a truth value.
    Text,
    /// JSON.
    Json,
    /// Bytes, such as those of a file.
    Bytes,
    /// What its sender says it is: the schema allows everything.
    Sent,
}

/// How one property is read beyond its text.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) holds: Holds,
    /// Whether `encoding` asks for a style, so that a value is text whatever it holds.
    pub(super) styled: bool,
    /// The media types that a part may have; empty: by what it holds.
    pub(super) types: Vec<MediaType>,
    /// The header fields that a part may have.
    pub(super) headers: Vec<Parameter>,
    /// Least and most bytes, where it holds bytes.
    pub(super) length: (usize, Option<usize>),
    /// Whether it may occur several times.
    pub(super) repeats: bool,
    /// Whether it is an array and nothing else, so that even one occurrence is.
    pub(super) is_list: bool,
}

impl Rule {
    fn new(program: &Program, schema: SchemaId, written: Option<&Written>) -> Self {
        let types = program.types(schema);
        let repeats = types.contains(TypeSet::ARRAY);
        let item = match program.item(schema, 0) {
            Some(item) if repeats && !program.is_any(schema) => item,
            _ => schema,
        };
        let carried = program.carried(item).and_then(|carried| carried.media_type.as_deref());
        let content_types = match written {
            Some(written) if !written.content_types.is_empty() => written.content_types.clone(),
            _ => carried.and_then(MediaType::parse).into_iter().collect(),
        };
        Self {
            holds: holds(program, schema),
            styled: written.is_some_and(|written| written.style.is_some()),
            types: content_types,
            headers: written.map(|written| written.headers.clone()).unwrap_or_default(),
            length: program.length(item),
            repeats,
            is_list: types.union(TypeSet::NULL) == TypeSet::ARRAY.union(TypeSet::NULL),
        }
    }

    /// Whether a field of a form without parts is JSON, and not text by a style.
    pub(super) fn is_json(&self) -> bool {
        if self.styled {
            return false;
        }
        let json = |found: &MediaType| found.kind() == Kind::Json;
        match self.types.as_slice() {
            [] => self.holds == Holds::Json,
            types => types.iter().all(json),
        }
    }
}

impl Fields {
    /// Settles how the properties of a schema are written. What is wrong with an encoding is added to `problems`.
    pub(crate) fn new(
        program: &Program,
        schema: SchemaId,
        anything: SchemaId,
        written: Vec<Written>,
        problems: &mut Vec<(Span, String)>,
    ) -> Self {
        let mut fields = Self {
            schema,
            anything,
            parameters: Vec::new(),
            rules: Vec::new(),
        };
        for (name, property) in program.properties(schema) {
            let written = written.iter().find(|written| *written.name == *name);
            fields.add(program, name, property, written);
        }
        for unknown in written {
            let known = fields.parameters.iter().any(|parameter| parameter.name == unknown.name);
            match program.property(schema, &unknown.name) {
                _ if known => {}
                Some(property) => fields.add(program, &unknown.name, property, Some(&unknown)),
                None => problems.push((
                    unknown.span,
                    format!(
                        "the schema has no property `{}`, so this encoding says nothing",
                        unknown.name
                    ),
                )),
            }
        }
        fields
    }

    fn add(&mut self, program: &Program, name: &str, schema: SchemaId, written: Option<&Written>) {
        let rule = Rule::new(program, schema, written);
        let style = written.and_then(|written| written.style);
        let (style, explode) = style.unwrap_or((Style::Form, true));
        let encoding = if rule.is_json() {
            Encoding::Json(schema)
        } else {
            Encoding::Style { style, explode, schema }
        };
        self.parameters.push(field(name, encoding, program.span(schema)));
        self.rules.push(rule);
    }

    /// The rule and the parameter of a property that is not declared by name.
    pub(super) fn other(&self, program: &Program, name: &str) -> (Rule, Parameter) {
        let schema = super::schema_of(program, self, name);
        let encoding = Encoding::Style {
            style: Style::Form,
            explode: true,
            schema,
        };
        let parameter = field(name, encoding, program.span(schema));
        (Rule::new(program, schema, None), parameter)
    }

    /// The properties that hold bytes, each with the media types that its parts may have.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[MediaType])> {
        let named = self.parameters.iter().zip(&self.rules);
        let files = named.filter(|(_, rule)| rule.holds == Holds::Bytes);
        files.map(|(parameter, rule)| (&*parameter.name, rule.types.as_slice()))
    }

    /// The declared name at an index.
    pub(super) fn name(&self, index: Option<usize>) -> Option<&str> {
        Some(&self.parameters.get(index?)?.name)
    }

    /// The rule at an index, or the one for a name that is not declared.
    pub(super) fn rule(&self, program: &Program, index: Option<usize>, name: &str) -> Cow<'_, Rule> {
        match index.and_then(|index| self.rules.get(index)) {
            Some(rule) => Cow::Borrowed(rule),
            None => Cow::Owned(self.other(program, name).0),
        }
    }
}

fn field(name: &str, encoding: Encoding, span: Span) -> Parameter {
    Parameter {
        name: name.into(),
        location: Location::Query,
        required: false,
        allow_empty: false,
        encoding,
        sensitivity: Sensitivity::None,
        span,
    }
}

fn holds(program: &Program, schema: SchemaId) -> Holds {
    let scalars = TypeSet::STRING.union(TypeSet::NUMBER).union(TypeSet::BOOLEAN);
    let types = program.types(schema);
    if program.carried(schema).is_some() {
        return Holds::Bytes;
    }
    if program.is_any(schema) {
        return Holds::Sent;
    }
    let scalar = types.intersects(scalars);
    if types.contains(TypeSet::ARRAY) && !types.contains(TypeSet::OBJECT) && !scalar {
        return match program.item(schema, 0) {
            Some(item) if program.types(item).contains(TypeSet::ARRAY) && !program.is_any(item) => Holds::Json,
            Some(item) => holds(program, item),
            None => Holds::Sent,
        };
    }
    match (scalar, types.intersects(TypeSet::OBJECT.union(TypeSet::ARRAY))) {
        (true, false) => Holds::Text,
        (true, true) => Holds::Sent,
        (false, _) => Holds::Json,
    }
}
