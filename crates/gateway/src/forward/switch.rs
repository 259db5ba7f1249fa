//! Asks an upstream for a WebSocket: one request on a fresh connection of HTTP/1.1, which after 101 belongs to both ends.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};

use super::balance::Visit;
use super::deadline::Watch;
use super::exchange::{Asked, Exchange, in_total, response};
use super::headers::{Edits, write_field};
use super::pool::{Lease, Pool};
use super::request::{Outgoing, write_head};
use super::{ForwardError, Malformed, Patience};
use crate::body::{BodyError, RequestBody, ResponseBody};
use crate::controls::tenure::Life;
use crate::websocket::Bounds;
use crate::websocket::handshake::{self, Agreed};

/// A connection to an upstream that speaks WebSocket from here on. Dropping it closes it.
#[derive(Debug)]
pub struct Switched {
    pub(crate) lease: Lease,
    pub(crate) watch: Watch,
    pub(crate) bounds: Bounds,
    /// Ends it before its time.
    pub(crate) life: Option<Life>,
    agreed: Agreed,
}

impl Switched {
    /// Writes the fields that tell the client.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        self.agreed.clone().write(headers);
    }
}

impl Pool {
    /// Sends the request that opens a WebSocket, for one within `bounds`. An answer other than 101 is an answer like every
    /// other; the body of 101 is [`ResponseBody::Switched`].
    ///
    /// # Errors
    /// [`ForwardError`]; a 101 that does not answer what was asked is malformed.
    pub(crate) async fn open_websocket(
        self: &Rc<Self>,
        parts: &Parts,
        edits: Edits<'_>,
        patience: Patience,
        (websocket, bounds): (&handshake::Asked, Bounds),
        visit: Option<Rc<Visit>>,
    ) -> Result<Response<ResponseBody>, ForwardError> {
        let mut head = write_head(parts, &self.upstream, edits, &RequestBody::Empty).ok_or(ForwardError::Unsendable)?;
        // Before the empty line.
        head.truncate(head.len().saturating_sub(2));
        for (name, value) in websocket.fields() {
            write_field(&mut head, name.as_str(), value.as_bytes());
        }
        head.extend_from_slice(b"\r\n");
        let asked = Asked {
            bodiless: false,
            idempotent: false,
            head_time_max: patience.head_time_max.unwrap_or(self.limits.head_time_max),
            event_stream_time_max: self.limits.event_stream_time_max,
        };
        let mut watch = self.deadlines.watch();
        watch.keep(visit);
        watch.set_total(patience.total_time_max.unwrap_or(self.limits.total_time_max));
        let lease = self
            .lease(true, &mut watch)
            .await
            .map_err(|error| in_total(error, &watch))?;
        let outgoing = Outgoing::new(head, RequestBody::Empty);
        let mut exchange = Exchange::begin_switch(lease, watch, outgoing, asked);
        let (mut head, lease, watch) = exchange.answered().await.map_err(|failed| failed.finally())?;
        if head.status != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(response(head, lease, watch, asked));
        }
        let agreed = websocket.answered(head.upgrade.as_ref(), &mut head.headers);
        let agreed = agreed.ok_or(ForwardError::Malformed(Malformed::Upgrade))?;
        let mut response = Response::new(ResponseBody::Switched(Box::new(Switched {
            lease,
            watch,
            bounds,
            life: None,
            agreed,
        })));
        *response.status_mut() = head.status;
        *response.headers_mut() = head.headers;
        Ok(response)
    }
}

impl Body for Switched {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        true
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(0)
    }
}
