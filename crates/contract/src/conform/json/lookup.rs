//! What a schema says of a part of its values, looked for in the schema and in those that hold with it: for those who name
//! parts, such as limits by a value in a body, and fields of forms.

use std::collections::HashSet;

use super::program::{Applicators, Carried, DEPTH_MAX, PatternProperty, Program, Schema, SchemaId, Target};

impl Program {
    /// The schema of a declared property, looked for in the schema and in those that hold with it.
    pub fn property(&self, schema: SchemaId, name: &str) -> Option<SchemaId> {
        self.find(schema, DEPTH_MAX, &|schema| {
            let rules = schema.object.as_ref()?;
            let declared = rules
                .keys
                .find(name.as_bytes())
                .and_then(|index| rules.properties.get(index));
            let fits = |declared: &&PatternProperty| declared.pattern.is_match(name) == Ok(true);
            let by_pattern = || rules.patterns.iter().find(fits).map(|declared| declared.schema);
            match declared.and_then(|property| property.schema).or_else(by_pattern) {
                None => rules.additional.schema(),
                found => found,
            }
        })
    }

    /// Whether a property has to be there, as the schema, or one that holds with it or may, says.
    pub fn requires(&self, schema: SchemaId, name: &str) -> bool {
        let found = self.find(schema, DEPTH_MAX, &|schema| {
            let rules = schema.object.as_ref()?;
            let index = rules.keys.find(name.as_bytes())?;
            let word = rules.required.get(index / 64)?;
            (word & (1 << (index % 64)) != 0).then_some(())
        });
        found.is_some()
    }

    /// The names that the schema, and those that hold with it, declare, each with its first schema.
    pub fn properties(&self, schema: SchemaId) -> Vec<(&str, SchemaId)> {
        let mut found = Vec::new();
        self.gather(schema, DEPTH_MAX, &mut found);
        let mut known = HashSet::new();
        found.retain(|(name, _)| known.insert(*name));
        found
    }

    fn gather<'p>(&'p self, id: SchemaId, steps: u8, found: &mut Vec<(&'p str, SchemaId)>) {
        let (Some(schema), Some(steps)) = (self.get(id), steps.checked_sub(1)) else {
            return;
        };
        let rules = schema.object.iter();
        let properties = rules.flat_map(|rules| &rules.properties);
        found.extend(properties.filter_map(|property| Some((&*property.name, property.schema?))));
        for id in schema.applicators.iter().flat_map(|applicators| applicators.branches()) {
            self.gather(id, steps, found);
        }
    }

    /// The schema of an array's item, looked for in the schema and in those that hold with it.
    pub fn item(&self, schema: SchemaId, index: usize) -> Option<SchemaId> {
        self.find(schema, DEPTH_MAX, &|schema| {
            let rules = schema.array.as_ref()?;
            rules.prefix.get(index).copied().or(rules.items)
        })
    }

    /// Whether the schema, or one that holds with it, speaks of bytes.
    pub fn carried(&self, schema: SchemaId) -> Option<&Carried> {
        self.find(schema, DEPTH_MAX, &|schema| schema.carried.as_deref())
    }

    /// The bounds of a string's length, as far as the schema itself says any.
    pub fn length(&self, schema: SchemaId) -> (usize, Option<usize>) {
        let found = self.find(schema, DEPTH_MAX, &|schema| {
            let rules = schema.string.as_ref()?;
            Some((rules.length_min, rules.length_max))
        });
        found.unwrap_or_default()
    }

    fn find<'p, T>(&'p self, id: SchemaId, steps: u8, look: &dyn Fn(&'p Schema) -> Option<T>) -> Option<T> {
        let (schema, steps) = (self.get(id)?, steps.checked_sub(1)?);
        look(schema).or_else(|| {
            let mut branches = schema.applicators.as_ref()?.branches();
            branches.find_map(|id| self.find(id, steps, look))
        })
    }
}

impl Applicators {
    /// The schemas that hold for the same value, or may.
    fn branches(&self) -> impl Iterator<Item = SchemaId> {
        let all = self.all_of.iter().filter_map(|target| match target {
            Target::Static(id) => Some(id),
            Target::Dynamic(..) => None,
        });
        all.chain(&self.any_of).chain(&self.one_of).copied()
    }
}
