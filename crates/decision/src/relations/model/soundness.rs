//! Whether rules make sense together: each can hold for somebody, and none depends on its own absence.

use std::collections::{BTreeSet, HashSet};

use super::{Model, RelationId, Rewrite, TypeId};

type Types = BTreeSet<TypeId>;
/// What is wrong, by relation.
type Unsound = Vec<(RelationId, String)>;

/// Completes the rules of a model with what follows from all of them, and tells what is wrong about them.
pub(super) fn settle(model: &mut Model) -> Unsound {
    let mut unsound = settle_targets(model);
    unsound.extend(circles(model));
    if !unsound.is_empty() {
        return unsound;
    }
    let subjects = subjects(model);
    for (relation, rule) in model.rules() {
        let message = impossible(model, &subjects, relation, &rule.rewrite);
        unsound.extend(message.map(|message| (relation, message)));
    }
    unsound.extend(own_absence(model));
    let plain: Vec<bool> = model.rules().map(|(relation, _)| is_plain(model, relation)).collect();
    for ((rule, subjects), is_plain) in model.relations.iter_mut().zip(subjects).zip(plain) {
        rule.subjects = subjects.into_iter().collect();
        rule.is_plain = is_plain;
    }
    unsound
}

/// Leaves of `from` only the types that its tuples name, and sees that each has the relation.
fn settle_targets(model: &mut Model) -> Unsound {
    let before = model.clone();
    let mut unsound = Unsound::new();
    for ((relation, _), rule) in before.rules().zip(&mut model.relations) {
        settle_in(&before, &mut rule.rewrite, &mut |message| {
            unsound.push((relation, message))
        });
    }
    unsound
}

fn settle_in(model: &Model, rewrite: &mut Rewrite, wrong: &mut dyn FnMut(String)) {
    match rewrite {
        Rewrite::Any(parts) | Rewrite::All(parts) => {
            parts.iter_mut().for_each(|part| settle_in(model, part, wrong));
        }
        Rewrite::ButNot(of, but_not) => {
            settle_in(model, of, wrong);
            settle_in(model, but_not, wrong);
        }
        Rewrite::From { tupleset, targets } => {
            let Some(rule) = model.rule(*tupleset) else { return };
            let direct = &rule.direct;
            if rule.rewrite != Rewrite::Direct || !direct.usersets.is_empty() || !direct.public.is_empty() {
                wrong(format!(
                    "`{}` stands behind `from` and has to be a list of types, without `#` and `*`",
                    rule.name
                ));
                return;
            }
            let name = targets
                .first()
                .and_then(|(_, relation)| model.rule(*relation))
                .map(|rule| rule.name.clone());
            targets.retain(|(kind, _)| direct.plain.contains(kind));
            let missing = direct
                .plain
                .iter()
                .find(|kind| !targets.iter().any(|(target, _)| target == *kind));
            if let Some(kind) = missing {
                let (kind, name) = (model.type_name(*kind), name.unwrap_or_default());
                wrong(format!(
                    "`{kind}`, which `{}` may name, has no relation `{name}`",
                    rule.name
                ));
            }
        }
        Rewrite::Direct | Rewrite::Computed(_) => {}
    }
}

/// Relations of the same object that lead to one another without a tuple between them.
fn circles(model: &Model) -> Unsound {
    let computed = |relation: RelationId| {
        let mut found = Vec::new();
        if let Some(rule) = model.rule(relation) {
            rule.rewrite.visit(&mut |part| {
                if let Rewrite::Computed(other) = part {
                    found.push(*other);
                }
            });
        }
        found
    };
    let in_circle = model
        .rules()
        .filter(|(relation, _)| reached(computed(*relation), &computed).contains(relation));
    in_circle
        .map(|(relation, rule)| {
            let message = format!("`{}` leads back to itself without a tuple in between", rule.name);
            (relation, message)
        })
        .collect()
}

/// All that can be reached from some relations, and those.
fn reached(from: Vec<RelationId>, next: &dyn Fn(RelationId) -> Vec<RelationId>) -> HashSet<RelationId> {
    let mut seen: HashSet<_> = from.iter().copied().collect();
    let mut waiting = from;
    while let Some(relation) = waiting.pop() {
        waiting.extend(next(relation).into_iter().filter(|other| seen.insert(*other)));
    }
    seen
}

/// The types of those whom each relation may hold for: the least sets that the rules allow.
fn subjects(model: &Model) -> Vec<Types> {
    let mut known = vec![Types::new(); model.relations.len()];
    loop {
        let next: Vec<_> = model
            .rules()
            .map(|(relation, rule)| subjects_of(model, &known, relation, &rule.rewrite))
            .collect();
        if next == known {
            return known;
        }
        known = next;
    }
}

fn subjects_of(model: &Model, known: &[Types], relation: RelationId, rewrite: &Rewrite) -> Types {
    let of = |relation: &RelationId| {
        let number = usize::from(relation.0).saturating_sub(1);
        known.get(number).cloned().unwrap_or_default()
    };
    let nested = |part: &Rewrite| subjects_of(model, known, relation, part);
    match rewrite {
        Rewrite::Direct => {
            let direct = model.rule(relation).map(|rule| rule.direct.clone()).unwrap_or_default();
            let usersets = direct.usersets.iter().flat_map(of);
            direct
                .plain
                .iter()
                .chain(&direct.public)
                .copied()
                .chain(usersets)
                .collect()
        }
        Rewrite::Computed(other) => of(other),
        Rewrite::From { targets, .. } => targets.iter().flat_map(|(_, target)| of(target)).collect(),
        Rewrite::Any(parts) => parts.iter().flat_map(nested).collect(),
        Rewrite::All(parts) => parts
            .iter()
            .map(nested)
            .reduce(|all, part| &all & &part)
            .unwrap_or_default(),
        Rewrite::ButNot(of, _) => nested(of),
    }
}

/// Says why a rewrite, or a part of it, can never hold, or takes nothing away.
fn impossible(model: &Model, known: &[Types], relation: RelationId, rewrite: &Rewrite) -> Option<String> {
    let types = |part: &Rewrite| subjects_of(model, known, relation, part);
    let mut message = None;
    rewrite.visit(&mut |part| {
        let found = match part {
            Rewrite::All(_) if types(part).is_empty() => {
                "`all_of` asks for subjects of different types, and can never hold"
            }
            _ if types(part).is_empty() => "can never hold: no tuple gives it to anybody",
            Rewrite::ButNot(of, but_not) if types(of).is_disjoint(&types(but_not)) => {
                "`but_not` holds for other types of subjects only, and takes nothing away"
            }
            _ => return,
        };
        message.get_or_insert_with(|| found.to_owned());
    });
    message
}

/// What a relation is decided by.
fn dependencies(model: &Model, relation: RelationId) -> Vec<RelationId> {
    model
        .rule(relation)
        .map_or_else(Vec::new, |rule| named_in(model, relation, &rule.rewrite))
}

fn named_in(model: &Model, relation: RelationId, rewrite: &Rewrite) -> Vec<RelationId> {
    let mut found = Vec::new();
    rewrite.visit(&mut |part| match part {
        Rewrite::Direct => found.extend(model.rule(relation).iter().flat_map(|rule| &rule.direct.usersets)),
        Rewrite::Computed(other) => found.push(*other),
        Rewrite::From { targets, .. } => found.extend(targets.iter().map(|(_, target)| *target)),
        Rewrite::Any(_) | Rewrite::All(_) | Rewrite::ButNot(..) => {}
    });
    found
}

/// Relations that are taken away by what they give. Some tuples would then give neither an answer.
fn own_absence(model: &Model) -> Unsound {
    let mut unsound = Unsound::new();
    for (relation, rule) in model.rules() {
        let mut taken = Vec::new();
        rule.rewrite.visit(&mut |part| {
            if let Rewrite::ButNot(_, but_not) = part {
                taken.extend(named_in(model, relation, but_not));
            }
        });
        if reached(taken, &|other| dependencies(model, other)).contains(&relation) {
            unsound.push((relation, format!("`{}` depends on its own absence", rule.name)));
        }
    }
    unsound
}

fn is_plain(model: &Model, relation: RelationId) -> bool {
    let all = reached(vec![relation], &|other| dependencies(model, other));
    all.into_iter().filter_map(|relation| model.rule(relation)).all(|rule| {
        let mut is_plain = true;
        rule.rewrite
            .visit(&mut |part| is_plain &= !matches!(part, Rewrite::All(_) | Rewrite::ButNot(..)));
        is_plain
    })
}
