//! What is learnt of relations from an operation, as the gate knows it.

use std::sync::Arc;

use portcullis_contract::conform::contract::Contract;
use portcullis_contract::conform::operation::Operation as Declared;
use portcullis_gateway::decisions::Path;
use portcullis_gateway::learning::{Happened, Id, Lesson, Parent};

use super::routes::named;
use crate::config::learning::{self, Learning};
use crate::contracts::Granted;

/// What is learnt from the answers of an operation.
///
/// # Errors
/// A place that was not checked before.
pub(super) fn lesson(
    granted: Option<&Granted>,
    learning: Option<&Learning>,
    contract: &Contract,
    declared: &Declared,
) -> Result<Option<Arc<Lesson>>, String> {
    let Some((granted, learning)) = granted.zip(learning) else {
        return Ok(None);
    };
    Ok(Some(Arc::new(Lesson {
        by: Arc::clone(&granted.kept) as _,
        subjects: granted.subjects.clone(),
        of: happened(learning, contract, declared)?,
    })))
}

fn happened(learning: &Learning, contract: &Contract, declared: &Declared) -> Result<Happened, String> {
    let belongs = |parent: &learning::Parent| -> Result<Parent, String> {
        Ok(Parent {
            relation: parent.relation.as_str().into(),
            of: named(contract, declared, &parent.kind.value, &parent.place)?,
        })
    };
    Ok(match learning {
        Learning::Creates {
            kind,
            id,
            caller,
            parent,
        } => Happened::Created {
            kind: kind.value.as_str().into(),
            id: match id {
                learning::Id::Answer(pointer) => Id::Answer(Path::parse(pointer).map_err(|error| error.to_string())?),
                learning::Id::Location => Id::Location,
                learning::Id::Request(place) => Id::Request(named(contract, declared, &kind.value, place)?),
            },
            caller: caller.as_str().into(),
            parent: parent.as_ref().map(belongs).transpose()?,
        },
        Learning::Deletes { kind, place } => Happened::Deleted(named(contract, declared, &kind.value, place)?),
    })
}
