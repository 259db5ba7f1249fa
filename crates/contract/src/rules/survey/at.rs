//! Where something stands, and the JSON Pointer of that.

use std::collections::HashMap;

use crate::document::{Document, Node, Span, Value};

/// Where something stands: at a value, or at the name of a member, which an editor shows more usefully.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct At {
    /// The place.
    pub span: Span,
    /// Whether it is the name of a member.
    pub is_name: bool,
}

impl At {
    /// A value.
    pub fn value(node: &Node) -> Self {
        Self {
            span: node.span,
            is_name: false,
        }
    }

    /// The member of an object, at its name; the object where it has no such member.
    pub fn member(object: &Node, name: &str) -> Self {
        let member = object.as_object().and_then(|object| object.members.get(name));
        member.map_or_else(|| Self::value(object), |member| Self::name(member.name_span))
    }

    /// A name.
    pub fn name(span: Span) -> Self {
        Self { span, is_name: true }
    }
}

/// The JSON Pointers (RFC 6901) of these places, each from the root of its file.
pub fn pointers(document: &Document, wanted: impl IntoIterator<Item = At>) -> HashMap<At, String> {
    let mut finding = Finding {
        found: wanted.into_iter().map(|at| (at, None)).collect(),
        nearly: HashMap::new(),
        pointer: String::new(),
    };
    for root in document.files() {
        finding.visit(root);
    }
    let Finding { found, mut nearly, .. } = finding;
    let pointer =
        |(at, pointer): (At, Option<String>)| (at, pointer.or_else(|| nearly.remove(&at)).unwrap_or_default());
    found.into_iter().map(pointer).collect()
}

struct Finding {
    found: HashMap<At, Option<String>>,
    /// Values where a name was asked for: what a document in OpenAPI 2.0 was lowered to has names there. In YAML an object
    /// begins where its first name does, so these count only where no name is found.
    nearly: HashMap<At, String>,
    pointer: String,
}

impl Finding {
    fn see(&mut self, at: At) {
        if let Some(pointer @ None) = self.found.get_mut(&at) {
            *pointer = Some(self.pointer.clone());
        }
    }

    // The depth of a document is bounded.
    fn visit(&mut self, node: &Node) {
        self.see(At::value(node));
        let as_name = At::name(node.span);
        if let Some(None) = self.found.get(&as_name) {
            self.nearly.entry(as_name).or_insert_with(|| self.pointer.clone());
        }
        let length = self.pointer.len();
        match &node.value {
            Value::Object(object) => {
                for (name, member) in &object.members {
                    self.pointer.push('/');
                    for c in name.chars() {
                        match c {
                            '~' => self.pointer.push_str("~0"),
                            '/' => self.pointer.push_str("~1"),
                            c => self.pointer.push(c),
                        }
                    }
                    self.see(At::name(member.name_span));
                    self.visit(&member.value);
                    self.pointer.truncate(length);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.pointer.push('/');
                    self.pointer.push_str(&index.to_string());
                    self.visit(item);
                    self.pointer.truncate(length);
                }
            }
            _ => {}
        }
    }
}
