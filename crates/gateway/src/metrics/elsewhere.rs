//! Writes what is known of whoever is asked when something is decided: lookups of attributes, and decision points elsewhere. It reads; it
//! never counts.

use std::fmt;
use std::sync::Arc;

use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;

use super::Inner;
use super::expose::counter;
use super::upstreams::circuit;
use crate::decisions::elsewhere::{AskedState, Elsewhere};
use crate::decisions::questions::Outcome;

/// What the families of one kind are called.
struct Names {
    questions: &'static str,
    questions_help: &'static str,
    circuit: &'static str,
    circuit_help: &'static str,
    /// The label of whom is asked.
    asked: &'static str,
    /// What a good answer, and a bad one, is called.
    answers: [&'static str; 2],
}

const LOOKUPS: Names = Names {
    questions: "portcullis_attribute_lookups",
    questions_help: "Resources whose attributes had to be known for a decision, by outcome; `known`, `joined`, `full` and \
                     `circuit_open` were not asked about.",
    circuit: "portcullis_attribute_lookup_circuit",
    circuit_help: "How the circuit of a lookup stands: 1 for what it is.",
    asked: "resource",
    answers: ["found", "unknown"],
};

const POINTS: Names = Names {
    questions: "portcullis_decision_point_questions",
    questions_help: "Questions for a decision point elsewhere, by outcome; `known`, `joined`, `full` and `circuit_open` were not asked.",
    circuit: "portcullis_decision_point_circuit",
    circuit_help: "How the circuit of a decision point elsewhere stands: 1 for what it is.",
    asked: "point",
    answers: ["permitted", "denied"],
};

pub(super) fn expose(encoder: &mut DescriptorEncoder<'_>, inner: &Inner) -> fmt::Result {
    let elsewhere: Vec<Arc<Elsewhere>> = inner.elsewhere.lock().clone();
    let lookups: Vec<AskedState<'_>> = elsewhere.iter().flat_map(|elsewhere| elsewhere.lookups()).collect();
    families(encoder, &LOOKUPS, &lookups)?;
    let points: Vec<AskedState<'_>> = elsewhere.iter().flat_map(|elsewhere| elsewhere.points()).collect();
    families(encoder, &POINTS, &points)
}

fn families(encoder: &mut DescriptorEncoder<'_>, names: &Names, states: &[AskedState<'_>]) -> fmt::Result {
    let (name, help) = (names.questions, names.questions_help);
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for state in states {
        for (outcome, count) in Outcome::ALL.into_iter().zip(state.counts) {
            let labels = [
                ("api", state.api),
                (names.asked, state.name),
                ("outcome", label(outcome, names)),
            ];
            counter(&mut family, &labels, count)?;
        }
    }
    let (name, help) = (names.circuit, names.circuit_help);
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for state in states {
        let labels = [
            ("api", state.api),
            (names.asked, state.name),
            ("state", circuit(state.circuit)),
        ];
        family.encode_family(&labels)?.encode_gauge(&1_u64)?;
    }
    Ok(())
}

fn label(outcome: Outcome, names: &Names) -> &'static str {
    let [good, bad] = names.answers;
    match outcome {
        Outcome::Good => good,
        Outcome::Bad => bad,
        Outcome::Failed => "failed",
        Outcome::Known => "known",
        Outcome::Joined => "joined",
        Outcome::Full => "full",
        Outcome::CircuitOpen => "circuit_open",
    }
}
