//! Functions of Rego that are ours: bounded where the evaluator's are not, and with the time of the decision for that of the clock.

use std::cell::Cell;

use regorus::{Engine, Value};

use portcullis_decision::time::UnixTime;

/// How many numbers `numbers.range` gives.
const RANGE_MAX: i64 = 10_000;

thread_local! {
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
    engine.add_extension("time.now_ns".to_owned(), 0, Box::new(|_| Ok(now_ns())))?;
    engine.add_extension("numbers.range".to_owned(), 2, Box::new(|bounds| range(&bounds)))
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
