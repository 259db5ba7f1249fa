//! What the callers of Natter may do: the policies of its example, from within the program.

use std::collections::BTreeMap;

use portcullis_contract::document::Span;
use serde_json::{Value, json};

use crate::config::authorization::{AttributeKind, Authorization, Rules, SubjectIds};
use crate::config::spanned::Spanned;

/// The overlay's name in problems.
pub(super) const OVERLAY: &str = "natter.overlay.yaml";
/// The file that says who may do what, for people.
pub(super) const POLICIES: &str = "natter.cedar";
const ENTITIES: &str = "natter.entities.json";

/// What the API's `authorization` would say in a configuration.
pub(super) fn authorization() -> Authorization {
    let user = || AttributeKind::Entity("User".to_owned());
    let users = || AttributeKind::Entities("User".to_owned());
    let space = [
        ("owner", user()),
        ("readers", users()),
        ("writers", users()),
        ("moderators", users()),
    ];
    Authorization {
        span: Span::default(),
        policies: vec![in_memory(POLICIES, natter::POLICIES)],
        entities: Some(in_memory(ENTITIES, natter::ENTITIES)),
        resources: BTreeMap::from([
            attributes("Space", space),
            attributes("Message", [("space", AttributeKind::Entity("Space".to_owned()))]),
            attributes("Profile", [("user", user())]),
        ]),
        // The issuer's alice and the alice of an API key are one.
        subject_ids: Some(SubjectIds::Name),
        ..Authorization::default()
    }
}

fn in_memory(name: &'static str, text: &'static str) -> Rules {
    Rules::InMemory { name, text }
}

fn attributes<const MANY: usize>(
    of: &str,
    attributes: [(&str, AttributeKind); MANY],
) -> (String, Spanned<BTreeMap<String, Spanned<AttributeKind>>>) {
    let named = attributes.map(|(name, kind)| (name.to_owned(), nowhere(kind)));
    (of.to_owned(), nowhere(BTreeMap::from(named)))
}

fn nowhere<T>(value: T) -> Spanned<T> {
    let span = Span::default();
    Spanned { value, span }
}

/// How many policies there are.
pub(super) fn count() -> usize {
    natter::POLICIES.matches("\npermit ").count()
}

/// For programs: all that decides, as it stands in the files.
pub(super) fn json() -> Value {
    json!({
        OVERLAY: natter::OVERLAY,
        POLICIES: natter::POLICIES,
        ENTITIES: natter::ENTITIES,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A newcomer reads them in a minute.
    #[test]
    fn policies_are_few_and_short() {
        assert_eq!(count(), natter::POLICIES.matches("@id(").count());
        assert!((5..=12).contains(&count()), "{}", count());
        assert!(natter::POLICIES.lines().count() <= 60);
    }
}
