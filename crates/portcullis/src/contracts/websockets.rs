//! WebSockets that a contract declares and no policy opens, and policies that open none.

use http::{Method, StatusCode};
use portcullis_contract::conform::operation::Operation;
use portcullis_contract::conform::response::Statuses;
use portcullis_contract::document::{Document, Problem};

use crate::config::raw;

/// Whether an operation declares a WebSocket: GET, answered by 101.
pub(crate) fn declares(operation: &Operation) -> bool {
    let switching = Statuses::One(StatusCode::SWITCHING_PROTOCOLS);
    operation.method == Method::GET
        && operation
            .responses
            .iter()
            .any(|response| response.statuses == switching)
}

/// What is at odds between an operation and its policy; `own` is what stands at the operation itself.
pub(super) fn problem(document: &Document, operation: &Operation, own: &raw::Policy, opened: bool) -> Option<Problem> {
    match (declares(operation), opened) {
        (false, _) if own.websocket.is_some() => {
            let message = "`websocket` has no effect: the operation is no GET that declares an answer 101";
            let help = "declare the answer 101, or take `websocket` out";
            Some(document.problem(operation.span, message.to_owned()).help(help))
        }
        (true, false) => {
            let message = "the answer 101 is declared, and no policy has `websocket`: no WebSocket is opened";
            let warning = Problem::warning(document.location(operation.span.file), operation.span, message);
            Some(warning.help("write `x-portcullis: {websocket: {}}` at the operation"))
        }
        _ => None,
    }
}
