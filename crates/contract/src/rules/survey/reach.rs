//! How many operations use each unit, directly or through others.

use super::schema::{REQUEST, RESPONSE, UnitId};
use super::{SchemaId, Survey, UnitKind};

/// Operations that are followed at a time: a bit for each.
const AT_A_TIME: usize = 64;

/// The operations of one batch that take a unit, and those that answer with it.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Users {
    requests: u64,
    responses: u64,
}

impl Users {
    fn through(self, mask: u8) -> Self {
        let kept = |direction: u8, users: u64| if mask & direction == 0 { 0 } else { users };
        Self {
            requests: kept(REQUEST, self.requests),
            responses: kept(RESPONSE, self.responses),
        }
    }
}

impl Survey<'_> {
    /// Counts the operations of every unit.
    pub(super) fn reach(&mut self) {
        for unit in &mut self.units {
            unit.leads.sort_unstable();
            unit.leads.dedup();
        }
        let mut batches: Vec<Vec<(UnitId, u8, u32)>> = vec![Vec::new(); self.operations.len().div_ceil(AT_A_TIME)];
        for unit in &self.units {
            for (direction, operation) in &unit.users {
                let operation_index = usize::try_from(*operation).unwrap_or(usize::MAX);
                if let Some(batch) = batches.get_mut(operation_index / AT_A_TIME) {
                    batch.push((unit.id, *direction, *operation));
                }
            }
        }
        let mut users = vec![Users::default(); self.units.len()];
        for batch in batches {
            let touched = self.spread(&batch, &mut users);
            for id in touched {
                let Some(found) = users.get_mut(id.index()).map(std::mem::take) else {
                    continue;
                };
                if let Some(unit) = self.units.get_mut(id.index()) {
                    unit.requests += found.requests.count_ones();
                    unit.responses += found.responses.count_ones();
                }
            }
        }
    }

    /// Follows one batch of operations everywhere, and tells which units they reach.
    fn spread(&self, batch: &[(UnitId, u8, u32)], users: &mut [Users]) -> Vec<UnitId> {
        let mut touched = Vec::new();
        let mut waiting = Vec::new();
        for (unit, direction, operation) in batch {
            let bit = 1_u64 << (operation % 64);
            let one = Users {
                requests: bit,
                responses: bit,
            }
            .through(*direction);
            add(*unit, one, users, &mut touched, &mut waiting);
        }
        while let Some(id) = waiting.pop() {
            let Some(now) = users.get(id.index()).copied() else {
                continue;
            };
            for (mask, to) in &self.unit(id).leads {
                add(*to, now.through(*mask), users, &mut touched, &mut waiting);
            }
        }
        touched
    }

    /// The operations that use a unit in one of these directions, in their order.
    pub(in crate::rules) fn users_of(&self, unit: UnitId, direction: u8, into_units: &[Vec<(u8, UnitId)>]) -> Vec<u32> {
        let mut seen = vec![0_u8; self.units.len()];
        let mut waiting = vec![(unit, direction)];
        let mut found = Vec::new();
        while let Some((id, wanted)) = waiting.pop() {
            let Some(seen) = seen.get_mut(id.index()) else { continue };
            let new = wanted & !*seen;
            if new == 0 {
                continue;
            }
            *seen |= new;
            let users = self.unit(id).users.iter();
            found.extend(
                users
                    .filter(|(direction, _)| direction & new != 0)
                    .map(|(_, operation)| *operation),
            );
            let from = into_units.get(id.index()).map(Vec::as_slice).unwrap_or_default();
            waiting.extend(from.iter().map(|(mask, from)| (*from, new & mask)));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// For every unit, the units that lead to it.
    pub(in crate::rules) fn led_from(&self) -> Vec<Vec<(u8, UnitId)>> {
        let mut from = vec![Vec::new(); self.units.len()];
        for unit in &self.units {
            for (mask, to) in &unit.leads {
                if let Some(from) = from.get_mut(to.index()) {
                    from.push((*mask, unit.id));
                }
            }
        }
        from
    }

    /// Whether a schema is a component that nothing uses.
    pub fn is_unused(&self, id: SchemaId) -> bool {
        let unit = self.unit(self.schema(id).unit);
        matches!(unit.kind, UnitKind::Named(_)) && unit.requests == 0 && unit.responses == 0
    }
}

fn add(id: UnitId, more: Users, users: &mut [Users], touched: &mut Vec<UnitId>, waiting: &mut Vec<UnitId>) {
    let Some(known) = users.get_mut(id.index()) else { return };
    let joined = Users {
        requests: known.requests | more.requests,
        responses: known.responses | more.responses,
    };
    if joined == *known {
        return;
    }
    if *known == Users::default() {
        touched.push(id);
    }
    *known = joined;
    waiting.push(id);
}
