//! Versions of one API that count together: which of their operations are the same to rate limits.

use std::collections::HashMap;

use portcullis_contract::conform::operation::Operation;

/// The names under which the operations of each API, or of its versions together, are counted.
#[derive(Default)]
pub(crate) struct Versions(HashMap<(String, String), String>);

impl Versions {
    /// The name under which an operation is counted in `api`, which several versions name. The same `operationId`, or else the
    /// same method and path whatever its parameters are called, is the same operation.
    pub(crate) fn name(&mut self, api: &str, declared: &Operation) -> String {
        let key = |what: &str| (api.to_owned(), what.to_owned());
        let id = declared.id.as_deref().map(key);
        let place = key(&format!("{} {}", declared.method, nameless(&declared.template)));
        let known = id.as_ref().and_then(|id| self.0.get(id)).or_else(|| self.0.get(&place));
        let name = known.cloned().unwrap_or_else(|| declared.name().into_owned());
        for key in id.into_iter().chain([place]) {
            self.0.entry(key).or_insert_with(|| name.clone());
        }
        name
    }
}

/// Whether two operations, each of its own version, are the same.
pub(crate) fn are_same(one: &Operation, other: &Operation) -> bool {
    let same_id = one.id.is_some() && one.id == other.id;
    same_id || (one.method == other.method && nameless(&one.template) == nameless(&other.template))
}

/// A path template without the names of its parameters.
fn nameless(template: &str) -> String {
    let mut within = false;
    let kept = |letter: &char| {
        let named = within && *letter != '}';
        within = *letter == '{' || named;
        !named
    };
    template.chars().filter(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_parameters_tell_nothing_apart() {
        for (template, expected) in [
            ("/things", "/things"),
            ("/things/{id}", "/things/{}"),
            ("/a{x}-{y}/b", "/a{}-{}/b"),
            ("/{a}{", "/{}{"),
        ] {
            assert_eq!(nameless(template), expected);
        }
    }
}
