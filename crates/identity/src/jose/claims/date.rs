//! NumericDate (RFC 7519 §2): seconds since the epoch, with or without a fraction.

use serde_json::{Number, Value};

use crate::jose::object::Object;
use crate::jose::refusal::Refusal;
use crate::time::UnixTime;

/// Where a fraction of a second goes: always to where the token is good for less.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rounding {
    /// For ends.
    Down,
    /// For beginnings.
    Up,
}

/// Reads a claim that is a date between the epoch and [`UnixTime::MAX`]; `None` when it is not there.
pub(crate) fn read(claims: &Object, name: &'static str, rounding: Rounding) -> Result<Option<UnixTime>, Refusal> {
    let seconds = match claims.get(name) {
        None => return Ok(None),
        Some(Value::Number(number)) => seconds(number, rounding),
        Some(_) => None,
    };
    let time = seconds.and_then(UnixTime::from_seconds);
    time.map(Some).ok_or(Refusal::ClaimInvalid(name))
}

fn seconds(number: &Number, rounding: Rounding) -> Option<u64> {
    number.as_u64().or_else(|| {
        let exact = number.as_f64()?;
        let whole = match rounding {
            Rounding::Down => exact.floor(),
            Rounding::Up => exact.ceil(),
        };
        // A double's decimal digits are exact and have no exponent, so that this reads what no cast could lose.
        whole.to_string().parse().ok()
    })
}
