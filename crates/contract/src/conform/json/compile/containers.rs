//! The keywords of arrays and objects.

use std::collections::HashSet;

use super::super::keys::KeyTable;
use super::super::program::{Additional, ArrayRules, Contains, Direction, ObjectRules, PatternProperty, Property};
use super::super::violation::Code;
use super::{At, Compiler};
use crate::document::{Dialect, Node, Object, Place, Value};

/// In how many schemas behind one property `readOnly` and `writeOnly` are looked for.
const HIDDEN_SCHEMAS_MAX: usize = 10_000;

impl<'d> Compiler<'d> {
    pub(super) fn arrays(&mut self, at: At<'d>, object: &'d Object) -> Option<Box<ArrayRules>> {
        let mut rules = ArrayRules {
            items_min: self.count(object, "minItems").unwrap_or(0),
            items_max: self.count(object, "maxItems"),
            unique: object.get("uniqueItems").and_then(Node::as_bool) == Some(true),
            ..ArrayRules::default()
        };
        self.items(at, object, &mut rules);
        if self.modern()
            && let Some(node) = object.get("contains")
        {
            let min = self.count(object, "minContains").unwrap_or(1);
            let max = self.count(object, "maxContains");
            rules.contains = Some(Contains {
                schema: self.below(at, node),
                min,
                max,
                evaluates: true,
            });
        }
        let keywords = [
            "minItems",
            "maxItems",
            "uniqueItems",
            "items",
            "prefixItems",
            "additionalItems",
            "contains",
        ];
        let said = is_type(object, "array") || keywords.iter().any(|keyword| object.get(keyword).is_some());
        said.then(|| Box::new(rules))
    }

    fn items(&mut self, at: At<'d>, object: &'d Object, rules: &mut ArrayRules) {
        if self.modern() {
            let prefix = object.get("prefixItems").and_then(Node::as_array).unwrap_or_default();
            rules.prefix = prefix.iter().map(|node| self.below(at, node)).collect();
            rules.items = object.get("items").map(|node| self.below(at, node));
            return;
        }
        match object.get("items").map(|node| (node, node.as_array())) {
            Some((_, Some(prefix))) => {
                rules.prefix = prefix.iter().map(|node| self.below(at, node)).collect();
                rules.items = object.get("additionalItems").map(|node| self.below(at, node));
            }
            Some((node, None)) => rules.items = Some(self.below(at, node)),
            None => {}
        }
    }

    pub(super) fn objects(&mut self, at: At<'d>, object: &'d Object) -> Option<Box<ObjectRules>> {
        const KEYWORDS: [&str; 9] = [
            "properties",
            "patternProperties",
            "additionalProperties",
            "required",
            "minProperties",
            "maxProperties",
            "propertyNames",
            "dependentRequired",
            "dependencies",
        ];
        if !is_type(object, "object") && !KEYWORDS.iter().any(|keyword| object.get(keyword).is_some()) {
            return None;
        }
        let mut properties = self.properties(at, object);
        let required = self.required(object, &mut properties);
        let dependent = self.dependent(object, &mut properties);
        let mut rules = self.object_rules(properties, &required);
        rules.dependent = dependent;
        rules.patterns = self.pattern_properties(at, object);
        rules.additional = self
            .additional(at, object, "additionalProperties")
            .unwrap_or(Additional::Unsaid);
        if let (Additional::Keeps(_), Some(node)) = (rules.additional, object.get("additionalProperties")) {
            rules.additional_hidden = self.hidden(self.document.child(at.place, node), at.direction);
        }
        rules.properties_min = self.count(object, "minProperties").unwrap_or(0);
        rules.properties_max = self.count(object, "maxProperties");
        if self.modern() {
            rules.names = object.get("propertyNames").map(|node| self.below(at, node));
        }
        Some(Box::new(rules))
    }

    /// Rules that only ask for one property to be there.
    pub(super) fn requiring(&mut self, name: &str) -> ObjectRules {
        self.object_rules(
            vec![Property {
                name: name.into(),
                schema: None,
                hidden: None,
            }],
            &[0],
        )
    }

    pub(super) fn object_rules(&mut self, properties: Vec<Property>, required: &[usize]) -> ObjectRules {
        let mut bits = vec![0_u64; properties.len().div_ceil(64)];
        for index in required {
            if let Some(word) = bits.get_mut(index / 64) {
                *word |= 1 << (index % 64);
            }
        }
        let names_from = self.names;
        self.names += properties.len() + 1;
        ObjectRules {
            keys: KeyTable::new(properties.iter().map(|property| &*property.name)),
            properties,
            patterns: Vec::new(),
            additional: Additional::Unsaid,
            additional_hidden: None,
            required: bits.into(),
            properties_min: 0,
            properties_max: None,
            names: None,
            dependent: Vec::new(),
            names_from,
        }
    }

    fn properties(&mut self, at: At<'d>, object: &'d Object) -> Vec<Property> {
        match object.get("properties").map(|node| (node, node.as_object())) {
            None => Vec::new(),
            Some((_, Some(members))) => members
                .iter()
                .map(|(name, node)| self.declare(at, name, node))
                .collect(),
            Some((node, None)) => {
                self.problem(
                    node.span,
                    format!("`properties` has to be an object, not {}", node.kind()),
                );
                Vec::new()
            }
        }
    }

    fn declare(&mut self, at: At<'d>, name: &str, node: &'d Node) -> Property {
        let place = self.document.child(at.place, node);
        let hidden = self.hidden(place, at.direction);
        Property {
            name: name.into(),
            schema: Some(self.schema(place, at.direction)),
            hidden,
        }
    }

    /// Whether the direction hides the property: its schema says so, or one that it refers to, one of its branches, or
    /// that of its items.
    fn hidden(&mut self, place: Place<'d>, direction: Direction) -> Option<Code> {
        let (keyword, code) = match direction {
            Direction::Request => ("readOnly", Code::ReadOnly),
            Direction::Response => ("writeOnly", Code::WriteOnly),
        };
        let (mut ahead, mut seen) = (vec![place], HashSet::new());
        while let Some(place) = ahead.pop() {
            let Some(object) = place.node.as_object() else { continue };
            if object.get(keyword).and_then(Node::as_bool) == Some(true) {
                return Some(code);
            }
            let from = ahead.len();
            let target = object.get("$ref").and_then(Node::as_str);
            ahead.extend(target.and_then(|reference| self.document.resolve(place, reference).ok()));
            for keyword in ["allOf", "anyOf", "oneOf", "prefixItems", "items"] {
                let node = object.get(keyword);
                let many = node.and_then(Node::as_array).unwrap_or_default();
                let one = node.filter(|node| node.as_object().is_some());
                ahead.extend(many.iter().chain(one).map(|node| self.document.child(place, node)));
            }
            if ahead.len() > from && !seen.insert(std::ptr::from_ref(place.node).addr()) {
                // It has been looked through already: the schema is recursive.
                ahead.truncate(from);
            }
            if seen.len() > HIDDEN_SCHEMAS_MAX {
                self.problem(place.node.span, format!("`{keyword}` cannot be decided"))
                    .push_help("say it in the property's own schema");
                return None;
            }
        }
        None
    }

    /// The indexes of the required properties; names that nothing declares are added to `properties`.
    fn required(&mut self, object: &'d Object, properties: &mut Vec<Property>) -> Vec<usize> {
        let Some(node) = object.get("required") else {
            return Vec::new();
        };
        // Draft 3 and many parameters say `required: true`; it means nothing in a schema.
        let Value::Array(names) = &node.value else {
            if node.as_bool().is_none() {
                self.problem(
                    node.span,
                    format!("`required` has to be an array of names, not {}", node.kind()),
                );
            }
            return Vec::new();
        };
        let mut indexes = Vec::new();
        for name in names.iter().filter_map(Node::as_str) {
            let index = index_of(properties, name);
            // What the direction hides cannot be asked for in that direction (OpenAPI 3.0.4 §4.7.24, 3.1 likewise).
            if properties.get(index).is_some_and(|property| property.hidden.is_none()) {
                indexes.push(index);
            }
        }
        indexes
    }

    fn dependent(&mut self, object: &'d Object, properties: &mut Vec<Property>) -> Vec<(usize, Vec<usize>)> {
        let keyword = match self.document.dialect() {
            Dialect::Draft202012 => "dependentRequired",
            Dialect::Draft4 => "dependencies",
            Dialect::OpenApi20 | Dialect::OpenApi30 => return Vec::new(),
        };
        let entries = object.get(keyword).and_then(Node::as_object);
        let lists = entries
            .into_iter()
            .flat_map(Object::iter)
            .filter_map(|(name, node)| Some((name, node.as_array()?)));
        lists
            .map(|(name, others)| {
                let others = others
                    .iter()
                    .filter_map(Node::as_str)
                    .map(|other| index_of(properties, other))
                    .collect();
                (index_of(properties, name), others)
            })
            .collect()
    }

    fn pattern_properties(&mut self, at: At<'d>, object: &'d Object) -> Vec<PatternProperty> {
        if matches!(self.document.dialect(), Dialect::OpenApi20 | Dialect::OpenApi30) {
            return Vec::new();
        }
        let Some(members) = object.get("patternProperties").and_then(Node::as_object) else {
            return Vec::new();
        };
        let mut patterns = Vec::new();
        for (source, node) in members.iter() {
            let schema = self.below(at, node);
            let hidden = self.hidden(self.document.child(at.place, node), at.direction);
            patterns.extend(self.pattern(schema, source, node.span).map(|pattern| PatternProperty {
                pattern,
                schema,
                hidden,
            }));
        }
        patterns
    }

    /// `additionalProperties` and the `unevaluated` keywords.
    pub(super) fn additional(&mut self, at: At<'d>, object: &'d Object, keyword: &str) -> Option<Additional> {
        let node = object.get(keyword)?;
        Some(match &node.value {
            Value::Bool(true) => Additional::Any,
            Value::Bool(false) => Additional::Forbidden,
            Value::Object(members) if members.members.is_empty() => Additional::Any,
            _ => Additional::Keeps(self.below(at, node)),
        })
    }
}

fn is_type(object: &Object, name: &str) -> bool {
    object.get("type").is_some_and(|node| match &node.value {
        Value::Array(items) => items.iter().any(|item| item.as_str() == Some(name)),
        _ => node.as_str() == Some(name),
    })
}

fn index_of(properties: &mut Vec<Property>, name: &str) -> usize {
    properties
        .iter()
        .position(|property| *property.name == *name)
        .unwrap_or_else(|| {
            properties.push(Property {
                name: name.into(),
                schema: None,
                hidden: None,
            });
            properties.len() - 1
        })
}
