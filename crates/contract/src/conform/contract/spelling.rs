//! Members that OpenAPI does not know: a misspelt `requestBody` would silently check less than its author thinks, so each
//! is a warning that stands at the name.

use super::Builder;
use crate::document::{Object, Place, Problem, Severity, Span};

/// Which members an object of OpenAPI 3.0 and 3.1 may have (sections 4.8.9, 4.8.10, 4.8.12, 4.8.13 and 4.8.14 of 3.1).
#[derive(Clone, Copy)]
pub(super) enum Shape {
    PathItem,
    Operation,
    Parameter,
    RequestBody,
    MediaType,
}

impl Shape {
    const fn name(self) -> &'static str {
        match self {
            Self::PathItem => "a path",
            Self::Operation => "an operation",
            Self::Parameter => "a parameter",
            Self::RequestBody => "a request body",
            Self::MediaType => "a media type",
        }
    }

    const fn members(self) -> &'static [&'static str] {
        match self {
            Self::PathItem => &[
                "get",
                "put",
                "post",
                "delete",
                "options",
                "head",
                "patch",
                "trace",
                "$ref",
                "summary",
                "description",
                "servers",
                "parameters",
            ],
            Self::Operation => &[
                "tags",
                "summary",
                "description",
                "externalDocs",
                "operationId",
                "parameters",
                "requestBody",
                "responses",
                "callbacks",
                "deprecated",
                "security",
                "servers",
            ],
            Self::Parameter => &[
                "name",
                "in",
                "description",
                "required",
                "deprecated",
                "allowEmptyValue",
                "style",
                "explode",
                "allowReserved",
                "schema",
                "example",
                "examples",
                "content",
                "$ref",
                "summary",
            ],
            Self::RequestBody => &["description", "content", "required", "$ref", "summary"],
            Self::MediaType => &["schema", "example", "examples", "encoding"],
        }
    }
}

impl<'d> Builder<'d> {
    /// Warns of every member that such an object does not have.
    pub(super) fn spell(&mut self, place: Place<'d>, shape: Shape) {
        let Some(object) = place.node.as_object() else { return };
        for (name, at) in unknown(object, shape.members()) {
            let message = format!(
                "`{name}` is no member of {} in OpenAPI, so it says nothing",
                shape.name()
            );
            let help =
                nearest(name, shape.members()).map_or_else(String::new, |known| format!("did you mean `{known}`?"));
            self.problems.push(Problem {
                severity: Severity::Warning,
                help,
                ..self.document.problem(at, message)
            });
        }
    }
}

/// The members that are neither known nor extensions, and where their names stand.
fn unknown<'o>(object: &'o Object, known: &[&str]) -> Vec<(&'o str, Span)> {
    let members = object.members.iter();
    members
        .filter(|(name, _)| !name.starts_with("x-") && !known.contains(&&***name))
        .map(|(name, member)| (&**name, member.name_span))
        .collect()
}

/// The known name that a misspelt one is likely to mean: at most two letters apart.
pub(crate) fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let distances = known.iter().map(|known| (distance(name, known), *known));
    let (distance, nearest) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= 2 && distance * 2 < nearest.len()).then_some(nearest)
}

/// How many letters have to be changed, left out or put in (Levenshtein's distance).
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (index, a) in left.chars().enumerate() {
        let mut diagonal = index;
        let mut before = index + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(right.chars()) {
            let cost = diagonal + usize::from(a != b);
            diagonal = *cell;
            before = cost.min(diagonal + 1).min(before + 1);
            *cell = before;
        }
        if let Some(first) = row.first_mut() {
            *first = index + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_names_are_recognised() {
        let check = |name: &str, expected: Option<&str>| {
            assert_eq!(nearest(name, Shape::Operation.members()), expected, "{name}");
        };
        check("requestBdy", Some("requestBody"));
        check("respones", Some("responses"));
        check("operationID", Some("operationId"));
        check("tag", Some("tags"));
        check("frobnicate", None);
        assert_eq!(nearest("gett", Shape::PathItem.members()), Some("get"));
        assert_eq!(
            (distance("", "abc"), distance("kitten", "sitting"), distance("a", "a")),
            (3, 3, 0)
        );
    }
}
