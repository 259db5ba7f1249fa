//! Turning `allOf` of plain schemas into one plain schema, so that the most common composition is judged in one
//! reading. What cannot be merged exactly is left to be judged branch by branch.

use std::collections::HashMap;

use super::super::keys::KeyTable;
use super::super::program::{
    Additional, Applicators, IntegerRange, NumberRules, ObjectRules, Program, Property, Schema, SchemaId, StringRules,
    Target, TypeSet,
};

/// Merged objects with more properties than this are left as they are: merging copies them.
const PROPERTIES_MAX: usize = 4_096;

/// The most schemas that merging may add, per schema of the contract.
const GROWTH_MAX: usize = 2;

/// What the `allOf` of each schema names, for those who ask after merging.
pub(super) fn parts(schemas: &[Schema]) -> HashMap<SchemaId, Vec<SchemaId>> {
    let of = |schema: &Schema| -> Option<Vec<SchemaId>> {
        let all_of = &schema.applicators.as_ref()?.all_of;
        let named = all_of.iter().map(|target| match target {
            Target::Static(id) | Target::Dynamic(_, id) => *id,
        });
        Some(named.collect()).filter(|parts: &Vec<_>| !parts.is_empty())
    };
    let numbered = (0..).map(SchemaId).zip(schemas);
    numbered.filter_map(|(id, schema)| Some((id, of(schema)?))).collect()
}

pub(super) fn merge(program: &mut Program) {
    let limit = program.schemas.len().saturating_mul(1 + GROWTH_MAX);
    let mut merger = Merger {
        states: vec![State::New; program.schemas.len()],
        program,
        pairs: HashMap::new(),
        limit,
    };
    merger.drop_empty_branches();
    let mut next = 0;
    // Merging adds schemas for properties that several branches declare; they are merged in their turn.
    while next < merger.program.schemas.len() {
        if let Ok(id) = u32::try_from(next) {
            merger.settle(SchemaId(id), 0);
        }
        next += 1;
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    /// Being merged: a branch that leads back here is left alone.
    Open,
    Done,
}

struct Merger<'p> {
    program: &'p mut Program,
    states: Vec<State>,
    /// The schema that asks for both.
    pairs: HashMap<(SchemaId, SchemaId), SchemaId>,
    limit: usize,
}

/// How deep branches are followed; deeper ones are judged branch by branch.
const DEPTH_MAX: u8 = 64;

impl Merger<'_> {
    /// A branch that says nothing adds nothing; above all it does not allow undeclared properties.
    fn drop_empty_branches(&mut self) {
        let any: Vec<bool> = self.program.schemas.iter().map(Schema::is_any).collect();
        for schema in &mut self.program.schemas {
            let Some(applicators) = &mut schema.applicators else {
                continue;
            };
            let empty = |target: &Target| matches!(target, Target::Static(id) if any.get(id.0 as usize) == Some(&true));
            applicators.all_of.retain(|target| !empty(target));
            if applicators.is_empty() && !schema.speaks_twice() {
                schema.applicators = None;
            }
        }
    }

    fn settle(&mut self, id: SchemaId, depth: u8) {
        let index = id.0 as usize;
        if self.states.get(index) != Some(&State::New) || depth > DEPTH_MAX {
            return;
        }
        self.mark(index, State::Open);
        if let Some(branches) = self.branches(id) {
            for branch in &branches {
                self.settle(*branch, depth + 1);
            }
            if let Some(merged) = self.merged(id, &branches)
                && let Some(schema) = self.program.schemas.get_mut(index)
            {
                *schema = merged;
            }
        }
        self.mark(index, State::Done);
    }

    fn mark(&mut self, index: usize, state: State) {
        if let Some(slot) = self.states.get_mut(index) {
            *slot = state;
        }
    }

    /// The branches of a schema that has `allOf` and no other applicator.
    fn branches(&self, id: SchemaId) -> Option<Vec<SchemaId>> {
        let schema = self.program.get(id).filter(|schema| !schema.speaks_twice())?;
        let Applicators {
            all_of,
            any_of,
            one_of,
            not,
            conditions,
            discriminator,
            unevaluated_properties,
            unevaluated_items,
        } = &**schema.applicators.as_ref()?;
        let alone = any_of.is_empty()
            && one_of.is_empty()
            && not.is_empty()
            && conditions.is_empty()
            && discriminator.is_none()
            && unevaluated_properties.is_none()
            && unevaluated_items.is_none();
        let ids = all_of.iter().map(|target| match target {
            Target::Static(id) => Some(*id),
            Target::Dynamic(..) => None,
        });
        if alone { ids.collect() } else { None }
    }

    fn merged(&mut self, id: SchemaId, branches: &[SchemaId]) -> Option<Schema> {
        let own = self.program.get(id)?;
        let mut merged = Schema {
            applicators: None,
            ..copy(own)
        };
        for branch in branches {
            let other = self.program.get(*branch).filter(|other| other.applicators.is_none())?;
            let other = copy(other);
            merged = self.both(merged, other)?;
        }
        (!merged.speaks_twice()).then_some(merged)
    }

    /// The schema that asks for all that two plain ones ask for.
    fn both(&mut self, a: Schema, b: Schema) -> Option<Schema> {
        if (a.values.is_some() && b.values.is_some()) || (a.array.is_some() && b.array.is_some()) {
            return None;
        }
        Some(Schema {
            types: a.types.intersection(b.types),
            integers: IntegerRange {
                min: a.integers.min.max(b.integers.min),
                max: a.integers.max.min(b.integers.max),
            },
            number: either(a.number, b.number, both_numbers),
            string: either(a.string, b.string, both_strings),
            array: a.array.or(b.array),
            object: match (a.object, b.object) {
                (Some(a), Some(b)) => Some(Box::new(self.both_objects(*a, *b)?)),
                (a, b) => a.or(b),
            },
            values: a.values.or(b.values),
            applicators: None,
            carried: a.carried.or(b.carried),
            span: a.span,
            resource: a.resource,
        })
    }

    fn both_objects(&mut self, a: ObjectRules, b: ObjectRules) -> Option<ObjectRules> {
        let closed = |rules: &ObjectRules| matches!(rules.additional, Additional::Forbidden | Additional::Keeps(_));
        let patterned = !a.patterns.is_empty() || !b.patterns.is_empty();
        let names_twice = a.names.is_some() && b.names.is_some();
        let large = a.properties.len() + b.properties.len() > PROPERTIES_MAX;
        // Whose members are hidden wholesale is told branch by branch.
        let hides = |rules: &ObjectRules| {
            rules.additional_hidden.is_some() || rules.patterns.iter().any(|property| property.hidden.is_some())
        };
        let hidden = hides(&a) || hides(&b);
        if (patterned && (closed(&a) || closed(&b))) || names_twice || large || hidden {
            return None;
        }
        let (properties, required) = self.both_properties(&a, &b)?;
        let keys = KeyTable::new(properties.iter().map(|property| &*property.name));
        let index = |name: &str| keys.find(name.as_bytes());
        let renamed = |rules: &ObjectRules| -> Option<Vec<(usize, Vec<usize>)>> {
            let place = |old: &usize| index(&rules.properties.get(*old)?.name);
            rules
                .dependent
                .iter()
                .map(|(when, others)| Some((place(when)?, others.iter().map(place).collect::<Option<_>>()?)))
                .collect()
        };
        let dependent = [renamed(&a)?, renamed(&b)?].concat();
        let additional = self.both_additional(a.additional, b.additional)?;
        let names_from = self.program.names;
        self.program.names += properties.len() + 1;
        Some(ObjectRules {
            keys,
            properties,
            patterns: [a.patterns, b.patterns].concat(),
            additional,
            additional_hidden: None,
            required,
            properties_min: a.properties_min.max(b.properties_min),
            properties_max: least(a.properties_max, b.properties_max),
            names: a.names.or(b.names),
            dependent,
            names_from,
        })
    }

    fn both_properties(&mut self, a: &ObjectRules, b: &ObjectRules) -> Option<(Vec<Property>, Box<[u64]>)> {
        let mut properties = Vec::with_capacity(a.properties.len() + b.properties.len());
        for property in &a.properties {
            let other = b
                .keys
                .find(property.name.as_bytes())
                .and_then(|index| b.properties.get(index));
            let schema = self.both_declared(
                property.schema,
                other.and_then(|other| other.schema),
                a.additional,
                b.additional,
            )?;
            let hidden = property.hidden.or(other.and_then(|other| other.hidden));
            properties.push(Property {
                name: property.name.clone(),
                schema,
                hidden,
            });
        }
        for property in b
            .properties
            .iter()
            .filter(|property| a.keys.find(property.name.as_bytes()).is_none())
        {
            let schema = self.both_declared(None, property.schema, a.additional, b.additional)?;
            properties.push(Property {
                schema,
                ..property.clone()
            });
        }
        let mut required = vec![0_u64; properties.len().div_ceil(64)];
        for (index, property) in properties.iter().enumerate() {
            let asked = |rules: &ObjectRules| {
                let index = rules.keys.find(property.name.as_bytes());
                index.is_some_and(|index| {
                    rules
                        .required
                        .get(index / 64)
                        .is_some_and(|word| word >> (index % 64) & 1 == 1)
                })
            };
            if (asked(a) || asked(b))
                && property.hidden.is_none()
                && let Some(word) = required.get_mut(index / 64)
            {
                *word |= 1 << (index % 64);
            }
        }
        Some((properties, required.into()))
    }

    /// What a property has to keep that the one, the other or both declare. Where only one does, the other's
    /// `additionalProperties` speaks of it.
    fn both_declared(
        &mut self,
        a: Option<SchemaId>,
        b: Option<SchemaId>,
        a_else: Additional,
        b_else: Additional,
    ) -> Option<Option<SchemaId>> {
        Some(match (a, b) {
            (None, None) => None,
            (Some(a), Some(b)) => Some(self.pair(a, b)?),
            (Some(id), None) => Some(self.with_additional(id, b_else)?),
            (None, Some(id)) => Some(self.with_additional(id, a_else)?),
        })
    }

    fn with_additional(&mut self, id: SchemaId, additional: Additional) -> Option<SchemaId> {
        match additional {
            Additional::Unsaid | Additional::Any => Some(id),
            Additional::Keeps(other) => self.pair(id, other),
            Additional::Forbidden => {
                let schema = self.program.get(id)?;
                let nothing = Schema {
                    types: TypeSet::NONE,
                    ..Schema::any(schema.span, schema.resource)
                };
                self.add(nothing)
            }
        }
    }

    fn both_additional(&mut self, a: Additional, b: Additional) -> Option<Additional> {
        Some(match (a, b) {
            (Additional::Forbidden, _) | (_, Additional::Forbidden) => Additional::Forbidden,
            (Additional::Keeps(a), Additional::Keeps(b)) => Additional::Keeps(self.pair(a, b)?),
            (keeps @ Additional::Keeps(_), _) | (_, keeps @ Additional::Keeps(_)) => keeps,
            (Additional::Any, _) | (_, Additional::Any) => Additional::Any,
            (Additional::Unsaid, Additional::Unsaid) => Additional::Unsaid,
        })
    }

    /// The schema that asks for two others; made once for each pair, so that recursive schemas come to an end.
    fn pair(&mut self, a: SchemaId, b: SchemaId) -> Option<SchemaId> {
        if a == b {
            return Some(a);
        }
        if let Some(id) = self.pairs.get(&(a, b)) {
            return Some(*id);
        }
        let (first, second) = (self.program.get(a)?, self.program.get(b)?);
        if second.is_any() {
            return Some(a);
        }
        if first.is_any() {
            return Some(b);
        }
        let mut schema = Schema::any(first.span, first.resource);
        let all_of = vec![Target::Static(a), Target::Static(b)];
        schema.applicators = Some(Box::new(Applicators {
            all_of,
            ..Applicators::default()
        }));
        let id = self.add(schema)?;
        self.pairs.insert((a, b), id);
        Some(id)
    }

    fn add(&mut self, schema: Schema) -> Option<SchemaId> {
        let index = self.program.schemas.len();
        if index >= self.limit {
            return None;
        }
        self.program.schemas.push(schema);
        self.states.push(State::New);
        u32::try_from(index).ok().map(SchemaId)
    }
}

/// A plain copy; schemas are not `Clone`, so that nothing else copies them by accident.
fn copy(schema: &Schema) -> Schema {
    Schema {
        types: schema.types,
        integers: schema.integers,
        number: schema.number.clone(),
        string: schema.string.clone(),
        array: schema.array.clone(),
        object: schema.object.clone(),
        values: schema.values.clone(),
        applicators: None,
        carried: schema.carried.clone(),
        span: schema.span,
        resource: schema.resource,
    }
}

fn either<T>(a: Option<Box<T>>, b: Option<Box<T>>, both: impl Fn(T, T) -> T) -> Option<Box<T>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(Box::new(both(*a, *b))),
        (a, b) => a.or(b),
    }
}

fn both_numbers(mut a: NumberRules, b: NumberRules) -> NumberRules {
    if let Some(min) = b.min {
        a.at_least(min);
    }
    if let Some(max) = b.max {
        a.at_most(max);
    }
    a.multiple_of.extend(b.multiple_of);
    a
}

fn both_strings(mut a: StringRules, b: StringRules) -> StringRules {
    a.length_min = a.length_min.max(b.length_min);
    a.length_max = least(a.length_max, b.length_max);
    a.patterns.extend(b.patterns);
    a.formats.extend(b.formats);
    a
}

fn least(a: Option<usize>, b: Option<usize>) -> Option<usize> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
