//! One value of a contract: what must hold for it all together, and where it travels.

use super::keyword::{Keyword, Type};
use super::schema::{REQUEST, RESPONSE};
use super::{Role, Schema, Survey, Unit, UnitKind};
use crate::document::Node;

/// A schema that something conforms to, with all that has to hold for it.
#[derive(Clone, Copy, Debug)]
pub struct Value<'s, 'd> {
    /// What it is a part of.
    pub survey: &'s Survey<'d>,
    /// The schema.
    pub schema: &'s Schema<'d>,
}

impl<'s, 'd> Value<'s, 'd> {
    pub(super) fn new(survey: &'s Survey<'d>, schema: &'s Schema<'d>) -> Self {
        Self { survey, schema }
    }

    /// The schema as written, references followed.
    pub fn node(&self) -> &'d Node {
        self.schema.node()
    }

    /// The name of its property, component or parameter; empty where it has none, as items have not.
    pub fn name(&self) -> &'d str {
        self.schema.name
    }

    /// What to call it: its name in backticks, or what it is.
    pub fn label(&self) -> String {
        match self.schema.role {
            _ if !self.schema.name.is_empty() => format!("`{}`", self.schema.name),
            Role::Items | Role::PrefixItem | Role::OtherItems => match self.around() {
                Some(name) => format!("an item of `{name}`"),
                None => "an item".to_owned(),
            },
            Role::OtherProperties => match self.around() {
                Some(name) => format!("any other member of `{name}`"),
                None => "any other member".to_owned(),
            },
            Role::Branch => match self.around() {
                Some(name) => format!("a branch of `{name}`"),
                None => "a branch".to_owned(),
            },
            _ => match &self.unit().kind {
                UnitKind::Named(name) => format!("`{name}`"),
                UnitKind::Body(_) => "the body".to_owned(),
                UnitKind::Answer(_, status) => format!("the answer {status}"),
                UnitKind::Parameter(_, name) | UnitKind::Header(name) | UnitKind::Callback(name) => {
                    format!("`{name}`")
                }
            },
        }
    }

    /// The nearest name around it.
    fn around(&self) -> Option<&'d str> {
        let mut parent = self.schema.parent;
        while let Some(id) = parent {
            let schema = self.survey.schema(id);
            if !schema.name.is_empty() {
                return Some(schema.name);
            }
            parent = schema.parent;
        }
        None
    }

    /// What it stands in.
    pub fn unit(&self) -> &'s Unit<'d> {
        self.survey.unit(self.schema.unit)
    }

    /// Whether callers send it.
    pub fn in_request(&self) -> bool {
        self.schema.mask & REQUEST != 0 && self.unit().requests > 0
    }

    /// Whether it is answered.
    pub fn in_response(&self) -> bool {
        self.schema.mask & RESPONSE != 0 && self.unit().responses > 0
    }

    /// The location and name of the parameter that it is the value of, itself or inside it.
    pub fn parameter(&self) -> Option<(&'d str, &'d str)> {
        match self.unit().kind {
            UnitKind::Parameter(location, name) => Some((location, name)),
            _ => None,
        }
    }

    /// Whether it is the whole of what its unit is: the parameter itself, the body itself.
    pub fn is_root(&self) -> bool {
        self.unit().root == self.schema.id
    }

    /// Whether this keyword holds for it, wherever it is written.
    pub fn has(&self, keyword: Keyword) -> bool {
        self.schema.effective.has(keyword)
    }

    /// Whether one of these keywords holds for it.
    pub fn has_any(&self, keywords: &[Keyword]) -> bool {
        self.schema.effective.has_any(keywords)
    }

    /// Whether it can be nothing but this type, or null.
    pub fn is(&self, one: Type) -> bool {
        self.schema.types.is(one)
    }

    /// Whether nothing is left open: a constant, one of a list, a truth value or null.
    pub fn is_closed(&self) -> bool {
        self.has_any(&[Keyword::Enum, Keyword::Const]) || self.is(Type::Boolean) || self.is(Type::Null)
    }

    /// Whether its branches say what it is, and are values of their own.
    pub fn has_branches(&self) -> bool {
        self.schema.keywords.has_any(&[Keyword::AnyOf, Keyword::OneOf])
    }

    /// What a keyword says, each time that it is written.
    pub fn each(&self, keyword: Keyword) -> impl Iterator<Item = &'d Node> + use<'s, 'd> {
        let survey = self.survey;
        let all = if self.has(keyword) {
            survey.conjuncts(self.schema.id)
        } else {
            Vec::new()
        };
        all.into_iter()
            .filter_map(move |id| survey.schema(id).node().get(keyword.name()))
    }

    /// What a keyword says where it is written first: at the value itself before anything that holds with it.
    pub fn get(&self, keyword: Keyword) -> Option<&'d Node> {
        self.each(keyword).next()
    }

    /// The text of a keyword.
    pub fn text(&self, keyword: Keyword) -> Option<&'d str> {
        self.get(keyword).and_then(Node::as_str)
    }

    /// The smallest number that a keyword says.
    pub fn smallest(&self, keyword: Keyword) -> Option<f64> {
        self.numbers(keyword).reduce(f64::min)
    }

    /// The largest number that a keyword says.
    pub fn largest(&self, keyword: Keyword) -> Option<f64> {
        self.numbers(keyword).reduce(f64::max)
    }

    fn numbers(&self, keyword: Keyword) -> impl Iterator<Item = f64> + use<'s, 'd> {
        let numbers = self.each(keyword).filter_map(Node::as_number);
        numbers.filter_map(|number| number.parse().ok())
    }

    /// The schemas that it leads to in this role, its own and those of everything that holds with it.
    pub fn children(&self, role: Role) -> Vec<Value<'s, 'd>> {
        let survey = self.survey;
        let all = survey.conjuncts(self.schema.id);
        let edges = all.into_iter().flat_map(|id| survey.schema(id).edges.iter());
        let found = edges.filter(|edge| edge.role == role);
        found
            .map(|edge| Value::new(survey, survey.schema(edge.target)))
            .collect()
    }

    /// The names of its properties and where each is declared.
    pub fn properties(&self) -> Vec<(&'d str, Value<'s, 'd>)> {
        let survey = self.survey;
        let mut found = Vec::new();
        for id in survey.conjuncts(self.schema.id) {
            let schema = survey.schema(id);
            let written = schema.node().get("properties").and_then(Node::as_object);
            let names = written.into_iter().flat_map(|object| object.iter());
            let names = names.filter(|(_, node)| node.as_object().is_some() || node.as_bool() == Some(true));
            let edges = schema.edges.iter().filter(|edge| edge.role == Role::Property);
            for ((name, _), edge) in names.zip(edges) {
                found.push((name, Value::new(survey, survey.schema(edge.target))));
            }
        }
        found
    }
}
