//! For how long what let a caller in holds: an answer that is passed on as it comes, or a WebSocket, ends with the credentials that
//! opened it.
//!
//! Credentials end by themselves at a time, and access tokens also with the keys that they were verified with. What is answered
//! whole is answered at once, and nothing of it is taken back.

use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Response};
use http_body::{Body, Frame, SizeHint};
use portcullis_identity::authorization::Authorization;
use portcullis_identity::principal::Credential;
use portcullis_identity::time::UnixTime;

use super::contract_out::Judged;
use crate::access::{Access, Proven};
use crate::body::{BodyError, ResponseBody};
use crate::forward::deadline::{Deadlines, Watch};
use crate::gate::{Gate, Shared};
use crate::issuer::Issuer;
use crate::listen::unix_time;
use crate::routes::Routes;

/// How long an answer may go on at least, whose caller's credential ends now, or ended within the skew that its issuer is allowed.
const LIFE_TIME_MIN: Duration = Duration::from_secs(5);
/// How often it is looked whether the keys are still those that a token was verified with.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// For how long what let a caller in holds.
#[derive(Debug, Default)]
pub(crate) struct Tenure {
    /// From when on one of the credentials is no longer good.
    ends: Option<UnixTime>,
    token: Option<Token>,
}

/// What the keys of an operation's issuers were when its caller was about to be verified.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Began {
    generations: u64,
}

/// An access token, as it was presented.
#[derive(Debug)]
struct Token {
    authorization: HeaderValue,
    /// As it is configured in `routes`.
    issuer: Arc<Issuer>,
    generation: u64,
    /// The table that was in force when it was looked last.
    routes: Weak<Routes>,
}

/// A tenure that is watched.
pub(crate) struct Life {
    watch: Watch,
    /// With what is in force at any time.
    token: Option<(Token, Arc<Shared>)>,
}

/// A body that breaks off when the tenure of its caller is over.
#[derive(Debug)]
pub struct Lasting {
    /// None after that.
    body: Option<ResponseBody>,
    life: Life,
}

impl Began {
    pub(crate) fn of(access: &Access) -> Self {
        // Each only grows, so no two changes look like none.
        let generations = access.issuers().map(|issuer| issuer.revision());
        Self {
            generations: generations.fold(0, u64::wrapping_add),
        }
    }
}

impl Tenure {
    /// That of a caller who has just proved this.
    pub(crate) fn of(proven: &Proven, access: &Access, began: Began, headers: &HeaderMap) -> Self {
        Self {
            ends: proven.ends(),
            token: Token::of(proven, access, began, headers),
        }
    }

    fn watch(self, deadlines: &Rc<Deadlines>, shared: &Arc<Shared>, now: UnixTime) -> Option<Life> {
        let Self { ends, token } = self;
        let token = token.map(|token| (token, Arc::clone(shared)));
        if ends.is_none() && token.is_none() {
            return None;
        }
        let mut watch = deadlines.watch();
        if let Some(ends) = ends {
            watch.set_total(left(ends, now));
        }
        if token.is_some() {
            watch.arm(LOOK_EVERY);
        }
        Some(Life { watch, token })
    }
}

/// How long an answer may go on whose caller's credential ends then.
fn left(ends: UnixTime, now: UnixTime) -> Duration {
    Duration::from_secs(ends.seconds().saturating_sub(now.seconds())).max(LIFE_TIME_MIN)
}

impl Token {
    fn of(proven: &Proven, access: &Access, began: Began, headers: &HeaderMap) -> Option<Self> {
        let authority = proven.by(Credential::AccessToken)?.subject().authority();
        let issuer = access.issuers().find(|issuer| issuer.authority() == authority)?;
        let generation = issuer.revision();
        let changed = Began::of(access).generations != began.generations;
        Some(Self {
            authorization: headers.get(AUTHORIZATION)?.clone(),
            issuer: Arc::clone(issuer),
            // None that there is, so that it is looked at anew.
            generation: if changed { u64::MAX } else { generation },
            routes: Weak::new(),
        })
    }

    /// Whether it is still believed. It is verified anew only where its issuer, or the issuer's keys, have changed.
    fn is_good(&mut self, shared: &Shared, now: UnixTime) -> bool {
        let routes = shared.routes.load();
        if !std::ptr::eq(self.routes.as_ptr(), Arc::as_ptr(&routes)) {
            let Some(issuer) = routes.issuer(self.issuer.authority()) else {
                return false;
            };
            if !Arc::ptr_eq(issuer, &self.issuer) {
                self.issuer = Arc::clone(issuer);
                self.generation = u64::MAX;
            }
            self.routes = Arc::downgrade(&routes);
        }
        let generation = self.issuer.revision();
        if generation == self.generation {
            return true;
        }
        self.generation = generation;
        match Authorization::read([self.authorization.as_bytes()]) {
            Ok(Some(Authorization::Bearer(token) | Authorization::Dpop(token))) => self.issuer.believes(token, now),
            _ => false,
        }
    }
}

impl Life {
    /// Ready when it is over.
    pub(crate) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.watch.poll_expired(cx));
            let token = self.token.as_mut();
            let is_good = token.is_some_and(|(token, shared)| token.is_good(shared, unix_time()));
            if self.watch.total_passed() || !is_good {
                return Poll::Ready(());
            }
            self.watch.arm(LOOK_EVERY);
        }
    }
}

/// Lets an answer leave, for as long as its caller's credentials are good.
pub(crate) fn bind(judged: Judged, gate: &Gate) -> Response<ResponseBody> {
    let Judged { response, tenure } = judged;
    let watch = |tenure: Tenure| tenure.watch(gate.pools().deadlines(), gate.shared(), unix_time());
    response.map(|body| match body {
        ResponseBody::Switched(mut switched) => {
            switched.life = watch(tenure);
            ResponseBody::Switched(switched)
        }
        body @ (ResponseBody::Streamed(_) | ResponseBody::Resumed(_)) if !body.is_end_stream() => match watch(tenure) {
            Some(life) => ResponseBody::Lasting(Box::new(Lasting { body: Some(body), life })),
            None => body,
        },
        body => body,
    })
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
