//! A space's new messages as they come, as server-sent events.
//! It never buffers without a bound: a reader that falls behind is cut off.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use hyper::body::Frame;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::answer::Answer;
use crate::database::Record;
use crate::input;
use crate::messages;
use crate::routes::App;
use crate::spaces;

/// Events that wait for one slow reader.
const WAITING_EVENTS_MAX: usize = 256;
/// Readers at once; beyond, the oldest is cut off.
const READERS_MAX: usize = 256;

/// Everyone who listens, in every space.
#[derive(Clone, Default)]
pub(crate) struct Hub {
    readers: Arc<Mutex<Vec<Reader>>>,
}

struct Reader {
    space_id: i64,
    events: mpsc::Sender<Bytes>,
}

impl Hub {
    /// Tells every reader of the space.
    pub(crate) fn publish(&self, space_id: i64, message: &Record) {
        let event = event(message);
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        readers.retain(|reader| match reader.space_id == space_id {
            true => reader.events.try_send(event.clone()).is_ok(),
            false => !reader.events.is_closed(),
        });
    }

    /// Ends every stream.
    pub(crate) fn close(&self) {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn subscribe(&self, space_id: i64) -> (mpsc::Sender<Bytes>, mpsc::Receiver<Bytes>) {
        let (events, stream) = mpsc::channel(WAITING_EVENTS_MAX);
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() >= READERS_MAX {
            readers.remove(0);
        }
        readers.push(Reader {
            space_id,
            events: events.clone(),
        });
        (events, stream)
    }
}

/// With `Last-Event-ID`, the messages after that one come first (at most half of what may wait).
pub(crate) async fn stream(State(app): State<App>, Path(space_id): Path<i64>, headers: HeaderMap) -> Answer {
    spaces::find(&app.store, space_id)?;
    let (events, stream) = app.events.subscribe(space_id);
    // A comment opens the stream, so that a reader knows at once that it stands.
    let _ = events.try_send(Bytes::from_static(b": open\n\n"));
    if let Ok(last) = input::header_text(&headers, "last-event-id").parse::<i64>() {
        let missed = app.store.select(
            "SELECT * FROM messages WHERE space_id = ?1 AND id > ?2 ORDER BY id LIMIT 128",
            [space_id, last],
        )?;
        for message in missed {
            let _ = events.try_send(event(&messages::shown(message)));
        }
    }
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Body::new(Events { stream })).into_response())
}

fn event(message: &Record) -> Bytes {
    let id = message.get("id").unwrap_or(&Value::Null);
    // JSON text has no line feed, so one `data` line holds it.
    let data = serde_json::to_string(message).unwrap_or_default();
    format!("id: {id}\nevent: message\ndata: {data}\n\n").into()
}

/// The body: whatever is published until the hub drops its end.
struct Events {
    stream: mpsc::Receiver<Bytes>,
}

impl HttpBody for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.stream
            .poll_recv(cx)
            .map(|event| event.map(|event| Ok(Frame::data(event))))
    }
}
