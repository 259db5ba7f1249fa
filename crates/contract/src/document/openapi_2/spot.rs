//! A place of the document as it was written, and the reference that leads there.

use super::{Node, Span, Value, uri};

/// The longest reference that is made.
const REFERENCE_BYTES_MAX: usize = 8 << 10;

/// A node, and how it is referred to.
#[derive(Clone, Debug)]
pub(super) struct Spot<'d> {
    pub(super) node: &'d Node,
    /// A place of the file that the reference is relative to.
    pub(super) from: Span,
    reference: String,
}

impl<'d> Spot<'d> {
    pub(super) fn of_root(node: &'d Node) -> Self {
        Self::behind("#", node.span, node)
    }

    /// What a written reference leads to.
    pub(super) fn behind(reference: &str, from: Span, node: &'d Node) -> Self {
        let mut reference = reference.to_owned();
        if uri::split(&reference).1.is_none() {
            reference.push('#');
        }
        Self { node, from, reference }
    }

    /// The reference; nothing if it is too long to be made for everything below.
    pub(super) fn text(&self) -> Option<&str> {
        (self.reference.len() <= REFERENCE_BYTES_MAX).then_some(&*self.reference)
    }

    pub(super) fn member(&self, name: &str) -> Option<Self> {
        self.node.get(name).map(|node| self.below(name, node))
    }

    /// The members, each with the place of its name; extensions are left out.
    pub(super) fn members(&self) -> Vec<(&'d str, Span, Self)> {
        let mut entries = self.entries();
        entries.retain(|(name, ..)| !name.starts_with("x-"));
        entries
    }

    /// The members of a map whose names are free.
    pub(super) fn entries(&self) -> Vec<(&'d str, Span, Self)> {
        let members = self.node.as_object().into_iter().flat_map(|object| &object.members);
        members
            .map(|(name, member)| (&**name, member.name_span, self.below(name, &member.value)))
            .collect()
    }

    pub(super) fn items(&self) -> Vec<Self> {
        let items = self.node.as_array().unwrap_or_default().iter().enumerate();
        items
            .map(|(index, node)| self.below(&index.to_string(), node))
            .collect()
    }

    /// The text of a member.
    pub(super) fn word(&self, name: &str) -> Option<&'d str> {
        self.node.get(name).and_then(Node::as_str)
    }

    /// Whether a member says `true`.
    pub(super) fn says(&self, name: &str) -> bool {
        matches!(
            self.node.get(name),
            Some(Node {
                value: Value::Bool(true),
                ..
            })
        )
    }

    fn below(&self, name: &str, node: &'d Node) -> Self {
        let mut reference = self.reference.clone();
        // Once it is too long, it stays so.
        if reference.len() <= REFERENCE_BYTES_MAX {
            reference.push('/');
            // RFC 6901 §3 and §6.
            reference.push_str(&name.replace('~', "~0").replace('/', "~1").replace('%', "%25"));
        }
        Self {
            node,
            from: self.from,
            reference,
        }
    }
}
