//! Bodies of answers, read whole within their bounds, and decoded.

use bytes::Bytes;

use super::Judging;
use crate::body::{BodyError, Collected, ResponseBody, collect_bounded};
use crate::forward::decode::{Budget, Coding, decode};
use crate::holdings::Hold;
use crate::metrics::Unjudged;
use crate::refusal::Refusal;

/// A body that was read whole.
pub(super) struct Whole {
    /// As it came.
    pub(super) sent: Bytes,
    /// Decoded, to be judged.
    pub(super) text: Bytes,
    /// Whether there was anything to decode.
    pub(super) decoded: bool,
    /// The room it takes while it is judged.
    _hold: Hold,
}

/// A body that was read whole, or one that passes on.
pub(super) enum Held {
    Whole(Whole),
    Passing(ResponseBody),
}

impl Judging<'_, '_> {
    /// The whole body, decoded; or the body as it comes, where it is over the bound and may pass.
    pub(super) async fn whole(&mut self, body: ResponseBody) -> Result<Held, Refusal> {
        let answer = self.route.operation.policy.answer;
        let unread = |error| match error {
            BodyError::TimedOut => Refusal::UpstreamTimeout,
            BodyError::NoRoom => Refusal::Busy,
            BodyError::Broken | BodyError::TooLarge | BodyError::Refused | BodyError::CredentialEnded => {
                Refusal::UpstreamError { because: None }
            }
        };
        let body = match body {
            ResponseBody::Streamed(body) => body,
            ResponseBody::Whole(text) if self.reduced => {
                let mut hold = self.gate.hold_answer();
                hold.grow(text.len()).map_err(unread)?;
                return Ok(Held::Whole(Whole {
                    sent: text.clone(),
                    text,
                    decoded: true,
                    _hold: hold,
                }));
            }
            // Not of an upstream, so there is nothing to judge.
            whole => return Ok(Held::Passing(self.pass(whole, Unjudged::NoSchema))),
        };
        let mut hold = self.gate.hold_answer();
        let sent = match collect_bounded(body, answer.body_bytes_max, &mut hold)
            .await
            .map_err(unread)?
        {
            Collected::Whole(sent) => sent,
            Collected::Overflow(body) => {
                if !answer.stream_oversize {
                    self.found("contract.response.oversize", None, None)?;
                }
                return Ok(Held::Passing(
                    self.pass(ResponseBody::Resumed(Box::new(body)), Unjudged::TooLarge),
                ));
            }
        };
        let budget = Budget {
            bytes_max: answer.body_bytes_max,
            ..Budget::default()
        };
        let decoded = match Coding::of(&self.parts.headers) {
            Ok(None) => {
                let text = sent.clone();
                return Ok(Held::Whole(Whole {
                    sent,
                    text,
                    decoded: false,
                    _hold: hold,
                }));
            }
            Ok(Some(coding)) => decode(coding, &sent, budget),
            Err(error) => Err(error),
        };
        if let Ok(text) = decoded {
            hold.grow(text.len()).map_err(unread)?;
            let text = Bytes::from(text);
            return Ok(Held::Whole(Whole {
                sent,
                text,
                decoded: true,
                _hold: hold,
            }));
        }
        self.found("contract.response.encoding", None, None)?;
        Ok(Held::Passing(self.pass(ResponseBody::Whole(sent), Unjudged::MediaType)))
    }
}
