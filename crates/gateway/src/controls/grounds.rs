//! Why a caller was let in, kept for as long as what they opened is open, so that it can be asked again whether they
//! still would be.
//!
//! Asking costs about what a request costs, waits for nobody, and is done every few seconds. Where nothing can be
//! learnt of a credential now (its store cannot be read, its issuer does not answer) nothing is held against it: its
//! end in time counts in any case.

use std::cell::RefCell;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::{AUTHORIZATION, HOST};
use http::{HeaderValue, Method, Uri};
use portcullis_identity::authorization::Authorization;
use portcullis_identity::confirmation::Possession;
use portcullis_identity::principal::{Credential, Identity};
use portcullis_identity::time::UnixTime;

use crate::access::{Access, Proven, Standing};
use crate::decisions::elsewhere::Told;
use crate::decisions::questions::Urgency;
use crate::decisions::{Asking, Decided, NamedResources, Remembered, may_use, may_use_elsewhere};
use crate::gate::Shared;
use crate::issuer::{Generation, Issuer, Question, Unbelieved};
use crate::limit::Mode;
use crate::listen::{ListenerIndex, Received};
use crate::policy::Policy;
use crate::routes::Target;

/// How often it is asked whether the grounds still hold.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long after a question to an issuer its answer is looked at.
const ANSWER_AFTER: Duration = Duration::from_secs(1);

/// Why a caller was let in.
pub(crate) struct Grounds {
    asked: Asked,
    proven: Proven,
    possession: Possession,
    /// The `Authorization` field, as it was presented.
    authorization: Option<HeaderValue>,
    /// The API key, as it was presented.
    api_key: Option<Box<str>>,
    /// The resources that the request named, as its operation was decided on.
    pub(super) resources: NamedResources,
    /// By whose keys, and which of them, the token was verified when that was last asked.
    verified: Option<(Arc<Issuer>, Generation)>,
    /// What its issuer was asked about the token last.
    question: Question,
    /// Whether nothing but the answer to that is looked at next.
    awaits_answer: bool,
    /// What those elsewhere are being asked, who have a say in what the caller may do.
    asking: Option<Pin<Box<dyn Future<Output = Told>>>>,
}

/// What a request was for: the operation there may become another, or none.
struct Asked {
    method: Method,
    uri: Uri,
    host: Option<HeaderValue>,
    listener: ListenerIndex,
    /// From where.
    address: IpAddr,
}

impl Grounds {
    /// Those of a caller who proved this, with what their request shows them to have; none where nothing was needed, and nobody
    /// decides.
    pub(super) fn of(
        request: &Received,
        proven: &Proven,
        possession: Possession,
        api_key: Option<Box<str>>,
        is_decided: bool,
    ) -> Option<Box<Self>> {
        if proven.first().is_none() && !is_decided {
            return None;
        }
        let headers = request.headers();
        Some(Box::new(Self {
            asked: Asked {
                method: request.method().clone(),
                uri: request.uri().clone(),
                host: headers.get(HOST).cloned(),
                listener: request.arrival().listener(),
                address: request.arrival().client().address,
            },
            proven: proven.clone(),
            possession,
            authorization: headers.get(AUTHORIZATION).cloned(),
            api_key,
            resources: NamedResources::none(),
            verified: None,
            question: Question::default(),
            awaits_answer: false,
            asking: None,
        }))
    }

    /// Ready when those elsewhere, who were asked at the last look, deny what the caller was let in for. Where they do not answer,
    /// nothing is held against the caller, and the next look asks again.
    pub(super) fn poll_denied(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(asking) = &mut self.asking else {
            return Poll::Pending;
        };
        match asking.as_mut().poll(cx) {
            Poll::Ready(Told::Denied(_)) => Poll::Ready(()),
            Poll::Ready(Told::Permitted | Told::Unanswered(_)) => {
                self.asking = None;
                Poll::Pending
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// When to look again; none where the caller would not be let in any more.
    pub(super) fn look(&mut self, shared: &Shared, now: UnixTime) -> Option<Duration> {
        if std::mem::take(&mut self.awaits_answer) {
            return (!self.question.is_refused()).then_some(LOOK_EVERY);
        }
        if !self.hold(shared, now) {
            return None;
        }
        self.awaits_answer = self.question.is_open();
        Some(if self.awaits_answer { ANSWER_AFTER } else { LOOK_EVERY })
    }

    /// Whether the caller would be let in now: by the table in force, and with the same credentials.
    fn hold(&mut self, shared: &Shared, now: UnixTime) -> bool {
        let routes = shared.routes.load();
        let Ok(route) = routes.find(self.asked.target(), &self.asked.method) else {
            return false;
        };
        let policy = &route.operation.policy;
        let access = &policy.access;
        let mut rules = policy.addresses.iter().filter(|rule| rule.mode == Mode::Enforce);
        rules.all(|rule| rule.list.permits(self.asked.address))
            && access.admit(&mut self.proven.clone()) == Standing::Admitted
            && self.is_permitted(policy, now)
            && self.token_holds(access, now)
            && self.api_key_holds(access, now)
    }

    /// Whether roles, policies and relations would still permit it. Those elsewhere who have a say are asked, and not waited for.
    fn is_permitted(&mut self, policy: &Policy, now: UnixTime) -> bool {
        if policy.modes.authorization != Mode::Enforce {
            return true;
        }
        let mut asking = Asking {
            proven: &self.proven,
            address: self.asked.address,
            now,
            remembered: &RefCell::new(Remembered::new(0)),
            question: None,
            recorded: None,
            made: Vec::new(),
        };
        let decided = policy.decided.as_ref();
        let operation_asks = decided.is_some_and(|decided| decided.operation_asks().is_some());
        let resources_ask = decided.is_some_and(|decided| decided.resources_ask(&self.resources).is_some());
        if !operation_asks && may_use(policy, &mut asking).is_err() {
            return false;
        }
        let denies = |decided: &Decided| decided.resources(&mut asking, &self.resources).is_err();
        if !resources_ask && decided.is_some_and(denies) {
            return false;
        }
        if (operation_asks || resources_ask) && self.asking.is_none() {
            self.asking = Some(Box::pin(self.ask(policy.clone(), now)));
        }
        true
    }

    /// Asks those elsewhere, with all that this takes.
    fn ask(&self, policy: Policy, now: UnixTime) -> impl Future<Output = Told> + use<> {
        let (proven, address, resources) = (self.proven.clone(), self.asked.address, self.resources.clone());
        async move {
            let remembered = RefCell::new(Remembered::new(0));
            let mut asking = Asking {
                proven: &proven,
                address,
                now,
                remembered: &remembered,
                question: None,
                recorded: None,
                made: Vec::new(),
            };
            let Some(decided) = &policy.decided else {
                return Told::Permitted;
            };
            if let Some(elsewhere) = decided.operation_asks() {
                return may_use_elsewhere(&policy, elsewhere, &mut asking, Urgency::Background).await;
            }
            match decided.resources_ask(&resources) {
                Some(elsewhere) => {
                    let told = decided.resources_elsewhere(elsewhere, &mut asking, Urgency::Background, &resources);
                    told.await
                }
                None => Told::Permitted,
            }
        }
    }

    fn token_holds(&mut self, access: &Access, now: UnixTime) -> bool {
        let Some(identity) = self.proven.by(Credential::AccessToken) else {
            return true;
        };
        let Some(token) = self.authorization.as_ref().and_then(token_of) else {
            return false;
        };
        access.confirm(identity, &self.possession).is_ok()
            && match access.issuer_of(identity) {
                Some(issuer) => believes(issuer, token, &mut self.verified, &mut self.question, now),
                None => access
                    .own_tokens()
                    .is_some_and(|keyring| keyring.keeps_token(token, now)),
            }
    }

    fn api_key_holds(&self, access: &Access, now: UnixTime) -> bool {
        let Some(identity) = self.proven.by(Credential::ApiKey) else {
            return true;
        };
        let Some(text) = &self.api_key else { return false };
        let own = |keyring: &str, identity: &Identity| keyring == identity.subject().authority();
        let mut known = access.api_keys().map(|keys| &keys.keyring);
        let keyring = known.find(|keyring| own(keyring.authority(), identity));
        keyring.is_some_and(|keyring| keyring.keeps_api_key(text, now))
    }
}

/// Whether an issuer still believes a token. It is verified anew only where the issuer, or its keys, have changed since
/// it was.
fn believes(
    issuer: &Arc<Issuer>,
    token: &str,
    verified: &mut Option<(Arc<Issuer>, Generation)>,
    question: &mut Question,
    now: UnixTime,
) -> bool {
    let Some(generation) = issuer.keys_generation() else {
        let introspection = issuer.introspection();
        return introspection.is_some_and(|introspection| introspection.believes(token, question, now));
    };
    let is_as = |(known, at): &(Arc<Issuer>, Generation)| Arc::ptr_eq(known, issuer) && *at == generation;
    if verified.as_ref().is_some_and(is_as) {
        return true;
    }
    match issuer.believes(token, now) {
        Ok(()) => {
            *verified = Some((Arc::clone(issuer), generation));
            true
        }
        // Its keys are not here yet: the next look asks again.
        Err(Unbelieved::Unavailable) => true,
        Err(Unbelieved::Refused(_)) => false,
    }
}

/// The access token in a field that was believed.
fn token_of(authorization: &HeaderValue) -> Option<&str> {
    match Authorization::read([authorization.as_bytes()]) {
        Ok(Some(Authorization::Bearer(token) | Authorization::Dpop(token))) => Some(token),
        _ => None,
    }
}

impl Asked {
    fn target(&self) -> Target<'_> {
        let host = self.host.as_ref().and_then(|host| host.to_str().ok());
        Target {
            host: host.unwrap_or_default(),
            path: self.uri.path(),
            listener: Some(self.listener),
        }
    }
}
