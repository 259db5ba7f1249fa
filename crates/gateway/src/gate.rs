//! The gate of one worker: what it keeps from one request to the next, and how a request enters and an answer leaves.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Method, Response};
use http_body::{Body, Frame, SizeHint};
use portcullis_contract::conform::parameter::HeadScratch;

use crate::account::{Account, Ledger};
use crate::body::{BodyError, ResponseBody};
use crate::controls::authenticate::cache::TokenCache;
use crate::controls::authenticate::forwarded_certificate::ForwardedCache;
use crate::controls::cors::Sharing;
use crate::controls::security_headers;
use crate::controls::{audit_log, decide};
use crate::decisions::Remembered;
use crate::dpop;
use crate::forward;
use crate::forward::balance::{Fleet, Pools};
use crate::forward::headers::{is_grpc, strip_hop_by_hop};
use crate::forward::pool::{Happening, Teller};
use crate::holdings::{Hold, Holdings};
use crate::lately::Lately;
use crate::limit::Limiter;
use crate::listen::{Greeting, Received, RequestId, Serve};
use crate::metrics::{Event, Worker};
use crate::refusal::Refusal;
use crate::replay::Replay;
use crate::routes::Routes;
use crate::upstream_identity::SignedTokens;
use crate::websocket::handshake;
use crate::websocket::open::OpenWebSocket;

/// How many decisions a worker remembers.
const DECISIONS_MAX: usize = 4096;
/// How much of a credential a digest is made of.
const CREDENTIAL_BYTES: usize = 96;

/// What all workers share.
pub struct Shared {
    /// The route table in force.
    pub routes: ArcSwap<Routes>,
    /// The counters of the rate limits.
    pub limiter: Limiter,
    /// The endpoints of all upstreams.
    pub fleet: Arc<Fleet>,
    /// What may be used only once, and was.
    pub replay: Replay,
    /// What is remembered of proofs of possession.
    pub proofs: dpop::Memory,
    /// Who proved something lately.
    pub lately: Lately,
}

/// One worker's gate. Made inside the worker's thread.
pub struct Gate {
    shared: Arc<Shared>,
    ledger: Rc<Ledger>,
    pools: Pools,
    pub(crate) scratch: RefCell<HeadScratch>,
    pub(crate) tokens: RefCell<TokenCache>,
    pub(crate) signed: RefCell<SignedTokens>,
    pub(crate) forwarded: RefCell<ForwardedCache>,
    pub(crate) decisions: RefCell<Remembered>,
    requests: Holdings,
    answers: Holdings,
}

impl Gate {
    /// A gate that holds at most `held_bytes_max` of bodies at once, half of it for requests and half for answers; call it
    /// inside a local runtime.
    #[must_use]
    pub fn new(shared: Arc<Shared>, ledger: Ledger, held_bytes_max: usize) -> Self {
        let ledger = Rc::new(ledger);
        let told = Rc::clone(&ledger);
        let teller = Teller(Rc::new(move |happening| told.worker().count(event_of(happening))));
        Self {
            pools: Pools::new(Arc::clone(&shared.fleet), ledger.worker().number(), teller),
            shared,
            ledger,
            scratch: RefCell::default(),
            tokens: RefCell::default(),
            signed: RefCell::default(),
            forwarded: RefCell::default(),
            decisions: RefCell::new(Remembered::new(DECISIONS_MAX)),
            requests: Holdings::new(held_bytes_max / 2),
            answers: Holdings::new(held_bytes_max / 2),
        }
    }

    /// What all workers share.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Where this worker counts what happens.
    pub(crate) fn worker(&self) -> &Worker {
        self.ledger.worker()
    }

    pub(crate) fn limiter(&self) -> &Limiter {
        &self.shared.limiter
    }

    /// What may be used only once, and was.
    pub(crate) fn replay(&self) -> &Replay {
        &self.shared.replay
    }

    /// What is remembered of proofs of possession.
    pub(crate) fn proofs(&self) -> &dpop::Memory {
        &self.shared.proofs
    }

    /// Who proved something lately.
    pub(crate) fn lately(&self) -> &Lately {
        &self.shared.lately
    }

    /// Room for a request body that is judged.
    pub(crate) fn hold_request(&self) -> Hold {
        self.requests.hold()
    }

    /// Room for the body of an answer that is judged.
    pub(crate) fn hold_answer(&self) -> Hold {
        self.answers.hold()
    }

    /// A digest of what a request presents in `Authorization`, or of its API key, under the key of the audit log. None of a password: too
    /// few of them are thinkable.
    pub(crate) fn credential_digest(&self, received: &Received, api_key: Option<&str>) -> Option<String> {
        let presented = match (received.headers().get(AUTHORIZATION), api_key) {
            (Some(authorization), _) => authorization.as_bytes(),
            (None, Some(api_key)) => api_key.as_bytes(),
            (None, None) => return None,
        };
        let scheme = presented.split(|byte| *byte == b' ').next()?;
        if scheme.eq_ignore_ascii_case(b"basic") {
            return None;
        }
        // The end of a token is its signature, or chance.
        let end = presented.get(presented.len().saturating_sub(CREDENTIAL_BYTES)..)?;
        self.ledger.credential_digest(end)
    }

    /// This worker's connections to upstreams.
    pub(crate) fn pools(&self) -> &Pools {
        &self.pools
    }
}

impl Serve for Gate {
    type Body = GateBody;

    async fn serve(self: Rc<Self>, mut received: Received) -> Response<GateBody> {
        let routes = self.shared.routes.load_full();
        self.pools.retire();
        let mut account = self.ledger.open(received.arrival());
        let switch = handshake::is_asked(received.headers()).then(|| {
            received.ask_for_websocket();
            received.arrival().body().clone()
        });
        // Before any control reads a field: one that is for this hop only must not first be believed and then be gone.
        strip_hop_by_hop(received.headers_mut());
        account.begin_trace(&received);
        let grpc = received.method() == Method::POST && is_grpc(received.headers());
        let uri = received.uri().clone();
        let id = *received.arrival().id();
        let sharing = Sharing::of(&routes, &received, uri.path());
        let bodiless = received.method() == Method::HEAD;
        let request_id = decide::request_id(&routes, &received, uri.path());
        let passed = self
            .pass(received, &routes, uri.path(), sharing.as_ref(), &mut account)
            .await;
        let mut response = match audit_log::answer(passed, &mut account).await {
            Ok(response) => {
                account.answered(response.status().as_u16());
                response
            }
            Err(refusal) => {
                account.refused(&refusal);
                let response = if grpc { refusal.to_grpc() } else { refusal.response(&id) };
                response.map(ResponseBody::Whole)
            }
        };
        self.ledger.worker().upstream_idle(self.pools.idle());
        if let Some(sharing) = &sharing {
            sharing.write(response.headers_mut());
        }
        if let Some(request_id) = request_id {
            response.headers_mut().insert(decide::REQUEST_ID, request_id);
        }
        security_headers::write(response.headers_mut());
        let body = std::mem::take(response.body_mut());
        let (body, account) = match (body, switch) {
            (ResponseBody::Switched(switched), Some(connection)) => {
                switched.tell(response.headers_mut());
                let successor = OpenWebSocket::new(*switched, account, Rc::clone(&self.ledger));
                if let Some(switch) = connection.switch() {
                    switch.hand_over(Box::new(successor));
                }
                (ResponseBody::Empty, None)
            }
            (body, _) => (body, Some(account)),
        };
        response.map(|_| GateBody {
            body,
            account,
            // Nobody polls the body of an answer to HEAD.
            ended: bodiless,
            broken: false,
        })
    }

    fn opened(&self) {
        self.ledger.worker().count(Event::ConnectionOpened);
    }

    fn closed(&self) {
        self.ledger.worker().count(Event::ConnectionClosed);
    }

    fn greeted(&self, greeting: Greeting) {
        self.ledger.worker().count(match greeting {
            Greeting::Handshake => Event::TlsHandshake,
            Greeting::Resumed => Event::TlsResumed,
            Greeting::ProxyHeader => Event::ProxyHeader,
            Greeting::Denied => Event::ConnectionDenied,
        });
    }

    fn handshake_failed(&self, client: SocketAddr, reason: Option<&str>) {
        self.ledger.handshake_failed(client.ip().to_canonical(), reason);
    }

    fn refused(&self, refusal: &Refusal, id: &RequestId, peer: SocketAddr) {
        if *refusal == Refusal::ConnectionLimit {
            self.ledger.worker().count(Event::ConnectionRefused);
        }
        self.ledger.refused_early(refusal, id, peer.ip().to_canonical());
    }
}

/// A body on its way to the client, with the account that is written when it ends or is dropped.
pub struct GateBody {
    body: ResponseBody,
    /// None where it went to the successor of HTTP on the connection.
    account: Option<Account>,
    ended: bool,
    broken: bool,
}

impl Body for GateBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                if let Some(account) = &mut self.account {
                    account.bytes_out += bytes as u64;
                }
                self.ended = self.body.is_end_stream();
            }
            Poll::Ready(None) => self.ended = true,
            Poll::Ready(Some(Err(error))) => {
                self.broken = true;
                if let Some(account) = &self.account {
                    account.answer_broke(*error);
                }
            }
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for GateBody {
    fn drop(&mut self) {
        // An empty body is never polled.
        let whole = self.ended || self.body.is_end_stream();
        let complete = whole && !self.broken;
        if let Some(account) = &mut self.account {
            account.complete = complete;
        }
    }
}

fn event_of(happening: Happening) -> Event {
    match happening {
        Happening::Opened => Event::UpstreamOpened,
        Happening::Closed => Event::UpstreamClosed,
        Happening::Failed => Event::UpstreamFailed,
        Happening::Retried => Event::UpstreamRetried,
    }
}

/// How upstream failures are told to a client.
pub(crate) fn refusal_of(error: &forward::ForwardError, body: &crate::listen::BodyState) -> Refusal {
    use forward::{ForwardError, Phase};
    match error {
        ForwardError::Connect(_) => Refusal::UpstreamConnect,
        ForwardError::Timeout(Phase::Connect | Phase::Head | Phase::Total) => Refusal::UpstreamTimeout,
        ForwardError::Malformed(_) => Refusal::UpstreamMalformed,
        ForwardError::Closed => Refusal::UpstreamError { because: None },
        ForwardError::Overloaded => Refusal::UpstreamOverloaded,
        ForwardError::CircuitOpen { retry_after } => Refusal::UpstreamCircuitOpen {
            // Rounded up: after that many seconds a request is let through.
            retry_after_seconds: retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0),
        },
        ForwardError::RequestBody(BodyError::TooLarge) => Refusal::BodyTooLarge,
        ForwardError::RequestBody(BodyError::TimedOut) => Refusal::Malformed(crate::listen::Malformed::Timeout),
        ForwardError::RequestBody(BodyError::Broken) => body.refusal(),
        ForwardError::RequestBody(BodyError::NoRoom) => Refusal::Busy,
        // Whoever judged it knows the refusal, and tells it in the place of this one.
        // Nor is there an end of a credential before there is an answer.
        ForwardError::RequestBody(BodyError::Refused | BodyError::CredentialEnded) => Refusal::Internal,
        ForwardError::Unsendable => Refusal::Malformed(crate::listen::Malformed::Target),
    }
}
