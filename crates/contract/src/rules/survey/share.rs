//! Which share of what an API exchanges is each schema's: every operation has the same, split between what it takes and
//! what it answers, then evenly among parameters, bodies and answers, then evenly between a schema and what is inside it.

use portcullis_lint::score::WHOLE;

use super::schema::{BOTH, REQUEST, RESPONSE};
use super::{Content, ErrorKind, Operation, SchemaId, Survey};

/// What an operation takes, in percent of its share. What it takes weighs more than what it answers.
pub(in crate::rules) const REQUEST_PERCENT: u64 = 60;
/// What it answers when all goes well.
pub(in crate::rules) const SUCCESS_PERCENT: u64 = 28;
/// What it answers when not.
pub(in crate::rules) const ERROR_PERCENT: u64 = 7;
/// What nothing uses, of the whole contract.
pub(in crate::rules) const UNUSED_PERCENT: u64 = 5;

/// How many kinds of errors there are.
const KINDS: u64 = ErrorKind::ALL.len() as u64;

/// How often what is inside is shared out again; what has come no further by then stays where it is. Circles lose a half at
/// least in every round.
const ROUNDS: usize = 40;

impl<'d> Survey<'d> {
    /// Shares of requests or answers of one operation, in [`WHOLE`].
    pub(in crate::rules) fn operation_share(&self, percent: u64) -> u64 {
        let operations = u64::try_from(self.operations.len()).unwrap_or(u64::MAX).max(1);
        WHOLE / 100 * percent / operations
    }

    /// The share of one kind of error of one operation, in [`WHOLE`]. Every kind has the same, declared or not: an error more
    /// must not thin out what the others lose.
    pub(in crate::rules) fn error_share(&self) -> u64 {
        self.operation_share(ERROR_PERCENT) / KINDS
    }

    /// What says how an error of this kind looks. Headers of errors have no share: they are few, and of the gateway.
    pub(in crate::rules) fn error_contents<'s>(
        &'s self,
        operation: &'s Operation<'d>,
        kind: ErrorKind,
    ) -> impl Iterator<Item = &'s Content<'d>> + Clone {
        let answers = self.answers_of(operation, kind);
        answers.into_iter().flat_map(|answer| &answer.contents)
    }

    pub(super) fn share(&mut self) {
        let (taken, answered) = self.given();
        self.spread_shares(taken, REQUEST);
        self.spread_shares(answered, RESPONSE);
        self.share_unused();
    }

    /// What each schema is given directly by operations: in requests, and in answers.
    fn given(&self) -> (Vec<u64>, Vec<u64>) {
        let (mut taken, mut answered) = (vec![0; self.schemas.len()], vec![0; self.schemas.len()]);
        for operation in &self.operations {
            let parameters = operation.parameters.iter().map(|parameter| parameter.schema);
            let contents = operation
                .body
                .iter()
                .flat_map(|body| &body.contents)
                .map(|content| content.schema);
            give(
                &mut taken,
                self.operation_share(REQUEST_PERCENT),
                parameters.chain(contents).chain(operation.undeclared().map(|_| None)),
            );
            let successes = operation.answers.iter().filter(|answer| !answer.is_error());
            let schemas = successes.flat_map(|answer| {
                let contents = answer.contents.iter().map(|content| content.schema);
                contents.chain(answer.headers.iter().map(|header| header.schema))
            });
            give(&mut answered, self.operation_share(SUCCESS_PERCENT), schemas);
            for kind in ErrorKind::ALL {
                let schemas = self.error_contents(operation, kind).map(|content| content.schema);
                give(&mut answered, self.error_share(), schemas);
            }
        }
        (taken, answered)
    }

    /// Shares what schemas were given with what is inside them.
    fn spread_shares(&mut self, mut given: Vec<u64>, direction: u8) {
        for round in 0..ROUNDS {
            let mut next = vec![0_u64; self.schemas.len()];
            let mut moved = false;
            for (index, given) in given.into_iter().enumerate().filter(|(_, given)| *given > 0) {
                let Some(schema) = self.schemas.get_mut(index) else {
                    continue;
                };
                let ways = schema.edges.iter().filter(|edge| edge.mask & direction != 0);
                let count = u64::try_from(ways.clone().count()).unwrap_or(u64::MAX - 1);
                let part = given / (count + 1);
                if count == 0 || part == 0 || round + 1 == ROUNDS {
                    schema.share += given;
                    continue;
                }
                schema.share += given - part * count;
                moved = true;
                for edge in ways {
                    if let Some(next) = next.get_mut(edge.target.index()) {
                        *next += part;
                    }
                }
            }
            given = next;
            if !moved {
                break;
            }
        }
    }

    /// Everything that nothing uses shares what is kept for it.
    fn share_unused(&mut self) {
        let unused: Vec<usize> = (0..self.schemas.len())
            .filter(|index| {
                let id = SchemaId(u32::try_from(*index).unwrap_or(u32::MAX));
                self.is_unused(id) && self.schema(id).mask & BOTH != 0
            })
            .collect();
        let count = u64::try_from(unused.len()).unwrap_or(u64::MAX).max(1);
        for index in unused {
            if let Some(schema) = self.schemas.get_mut(index) {
                schema.share = WHOLE / 100 * UNUSED_PERCENT / count;
            }
        }
    }
}

/// Gives each of these the same part; what has no schema keeps its part to itself.
fn give(shares: &mut [u64], whole: u64, schemas: impl Iterator<Item = Option<SchemaId>> + Clone) {
    let count = u64::try_from(schemas.clone().count()).unwrap_or(u64::MAX).max(1);
    for id in schemas.flatten() {
        if let Some(share) = shares.get_mut(id.index()) {
            *share += whole / count;
        }
    }
}
