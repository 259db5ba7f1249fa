//! Asks an endpoint for its health: one request now and then, on a connection of its own.

use std::rc::Rc;
use std::time::Duration;

use http::{Request, StatusCode, Uri};

use super::endpoint::Endpoint;
use crate::body::RequestBody;
use crate::forward::deadline::Deadlines;
use crate::forward::{Limits, Pool};

/// How an endpoint is asked for its health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeSettings {
    /// What is asked for: a path, with a query where it needs one.
    pub target: Uri,
    /// From the start of one probe to that of the next.
    pub interval: Duration,
    /// How long an answer may take, connecting included.
    pub time_max: Duration,
    /// The statuses that are good; empty: 200 to 299.
    pub statuses: Vec<StatusCode>,
    /// How many good answers in a row bring it back.
    pub up_after: u32,
    /// How many bad ones in a row take it out of service.
    pub down_after: u32,
}

/// Whether the endpoint answers as it should, by now.
pub(super) async fn is_good(endpoint: &Endpoint, settings: &ProbeSettings, deadlines: &Rc<Deadlines>) -> bool {
    // A connection for each probe: that new ones are accepted is a part of the question.
    let limits = Limits {
        connections_max: 1,
        idle_max: 0,
        connect_time_max: settings.time_max,
        head_time_max: settings.time_max,
        total_time_max: settings.time_max,
        ..endpoint.settings().limits.clone()
    };
    let pool = Pool::new(endpoint.upstream().clone(), limits, Rc::clone(deadlines));
    let mut request = Request::new(RequestBody::Empty);
    *request.uri_mut() = settings.target.clone();
    match pool.send(request).await {
        Ok(response) if settings.statuses.is_empty() => response.status().is_success(),
        Ok(response) => settings.statuses.contains(&response.status()),
        Err(_) => false,
    }
}
