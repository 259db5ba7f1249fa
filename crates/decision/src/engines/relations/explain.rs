//! Why a relation permits something, or does not: the tuples that gave it.

use super::{Asked, NAME, Related};
use crate::decision::Engine as _;
use crate::explained::{Condition, Considered, Explanation, Held};
use crate::relations::Object;
use crate::time::UnixTime;
use crate::words::Evaluation;

impl Related {
    /// Every relation that would permit the action on such a resource.
    pub(super) fn explained(&self, evaluation: &Evaluation, at: UnixTime) -> Explanation {
        let asked = self.asked(&evaluation.action, &evaluation.resource.kind);
        let considered: Vec<Considered> = asked.iter().map(|asked| self.considered(asked, evaluation)).collect();
        let all = self.grants.values().flat_map(|of_action| of_action.values());
        let opinion = Explanation::of(NAME, self.opinion(evaluation, at));
        Explanation {
            others: all.map(Vec::len).sum::<usize>().saturating_sub(considered.len()),
            considered,
            ..opinion
        }
    }

    fn considered(&self, asked: &Asked, evaluation: &Evaluation) -> Considered {
        let (resource, who) = (&evaluation.resource, &evaluation.subject);
        let mut considered = Considered {
            rule: asked.rule.clone(),
            forbids: false,
            place: None,
            held: Held::NotHeld,
            conditions: Vec::new(),
            missing: Vec::new(),
        };
        let Some(subject) = self.subject(who) else {
            let missing = format!("relations know no subjects like {} `{}`", who.kind, who.id);
            considered.missing.push(missing);
            return considered;
        };
        let relations = match self.source.relations() {
            Ok(relations) => relations,
            Err(outdated) => {
                let message = outdated.to_string();
                considered.held = Held::Failed { message };
                return considered;
            }
        };
        let object = Object::new(&asked.kind, &resource.id);
        let explained = object.map(|object| relations.explain(object, &asked.relation, subject));
        match explained {
            Ok(Ok(Some(explanation))) => {
                considered.held = Held::Held;
                let tuples = explanation.tuples().map(|tuple| Condition {
                    text: tuple.to_string(),
                    held: Held::Held,
                });
                considered.conditions = tuples.collect();
            }
            Ok(Ok(None)) if self.is_taken_away(asked, evaluation, &mut considered) => {}
            Ok(Ok(None)) | Err(_) => {
                let missing = format!("{}:{}#{}@{subject}", asked.kind, resource.id, asked.relation);
                considered.missing.push(missing);
            }
            Ok(Err(undecided)) => {
                considered.held = Held::Failed {
                    message: undecided.to_string(),
                };
            }
        }
        considered
    }

    /// Whether tuples give it, and others take it away: then those are told.
    fn is_taken_away(&self, asked: &Asked, evaluation: &Evaluation, considered: &mut Considered) -> bool {
        let (Some(subject), Ok(relations)) = (self.subject(&evaluation.subject), self.source.relations()) else {
            return false;
        };
        let object = Object::new(&asked.kind, &evaluation.resource.id);
        let taken = object.map(|object| relations.taken_away(object, &asked.relation, subject));
        let Ok(Ok(taken)) = taken else { return false };
        let facts = taken.iter().flat_map(|explanation| explanation.facts());
        considered.conditions = facts
            .map(|fact| Condition {
                text: fact.to_string(),
                held: Held::of(!fact.is_taken),
            })
            .collect();
        !considered.conditions.is_empty()
    }
}
