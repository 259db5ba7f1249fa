//! Asks what the model makes of the tuples: by the same code as a gate that serves, over everything that is in the store now.

use std::io::Write as _;

use portcullis_decision::relations::{
    Because, Bound, Listed as Ids, ListedSubjects, Object, PAGE_ITEMS_MAX, Page, Relations,
};
use serde_json::{Value, json};

use super::super::{ConfigFile, Failure, Outcome, Shared};
use super::{Asked, Listed, kept, one, tuple};
use crate::relations::Kept;

/// Says whether a relation holds.
pub(super) fn check(asked: &Asked, shared: &Shared) -> Result<Outcome, Failure> {
    let tuple = tuple(&asked.tuple)?;
    let subject = one(&tuple)?;
    let kept = read(&asked.config)?;
    let holds = relations(&kept)?.check(tuple.object(), tuple.relation(), subject);
    let holds = holds.map_err(|undecided| Failure::unusable(undecided.to_string()))?;
    let mut out = anstream::stdout();
    match shared.json {
        true => writeln!(out, "{:#}", json!({ "tuple": tuple.to_string(), "holds": holds }))?,
        false => writeln!(out, "{}", if holds { "yes" } else { "no" })?,
    }
    Ok(ended(holds))
}

/// Says by which tuples a relation holds.
pub(super) fn explain(asked: &Asked, shared: &Shared) -> Result<Outcome, Failure> {
    let tuple = tuple(&asked.tuple)?;
    let subject = one(&tuple)?;
    let kept = read(&asked.config)?;
    let explained = relations(&kept)?.explain(tuple.object(), tuple.relation(), subject);
    let explained = explained.map_err(|undecided| Failure::unusable(undecided.to_string()))?;
    let taken = match explained {
        Some(_) => Vec::new(),
        None => {
            let taken = relations(&kept)?.taken_away(tuple.object(), tuple.relation(), subject);
            taken.map_err(|undecided| Failure::unusable(undecided.to_string()))?
        }
    };
    let facts = explained
        .iter()
        .chain(&taken)
        .flat_map(|explanation| explanation.facts());
    let mut out = anstream::stdout();
    if shared.json {
        let facts: Vec<Value> = facts
            .map(|fact| {
                let because: Vec<Value> = fact.because.iter().map(because).collect();
                let mut told =
                    json!({ "object": fact.object.to_string(), "relation": fact.relation, "because": because });
                if let Some(members) = told.as_object_mut().filter(|_| fact.is_taken) {
                    members.insert("taken_away".to_owned(), json!(true));
                }
                told
            })
            .collect();
        let told = json!({ "tuple": tuple.to_string(), "holds": explained.is_some(), "facts": facts });
        writeln!(out, "{told:#}")?;
    } else if explained.is_none() && taken.is_empty() {
        writeln!(out, "no: no tuples give it")?;
    } else {
        if explained.is_none() {
            writeln!(out, "no: tuples give it, and others take it away")?;
        }
        for fact in facts {
            writeln!(out, "{fact}")?;
        }
    }
    Ok(ended(explained.is_some()))
}

fn because(because: &Because) -> Value {
    match because {
        Because::Tuple(tuple) => json!({ "tuple": tuple.to_string() }),
        Because::Holds(object, relation) => json!({ "holds": format!("{object}#{relation}") }),
        Because::NotTaken => json!({ "not_taken_away": true }),
    }
}

/// Lists what somebody may.
pub(super) fn objects(listed: &Listed, shared: &Shared) -> Result<Outcome, Failure> {
    let (kind, rest) = parts(&listed.pattern)?;
    let (relation, subject) = rest;
    let subject = Object::parse(subject).map_err(|error| Failure::unusable(format!("`{subject}`: {error}")))?;
    let kept = read(&listed.config)?;
    let relations = relations(&kept)?;
    let page = |page: &Page<'_>| {
        let listed = relations.list_objects(kind, relation, subject, page);
        listed.map(|ids| (ids, false))
    };
    tell(&collected(listed.limit, kind, &page)?, "objects", shared)
}

/// Lists who may.
pub(super) fn subjects(listed: &Listed, shared: &Shared) -> Result<Outcome, Failure> {
    let (object, (relation, kind)) = parts(&listed.pattern)?;
    let object = Object::parse(object).map_err(|error| Failure::unusable(format!("`{object}`: {error}")))?;
    let kept = read(&listed.config)?;
    let relations = relations(&kept)?;
    let page = |page: &Page<'_>| {
        let listed = relations.list_subjects(object, relation, kind, page);
        listed.map(|listed| match listed {
            ListedSubjects::Only(ids) => (ids, false),
            ListedSubjects::EveryoneBut(ids) => (ids, true),
        })
    };
    tell(&collected(listed.limit, kind, &page)?, "subjects", shared)
}

fn read(config: &ConfigFile) -> Result<Kept, Failure> {
    let kept = kept(config)?;
    kept.read_once().map_err(Failure::unusable)?;
    Ok(kept)
}

fn relations(kept: &Kept) -> Result<&Relations, Failure> {
    kept.relations()
        .map_err(|outdated| Failure::unusable(outdated.to_string()))
}

fn ended(holds: bool) -> Outcome {
    if holds { Outcome::Clean } else { Outcome::Found }
}

/// What stands before `#`, between it and `@`, and behind that.
fn parts(pattern: &str) -> Result<(&str, (&str, &str)), Failure> {
    let split = pattern.split_once('#');
    let split = split.and_then(|(object, rest)| Some((object, rest.split_once('@')?)));
    split.ok_or_else(|| {
        Failure::unusable(format!(
            "`{pattern}` is no tuple without an id: write `account#reader@user:jean` for objects, `account:1#reader@user` for subjects"
        ))
    })
}

/// A list, as far as it was asked for.
struct Collected {
    kind: String,
    ids: Vec<Box<str>>,
    /// Whether it is everyone but these.
    but: bool,
    /// Why it is not complete.
    cut_off: Option<String>,
}

/// Whoever tells a page, and whether it has exceptions only.
type Pages<'p, E> = &'p dyn Fn(&Page<'_>) -> Result<(Ids, bool), E>;

fn collected<E: std::fmt::Display>(limit: u32, kind: &str, page: Pages<'_, E>) -> Result<Collected, Failure> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut collected = Collected {
        kind: kind.to_owned(),
        ids: Vec::new(),
        but: false,
        cut_off: None,
    };
    let mut after: Option<Box<str>> = None;
    loop {
        let asked = Page {
            after: after.as_deref(),
            items_max: PAGE_ITEMS_MAX,
        };
        let (listed, but) = page(&asked).map_err(|unfit| Failure::unusable(unfit.to_string()))?;
        collected.but |= but;
        collected.ids.extend(listed.ids);
        if let Some(bound) = listed.cut_off {
            collected.cut_off = Some(cut_off(bound));
        }
        after = listed.next;
        if collected.ids.len() > limit || (after.is_some() && collected.ids.len() == limit) {
            collected.ids.truncate(limit);
            collected.cut_off = Some("there are more: raise `--limit`".to_owned());
            return Ok(collected);
        }
        if after.is_none() {
            return Ok(collected);
        }
    }
}

fn cut_off(bound: Bound) -> String {
    format!("there may be more: {bound}")
}

fn tell(collected: &Collected, what: &str, shared: &Shared) -> Result<Outcome, Failure> {
    let Collected {
        kind,
        ids,
        but,
        cut_off,
    } = collected;
    let named = |id: &str| format!("{kind}:{id}");
    let mut out = anstream::stdout();
    if shared.json {
        let ids: Vec<String> = ids.iter().map(|id| named(id)).collect();
        let (only, except) = if *but { (Vec::new(), ids) } else { (ids, Vec::new()) };
        let told = json!({
            what: only,
            "everyone": but,
            "except": except,
            "complete": cut_off.is_none(),
            "cut_off": cut_off,
        });
        writeln!(out, "{told:#}")?;
    } else {
        if *but {
            writeln!(out, "{kind}:*{}", if ids.is_empty() { "" } else { ", but" })?;
        }
        for id in ids {
            writeln!(out, "{}", named(id))?;
        }
        if let Some(why) = cut_off {
            anstream::eprintln!("{why}");
        }
    }
    Ok(ended(cut_off.is_none()))
}
