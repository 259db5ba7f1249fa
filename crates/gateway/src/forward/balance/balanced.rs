//! One request to an upstream of several endpoints: the choice, the attempts, and what the endpoints are told of them.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use smallvec::SmallVec;

use super::budget::Budget;
use super::endpoint::{Outcome, Refused, Visit};
use super::group::{Group, Nowhere, Wanted};
use super::mirror::{Mirror, is_in_share};
use super::pools::Pools;
use super::retry::{Attempt, Repeat, RetrySettings, pause};
use super::sticky::{self, Named, Wish};
use crate::body::{RequestBody, ResponseBody};
use crate::forward::headers::Edits;
use crate::forward::{ForwardError, Patience};
use crate::websocket::Bounds;
use crate::websocket::handshake;

/// What the answer of one attempt is, or why there is none.
pub(super) type Sent = Result<Response<ResponseBody>, ForwardError>;

/// How requests are spread and sent again.
#[derive(Clone, Debug)]
pub struct BalancedSettings {
    /// By which value requests stick to an endpoint.
    pub sticky: Option<Named>,
    /// How often they are sent again; none: never.
    pub retries: Option<RetrySettings>,
    /// From the start of a request to the end of its answer, over all attempts, where its operation does not say.
    pub total_time_max: Duration,
}

/// Which requests the canary gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanarySettings {
    /// Of ten thousand.
    pub per_ten_thousand: u32,
    /// Those that say so themselves.
    pub named_by: Option<(HeaderName, HeaderValue)>,
}

/// An upstream of several endpoints.
#[derive(Debug)]
pub struct Balanced {
    main: Arc<Group>,
    canary: Option<(Arc<Group>, CanarySettings)>,
    mirror: Option<Arc<Mirror>>,
    sticky: Option<Named>,
    retries: Option<(RetrySettings, Budget)>,
    total_time_max: Duration,
}

/// What is asked with a request.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// The edits to its header.
    pub(crate) edits: Edits<'a>,
    /// The bounds on its time, over all attempts.
    pub(crate) patience: Patience,
    /// The WebSocket that it opens, if it opens one.
    pub(crate) websocket: Option<(&'a handshake::Asked, Bounds)>,
    /// Which endpoint it asks for.
    pub(crate) wish: Wish,
    /// Whether it may be repeated.
    pub(crate) repeat: Repeat,
    /// When it was to be sent.
    pub(crate) at: Instant,
    /// Whether it was sent before.
    pub(crate) is_retry: bool,
}

/// How far sending one request has come.
struct Attempts<'b> {
    balanced: &'b Balanced,
    repeat: Repeat,
    until: Instant,
    /// The numbers of the endpoints that had it.
    tried: SmallVec<[usize; 4]>,
    /// What the last one said.
    last: Option<Sent>,
}

impl Balanced {
    /// An upstream of these endpoints.
    #[must_use]
    pub fn new(
        main: Arc<Group>,
        canary: Option<(Arc<Group>, CanarySettings)>,
        mirror: Option<Arc<Mirror>>,
        settings: BalancedSettings,
    ) -> Self {
        let budget = |retries: RetrySettings| {
            let budget = Budget::new(retries.budget_percent, retries.budget_burst);
            (retries, budget)
        };
        Self {
            main,
            canary,
            mirror,
            sticky: settings.sticky,
            retries: settings.retries.map(budget),
            total_time_max: settings.total_time_max,
        }
    }

    /// Which endpoint a request asks for. Read it before undeclared fields are left out.
    #[must_use]
    pub fn wish(&self, headers: &HeaderMap) -> Wish {
        let canary = self
            .canary
            .as_ref()
            .and_then(|(_, settings)| settings.named_by.as_ref());
        Wish {
            sticky: self
                .sticky
                .as_ref()
                .and_then(|named| named.value(headers))
                .map(sticky::hash),
            canary: canary.is_some_and(|(name, value)| headers.get(name) == Some(value)),
        }
    }

    /// Sends a request to an endpoint, and to another one if that fails and sending it again does no harm.
    ///
    /// # Errors
    /// What the last endpoint said; [`ForwardError::CircuitOpen`] or [`ForwardError::Overloaded`] where none took it.
    pub(crate) async fn send(&self, pools: &Pools, request: Request<RequestBody>, asked: Asked<'_>) -> Sent {
        let (parts, body) = request.into_parts();
        if let Some(mirror) = self.mirror.as_ref().filter(|_| asked.websocket.is_none()) {
            mirror.copy(&parts, &body, &asked.edits, pools);
        }
        if let Some((_, budget)) = &self.retries {
            budget.earn();
        }
        let group = self.group(asked.wish, pools.random());
        let mut attempts = Attempts {
            balanced: self,
            // Opening a WebSocket twice is not the same as opening one.
            repeat: match (asked.websocket, asked.repeat) {
                (Some(_), Repeat::Idempotent | Repeat::Always) => Repeat::Unseen,
                (_, repeat) => repeat,
            },
            until: asked.at + asked.patience.total_time_max.unwrap_or(self.total_time_max),
            tried: SmallVec::new(),
            last: None,
        };
        let mut next = Some((parts, body));
        while let Some((parts, body)) = next.take() {
            let visit = match attempts.visit(group, asked.wish, pools) {
                Ok(visit) => Rc::new(visit),
                Err(nowhere) => return attempts.finally(nowhere),
            };
            let again = attempts.copy(&parts, &body);
            let sent = attempts
                .send(&visit, Request::from_parts(parts, body), asked, pools)
                .await;
            group.ended(&visit, Outcome::of(&sent), pools.now());
            // The exchange has its own, until it is over.
            drop(visit);
            let Some((parts, body)) = again.filter(|(parts, _)| attempts.may_go_on(&sent, parts, pools)) else {
                return sent;
            };
            attempts.last = Some(sent);
            attempts.pause(pools).await;
            next = Some((parts, body));
        }
        Err(ForwardError::Closed)
    }

    /// The group that a request goes to. What sticks stays in one of them: there the hash decides, not chance.
    fn group(&self, wish: Wish, random: u64) -> &Arc<Group> {
        let Some((canary, settings)) = &self.canary else {
            return &self.main;
        };
        // Other bits than those that choose the endpoint.
        let drawn = wish.sticky.map_or(random, |value| sticky::mixed(value.rotate_left(32)));
        match wish.canary || is_in_share(drawn, settings.per_ten_thousand) {
            true => canary,
            false => &self.main,
        }
    }
}

impl Attempts<'_> {
    /// A place at an endpoint that has not had the request. Where the canary has none, the others step in.
    fn visit(&mut self, group: &Arc<Group>, wish: Wish, pools: &Pools) -> Result<Visit, Nowhere> {
        let now = pools.now();
        let main = &self.balanced.main;
        let is_canary = !Arc::ptr_eq(group, main);
        let wanted = Wanted {
            tried: &self.tried,
            sticky: wish.sticky,
            again: !is_canary,
        };
        let picked = if is_canary && !group.is_in_service(now) {
            Err(Nowhere::Exhausted)
        } else {
            group.pick(&wanted, now, || pools.random())
        };
        let visit = match picked {
            Err(_) if is_canary => main.pick(&wanted, now, || pools.random()),
            picked => picked,
        }?;
        self.tried.push(visit.endpoint().number());
        Ok(visit)
    }

    /// What is needed to send the request once more, if it ever may be.
    fn copy(&self, parts: &Parts, body: &RequestBody) -> Option<(Parts, RequestBody)> {
        let (settings, _) = self.balanced.retries.as_ref()?;
        let is_last = self.tried.len() > usize::try_from(settings.retries_max).unwrap_or(usize::MAX);
        if is_last || self.repeat == Repeat::Never {
            return None;
        }
        Some((parts.clone(), body.again()?))
    }

    async fn send(&self, visit: &Rc<Visit>, request: Request<RequestBody>, asked: Asked<'_>, pools: &Pools) -> Sent {
        let patience = Patience {
            total_time_max: Some(self.until.saturating_duration_since(Instant::now())),
            ..asked.patience
        };
        let asked = Asked {
            patience,
            is_retry: self.tried.len() > 1,
            ..asked
        };
        pools
            .send(visit.endpoint(), request, asked, Some(Rc::clone(visit)))
            .await
    }

    /// Whether the request is sent once more, which the budget pays for then.
    fn may_go_on(&self, sent: &Sent, parts: &Parts, pools: &Pools) -> bool {
        let Some((settings, budget)) = &self.balanced.retries else {
            return false;
        };
        let attempt = match sent {
            Ok(response) => Attempt::Answered(response.status()),
            Err(error) => Attempt::failed(error),
        };
        if !attempt.may_repeat(&parts.method, self.repeat, settings) || Instant::now() >= self.until {
            return false;
        }
        let allowed = budget.spend();
        if !allowed {
            pools.fleet().retry_denied();
        }
        allowed
    }

    async fn pause(&self, pools: &Pools) {
        let Some((settings, _)) = &self.balanced.retries else {
            return;
        };
        let retry = u32::try_from(self.tried.len()).unwrap_or(u32::MAX);
        let left = self.until.saturating_duration_since(Instant::now());
        tokio::time::sleep(pause(retry, settings.backoff, pools.random()).min(left)).await;
    }

    /// No endpoint takes the request: what the last one said stands.
    fn finally(self, nowhere: Nowhere) -> Sent {
        self.last.unwrap_or(Err(match nowhere {
            Nowhere::Refused(Refused::Open(retry_after)) => ForwardError::CircuitOpen { retry_after },
            Nowhere::Refused(Refused::Full) | Nowhere::Exhausted => ForwardError::Overloaded,
        }))
    }
}
