//! The areas of the score, and what findings take from them.

use portcullis_lint::score::{self, Charge, WHOLE};

use super::contract_rule::{Area, Cost, Part};
use super::found::{Cause, Spot};
use super::survey::share::{REQUEST_PERCENT, SUCCESS_PERCENT};
use super::survey::{ErrorKind, Operation, Survey, UnitId};

/// The areas, in the order of the report: 30 points for security, 70 for data validation.
pub const AREAS: [score::Area; 5] = [
    score::Area {
        name: "authentication",
        points: 12,
    },
    score::Area {
        name: "authorization",
        points: 6,
    },
    score::Area {
        name: "transport",
        points: 6,
    },
    score::Area {
        name: "exposure",
        points: 6,
    },
    score::Area {
        name: "data",
        points: 70,
    },
];
/// How many of the areas are security.
pub const SECURITY_AREAS: usize = 4;
const DATA: usize = SECURITY_AREAS;

/// What findings take, while they are counted.
pub(super) struct Ledger<'s, 'd> {
    survey: &'s Survey<'d>,
    led_from: Vec<Vec<(u8, UnitId)>>,
    charges: Vec<Charge>,
}

impl<'s, 'd> Ledger<'s, 'd> {
    pub(super) fn new(survey: &'s Survey<'d>) -> Self {
        Self {
            survey,
            led_from: survey.led_from(),
            charges: Vec::new(),
        }
    }

    /// Charges what one finding costs: each slot once.
    pub(super) fn charge(&mut self, cost: Cost, spots: &[Spot<'d>], finding: usize) {
        let mut slots: Vec<(usize, u64, u64, u8)> = Vec::new();
        for spot in spots {
            match cost {
                Cost::Nothing => {}
                Cost::Data(percent) => {
                    slots.extend(self.data(spot.cause).map(|(slot, share)| (DATA, slot, share, percent)))
                }
                Cost::Part(part, percent) => {
                    let touched = self.operations(spot.cause).into_iter();
                    let parts = touched.flat_map(|operation| self.uncovered(operation, part));
                    slots.extend(parts.map(|(slot, share)| (DATA, slot, share, percent)));
                }
                Cost::Lacks(kinds) => {
                    let touched = self.operations(spot.cause).into_iter();
                    let lacking = touched.flat_map(|operation| self.lacking(operation, kinds));
                    slots.extend(lacking.map(|slot| (DATA, slot, self.survey.error_share(), 100)));
                }
                Cost::Security(area, percent) => {
                    let share = self.survey.operation_share(100);
                    let touched = self.operations(spot.cause);
                    slots.extend(
                        touched
                            .into_iter()
                            .map(|operation| (index(area), operation, share, percent)),
                    );
                }
            }
        }
        slots.sort_unstable();
        slots.dedup();
        self.charges
            .extend(slots.into_iter().map(|(area, slot, share, percent)| Charge {
                area,
                slot,
                share,
                percent,
                finding,
            }));
    }

    pub(super) fn charges(self) -> Vec<Charge> {
        self.charges
    }

    /// The slot of a value.
    fn data(&self, cause: Cause<'d>) -> Option<(u64, u64)> {
        let id = match cause {
            Cause::Value(id) => Some(id),
            Cause::Parameter(location, name, operation) => {
                let operation = self.survey.operations.get(operation)?;
                let is_it = |parameter: &&super::survey::Parameter<'d>| {
                    parameter.location == location && parameter.name == name
                };
                operation.parameters.iter().find(is_it)?.schema
            }
            Cause::Operation(_) | Cause::Scheme(_) | Cause::Contract => None,
        }?;
        Some((u64::from(id.number()), self.survey.schema(id).share()))
    }

    /// The slots of what an operation takes or answers and no schema covers, and their shares.
    fn uncovered(&self, index: u64, part: Part) -> Vec<(u64, u64)> {
        let Some(operation) = self.operation(index) else {
            return Vec::new();
        };
        match part {
            Part::Request => {
                let parameters = operation.parameters.iter().map(|parameter| parameter.schema.is_some());
                let contents = operation.body.iter().flat_map(|body| &body.contents);
                let covered = parameters
                    .chain(contents.map(|content| content.schema.is_some()))
                    .chain(operation.undeclared().map(|_| false));
                let whole = self.survey.operation_share(REQUEST_PERCENT);
                vec![(slot(index, OF_REQUEST), share_without(whole, covered))]
            }
            Part::Success => {
                let answers = operation.answers.iter().filter(|answer| !answer.is_error());
                let covered = answers.flat_map(|answer| {
                    let contents = answer.contents.iter().map(|content| content.schema.is_some());
                    contents.chain(answer.headers.iter().map(|header| header.schema.is_some()))
                });
                let whole = self.survey.operation_share(SUCCESS_PERCENT);
                vec![(slot(index, OF_SUCCESS), share_without(whole, covered))]
            }
            Part::Error => {
                let covered = |kind| {
                    let contents = self.survey.error_contents(operation, kind);
                    contents.map(|content| content.schema.is_some())
                };
                let whole = self.survey.error_share();
                let errors = (OF_ERRORS..).zip(ErrorKind::ALL);
                errors
                    .map(|(part, kind)| (part, covered(kind)))
                    .filter(|(_, covered)| covered.clone().any(|covered| !covered))
                    .map(|(part, covered)| (slot(index, part), share_without(whole, covered)))
                    .collect()
            }
        }
    }

    /// The slots of errors that an operation does not declare.
    fn lacking(&self, index: u64, kinds: &[ErrorKind]) -> impl Iterator<Item = u64> {
        let lacks = |kind| kinds.contains(&kind) && self.operation(index).is_some_and(|it| self.survey.lacks(it, kind));
        let errors = (OF_ERRORS..).zip(ErrorKind::ALL);
        let lacking: Vec<u64> = errors
            .filter(|(_, kind)| lacks(*kind))
            .map(|(part, _)| slot(index, part))
            .collect();
        lacking.into_iter()
    }

    fn operation(&self, index: u64) -> Option<&'s Operation<'d>> {
        self.survey.operations.get(usize::try_from(index).ok()?)
    }

    /// The operations that a cause touches.
    fn operations(&self, cause: Cause<'d>) -> Vec<u64> {
        let all = || {
            (0..self.survey.operations.len())
                .map(|index| u64::try_from(index).unwrap_or(u64::MAX))
                .collect()
        };
        match cause {
            Cause::Value(id) => {
                let schema = self.survey.schema(id);
                let users = self.survey.users_of(schema.unit, schema.mask(), &self.led_from);
                users.into_iter().map(u64::from).collect()
            }
            Cause::Parameter(_, _, operation) | Cause::Operation(operation) => {
                vec![u64::try_from(operation).unwrap_or(u64::MAX)]
            }
            Cause::Scheme(index) => {
                let asks = |operation: &&Operation<'d>| {
                    let mut asked = self.survey.asked(operation);
                    asked.any(|asked| asked.scheme == Some(index))
                };
                let touched = self.survey.operations.iter().filter(asks);
                touched
                    .map(|operation| u64::try_from(operation.index).unwrap_or(u64::MAX))
                    .collect()
            }
            Cause::Contract => all(),
        }
    }
}

impl Cost {
    /// The index of the area that it takes points from.
    pub(super) const fn area(self) -> Option<usize> {
        match self {
            Self::Nothing => None,
            Self::Data(_) | Self::Part(..) | Self::Lacks(_) => Some(DATA),
            Self::Security(area, _) => Some(index(area)),
        }
    }
}

/// The parts of an operation that are slots of their own. Errors are the last: one for each kind.
const OF_REQUEST: u64 = 0;
const OF_SUCCESS: u64 = 1;
const OF_ERRORS: u64 = 2;

/// The name of a part of an operation; those of schemas are below 2^32.
const fn slot(operation: u64, part: u64) -> u64 {
    (1 << 40) | (operation << 4) | part
}

/// What falls to those that no schema covers; all where there is nothing at all.
fn share_without(whole: u64, covered: impl Iterator<Item = bool>) -> u64 {
    let (mut all, mut without) = (0_u64, 0_u64);
    for covered in covered {
        all += 1;
        without += u64::from(!covered);
    }
    whole.checked_div(all).map_or(whole, |part| part * without)
}

const fn index(area: Area) -> usize {
    match area {
        Area::Authentication => 0,
        Area::Authorization => 1,
        Area::Transport => 2,
        Area::Exposure => 3,
    }
}

const _: () = assert!(WHOLE >= 1 << 32, "shares of many operations would be nothing");
