//! Pages of other origins (Fetch Standard §3.3): which may read answers, and which may send more than a link could.
//!
//! An origin is compared whole with those that are written down, and what is answered is the one written down: nothing that
//! a request says is repeated. A preflight is answered from the contract and never reaches the upstream.

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, ORIGIN, RETRY_AFTER, SEC_WEBSOCKET_KEY, VARY,
};
use http::{Method, Response, StatusCode};
use portcullis_contract::conform::operation::Operation;

use super::address_list::{self, Admitted};
use super::rate_limit::Metered;
use super::route::Routed;
use crate::account::Account;
use crate::body::ResponseBody;
use crate::listen::Received;
use crate::metrics::Control;
use crate::refusal::Refusal;
use crate::routes::{Offered, Routes, Target};

/// What an answer to a preflight depends on.
const VARY_PREFLIGHT: HeaderValue =
    HeaderValue::from_static("Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
/// What any other answer depends on.
const VARY_ORIGIN: HeaderValue = HeaderValue::from_static("Origin");
const TRUE: HeaderValue = HeaderValue::from_static("true");
const ANY: HeaderValue = HeaderValue::from_static("*");

/// Which pages may use an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    origins: Origins,
    max_age_seconds: HeaderValue,
    expose: HeaderValue,
}

/// The origins of pages. That every origin may read answers made for one user's credentials cannot be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Every one, without credentials.
    Any,
    /// Exactly these, as browsers write them (RFC 6454 §6.2).
    Only {
        /// In order.
        origins: Vec<HeaderValue>,
        /// Whether their pages may use cookies and other credentials of the browser.
        credentials: bool,
    },
}

/// What a request says about the page that sent it, and what its operation says to that.
pub(crate) struct Sharing<'r> {
    cors: &'r Cors,
    page: Page,
    /// The method that a preflight asks for.
    preflight: Option<Method>,
}

/// The page that sent a request.
#[derive(Debug, PartialEq, Eq)]
enum Page {
    /// None, or one of our own origin.
    Own,
    /// One that may read the answer; the origin as it was written down.
    Allowed(HeaderValue),
    /// Another one.
    Foreign,
}

/// A request that the page behind it may send.
pub struct Expected<'r> {
    pub(super) routed: Routed<'r>,
}

impl Cors {
    /// Which pages, for how long a browser may remember a preflight, and which fields of answers pages may read.
    /// `Retry-After` is always among these.
    #[must_use]
    pub fn new(origins: Origins, max_age_seconds: u32, expose: &[HeaderName]) -> Self {
        let origins = match origins {
            Origins::Any => Origins::Any,
            Origins::Only {
                mut origins,
                credentials,
            } => {
                origins.sort_unstable();
                Origins::Only { origins, credentials }
            }
        };
        let expose = std::iter::once(&RETRY_AFTER).chain(expose.iter().filter(|name| **name != RETRY_AFTER));
        Self {
            origins,
            max_age_seconds: HeaderValue::from(max_age_seconds),
            expose: list(expose.map(HeaderName::as_str)),
        }
    }

    /// The origin to answer with, where this one may read.
    fn allows(&self, origin: &HeaderValue) -> Option<HeaderValue> {
        match &self.origins {
            Origins::Any => Some(ANY),
            Origins::Only { origins, .. } => origins.get(origins.binary_search(origin).ok()?).cloned(),
        }
    }

    fn credentials(&self) -> bool {
        matches!(self.origins, Origins::Only { credentials: true, .. })
    }
}

impl<'r> Sharing<'r> {
    /// What there is to say about a request; none where its API has no rules for pages.
    pub(crate) fn of(routes: &'r Routes, received: &Received, path: &str) -> Option<Self> {
        if !routes.shares() {
            return None;
        }
        let preflight = preflight_method(received);
        let method = preflight.as_ref().unwrap_or(received.method());
        let cors = routes.cors(Target::of(received, path), method)?;
        let page = Page::of(received, cors);
        Some(Self { cors, page, preflight })
    }

    /// Writes who may read an answer, refusals included. What the upstream says of that does not count.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let vary = if self.preflight.is_some() {
            VARY_PREFLIGHT
        } else {
            forget(headers);
            VARY_ORIGIN
        };
        if let Page::Allowed(origin) = &self.page {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            if self.cors.credentials() {
                headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
            }
            if self.preflight.is_none() {
                headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, self.cors.expose.clone());
            }
        }
        headers.append(VARY, vary);
    }

    /// Writes what pages of this origin may send to a path: its methods that are open to them, and the fields that the
    /// one they want declares.
    fn permit(
        &self,
        origin: &HeaderValue,
        offered: &[Offered<'_>],
        wanted: Option<&Offered<'_>>,
        headers: &mut HeaderMap,
    ) {
        let allows = |cors: &Cors| cors.allows(origin).is_some();
        let open = |offered: &&Offered<'_>| offered.operation.policy.cors.as_deref().is_some_and(allows);
        let methods = offered.iter().filter(open);
        let methods = list(methods.map(|offered| offered.declared.method.as_str()));
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        if let Some(Offered { declared, .. }) = wanted.filter(open) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, request_headers(declared));
        }
        headers.insert(ACCESS_CONTROL_MAX_AGE, self.cors.max_age_seconds.clone());
    }
}

impl Page {
    fn of(received: &Received, cors: &Cors) -> Self {
        let mut origins = received.headers().get_all(ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) => Self::Own,
            (Some(origin), None) => match cors.allows(origin) {
                Some(written) => Self::Allowed(written),
                None if is_own(origin, received) => Self::Own,
                None => Self::Foreign,
            },
            _ => Self::Foreign,
        }
    }
}

/// Browsers name the origin of their own pages too, where a request changes something.
fn is_own(origin: &HeaderValue, received: &Received) -> bool {
    let scheme = received.arrival().client().scheme.as_str();
    let authority = origin.as_bytes().strip_prefix(scheme.as_bytes());
    let authority = authority.and_then(|rest| rest.strip_prefix(b"://"));
    authority.is_some_and(|authority| authority.eq_ignore_ascii_case(received.host().as_bytes()))
}

/// The method that a preflight asks for (Fetch Standard §4.8); none where the request is no preflight.
fn preflight_method(received: &Received) -> Option<Method> {
    if received.method() != Method::OPTIONS || !received.headers().contains_key(ORIGIN) {
        return None;
    }
    let asked = received.headers().get(ACCESS_CONTROL_REQUEST_METHOD)?;
    Method::from_bytes(asked.as_bytes()).ok()
}

/// Answers a preflight. None where the request is none, or its path is not known.
///
/// # Errors
/// [`Refusal::Origin`] for a page that may not ask, [`Refusal::Address`] for a caller whose address may not.
pub(crate) fn preflight(
    metered: &Metered,
    routes: &Routes,
    path: &str,
    sharing: Option<&Sharing<'_>>,
    account: &mut Account,
) -> Result<Option<Response<ResponseBody>>, Refusal> {
    let Some((sharing, asked)) = sharing.and_then(|sharing| Some((sharing, sharing.preflight.as_ref()?))) else {
        return Ok(None);
    };
    let received = &metered.received;
    let offered = routes.offered(Target::of(received, path));
    let wanted = offered.iter().find(|offered| offered.declared.method == *asked);
    let Some(Offered { operation, .. }) = wanted.or(offered.first()) else {
        return Ok(None);
    };
    account.at(Control::Cors).belongs_to(&operation.metrics);
    let policy = &operation.policy;
    address_list::judge(&policy.addresses, received.arrival().client().address, account)?;
    let mut response = Response::new(ResponseBody::Whole(Bytes::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    match &sharing.page {
        Page::Own | Page::Foreign => account.found(policy.modes.cors, Refusal::Origin.into())?,
        Page::Allowed(origin) => sharing.permit(origin, &offered, wanted, response.headers_mut()),
    }
    Ok(Some(response))
}

/// Refuses what a page of another origin sends to change something, or to open a socket that it could read. What only
/// reads goes on: without the fields of [`Sharing::write`] the page does not see the answer.
///
/// # Errors
/// [`Refusal::Origin`], where the control enforces.
pub(crate) fn admit<'r>(
    admitted: Admitted<'r>,
    sharing: Option<&Sharing<'_>>,
    account: &mut Account,
) -> Result<Expected<'r>, Refusal> {
    let Admitted { routed } = admitted;
    if sharing.is_some_and(|sharing| sharing.page == Page::Foreign) {
        let received = &routed.received;
        let harmless = received.method().is_safe() && !received.headers().contains_key(SEC_WEBSOCKET_KEY);
        if !harmless {
            account.found(routed.route.operation.policy.modes.cors, Refusal::Origin.into())?;
        }
    }
    Ok(Expected { routed })
}

/// The fields that the contract lets a request have: declared parameters, where its security looks, and the type of its body.
fn request_headers(declared: &Operation) -> HeaderValue {
    let parameters = &declared.parameters;
    let mut names: Vec<&str> = parameters.header.iter().map(|parameter| &*parameter.name).collect();
    names.extend(parameters.security.header.iter().map(HeaderName::as_str));
    names.extend(declared.body.is_some().then_some(CONTENT_TYPE.as_str()));
    names.sort_unstable();
    names.dedup();
    list(names.into_iter())
}

/// Names as one field lists them (RFC 9110 §5.6.1); empty where they cannot stand in one.
fn list<'n>(names: impl Iterator<Item = &'n str>) -> HeaderValue {
    let mut text = String::new();
    for name in names {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(name);
    }
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

/// Takes out what an upstream says of other origins: one place decides about them.
fn forget(headers: &mut HeaderMap) {
    let said = |name: &&HeaderName| name.as_str().starts_with("access-control-");
    let said: Vec<HeaderName> = headers.keys().filter(said).cloned().collect();
    for name in said {
        headers.remove(name);
    }
}
