//! A multipart body that is larger than what is held of one: judged part by part on its way, its files passed on as they come.
//!
//! Nothing is forwarded before it is judged, but for the bytes of files: the parts so far go on when the object that they
//! make conforms as a whole, so that fields have to come before files. What breaks the contract after that ends the request
//! to the upstream in its middle, never as if it were whole.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use portcullis_contract::conform::body::multipart::{Bounds, Multipart};
use portcullis_contract::conform::body::object::Object;
use portcullis_contract::conform::body::{self, Reading, Unfit};
use portcullis_contract::conform::contract::Contract;
use portcullis_contract::conform::json::{Code, Undeclared, Violation};
use portcullis_contract::conform::media_type::FieldsId;
use portcullis_contract::conform::parameter::HeadScratch;

use super::forms;
use crate::body::{BodyError, Bounded, Resumed};
use crate::holdings::Hold;
use crate::listen::Incoming;
use crate::refusal::Refusal;

/// How often the object of the parts so far is judged, at the most.
const JUDGEMENTS_MAX: u32 = 64;

/// Why an upload was broken off; filled while it is on its way.
pub(crate) type Verdict = Rc<RefCell<Option<Refusal>>>;

/// What an upload is judged by.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) contract: Arc<Contract>,
    /// The index of its operation.
    pub(crate) operation: u32,
    pub(crate) fields: FieldsId,
    /// Nothing can be left out of what is on its way already.
    pub(crate) undeclared: Undeclared,
    pub(crate) bounds: Bounds,
}

/// A body on its way.
#[derive(Debug)]
pub struct Upload {
    source: Resumed<Bounded<Incoming>>,
    rules: Rules,
    multipart: Multipart,
    scratch: HeadScratch,
    /// Bytes that came.
    bytes: usize,
    /// Came, and not to be forwarded yet: at most what may be held, and one frame.
    held: VecDeque<Bytes>,
    held_bytes: usize,
    hold: Hold,
    /// To be forwarded.
    ready: VecDeque<Bytes>,
    /// With how many parts the object was judged last, and whether it conformed.
    judged: (usize, bool),
    judgements_left: u32,
    ended: bool,
    verdict: Verdict,
}

impl Upload {
    /// Nothing of `source` may have been forwarded.
    pub(crate) fn new(source: Resumed<Bounded<Incoming>>, boundary: &str, rules: Rules, hold: Hold) -> Self {
        Self {
            source,
            multipart: Multipart::new(boundary, rules.bounds),
            rules,
            scratch: HeadScratch::default(),
            bytes: 0,
            held: VecDeque::new(),
            held_bytes: 0,
            hold,
            ready: VecDeque::new(),
            judged: (0, false),
            judgements_left: JUDGEMENTS_MAX,
            ended: false,
            verdict: Verdict::default(),
        }
    }

    /// Reads until something may be forwarded.
    ///
    /// # Errors
    /// [`BodyError::Refused`] where the contract is broken; [`Upload::verdict`] says how.
    pub(crate) async fn begin(&mut self) -> Result<(), BodyError> {
        poll_fn(|cx| {
            while self.ready.is_empty() && !self.ended {
                ready!(self.poll_source(cx))?;
            }
            Poll::Ready(Ok(()))
        })
        .await
    }

    /// Where it will stand why this body was broken off.
    pub(crate) fn verdict(&self) -> Verdict {
        Rc::clone(&self.verdict)
    }

    /// Takes one frame, or the end.
    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BodyError>> {
        let taken = match ready!(Pin::new(&mut self.source).poll_frame(cx)).transpose()? {
            Some(frame) => match frame.into_data() {
                Ok(bytes) => self.take(bytes),
                Err(_) => Ok(()),
            },
            None => self.end(),
        };
        Poll::Ready(taken.map_err(|refusal| {
            self.verdict.replace(Some(refusal));
            BodyError::Refused
        }))
    }

    fn take(&mut self, bytes: Bytes) -> Result<(), Refusal> {
        if self.held_bytes > self.rules.bounds.held_bytes_max {
            return Err(Refusal::BodyTooLarge);
        }
        self.bytes += bytes.len();
        self.reading(|multipart, reading| multipart.push(&bytes, reading))?;
        self.hold.grow(bytes.len()).map_err(|_| Refusal::Busy)?;
        self.held_bytes += bytes.len();
        self.held.push_back(bytes);
        match self.multipart.parts_up_to_file() {
            Some(parts) if self.conforms_with(parts)? => self.release_but_last(),
            _ => Ok(()),
        }
    }

    fn end(&mut self) -> Result<(), Refusal> {
        let bytes = self.bytes;
        let object = self.reading(|multipart, reading| multipart.finish(bytes, reading))?;
        let judged = self.judge(&object)?;
        judged.map_err(|violation| forms::refusal(violation.into()).0)?;
        self.ready.append(&mut self.held);
        self.held_bytes = 0;
        self.hold.release();
        self.ended = true;
        Ok(())
    }

    /// Whether the object of the parts so far conforms; what is missing may still come.
    fn conforms_with(&mut self, parts: usize) -> Result<bool, Refusal> {
        if self.judged.0 == parts {
            return Ok(self.judged.1);
        }
        let left = self.judgements_left.checked_sub(1);
        self.judgements_left = left.ok_or_else(|| forms::refusal(Code::Budget.into()).0)?;
        let object = self.reading(|multipart, reading| multipart.so_far(reading))?;
        let conforms = match self.judge(&object)? {
            Ok(()) => true,
            Err(violation) if may_heal(violation.code) => false,
            Err(violation) => return Err(forms::refusal(violation.into()).0),
        };
        self.judged = (parts, conforms);
        Ok(conforms)
    }

    fn judge(&mut self, object: &Object) -> Result<Result<(), Violation>, Refusal> {
        let schema = fields(&self.rules).ok_or(Refusal::Internal)?.schema;
        let (program, level) = (&self.rules.contract.program, self.rules.undeclared);
        let scratch = &mut self.scratch.json;
        let judged = program.judge(schema, &object.json, level, &body::limits(), scratch);
        Ok(judged.map(drop))
    }

    fn reading<T>(
        &mut self,
        act: impl FnOnce(&mut Multipart, &mut Reading<'_>) -> Result<T, Unfit>,
    ) -> Result<T, Refusal> {
        let mut reading = Reading {
            program: &self.rules.contract.program,
            fields: fields(&self.rules).ok_or(Refusal::Internal)?,
            level: self.rules.undeclared,
            scratch: &mut self.scratch,
        };
        act(&mut self.multipart, &mut reading).map_err(|unfit| forms::refusal(unfit).0)
    }

    /// Lets go of all but the last frame. With that one, a body of an announced length might be whole for the upstream
    /// before it is known to be whole.
    fn release_but_last(&mut self) -> Result<(), Refusal> {
        let Some(last) = self.held.pop_back() else {
            return Ok(());
        };
        self.ready.append(&mut self.held);
        self.hold.release();
        let held = last.len() + self.multipart.held_bytes();
        self.hold.grow(held).map_err(|_| Refusal::Busy)?;
        self.held_bytes = last.len();
        self.held.push_back(last);
        Ok(())
    }
}

/// Whether parts that are still to come can make up for it.
fn may_heal(code: Code) -> bool {
    matches!(
        code,
        Code::Required
            | Code::Count
            | Code::Contains
            | Code::Dependent
            | Code::AnyOf
            | Code::OneOf
            | Code::Not
            | Code::Discriminator
    )
}

fn fields(rules: &Rules) -> Option<&portcullis_contract::conform::body::fields::Fields> {
    rules.contract.operation(rules.operation)?.fields(rules.fields)
}

impl Body for Upload {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        loop {
            if let Some(bytes) = this.ready.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            if this.ended {
                return Poll::Ready(None);
            }
            if let Err(error) = ready!(this.poll_source(cx)) {
                return Poll::Ready(Some(Err(error)));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended && self.ready.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let ready: usize = self.ready.iter().map(Bytes::len).sum();
        let here = u64::try_from(ready + self.held_bytes).unwrap_or(u64::MAX);
        let rest = self.source.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(here));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(here));
        }
        hint
    }
}
