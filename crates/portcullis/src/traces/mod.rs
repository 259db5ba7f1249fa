//! Sends the spans of requests that have ended to an OpenTelemetry collector, by OTLP over HTTP, on a thread of its own.
//!
//! What waits is bounded, and so is how long one delivery may take; what finds no room, or is not taken, is dropped and
//! counted. Nothing of it ever holds up a request.

mod span;

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanExporter as _;
use portcullis_gateway::metrics::Registry;
use portcullis_gateway::trace::{Sink, Span};
use reqwest::blocking::Client;
use reqwest::redirect;

use crate::config::traces::Traces;
use crate::files;
use span::Clock;

/// As many requests go out together.
const BATCH_MAX: usize = 512;
/// The first of a batch waits no longer for the others.
const GATHER_TIME_MAX: Duration = Duration::from_secs(1);
const CONNECT_TIME_MAX: Duration = Duration::from_secs(2);
const DELIVERY_TIME_MAX: Duration = Duration::from_secs(5);

/// Delivers spans until it is dropped, and then what still waits, once.
pub(crate) struct Exporter {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Where workers leave their spans.
struct Queue {
    sender: SyncSender<Span>,
    registry: Arc<Registry>,
}

impl Sink for Queue {
    fn take(&self, span: Span) {
        if self.sender.try_send(span).is_err() {
            self.registry.spans_dropped(1);
        }
    }
}

impl Exporter {
    /// Starts delivering.
    ///
    /// # Errors
    /// There is no thread to be had, or the client cannot be made.
    pub(crate) fn start(traces: &Traces, registry: &Arc<Registry>) -> io::Result<(Self, Arc<dyn Sink>)> {
        let (sender, receiver) = sync_channel(traces.waiting_max);
        let stop = Arc::new(AtomicBool::new(false));
        let mut delivery = Delivery {
            exporter: exporter(traces).map_err(io::Error::other)?,
            registry: Arc::clone(registry),
            stop: Arc::clone(&stop),
            fails: false,
        };
        let thread = std::thread::Builder::new()
            .name("traces".to_owned())
            .spawn(move || delivery.run(&receiver))?;
        let queue = Queue {
            sender,
            registry: Arc::clone(registry),
        };
        let thread = Some(thread);
        Ok((Self { stop, thread }, Arc::new(queue)))
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // It has said what there was to say.
            drop(thread.join());
        }
    }
}

fn exporter(traces: &Traces) -> Result<SpanExporter, Box<dyn std::error::Error + Send + Sync>> {
    files::install_crypto();
    let client = Client::builder()
        .user_agent("portcullis")
        .no_proxy()
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_TIME_MAX)
        .timeout(DELIVERY_TIME_MAX)
        .build()?;
    let mut exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(traces.collector.as_str())
        .with_timeout(DELIVERY_TIME_MAX)
        .with_http_client(client)
        .build()?;
    let attributes = [
        KeyValue::new("service.name", traces.service.clone()),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
    ];
    exporter.set_resource(&Resource::builder_empty().with_attributes(attributes).build());
    Ok(exporter)
}

/// What the thread works with.
struct Delivery {
    exporter: SpanExporter,
    registry: Arc<Registry>,
    stop: Arc<AtomicBool>,
    /// Whether the last batch was not taken.
    fails: bool,
}

impl Delivery {
    fn run(&mut self, receiver: &Receiver<Span>) {
        while !self.stop.load(Ordering::Acquire) {
            match gather(receiver) {
                Ok(batch) if batch.is_empty() => {}
                Ok(batch) => self.deliver(&batch),
                Err(Gone) => return,
            }
        }
        let rest: Vec<Span> = receiver.try_iter().collect();
        let mut batches = rest.chunks(BATCH_MAX);
        for batch in batches.by_ref() {
            self.deliver(batch);
            if self.fails {
                // A collector that is away is not asked again for every batch.
                break;
            }
        }
        self.registry.spans_dropped(batches.map(<[Span]>::len).sum());
    }

    fn deliver(&mut self, batch: &[Span]) {
        let clock = Clock::now();
        let spans = batch.iter().flat_map(|span| clock.spans(span)).collect();
        match wait_for(self.exporter.export(spans)) {
            Ok(()) => {
                self.registry.spans_sent(batch.len());
                if std::mem::take(&mut self.fails) {
                    tracing::info!("the collector takes traces again");
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut self.fails, true) {
                    tracing::warn!(%error, "the collector takes no traces; they are dropped and counted until it does");
                }
                self.registry.spans_dropped(batch.len());
            }
        }
    }
}

/// Nobody is left to send spans.
struct Gone;

/// The next batch; an empty one where nothing came for a while.
fn gather(receiver: &Receiver<Span>) -> Result<Vec<Span>, Gone> {
    let mut batch = match receiver.recv_timeout(GATHER_TIME_MAX) {
        Ok(first) => vec![first],
        Err(RecvTimeoutError::Timeout) => return Ok(Vec::new()),
        Err(RecvTimeoutError::Disconnected) => return Err(Gone),
    };
    let until = Instant::now() + GATHER_TIME_MAX;
    while batch.len() < BATCH_MAX {
        match receiver.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(span) => batch.push(span),
            Err(_) => break,
        }
    }
    Ok(batch)
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future in this thread. It must not be a runtime's: the client blocks, and refuses to do so in one.
fn wait_for<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}
