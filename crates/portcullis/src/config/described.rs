//! Who is described in a configuration, whatever is wrong with the description. What the schema refuses is told at its own
//! place and taken out; a name that leads there is right, and a second error for it would lead away from the first.

use std::collections::BTreeMap;

use portcullis_contract::document::{Node, Value};

/// The sections whose entries others name.
const SECTIONS: [&str; 4] = ["issuers", "users", "signers", "client_certificates"];

/// What the file describes, as it was written.
#[derive(Debug, Default)]
pub(super) struct Described {
    sections: BTreeMap<&'static str, Names>,
    /// Whether anything is said of the gate's own credentials.
    pub(super) credentials: bool,
    /// Whether anything is said of relations.
    pub(super) relations: bool,
}

#[derive(Debug)]
enum Names {
    /// These.
    These(Vec<Box<str>>),
    /// They cannot be told.
    Unknown,
}

impl Described {
    /// Reads the tree before anything is taken out of it.
    pub(super) fn of(root: &Node) -> Self {
        let section = |name: &'static str| Some((name, Names::of(root.get(name)?)));
        Self {
            sections: SECTIONS.into_iter().filter_map(section).collect(),
            credentials: root.get("credentials").is_some(),
            relations: root.get("relations").is_some(),
        }
    }

    /// Whether a section may describe somebody of this name.
    pub(super) fn has(&self, section: &str, name: &str) -> bool {
        match self.sections.get(section) {
            Some(Names::These(names)) => names.iter().any(|known| **known == *name),
            Some(Names::Unknown) => true,
            None => false,
        }
    }

    /// The names in a section.
    pub(super) fn names(&self, section: &str) -> Vec<&str> {
        match self.sections.get(section) {
            Some(Names::These(names)) => names.iter().map(|name| &**name).collect(),
            Some(Names::Unknown) | None => Vec::new(),
        }
    }
}

impl Names {
    fn of(section: &Node) -> Self {
        let Value::Array(entries) = &section.value else {
            return Self::Unknown;
        };
        let name = |entry: &Node| entry.get("name")?.as_str().map(Box::from);
        let names: Option<Vec<_>> = entries.iter().map(name).collect();
        names.map_or(Self::Unknown, Self::These)
    }
}
