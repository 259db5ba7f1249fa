//! For how long what let a caller in holds: an answer that is passed on as it comes, or a WebSocket, ends with the credentials that
//! opened it.
//!
//! Credentials end by themselves at a time, and the grounds on which they let in may be gone before that. What is
//! answered whole is answered at once, and nothing of it is taken back.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use portcullis_identity::time::UnixTime;

use super::grounds::{Grounds, LOOK_EVERY};
use super::learn_relations::Learnt;
use crate::body::{BodyError, ResponseBody};
use crate::decisions::NamedResources;
use crate::forward::deadline::Watch;
use crate::gate::{Gate, Shared};
use crate::listen::unix_time;

/// How long an answer may go on at least, whose caller's credential ends now, or ended within the skew that its issuer is allowed.
const LIFE_TIME_MIN: Duration = Duration::from_secs(5);

/// For how long what let a caller in holds.
#[derive(Default)]
pub(crate) struct Tenure {
    /// From when on one of the credentials is no longer good.
    pub(super) ends: Option<UnixTime>,
    /// None where nothing had to be proved.
    pub(super) grounds: Option<Box<Grounds>>,
}

/// A tenure that is watched.
pub(crate) struct Life {
    watch: Watch,
    /// With what is in force at any time.
    grounds: Option<(Box<Grounds>, Arc<Shared>)>,
}

/// A body that breaks off when the tenure of its caller is over.
#[derive(Debug)]
pub struct Lasting {
    /// None after that.
    body: Option<ResponseBody>,
    life: Life,
}

/// Lets an answer leave, for as long as its caller's credentials are good.
pub(crate) fn bind(learnt: Learnt, gate: &Gate) -> Response<ResponseBody> {
    let Learnt { response, tenure } = learnt;
    response.map(|body| match body {
        ResponseBody::Switched(mut switched) => {
            switched.life = tenure.watch(gate, unix_time());
            ResponseBody::Switched(switched)
        }
        body @ (ResponseBody::Streamed(_) | ResponseBody::Resumed(_)) if !body.is_end_stream() => {
            match tenure.watch(gate, unix_time()) {
                Some(life) => ResponseBody::Lasting(Box::new(Lasting { body: Some(body), life })),
                None => body,
            }
        }
        body => body,
    })
}

impl Tenure {
    /// What the caller was let in for has these resources, which are asked about again.
    pub(super) fn keep(&mut self, named: NamedResources) {
        if let Some(grounds) = &mut self.grounds {
            grounds.resources = named;
        }
    }

    /// None where it has no end.
    fn watch(self, gate: &Gate, now: UnixTime) -> Option<Life> {
        let Self { ends, grounds } = self;
        if ends.is_none() && grounds.is_none() {
            return None;
        }
        let mut watch = gate.pools().deadlines().watch();
        if let Some(ends) = ends {
            watch.set_total(left(ends, now));
        }
        if grounds.is_some() {
            watch.arm(LOOK_EVERY);
        }
        let grounds = grounds.map(|grounds| (grounds, Arc::clone(gate.shared())));
        Some(Life { watch, grounds })
    }
}

/// How long an answer may go on whose caller's credential ends then.
fn left(ends: UnixTime, now: UnixTime) -> Duration {
    Duration::from_secs(ends.seconds().saturating_sub(now.seconds())).max(LIFE_TIME_MIN)
}

impl Life {
    /// Ready when it is over.
    pub(crate) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if let Some((grounds, _)) = &mut self.grounds {
                match grounds.poll_denied(cx) {
                    Poll::Ready(()) => return Poll::Ready(()),
                    Poll::Pending => {}
                }
            }
            ready!(self.watch.poll_expired(cx));
            if self.watch.total_passed() {
                return Poll::Ready(());
            }
            let grounds = self.grounds.as_mut();
            match grounds.and_then(|(grounds, shared)| grounds.look(shared, unix_time())) {
                Some(after) => self.watch.arm(after),
                None => return Poll::Ready(()),
            }
        }
    }
}

impl fmt::Debug for Life {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Life").finish_non_exhaustive()
    }
}

impl Body for Lasting {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let Some(body) = &mut this.body else {
            return Poll::Ready(None);
        };
        if this.life.poll_over(cx).is_ready() {
            // What comes of the upstream has nowhere to go.
            this.body = None;
            return Poll::Ready(Some(Err(BodyError::CredentialEnded)));
        }
        Pin::new(body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_some_and(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, Body::size_hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_11_a_life_ends_with_the_credential_and_never_at_once() {
        let now = UnixTime::from_seconds(1_700_000_000).unwrap();
        for (ends_in, expected) in [(3600, 3600), (6, 6), (5, 5), (1, 5), (0, 5)] {
            assert_eq!(left(now.plus(ends_in), now), Duration::from_secs(expected), "{ends_in}");
        }
        // Within the skew that is allowed.
        assert_eq!(left(now, now.plus(20)), LIFE_TIME_MIN);
    }
}
