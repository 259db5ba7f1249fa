//! `type`, `enum`, `const`, and the keywords of numbers and strings.

use std::sync::Arc;

use super::super::canonical;
use super::super::decimal::Decimal;
use super::super::program::{IntegerRange, NumberRules, Schema, SchemaId, StringRules, TypeSet, Values};
use super::{Compiler, Note, NoteKind};
use crate::conform::format::Format;
use crate::conform::pattern::{Engine, Pattern};
use crate::document::{Dialect, Node, Object, Span, Value};

impl<'d> Compiler<'d> {
    pub(super) fn types(&mut self, object: &'d Object) -> TypeSet {
        let Some(node) = object.get("type") else {
            return TypeSet::ALL;
        };
        let mut types = match &node.value {
            Value::String(_) => self.type_named(node),
            Value::Array(items) => items
                .iter()
                .fold(TypeSet::NONE, |set, item| set.union(self.type_named(item))),
            _ => {
                self.problem(
                    node.span,
                    format!("`type` has to be a string or an array of strings, not {}", node.kind()),
                );
                TypeSet::NONE
            }
        };
        let nullable = match self.document.dialect() {
            Dialect::OpenApi20 => object.get("x-nullable"),
            Dialect::OpenApi30 => object.get("nullable"),
            Dialect::Draft4 | Dialect::Draft202012 => None,
        };
        if nullable.and_then(Node::as_bool) == Some(true) {
            types = types.union(TypeSet::NULL);
        }
        types
    }

    fn type_named(&mut self, node: &Node) -> TypeSet {
        if let Some(types) = node.as_str().and_then(TypeSet::named) {
            return types;
        }
        let found = node
            .as_str()
            .map_or_else(|| node.kind().to_owned(), |name| format!("`{name}`"));
        self.problem(node.span, format!("{found} is not a type"))
            .push_help("use null, boolean, integer, number, string, array or object");
        TypeSet::NONE
    }

    pub(super) fn values(&mut self, object: &'d Object) -> Option<Box<Values>> {
        let constant = object.get("const").filter(|_| self.modern());
        let listed = match object.get("enum").map(|node| (node, node.as_array())) {
            None => None,
            Some((_, Some(items))) => Some(items.iter().collect::<Vec<_>>()),
            Some((node, None)) => {
                self.problem(node.span, format!("`enum` has to be an array, not {}", node.kind()));
                None
            }
        };
        let allowed: Vec<&Node> = match (constant, listed) {
            (None, None) => return None,
            (Some(constant), None) => vec![constant],
            (None, Some(listed)) => listed,
            (Some(constant), Some(listed)) => {
                let form = canonical::of_node(constant);
                listed
                    .into_iter()
                    .filter(|node| canonical::of_node(node) == form)
                    .collect()
            }
        };
        let plain = |node: &&&Node| {
            node.as_str()
                .filter(|text| !text.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\'))
                .is_some()
        };
        let strings = allowed
            .iter()
            .filter(plain)
            .filter_map(|node| node.as_str())
            .map(|text| text.as_bytes().into())
            .collect();
        let canonical = allowed.iter().map(|node| canonical::of_node(node).into()).collect();
        Some(Box::new(Values { strings, canonical }))
    }

    pub(super) fn numbers(&mut self, id: SchemaId, object: &'d Object, schema: &mut Schema) {
        let mut rules = NumberRules::default();
        let (low, high) = (self.decimal(object, "minimum"), self.decimal(object, "maximum"));
        if self.modern() {
            let (above, below) = (
                self.decimal(object, "exclusiveMinimum"),
                self.decimal(object, "exclusiveMaximum"),
            );
            for bound in [low.map(|low| (low, false)), above.map(|above| (above, true))]
                .into_iter()
                .flatten()
            {
                rules.at_least(bound);
            }
            for bound in [high.map(|high| (high, false)), below.map(|below| (below, true))]
                .into_iter()
                .flatten()
            {
                rules.at_most(bound);
            }
        } else {
            let excluded = |keyword| object.get(keyword).and_then(Node::as_bool) == Some(true);
            rules.min = low.map(|low| (low, excluded("exclusiveMinimum")));
            rules.max = high.map(|high| (high, excluded("exclusiveMaximum")));
        }
        if let Some(divisor) = self.decimal(object, "multipleOf") {
            if divisor > Decimal::from(0) {
                rules.multiple_of.push(divisor);
            } else {
                self.problem(
                    object.get("multipleOf").map(|node| node.span).unwrap_or_default(),
                    "`multipleOf` has to be above zero",
                );
            }
        }
        self.numeric_format(id, object, schema.types, &mut rules);
        schema.integers = rules.integers();
        let empty = rules.min.is_none() && rules.max.is_none() && rules.multiple_of.is_empty();
        schema.number = (!empty).then(|| Box::new(rules));
    }

    /// The numeric formats of the OpenAPI format registry. `double` holds for whatever the scanner accepts.
    fn numeric_format(&mut self, _: SchemaId, object: &'d Object, types: TypeSet, rules: &mut NumberRules) {
        let name = object
            .get("format")
            .and_then(Node::as_str)
            .filter(|_| self.assert_formats);
        let limits = match name {
            Some("int32") => (Decimal::from(i64::from(i32::MIN)), Decimal::from(i64::from(i32::MAX))),
            Some("int64") => (Decimal::from(i64::MIN), Decimal::from(i64::MAX)),
            Some("float") => match (Decimal::parse(b"-3.4028235e38"), Decimal::parse(b"3.4028235e38")) {
                (Some(min), Some(max)) => (min, max),
                _ => return,
            },
            _ => return,
        };
        if types.intersects(TypeSet::NUMBER) {
            rules.at_least((limits.0, false));
            rules.at_most((limits.1, false));
        }
    }

    fn decimal(&mut self, object: &'d Object, keyword: &str) -> Option<Decimal> {
        let node = object.get(keyword)?;
        let decimal = node
            .as_number()
            .and_then(|spelling| Decimal::parse(spelling.as_bytes()));
        if decimal.is_none() {
            let found = node
                .as_number()
                .map_or_else(|| node.kind().to_owned(), |spelling| format!("`{spelling}`"));
            self.problem(
                node.span,
                format!("`{keyword}` has to be a number of at most 38 digits, not {found}"),
            );
        }
        decimal
    }

    pub(super) fn count(&mut self, object: &'d Object, keyword: &str) -> Option<usize> {
        let node = object.get(keyword)?;
        let whole = node
            .as_number()
            .and_then(|spelling| Decimal::parse(spelling.as_bytes()))
            .filter(|value| value.is_integer());
        let Some(whole) = whole.filter(|value| *value >= Decimal::from(0)) else {
            self.problem(
                node.span,
                format!("`{keyword}` has to be a whole number that is not negative"),
            );
            return None;
        };
        Some(
            whole
                .to_i64()
                .and_then(|count| usize::try_from(count).ok())
                .unwrap_or(usize::MAX),
        )
    }

    pub(super) fn strings(&mut self, id: SchemaId, object: &'d Object) -> Option<Box<StringRules>> {
        let mut rules = StringRules {
            length_min: self.count(object, "minLength").unwrap_or(0),
            length_max: self.count(object, "maxLength"),
            ..StringRules::default()
        };
        if let Some(node) = object.get("pattern") {
            match node.as_str() {
                Some(source) => rules.patterns.extend(self.pattern(id, source, node.span)),
                None => drop(self.problem(node.span, format!("`pattern` has to be a string, not {}", node.kind()))),
            }
        }
        if let Some(name) = object
            .get("format")
            .and_then(Node::as_str)
            .filter(|_| self.assert_formats)
        {
            match Format::parse(name) {
                Some(format) => rules.formats.push(format),
                None => self.note_format(id, object, name),
            }
        }
        let empty = rules.length_min == 0
            && rules.length_max.is_none()
            && rules.patterns.is_empty()
            && rules.formats.is_empty();
        (!empty).then(|| Box::new(rules))
    }

    fn note_format(&mut self, id: SchemaId, object: &'d Object, name: &str) {
        // `binary` and `password` are hints to tools; they exclude no string.
        let judged = matches!(name, "int32" | "int64" | "float" | "double" | "binary" | "password");
        if !judged {
            let span = object.get("format").map(|node| node.span).unwrap_or_default();
            self.notes.push(Note {
                schema: id,
                span,
                kind: NoteKind::UnknownFormat(name.to_owned()),
            });
        }
    }

    fn note_pattern(&mut self, id: SchemaId, source: &str, span: Span, pattern: &Pattern) {
        if pattern.engine() == Engine::Backtracking {
            self.notes.push(Note {
                schema: id,
                span,
                kind: NoteKind::BacktrackingPattern(source.to_owned()),
            });
        }
    }

    /// Compiles a pattern, once for all the places where it stands.
    pub(super) fn pattern(&mut self, id: SchemaId, source: &str, span: Span) -> Option<Arc<Pattern>> {
        if let Some(pattern) = self.patterns.get(source).cloned() {
            self.note_pattern(id, source, span, &pattern);
            return Some(pattern);
        }
        match Pattern::compile(source) {
            Ok(pattern) => {
                self.note_pattern(id, source, span, &pattern);
                let pattern = Arc::new(pattern);
                self.patterns.insert(source.into(), pattern.clone());
                Some(pattern)
            }
            Err(error) => {
                self.problem(span, format!("the pattern `{source}` cannot be used: {error}"))
                    .push_help("patterns are ECMA-262 regular expressions");
                None
            }
        }
    }
}

impl NumberRules {
    pub(super) fn at_least(&mut self, bound: (Decimal, bool)) {
        let tighter = |(old, excluded): (Decimal, bool)| bound.0 > old || (bound.0 == old && bound.1 && !excluded);
        if self.min.is_none_or(tighter) {
            self.min = Some(bound);
        }
    }

    pub(super) fn at_most(&mut self, bound: (Decimal, bool)) {
        let tighter = |(old, excluded): (Decimal, bool)| bound.0 < old || (bound.0 == old && bound.1 && !excluded);
        if self.max.is_none_or(tighter) {
            self.max = Some(bound);
        }
    }

    /// The bounds as they hold for integers of at most 18 digits.
    fn integers(&self) -> IntegerRange {
        let mut range = IntegerRange::default();
        if let Some((min, excluded)) = self.min {
            range.min = min.ceiling().saturating_add(i64::from(excluded && min.is_integer()));
        }
        if let Some((max, excluded)) = self.max {
            range.max = max.floor().saturating_sub(i64::from(excluded && max.is_integer()));
        }
        range
    }
}
