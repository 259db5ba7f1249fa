//! Rules for pages of other origins, as they are written and settled.

use schemars::JsonSchema;
use serde::Deserialize;

use super::problems::Problems;
use super::raw;
use super::spanned::Spanned;
use super::text::{Name, PageOrigin};

/// How long a browser may remember a preflight where nothing is said.
const MAX_AGE_SECONDS: u32 = 600;
/// What browsers write for a page without an origin of its own (RFC 6454 §6.2).
const NULL: &str = "null";

/// Which pages of other origins may use the API. Preflights are answered from the contract, and what the upstream says of
/// origins is left out. An inner level narrows the origins of an outer one; its other settings replace the outer ones.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cors {
    /// The origins of the pages, whole: a scheme, a host, and the port where it is not the scheme's own. Default: none.
    #[serde(default)]
    #[schemars(length(max = 256))]
    pub(crate) origins: Vec<Spanned<PageOrigin>>,
    /// Whether these pages may use the browser's cookies and other credentials. Default: false.
    pub(crate) credentials: Option<Spanned<bool>>,
    /// How long a browser may remember the answer to a preflight. Default: 600.
    #[schemars(range(min = 0, max = 86_400))]
    pub(crate) max_age_seconds: Option<u32>,
    /// The headers of answers that pages may read, besides `Retry-After` and those that every page may. Default: none.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub(crate) expose_headers: Vec<Name>,
    /// Lets pages of every origin use the API, without credentials.
    #[serde(default)]
    pub(crate) dangerous_any_origin: bool,
    /// Lets pages without an origin use it: sandboxed frames and local files, which anybody can make.
    #[serde(default)]
    pub(crate) dangerous_null_origin: bool,
}

/// Rules for pages of other origins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sharing {
    /// Whose pages.
    pub(crate) origins: Origins,
    /// How long a browser may remember a preflight.
    pub(crate) max_age_seconds: u32,
    /// Headers of answers that pages may read.
    pub(crate) expose_headers: Vec<String>,
}

/// The origins of pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origins {
    /// Every one, without credentials.
    Any,
    /// These.
    Only {
        /// As browsers write them; `null` among them where the operator said so aloud.
        origins: Vec<String>,
        /// Whether their pages may use credentials.
        credentials: bool,
    },
}

/// Reports what is wrong within one layer.
pub(super) fn check(layer: &raw::Policy, problems: &mut Problems<'_>) {
    let Some(cors) = layer.cors.as_ref().filter(|cors| cors.dangerous_any_origin) else {
        return;
    };
    if let Some(credentials) = cors.credentials.filter(|credentials| credentials.value) {
        let message = "`credentials` for pages of every origin: any page could act and read as its visitor";
        problems.error(
            credentials.span,
            message,
            "name the `origins`, or take `credentials` out",
        );
    }
    if let Some(origin) = cors.origins.first() {
        let message = "`origins` are named and `dangerous_any_origin` lets them all in";
        problems.error(origin.span, message, "take one of the two out");
    }
}

/// The rules of the innermost layer that has any, for the origins that every layer lets in; none where no layer has any.
pub(super) fn settle(layers: &[&raw::Policy]) -> Option<Sharing> {
    let mut written = layers.iter().filter_map(|layer| layer.cors.as_ref());
    let outermost = written.next()?;
    let (origins, nearest) = written.fold((origins(outermost), outermost), |(outer, _), inner| {
        (narrowed(outer, origins(inner)), inner)
    });
    let credentials = nearest.credentials.is_some_and(|credentials| credentials.value);
    Some(Sharing {
        origins: match origins {
            None => Origins::Any,
            Some(origins) => Origins::Only { origins, credentials },
        },
        max_age_seconds: nearest.max_age_seconds.unwrap_or(MAX_AGE_SECONDS),
        expose_headers: nearest.expose_headers.iter().map(|name| name.0.clone()).collect(),
    })
}

/// The origins of a layer; none for every one.
fn origins(cors: &Cors) -> Option<Vec<String>> {
    let named = cors.origins.iter().map(|origin| origin.value.0.clone());
    let null = cors.dangerous_null_origin.then(|| NULL.to_owned());
    (!cors.dangerous_any_origin).then(|| named.chain(null).collect())
}

/// What both let in; none for every one.
fn narrowed(outer: Option<Vec<String>>, inner: Option<Vec<String>>) -> Option<Vec<String>> {
    match (outer, inner) {
        (None, other) | (other, None) => other,
        (Some(outer), Some(mut inner)) => {
            inner.retain(|origin| outer.contains(origin));
            Some(inner)
        }
    }
}
