//! The tree of a parsed file. Numbers keep their spelling; every value and every member name keeps its place.

use indexmap::IndexMap;

use super::problem::Span;

/// A value and the place where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it begins.
    pub span: Span,
}

/// A JSON value (YAML is read by its JSON schema: no dates, no binaries, no custom tags).
#[derive(Clone, Debug)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number in JSON's spelling (RFC 8259 §6), never `.inf` or `.nan`.
    Number(Box<str>),
    /// A string.
    String(Box<str>),
    /// An array.
    Array(Vec<Node>),
    /// An object; member names are unique, in the order written.
    Object(Object),
}

/// The members of an object, in the order written.
#[derive(Clone, Debug, Default)]
pub struct Object {
    /// Member name to value.
    pub members: IndexMap<Box<str>, Member>,
}

/// One member of an object.
#[derive(Clone, Debug)]
pub struct Member {
    /// Where the name stands.
    pub name_span: Span,
    /// The value.
    pub value: Node,
}

impl Object {
    /// The value of a member.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.members.get(name).map(|member| &member.value)
    }

    /// Names and values, in the order written.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.members.iter().map(|(name, member)| (&**name, &member.value))
    }
}

impl Node {
    /// The value of a member, if this is an object that has it.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.as_object().and_then(|object| object.get(name))
    }

    /// The object, if it is one.
    pub fn as_object(&self) -> Option<&Object> {
        match &self.value {
            Value::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The elements, if it is an array.
    pub fn as_array(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The text, if it is a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match &self.value {
            Value::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// The spelling, if it is a number.
    pub fn as_number(&self) -> Option<&str> {
        match &self.value {
            Value::Number(spelling) => Some(spelling),
            _ => None,
        }
    }

    /// The word for this kind of value in a message.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        }
    }
}
