//! Writes what was counted as OpenMetrics families. It reads; it never counts.

use super::Inner;
use super::audit_log_delivery;
use super::cells::{BOUNDS_NANOSECONDS, BUCKETS, CLASSES, Counter, Durations};
use super::control::{Control, ControlCells};
use super::elsewhere;
use super::issuers;
use super::limited::{self, Sums};
use super::operation::{Body, OperationMetrics, Unjudged};
use super::upstreams;
use super::worker::Event;
use super::{audit_log, relations};
use crate::refusal::control_of;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

const STATUS_CLASSES: [&str; CLASSES] = ["other", "1xx", "2xx", "3xx", "4xx", "5xx"];
const NANOSECONDS_PER_SECOND: f64 = 1e9;

pub(super) struct Families(pub(super) Arc<Inner>);

/// One operation's sums over the workers.
struct Totals {
    operation: Arc<OperationMetrics>,
    classes: [u64; CLASSES],
    duration: Durations,
    upstream: Durations,
    bytes_in: u64,
    bytes_out: u64,
    stripped: u64,
    withheld: u64,
    unjudged: [[u64; Unjudged::ALL.len()]; Body::ALL.len()],
    refused: Vec<u64>,
    would_refuse: Vec<u64>,
    limited: Sums,
}

pub(super) type Label<'l> = (&'static str, &'l str);

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let inner = &*self.0;
        let totals = inner.totals();
        requests(&mut encoder, &totals)?;
        refusals(&mut encoder, inner, &totals)?;
        limited::expose(
            &mut encoder,
            totals.iter().map(|total| (total.labels(), &total.limited)),
        )?;
        durations(&mut encoder, &totals)?;
        controls(&mut encoder, inner)?;
        bodies(&mut encoder, &totals)?;
        connections(&mut encoder, inner)?;
        issuers::expose(&mut encoder, inner)?;
        elsewhere::expose(&mut encoder, inner)?;
        if let Some(meter) = inner.audit_log.get() {
            audit_log::expose(&mut encoder, meter)?;
        }
        if let Some(meter) = &*inner.relations.lock() {
            relations::expose(&mut encoder, meter)?;
        }
        if let Some(meter) = &*inner.audit_log_delivery.lock() {
            audit_log_delivery::expose(&mut encoder, meter)?;
        }
        if let Some(fleet) = inner.fleet.get() {
            upstreams::expose(&mut encoder, fleet)?;
        }
        process(&mut encoder, inner)
    }
}

impl fmt::Debug for Families {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Families")
    }
}

impl Inner {
    /// The operations that counted anything, in the order of their labels.
    fn totals(&self) -> Vec<Totals> {
        let known: Vec<_> = self.operations.lock().values().map(Arc::clone).collect();
        let fixed = [&self.unmatched, &self.beyond].map(Arc::clone);
        let counted = known
            .into_iter()
            .chain(fixed)
            .filter(|operation| operation.cells().next().is_some());
        counted.map(Totals::sum).collect()
    }

    pub(super) fn events(&self, event: Event) -> u64 {
        let counters = self
            .workers
            .iter()
            .filter_map(|worker| worker.cells.events.get(event as usize));
        counters.map(Counter::get).sum()
    }

    fn control(&self, control: Control, of: impl Fn(&ControlCells) -> &Counter) -> u64 {
        let cells = self.workers.iter();
        let cells = cells.filter_map(|worker| worker.cells.controls.get(control as usize));
        cells.map(|cells| of(cells).get()).sum()
    }
}

impl Totals {
    fn sum(operation: Arc<OperationMetrics>) -> Self {
        let mut totals = Self {
            operation: Arc::clone(&operation),
            classes: [0; CLASSES],
            duration: Durations::default(),
            upstream: Durations::default(),
            bytes_in: 0,
            bytes_out: 0,
            stripped: 0,
            withheld: 0,
            unjudged: Default::default(),
            refused: Vec::new(),
            would_refuse: Vec::new(),
            limited: Sums::new(),
        };
        for cells in operation.cells() {
            for (sum, counter) in totals.classes.iter_mut().zip(&cells.classes) {
                *sum = sum.wrapping_add(counter.get());
            }
            cells.duration.add_to(&mut totals.duration);
            cells.upstream.add_to(&mut totals.upstream);
            totals.bytes_in = totals.bytes_in.wrapping_add(cells.bytes_in.get());
            totals.bytes_out = totals.bytes_out.wrapping_add(cells.bytes_out.get());
            totals.stripped = totals.stripped.wrapping_add(cells.stripped.get());
            totals.withheld = totals.withheld.wrapping_add(cells.withheld.get());
            for (sum, counter) in totals
                .unjudged
                .iter_mut()
                .flatten()
                .zip(cells.unjudged.iter().flatten())
            {
                *sum = sum.wrapping_add(counter.get());
            }
            cells.refused.add_to(&mut totals.refused);
            cells.would_refuse.add_to(&mut totals.would_refuse);
            cells.limited.add_to(&mut totals.limited);
        }
        totals
    }

    fn labels(&self) -> [Label<'_>; 2] {
        [("api", self.operation.api()), ("operation", self.operation.operation())]
    }
}

fn requests(encoder: &mut DescriptorEncoder<'_>, totals: &[Totals]) -> fmt::Result {
    let help = "Requests answered, by whomever, by class of status.";
    let mut family = encoder.encode_descriptor("portcullis_requests", help, None, MetricType::Counter)?;
    for total in totals {
        let [api, operation] = total.labels();
        for (class, count) in STATUS_CLASSES
            .into_iter()
            .zip(total.classes)
            .filter(|(_, count)| *count > 0)
        {
            counter(&mut family, &[api, operation, ("status", class)], count)?;
        }
    }
    Ok(())
}

fn refusals(encoder: &mut DescriptorEncoder<'_>, inner: &Inner, totals: &[Totals]) -> fmt::Result {
    type Of = fn(&Totals) -> &Vec<u64>;
    let families: [(&str, &str, Of); 2] = [
        (
            "portcullis_refusals",
            "Requests refused, by control and code.",
            |total| &total.refused,
        ),
        (
            "portcullis_would_refuse",
            "What controls in observe mode let pass, by control and code.",
            |total| &total.would_refuse,
        ),
    ];
    for (name, help, counts) in families {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for total in totals {
            let [api, operation] = total.labels();
            for (index, count) in counts(total).iter().enumerate().filter(|(_, count)| **count > 0) {
                let code = inner.code_name(index);
                let control = control_of(code);
                counter(
                    &mut family,
                    &[api, operation, ("control", control), ("code", code)],
                    *count,
                )?;
            }
        }
    }
    Ok(())
}

fn durations(encoder: &mut DescriptorEncoder<'_>, totals: &[Totals]) -> fmt::Result {
    type Of = fn(&Totals) -> &Durations;
    let families: [(&str, &str, Of); 2] = [
        (
            "portcullis_request_duration",
            "From the first byte of a request to the last of its answer.",
            |total| &total.duration,
        ),
        (
            "portcullis_upstream_duration",
            "From sending a request upstream to the head of its answer.",
            |total| &total.upstream,
        ),
    ];
    for (name, help, of) in families {
        let mut family = encoder.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Histogram)?;
        for total in totals
            .iter()
            .filter(|total| of(total).buckets.iter().any(|count| *count > 0))
        {
            histogram(&mut family, &total.labels(), of(total))?;
        }
    }
    Ok(())
}

fn controls(encoder: &mut DescriptorEncoder<'_>, inner: &Inner) -> fmt::Result {
    type Of = fn(&ControlCells) -> &Counter;
    let verdicts: [(&str, Of); 3] = [
        ("passed", |cells| &cells.passed),
        ("refused", |cells| &cells.refused),
        ("observed", |cells| &cells.observed),
    ];
    let help = "Requests by what each control of the pipeline said; what is observed passes.";
    let mut family = encoder.encode_descriptor("portcullis_control_verdicts", help, None, MetricType::Counter)?;
    for control in Control::ALL {
        for (verdict, of) in verdicts {
            let labels = [("control", control.label()), ("verdict", verdict)];
            counter(&mut family, &labels, inner.control(control, of))?;
        }
    }
    let help = "Requests whose time at each control was measured: one in 64.";
    let mut family = encoder.encode_descriptor("portcullis_control_samples", help, None, MetricType::Counter)?;
    for control in Control::ALL {
        let samples = inner.control(control, |cells| &cells.samples);
        counter(&mut family, &[("control", control.label())], samples)?;
    }
    let help = "The time that the measured requests took at each control.";
    let seconds = Some(&Unit::Seconds);
    let mut family = encoder.encode_descriptor("portcullis_control_sampled", help, seconds, MetricType::Counter)?;
    for control in Control::ALL {
        let nanoseconds = inner.control(control, |cells| &cells.sampled_nanoseconds);
        family
            .encode_family(&[("control", control.label())])?
            .encode_counter::<NoLabelSet, _, f64>(&in_seconds(nanoseconds), None)?;
    }
    Ok(())
}

#[allow(
    clippy::cast_precision_loss,
    reason = "a sum of durations in seconds needs no more than 53 bits"
)]
fn in_seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / NANOSECONDS_PER_SECOND
}

fn bodies(encoder: &mut DescriptorEncoder<'_>, totals: &[Totals]) -> fmt::Result {
    let help = "Bytes of bodies, of requests from callers and of answers to them.";
    let mut family = encoder.encode_descriptor("portcullis_body", help, Some(&Unit::Bytes), MetricType::Counter)?;
    for total in totals {
        let [api, operation] = total.labels();
        for (body, bytes) in [(Body::Request, total.bytes_in), (Body::Response, total.bytes_out)] {
            counter(&mut family, &[api, operation, ("body", body.label())], bytes)?;
        }
    }
    let help = "Members left out of answers, since no schema declares them or they are write-only.";
    let mut family = encoder.encode_descriptor("portcullis_members_stripped", help, None, MetricType::Counter)?;
    for total in totals.iter().filter(|total| total.stripped > 0) {
        counter(&mut family, &total.labels(), total.stripped)?;
    }
    let help = "Items left out of lists, since their caller may not see them.";
    let mut family = encoder.encode_descriptor("portcullis_items_withheld", help, None, MetricType::Counter)?;
    for total in totals.iter().filter(|total| total.withheld > 0) {
        counter(&mut family, &total.labels(), total.withheld)?;
    }
    let help = "Bodies forwarded without being judged, by reason.";
    let mut family = encoder.encode_descriptor("portcullis_bodies_not_judged", help, None, MetricType::Counter)?;
    for total in totals {
        let [api, operation] = total.labels();
        for (body, reasons) in Body::ALL.into_iter().zip(total.unjudged) {
            for (reason, count) in Unjudged::ALL.into_iter().zip(reasons).filter(|(_, count)| *count > 0) {
                let labels = [api, operation, ("body", body.label()), ("reason", reason.label())];
                counter(&mut family, &labels, count)?;
            }
        }
    }
    Ok(())
}

/// What is counted of connections: name, help, event.
const CONNECTION_COUNTERS: [(&str, &str, Event); 11] = [
    (
        "portcullis_connections_accepted",
        "Connections accepted.",
        Event::ConnectionOpened,
    ),
    (
        "portcullis_connections_refused",
        "Connections turned away, for there were too many.",
        Event::ConnectionRefused,
    ),
    (
        "portcullis_connections_denied",
        "Connections closed at once, for their address is not one that may come.",
        Event::ConnectionDenied,
    ),
    (
        "portcullis_upstream_connections",
        "Connections made to upstreams.",
        Event::UpstreamOpened,
    ),
    (
        "portcullis_upstream_connection_failures",
        "Connections to upstreams that failed.",
        Event::UpstreamFailed,
    ),
    (
        "portcullis_upstream_retries",
        "Requests sent again after a stale connection.",
        Event::UpstreamRetried,
    ),
    (
        "portcullis_tls_handshakes",
        "Full TLS handshakes with callers.",
        Event::TlsHandshake,
    ),
    (
        "portcullis_tls_resumptions",
        "TLS sessions of callers that were resumed.",
        Event::TlsResumed,
    ),
    (
        "portcullis_tls_handshake_failures",
        "TLS handshakes with callers that failed.",
        Event::TlsFailed,
    ),
    (
        "portcullis_proxy_header_failures",
        "Connections closed for want of a PROXY header from a trusted proxy.",
        Event::ProxyHeader,
    ),
    ("portcullis_websockets", "WebSockets opened.", Event::WebSocketOpened),
];

fn connections(encoder: &mut DescriptorEncoder<'_>, inner: &Inner) -> fmt::Result {
    for (name, help, event) in CONNECTION_COUNTERS {
        plain_counter(encoder, name, help, inner.events(event))?;
    }
    let open = |opened, closed| inner.events(opened).saturating_sub(inner.events(closed));
    let idle = inner
        .workers
        .iter()
        .map(|worker| worker.cells.upstream_idle.get())
        .sum();
    let gauges = [
        (
            "portcullis_websockets_open",
            "WebSockets open now.",
            open(Event::WebSocketOpened, Event::WebSocketClosed),
        ),
        (
            "portcullis_connections_open",
            "Connections open now.",
            open(Event::ConnectionOpened, Event::ConnectionClosed),
        ),
        (
            "portcullis_upstream_connections_open",
            "Connections to upstreams open now.",
            open(Event::UpstreamOpened, Event::UpstreamClosed),
        ),
        (
            "portcullis_upstream_connections_idle",
            "Connections to upstreams that wait in the pools.",
            idle,
        ),
    ];
    for (name, help, value) in gauges {
        encoder
            .encode_descriptor(name, help, None, MetricType::Gauge)?
            .encode_gauge(&value)?;
    }
    Ok(())
}

fn process(encoder: &mut DescriptorEncoder<'_>, inner: &Inner) -> fmt::Result {
    let help = "Live counters of rate limits given up for lack of room.";
    plain_counter(encoder, "portcullis_limit_evictions", help, inner.limits.evictions())?;
    let help = "Reloads of the configuration, by outcome.";
    let mut family = encoder.encode_descriptor("portcullis_reloads", help, None, MetricType::Counter)?;
    for (outcome, count) in [("applied", &inner.reloads_applied), ("refused", &inner.reloads_refused)] {
        counter(&mut family, &[("outcome", outcome)], count.load(Ordering::Relaxed))?;
    }
    let (seconds, gauge) = (Some(&Unit::Seconds), MetricType::Gauge);
    let help = "When the configuration in force was applied, in Unix time.";
    let applied = inner.reload_applied_unix_seconds.load(Ordering::Relaxed);
    encoder
        .encode_descriptor("portcullis_reload_applied_timestamp", help, seconds, gauge)?
        .encode_gauge(&applied)?;
    let help = "When the contract in force was written, in Unix time; its age is the time now less this.";
    let mut family = encoder.encode_descriptor("portcullis_contract_timestamp", help, seconds, MetricType::Gauge)?;
    for (api, written) in inner.contracts.lock().iter() {
        family.encode_family(&[("api", &**api)])?.encode_gauge(written)?;
    }
    let help = "Requests that were traced, by what became of their spans.";
    let mut family = encoder.encode_descriptor("portcullis_traces", help, None, MetricType::Counter)?;
    for (outcome, count) in [("sent", &inner.spans_sent), ("dropped", &inner.spans_dropped)] {
        counter(&mut family, &[("outcome", outcome)], count.load(Ordering::Relaxed))?;
    }
    let help = "The program.";
    let mut build = encoder.encode_descriptor("portcullis_build", help, None, MetricType::Info)?;
    build.encode_info(&[("version", inner.version)])
}

pub(super) fn plain_counter(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, count: u64) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    family.encode_counter::<NoLabelSet, _, f64>(&count, None)
}

pub(super) fn counter<const N: usize>(
    family: &mut MetricEncoder<'_>,
    labels: &[Label<'_>; N],
    count: u64,
) -> fmt::Result {
    family
        .encode_family(labels)?
        .encode_counter::<NoLabelSet, _, f64>(&count, None)
}

#[allow(
    clippy::cast_precision_loss,
    reason = "a sum of durations in seconds needs no more than 53 bits"
)]
fn histogram(family: &mut MetricEncoder<'_>, labels: &[Label<'_>; 2], durations: &Durations) -> fmt::Result {
    let bounds = BOUNDS_NANOSECONDS
        .iter()
        .map(|bound| *bound as f64 / NANOSECONDS_PER_SECOND);
    let mut buckets = [(0.0, 0); BUCKETS];
    for ((bucket, bound), count) in buckets
        .iter_mut()
        .zip(bounds.chain([f64::INFINITY]))
        .zip(durations.buckets)
    {
        *bucket = (bound, count);
    }
    let sum = in_seconds(durations.sum_nanoseconds);
    let count = durations.buckets.iter().sum();
    family
        .encode_family(labels)?
        .encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
}
