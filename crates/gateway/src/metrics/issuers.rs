//! Writes what is known of issuers, their keys and what they were asked, and of the tokens that are remembered. It reads; it
//! never counts.

use std::fmt;
use std::sync::Arc;

use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::Inner;
use super::expose::{counter, plain_counter};
use super::worker::Event;
use crate::issuer::{Issuer, Outcome};

pub(super) fn expose(encoder: &mut DescriptorEncoder<'_>, inner: &Inner) -> fmt::Result {
    let issuers: Vec<Arc<Issuer>> = inner.issuers.lock().clone();
    keys(encoder, &issuers)?;
    introspections(encoder, &issuers)?;
    tokens(encoder, inner)
}

fn keys(encoder: &mut DescriptorEncoder<'_>, issuers: &[Arc<Issuer>]) -> fmt::Result {
    let keys = || {
        issuers
            .iter()
            .filter_map(|issuer| Some((issuer.authority(), issuer.keys()?)))
    };
    let help =
        "How long ago the keys of an issuer that are in force were read or fetched; no sample where there are none.";
    let seconds = Some(&Unit::Seconds);
    let mut family = encoder.encode_descriptor("portcullis_issuer_keys_age", help, seconds, MetricType::Gauge)?;
    for (issuer, age) in keys().filter_map(|(issuer, keys)| Some((issuer, keys.age()?))) {
        family
            .encode_family(&[("issuer", issuer)])?
            .encode_gauge(&age.as_secs_f64())?;
    }
    let help = "How often the keys of an issuer were fetched, by outcome.";
    let mut family = encoder.encode_descriptor("portcullis_issuer_key_fetches", help, None, MetricType::Counter)?;
    for (issuer, (done, failed)) in keys().filter_map(|(issuer, keys)| Some((issuer, keys.fetches()?))) {
        for (outcome, count) in [("done", done), ("failed", failed)] {
            counter(&mut family, &[("issuer", issuer), ("outcome", outcome)], count)?;
        }
    }
    Ok(())
}

fn introspections(encoder: &mut DescriptorEncoder<'_>, issuers: &[Arc<Issuer>]) -> fmt::Result {
    let help =
        "Tokens that an issuer had to be asked about, by outcome; `known`, `joined` and `full` were not asked about.";
    let mut family = encoder.encode_descriptor("portcullis_introspections", help, None, MetricType::Counter)?;
    let asked = issuers
        .iter()
        .filter_map(|issuer| Some((issuer.authority(), issuer.introspection()?)));
    for (issuer, introspection) in asked {
        for outcome in Outcome::ALL {
            let labels = [("issuer", issuer), ("outcome", outcome.label())];
            counter(&mut family, &labels, introspection.count(outcome))?;
        }
    }
    Ok(())
}

fn tokens(encoder: &mut DescriptorEncoder<'_>, inner: &Inner) -> fmt::Result {
    let help = "JWTs presented that were verified before, and remembered.";
    let hits = inner.events(Event::TokenRemembered);
    plain_counter(encoder, "portcullis_token_cache_hits", help, hits)?;
    let help = "JWTs presented that had to be verified.";
    let misses = inner.events(Event::TokenNotRemembered);
    plain_counter(encoder, "portcullis_token_cache_misses", help, misses)?;
    let remembered = inner.workers.iter();
    let remembered: u64 = remembered.map(|worker| worker.cells.tokens_remembered.get()).sum();
    let help = "Verified JWTs that are remembered now.";
    encoder
        .encode_descriptor("portcullis_token_cache_entries", help, None, MetricType::Gauge)?
        .encode_gauge(&remembered)
}
