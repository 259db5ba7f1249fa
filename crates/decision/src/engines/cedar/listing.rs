//! The entities that are known by name: those that are configured, and those that policies name. Others may exist, and may be permitted
//! something by a policy that names nobody.

use cedar_policy_core::ast::{EntityReference, EntityUID, PrincipalOrResourceConstraint};

use super::{Cedar, Compiled};
use crate::listed::Listed;

impl Cedar {
    /// The entities of a type; none where none is known.
    pub(super) fn listed(&self, kind: &str) -> Option<Listed> {
        let kind = self.known.entity_type(kind)?;
        let named = self.policies.iter().flat_map(named);
        let configured = self.known.entities.keys().cloned();
        let mut listed = None;
        for uid in configured.chain(named).filter(|uid| *uid.entity_type() == kind) {
            let id: &str = uid.eid().as_ref();
            listed.get_or_insert_with(Listed::default).add(id);
        }
        listed
    }
}

/// Whom a policy names: as its principal or its resource, or in its conditions.
fn named(policy: &Compiled) -> Vec<EntityUID> {
    let source = &policy.source;
    let conditions = policy.condition.iter();
    let mut named: Vec<EntityUID> = conditions
        .flat_map(|condition| condition.needs.literals.clone())
        .collect();
    named.extend(only(source.principal_constraint().as_inner()));
    named.extend(only(source.resource_constraint().as_inner()));
    named
}

fn only(constraint: &PrincipalOrResourceConstraint) -> Option<EntityUID> {
    match constraint {
        PrincipalOrResourceConstraint::Eq(EntityReference::EUID(uid)) => Some((**uid).clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Source, Text};
    use super::*;

    #[test]
    fn what_is_configured_and_what_policies_name_is_known() {
        let source = Source {
            policies: vec![Text {
                name: "p",
                text: r#"permit (principal == User::"ada", action, resource == Doc::"2");
                         permit (principal, action, resource) when { principal in [User::"eve", Group::"x"] };"#,
            }],
            entities: Some(Text {
                name: "e",
                text: r#"[{"uid": {"type": "Doc", "id": "1"}, "attrs": {}, "parents": []}]"#,
            }),
            ..Source::default()
        };
        let (cedar, _) = Cedar::compile(&source).unwrap();
        let ids = |kind: &str| {
            let listed = cedar.listed(kind)?;
            Some(listed.ids().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(ids("Doc").as_deref(), Some("1 2"));
        assert_eq!(ids("User").as_deref(), Some("ada eve"));
        assert_eq!(ids("Order"), None);
        assert_eq!(ids("no type"), None);
    }
}
