//! What is counted of one operation, and the handle that counts it.

use super::Code;
use super::cells::OperationCells;
use super::worker::Worker;
use std::marker::PhantomData;
use std::sync::OnceLock;
use std::time::Duration;

/// The counters of one operation, for all workers. Held by route tables; counts through [`OperationMetrics::of`].
#[derive(Default)]
pub struct OperationMetrics {
    api: Box<str>,
    operation: Box<str>,
    workers: Box<[OnceLock<Box<OperationCells>>]>,
    codes: usize,
}

/// One operation's counters of one worker. Bound to the worker's thread, since each counter has one writer.
#[derive(Clone, Copy)]
pub struct Mine<'m> {
    cells: Option<&'m OperationCells>,
    single_writer: PhantomData<*const ()>,
}

/// One request, answered by whomever.
#[derive(Clone, Copy, Debug, Default)]
pub struct Answered {
    /// The status that went to the caller.
    pub status: u16,
    /// From the first byte of the request to the last of the answer.
    pub duration: Duration,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes of the answer's body.
    pub bytes_out: u64,
}

/// Whose body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// The caller's.
    Request,
    /// The upstream's.
    Response,
}

/// Why a body was forwarded without being judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unjudged {
    /// The contract has no schema for it.
    NoSchema,
    /// Its media type is not one that is judged.
    MediaType,
    /// It is a stream, such as server-sent events.
    Stream,
    /// It is longer than what is buffered.
    TooLarge,
    /// The control is off.
    Off,
    /// It is a range of a body.
    Range,
    /// It is a form with a file of whose media type nothing is known; all else of it was judged.
    File,
}

impl OperationMetrics {
    pub(super) fn new(api: Box<str>, operation: Box<str>, workers: usize, codes: usize) -> Self {
        Self {
            api,
            operation,
            workers: std::iter::repeat_with(OnceLock::new).take(workers).collect(),
            codes,
        }
    }

    /// The API's label.
    #[must_use]
    pub fn api(&self) -> &str {
        &self.api
    }

    /// The operation's label.
    #[must_use]
    pub fn operation(&self) -> &str {
        &self.operation
    }

    /// The counters of one worker; made when it first counts. Of a worker of another registry nothing is counted.
    #[must_use]
    pub fn of<'m>(&'m self, worker: &'m Worker) -> Mine<'m> {
        let slot = self.workers.get(worker.number());
        let cells = slot.map(|slot| &**slot.get_or_init(|| Box::new(OperationCells::new(self.codes))));
        Mine {
            cells,
            single_writer: PhantomData,
        }
    }

    /// The cells of the workers that counted anything.
    pub(super) fn cells(&self) -> impl Iterator<Item = &OperationCells> {
        self.workers.iter().filter_map(|slot| slot.get().map(|cells| &**cells))
    }
}

impl Mine<'_> {
    /// Counts an answered request, refusals included; once, at the end of the answer.
    pub fn answered(self, answered: &Answered) {
        let Some(cells) = self.cells else { return };
        let class = usize::from(answered.status / 100);
        let class = cells.classes.get(class).or(cells.classes.first());
        if let Some(counter) = class {
            counter.add(1);
        }
        cells.duration.observe(answered.duration);
        cells.bytes_in.add(answered.bytes_in);
        cells.bytes_out.add(answered.bytes_out);
    }

    /// Counts the time from sending a request upstream to the head of its answer.
    pub fn upstream(self, duration: Duration) {
        if let Some(cells) = self.cells {
            cells.upstream.observe(duration);
        }
    }

    /// Counts a refusal.
    pub fn refused(self, code: Code) {
        if let Some(cells) = self.cells {
            cells.refused.count(code.0);
        }
    }

    /// Counts what a control in observe mode let pass.
    pub fn would_refuse(self, code: Code) {
        if let Some(cells) = self.cells {
            cells.would_refuse.count(code.0);
        }
    }

    /// Counts a request beyond a limit; `observed`: it passed all the same.
    pub fn limited(self, limit: &str, observed: bool) {
        if let Some(cells) = self.cells {
            cells.limited.count(limit, observed);
        }
    }

    /// Counts items that were left out of a list.
    pub fn withheld(self, items: u64) {
        if let Some(cells) = self.cells {
            cells.withheld.add(items);
        }
    }

    /// Counts members that were left out of an answer.
    pub fn stripped(self, members: u64) {
        if let Some(cells) = self.cells {
            cells.stripped.add(members);
        }
    }

    /// Counts a body that was forwarded without being judged.
    pub fn unjudged(self, body: Body, reason: Unjudged) {
        let reasons = self.cells.and_then(|cells| cells.unjudged.get(body as usize));
        if let Some(counter) = reasons.and_then(|reasons| reasons.get(reason as usize)) {
            counter.add(1);
        }
    }
}

impl Body {
    /// Both, in the order of their counters.
    pub const ALL: [Self; 2] = [Self::Request, Self::Response];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
        }
    }
}

impl Unjudged {
    /// Every reason, in the order of their counters.
    pub const ALL: [Self; 7] = [
        Self::NoSchema,
        Self::MediaType,
        Self::Stream,
        Self::TooLarge,
        Self::Off,
        Self::Range,
        Self::File,
    ];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::NoSchema => "no_schema",
            Self::MediaType => "media_type",
            Self::Stream => "stream",
            Self::TooLarge => "too_large",
            Self::Off => "off",
            Self::Range => "range",
            Self::File => "file",
        }
    }
}
