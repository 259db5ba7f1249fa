//! Writes what is known of the endpoints of upstreams as OpenMetrics families. It reads; it never counts.

use std::fmt;

use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;

use super::expose::{Label, counter, plain_counter};
use crate::forward::balance::{Cause, Circuit, EndpointState, Fleet, Service};

pub(super) fn expose(encoder: &mut DescriptorEncoder<'_>, fleet: &Fleet) -> fmt::Result {
    let states = fleet.states();
    counters(encoder, &states)?;
    failures(encoder, &states)?;
    gauges(encoder, &states)?;
    let help = "Requests not sent again, for the budget of retries was spent.";
    plain_counter(encoder, "portcullis_retries_denied", help, fleet.retries_denied())?;
    let (sent, left_out) = fleet.mirrored();
    let help = "Copies of requests for mirrors, by what became of them.";
    let mut family = encoder.encode_descriptor("portcullis_mirrored", help, None, MetricType::Counter)?;
    counter(&mut family, &[("outcome", "sent")], sent)?;
    counter(&mut family, &[("outcome", "left_out")], left_out)
}

fn counters(encoder: &mut DescriptorEncoder<'_>, states: &[EndpointState]) -> fmt::Result {
    type Of = fn(&EndpointState) -> u64;
    let families: [(&str, &str, Of); 3] = [
        (
            "portcullis_endpoint_requests",
            "Requests sent to an endpoint, those sent again among them.",
            |state| state.requests,
        ),
        (
            "portcullis_endpoint_retries",
            "Requests sent to an endpoint after another attempt had failed.",
            |state| state.retries,
        ),
        (
            "portcullis_endpoint_ejections",
            "How often an endpoint was left out, for it failed.",
            |state| state.ejections,
        ),
    ];
    for (name, help, of) in families {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for state in states {
            counter(&mut family, &[label(state)], of(state))?;
        }
    }
    Ok(())
}

fn failures(encoder: &mut DescriptorEncoder<'_>, states: &[EndpointState]) -> fmt::Result {
    let help = "Requests that an endpoint failed, by cause.";
    let mut family = encoder.encode_descriptor("portcullis_endpoint_failures", help, None, MetricType::Counter)?;
    for state in states {
        for (cause, count) in Cause::ALL
            .into_iter()
            .zip(state.failures)
            .filter(|(_, count)| *count > 0)
        {
            counter(&mut family, &[label(state), ("cause", cause.label())], count)?;
        }
    }
    Ok(())
}

fn gauges(encoder: &mut DescriptorEncoder<'_>, states: &[EndpointState]) -> fmt::Result {
    let help = "Requests that an endpoint has now, where it is one of several.";
    let mut family = encoder.encode_descriptor("portcullis_endpoint_in_flight", help, None, MetricType::Gauge)?;
    for state in states {
        family
            .encode_family(&[label(state)])?
            .encode_gauge(&u64::from(state.in_flight))?;
    }
    let help = "Whether an endpoint is up, ejected or down: 1 for what it is.";
    let mut family = encoder.encode_descriptor("portcullis_endpoint_service", help, None, MetricType::Gauge)?;
    for state in states {
        let labels = [label(state), ("state", service(state.service))];
        family.encode_family(&labels)?.encode_gauge(&1_u64)?;
    }
    let help = "How the circuit of an endpoint stands: 1 for what it is.";
    let mut family = encoder.encode_descriptor("portcullis_endpoint_circuit", help, None, MetricType::Gauge)?;
    for state in states {
        if let Some(own) = state.circuit {
            let labels = [label(state), ("state", circuit(own))];
            family.encode_family(&labels)?.encode_gauge(&1_u64)?;
        }
    }
    Ok(())
}

fn label(state: &EndpointState) -> Label<'_> {
    ("endpoint", &state.label)
}

fn service(service: Service) -> &'static str {
    match service {
        Service::Up => "up",
        Service::Ejected => "ejected",
        Service::Down => "down",
    }
}

pub(super) fn circuit(circuit: Circuit) -> &'static str {
    match circuit {
        Circuit::Closed => "closed",
        Circuit::Open => "open",
        Circuit::HalfOpen => "half_open",
    }
}
