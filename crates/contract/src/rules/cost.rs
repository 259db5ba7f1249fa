//! The areas of the score, and what findings take from them.

use portcullis_lint::score::{self, Charge, WHOLE};

use super::contract_rule::{Area, Cost, Part};
use super::found::{Cause, Spot};
use super::survey::share::{ERROR_PERCENT, REQUEST_PERCENT, SUCCESS_PERCENT};
use super::survey::{Operation, Survey, UnitId};

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
                    let parts = self.parts(spot.cause, part);
                    slots.extend(parts.into_iter().map(|(slot, share)| (DATA, slot, share, percent)));
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

    /// The slots of what no schema covers.
    fn parts(&self, cause: Cause<'d>, part: Part) -> Vec<(u64, u64)> {
        let one = |index: u64| {
            let operation = self.survey.operations.get(usize::try_from(index).ok()?)?;
            let slot = (1 << 40) | (index << 2) | (part as u64);
            Some((slot, self.uncovered(operation, part)))
        };
        self.operations(cause).into_iter().filter_map(one).collect()
    }

    /// The share of an operation that no schema covers.
    fn uncovered(&self, operation: &Operation<'_>, part: Part) -> u64 {
        let (percent, schemas): (u64, Vec<bool>) = match part {
            Part::Request => {
                let parameters = operation.parameters.iter().map(|parameter| parameter.schema.is_some());
                let contents = operation.body.iter().flat_map(|body| &body.contents);
                (
                    REQUEST_PERCENT,
                    parameters
                        .chain(contents.map(|content| content.schema.is_some()))
                        .chain(operation.undeclared().map(|_| false))
                        .collect(),
                )
            }
            Part::Success | Part::Error => {
                let is_error = part == Part::Error;
                let answers = operation.answers.iter().filter(|answer| answer.is_error() == is_error);
                let schemas = answers.flat_map(|answer| {
                    let contents = answer.contents.iter().map(|content| content.schema.is_some());
                    contents.chain(answer.headers.iter().map(|header| header.schema.is_some()))
                });
                (
                    if is_error { ERROR_PERCENT } else { SUCCESS_PERCENT },
                    schemas.collect(),
                )
            }
        };
        let whole = self.survey.operation_share(percent);
        let all = u64::try_from(schemas.len()).unwrap_or(u64::MAX);
        let without = u64::try_from(schemas.iter().filter(|covered| !**covered).count()).unwrap_or(u64::MAX);
        whole.checked_div(all).map_or(whole, |part| part * without)
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
            Self::Data(_) | Self::Part(..) => Some(DATA),
            Self::Security(area, _) => Some(index(area)),
        }
    }
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
