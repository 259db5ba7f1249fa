//! From names to numbers: a written model becomes rules.

use std::collections::HashMap;

use super::problem::{ModelProblem, Path};
use super::{
    Direct, Model, NESTING_MAX, PARTS_MAX, RELATIONS_MAX, RelationId, Rewrite, Rule, TYPES_MAX, TypeId, soundness,
};
use crate::relations::tuple::{EVERYONE, is_name};
use crate::relations::written::{WrittenModel, WrittenRewrite};

pub(super) fn compile(written: &WrittenModel) -> Result<Model, Vec<ModelProblem>> {
    let mut model = name_all(written)?;
    let mut lowering = Lowering {
        model: &model,
        kind: TypeId(0),
        direct: None,
        problems: Vec::new(),
    };
    let mut lowered = Vec::new();
    each_relation(written, &mut |path, kind, rewrite| {
        lowering.kind = model.type_ids.get(kind).copied().unwrap_or(TypeId(0));
        lowering.direct = None;
        let rewrite = lowering.rewrite(path, rewrite, 0);
        lowered.push((rewrite, lowering.direct.take().unwrap_or_default()));
    });
    let mut problems = lowering.problems;
    if !problems.is_empty() {
        return Err(problems);
    }
    for (rule, (rewrite, direct)) in model.relations.iter_mut().zip(lowered) {
        rule.rewrite = rewrite;
        rule.direct = direct;
    }
    let mut number = 0;
    let unsound = soundness::settle(&mut model);
    each_relation(written, &mut |path, _, _| {
        number += 1;
        let here = unsound.iter().filter(|(relation, _)| relation.0 == number);
        problems.extend(here.map(|(_, message)| ModelProblem::new(path, message.clone())));
    });
    if problems.is_empty() { Ok(model) } else { Err(problems) }
}

/// Relations in the order of their numbers.
fn each_relation(written: &WrittenModel, act: &mut dyn FnMut(&Path<'_>, &str, &WrittenRewrite)) {
    let types = Path::Root.member("types");
    for (kind, described) in &written.types {
        let path = types.member(kind);
        let relations = path.member("relations");
        for (name, rewrite) in described.iter().flat_map(|described| &described.relations) {
            act(&relations.member(name), kind, rewrite);
        }
    }
}

/// A model whose relations are known by name, and given by nothing yet.
fn name_all(written: &WrittenModel) -> Result<Model, Vec<ModelProblem>> {
    let mut problems = Vec::new();
    let types = Path::Root.member("types");
    let relations: usize = written.types.values().flatten().map(|kind| kind.relations.len()).sum();
    if written.types.len() > TYPES_MAX || relations > RELATIONS_MAX {
        let message = format!("at most {TYPES_MAX} types with {RELATIONS_MAX} relations in all");
        return Err(vec![ModelProblem::new(&types, message)]);
    }
    let mut model = Model {
        types: Vec::new(),
        type_ids: HashMap::new(),
        relations: Vec::new(),
        relation_ids: HashMap::new(),
    };
    let misnamed =
        |name: &str| format!("`{name}` is no name: a letter, then letters, digits, `_` and `-`, at most 64 bytes");
    for (number, name) in (0..).zip(written.types.keys()) {
        if !is_name(name) {
            problems.push(ModelProblem::new(&types.member(name), misnamed(name)));
        }
        model.types.push(name.as_str().into());
        model.type_ids.insert(name.as_str().into(), TypeId(number));
    }
    each_relation(written, &mut |path, kind, _| {
        let name = path_end(path);
        if !is_name(name) {
            problems.push(ModelProblem::new(path, misnamed(name)));
        }
        let kind = model.type_ids.get(kind).copied().unwrap_or(TypeId(0));
        model.relations.push(Rule {
            name: name.into(),
            rewrite: Rewrite::Direct,
            direct: Direct::default(),
            subjects: Vec::new(),
            is_plain: false,
        });
        let id = RelationId(u16::try_from(model.relations.len()).unwrap_or(u16::MAX));
        model.relation_ids.entry(kind).or_default().insert(name.into(), id);
    });
    if problems.is_empty() { Ok(model) } else { Err(problems) }
}

fn path_end<'a>(path: &Path<'a>) -> &'a str {
    match path {
        Path::Member(_, name) => name,
        Path::Root | Path::Item(..) => "",
    }
}

struct Lowering<'a> {
    model: &'a Model,
    /// The type of the relation that is being lowered.
    kind: TypeId,
    /// The subjects of its tuples, once they were seen.
    direct: Option<Direct>,
    problems: Vec<ModelProblem>,
}

impl Lowering<'_> {
    /// Where something is wrong, what comes back means nothing.
    fn rewrite(&mut self, path: &Path<'_>, written: &WrittenRewrite, nesting: usize) -> Rewrite {
        if nesting > NESTING_MAX {
            return self.wrong(path, format!("nested deeper than {NESTING_MAX}"));
        }
        match written {
            WrittenRewrite::Direct(subjects) => self.direct(path, subjects),
            WrittenRewrite::Computed(name) => match self.model.relation_id(self.kind, name) {
                Ok(relation) => Rewrite::Computed(relation),
                Err(unknown) => self.wrong(path, unknown.to_string()),
            },
            WrittenRewrite::From { from, relation } => self.from(path, from, relation),
            WrittenRewrite::AnyOf(parts) => {
                let mut parts = self.parts(&path.member("any_of"), parts, nesting);
                parts.sort_by_key(cost);
                Rewrite::Any(parts)
            }
            WrittenRewrite::AllOf(parts) => {
                let mut parts = self.parts(&path.member("all_of"), parts, nesting);
                parts.sort_by_key(cost);
                Rewrite::All(parts)
            }
            WrittenRewrite::ButNot { of, but_not } => {
                let of = self.rewrite(&path.member("of"), of, nesting + 1);
                let but_not = self.rewrite(&path.member("but_not"), but_not, nesting + 1);
                Rewrite::ButNot(Box::new(of), Box::new(but_not))
            }
        }
    }

    fn parts(&mut self, path: &Path<'_>, parts: &[WrittenRewrite], nesting: usize) -> Vec<Rewrite> {
        if !(1..=PARTS_MAX).contains(&parts.len()) {
            self.wrong(path, format!("has to have 1 to {PARTS_MAX} parts"));
            return Vec::new();
        }
        let numbered = parts.iter().enumerate();
        numbered
            .map(|(number, part)| self.rewrite(&path.item(number), part, nesting + 1))
            .collect()
    }

    fn direct(&mut self, path: &Path<'_>, subjects: &[String]) -> Rewrite {
        if self.direct.is_some() {
            return self.wrong(path, "a relation has one list of subject types".to_owned());
        }
        if !(1..=PARTS_MAX).contains(&subjects.len()) {
            return self.wrong(path, format!("has to have 1 to {PARTS_MAX} subject types"));
        }
        let mut direct = Direct::default();
        for (number, subject) in subjects.iter().enumerate() {
            if let Err(message) = self.subject(subject, &mut direct) {
                self.wrong(&path.item(number), message);
            }
        }
        self.direct = Some(direct);
        Rewrite::Direct
    }

    fn subject(&self, written: &str, direct: &mut Direct) -> Result<(), String> {
        let once = |is_new: bool| {
            is_new
                .then_some(())
                .ok_or_else(|| format!("`{written}` is there twice"))
        };
        let unknown = |unfit: super::Unfit| unfit.to_string();
        if let Some((kind, relation)) = written.split_once('#') {
            let kind = self.model.type_id(kind).map_err(unknown)?;
            let relation = self.model.relation_id(kind, relation).map_err(unknown)?;
            return once(push_new(&mut direct.usersets, relation));
        }
        match written.split_once(':') {
            Some((kind, EVERYONE)) => once(push_new(&mut direct.public, self.model.type_id(kind).map_err(unknown)?)),
            Some(_) => Err(format!(
                "`{written}` is no subject type: `TYPE`, `TYPE#RELATION` or `TYPE:*`"
            )),
            None => once(push_new(
                &mut direct.plain,
                self.model.type_id(written).map_err(unknown)?,
            )),
        }
    }

    fn from(&mut self, path: &Path<'_>, from: &str, relation: &str) -> Rewrite {
        let tupleset = match self.model.relation_id(self.kind, from) {
            Ok(tupleset) => tupleset,
            Err(unknown) => return self.wrong(&path.member("from"), unknown.to_string()),
        };
        // Which types its tuples name is known when all relations are lowered; the relations of that name are known now.
        let named = (0..).map(TypeId).take(self.model.types.len());
        let targets: Vec<_> = named
            .filter_map(|kind| Some((kind, self.model.relation_id(kind, relation).ok()?)))
            .collect();
        if targets.is_empty() {
            return self.wrong(&path.member("relation"), format!("no type has a relation `{relation}`"));
        }
        Rewrite::From { tupleset, targets }
    }

    fn wrong(&mut self, path: &Path<'_>, message: String) -> Rewrite {
        self.problems.push(ModelProblem::new(path, message));
        Rewrite::Direct
    }
}

/// Adds what is not there yet, and tells whether it was not.
fn push_new<T: PartialEq>(list: &mut Vec<T>, item: T) -> bool {
    let is_new = !list.contains(&item);
    if is_new {
        list.push(item);
    }
    is_new
}

/// What is cheap is looked at first: it may settle the question.
fn cost(rewrite: &Rewrite) -> u8 {
    match rewrite {
        Rewrite::Direct => 0,
        Rewrite::Computed(_) => 1,
        Rewrite::All(_) | Rewrite::ButNot(..) | Rewrite::Any(_) => 2,
        Rewrite::From { .. } => 3,
    }
}
