//! Routing by contract: an unknown host, path or verb ends here.

use http::HeaderMap;
use portcullis_contract::conform::parameter::{Encoding, Style};

use super::rate_limit::Metered;
use crate::account::Account;
use crate::limit::Charges;
use crate::listen::{PathProblem, Received};
use crate::refusal::Refusal;
use crate::routes::{Hosts, Route, Routes, Target};

/// A request whose operation is known.
pub struct Routed<'r> {
    pub(super) received: Received,
    pub(super) route: Route<'r>,
    pub(super) charges: Charges,
    /// What limits of later stages count by of the header fields, as they came.
    pub(super) counted: HeaderMap,
}

/// Finds the operation. `path` is the request's own, kept by the caller for as long as the route is used.
///
/// # Errors
/// See [`Routes::find`].
pub(crate) fn route<'r>(
    metered: Metered,
    routes: &'r Routes,
    path: &'r str,
    account: &mut Account,
) -> Result<Routed<'r>, Refusal> {
    let Metered { received, charges } = metered;
    let mut route = routes.find(Target::of(&received, path), received.method())?;
    check_semicolons(path, &route)?;
    account.belongs_to(&route.operation.metrics);
    route.wish = route.api.behind.wish(received.headers());
    if let Some(trace) = account.trace() {
        // Where every host is served, its name is whatever a client made up.
        let expected = matches!(route.api.hosts, Hosts::Only(_));
        trace.routed(&route.declared.template, expected.then(|| received.host()));
    }
    Ok(Routed {
        received,
        route,
        charges,
        counted: HeaderMap::new(),
    })
}

/// A `;` may stand only where a matrix parameter does: elsewhere servers differ on whether what follows belongs to the
/// segment.
pub(crate) fn check_semicolons(path: &str, route: &Route<'_>) -> Result<(), Refusal> {
    let matrix = |index: usize| {
        let mut parameters = route.declared.parameters.path.iter();
        parameters.any(|(own, parameter)| {
            *own == index
                && matches!(
                    parameter.encoding,
                    Encoding::Style {
                        style: Style::Matrix,
                        ..
                    }
                )
        })
    };
    let belongs = |at: usize| {
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        let mut captures = route.captures.iter().enumerate();
        captures.any(|(index, range)| range.contains(&at) && matrix(index))
    };
    if memchr::memchr_iter(b';', path.as_bytes()).all(belongs) {
        return Ok(());
    }
    Err(Refusal::Path(PathProblem::Semicolon))
}
