//! Functions of Rego that are ours: bounded where the evaluator's are not, as OPA has them where it does not, and with the time of the
//! decision for that of the clock.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;
use regex::{Regex, RegexBuilder};
use regorus::{Engine, Value};

use super::calls;

use portcullis_decision::time::UnixTime;

/// How many numbers `numbers.range` gives.
const RANGE_MAX: i64 = 10_000;

/// How many patterns a thread remembers; more begin anew.
const PATTERNS_MAX: usize = 64;
/// How much memory a pattern may take.
const PATTERN_BYTES_MAX: usize = 1 << 20;

thread_local! {
    /// Patterns of `regex.match`, which take longer to read than to match.
    static PATTERNS: RefCell<HashMap<Box<str>, Regex>> = RefCell::default();
    /// The time of the decision that this thread makes. The evaluator calls functions with nothing but their arguments.
    static NOW: Cell<UnixTime> = const { Cell::new(UnixTime(0)) };
}

/// Evaluates with this as the time.
pub(super) fn at<T>(time: UnixTime, evaluate: impl FnOnce() -> T) -> T {
    NOW.set(time);
    evaluate()
}

/// Gives an engine these functions; they go before its own of the same names.
///
/// # Errors
/// It has one of them already.
pub(super) fn add_to(engine: &mut Engine) -> anyhow::Result<()> {
    engine.add_extension(calls::NOW.to_owned(), 0, Box::new(|_| Ok(now_ns())))?;
    engine.add_extension("numbers.range".to_owned(), 2, Box::new(|bounds| range(&bounds)))?;
    engine.add_extension(
        "net.cidr_contains".to_owned(),
        2,
        Box::new(|given| cidr_contains(&given)),
    )?;
    engine.add_extension("regex.match".to_owned(), 2, Box::new(|given| regex_match(&given)))
}

fn now_ns() -> Value {
    Value::from(NOW.get().0.saturating_mul(1_000_000_000))
}

/// From the first to the last, up or down.
fn range(bounds: &[Value]) -> anyhow::Result<Value> {
    let [first, last] = bounds else {
        anyhow::bail!("`numbers.range` takes two numbers");
    };
    let (first, last) = (first.as_i64()?, last.as_i64()?);
    if first.abs_diff(last) >= RANGE_MAX.unsigned_abs() {
        anyhow::bail!("`numbers.range` gives at most {RANGE_MAX} numbers here");
    }
    let numbers: Vec<Value> = match first <= last {
        true => (first..=last).map(Value::from).collect(),
        false => (last..=first).rev().map(Value::from).collect(),
    };
    Ok(Value::from(numbers))
}

/// Whether a network has all of another, or an address. One of IPv4 within IPv6 is of IPv4, as for OPA.
fn cidr_contains(given: &[Value]) -> anyhow::Result<Value> {
    let [network, other] = given else {
        anyhow::bail!("`net.cidr_contains` takes two texts");
    };
    let text = network.as_string()?;
    anyhow::ensure!(text.contains('/'), "`{text}` is no network");
    let net = |value: &Value| -> anyhow::Result<IpNet> {
        let text = value.as_string()?;
        if !text.contains('/') {
            return Ok(text.parse::<IpAddr>()?.to_canonical().into());
        }
        let net: IpNet = text.parse()?;
        let within = net.prefix_len().checked_sub(96).filter(|_| net.addr().is_ipv6());
        match (within, net.addr().to_canonical()) {
            (Some(length), address @ IpAddr::V4(_)) => Ok(IpNet::new(address, length)?),
            _ => Ok(net),
        }
    };
    Ok(Value::from(net(network)?.contains(&net(other)?)))
}

/// With ten times the memory that the evaluator has for a pattern, which is too little for `^.{0,255}$`.
fn regex_match(given: &[Value]) -> anyhow::Result<Value> {
    let [pattern, text] = given else {
        anyhow::bail!("`regex.match` takes a pattern and a text");
    };
    let (pattern, text) = (pattern.as_string()?, text.as_string()?);
    PATTERNS.with_borrow_mut(|patterns| {
        if let Some(known) = patterns.get(&**pattern) {
            return Ok(Value::from(known.is_match(text)));
        }
        let read = RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).build()?;
        let is_match = read.is_match(text);
        if patterns.len() >= PATTERNS_MAX {
            patterns.clear();
        }
        patterns.insert((**pattern).into(), read);
        Ok(Value::from(is_match))
    })
}
