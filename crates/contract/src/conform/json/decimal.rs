//! Exact decimal arithmetic on the digits of a number as it is spelled: comparison and divisibility without the
//! rounding of a float, so that `0.3` is a multiple of `0.1` and `9007199254740993` is not `9007199254740992`.

use std::cmp::Ordering;

/// `(-1)^negative * mantissa * 10^exponent`, with no zero at the end of the mantissa; zero is never negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Decimal {
    negative: bool,
    mantissa: u128,
    exponent: i32,
}

/// The most significant digits a mantissa holds.
const DIGITS_MAX: u32 = 38;

impl Decimal {
    /// Reads a JSON number; `None` where it has more than 38 significant digits or an exponent past 32 bits.
    pub(super) fn parse(raw: &[u8]) -> Option<Self> {
        let (negative, unsigned) = match raw.strip_prefix(b"-") {
            Some(rest) => (true, rest),
            None => (false, raw),
        };
        let end = unsigned
            .iter()
            .position(|byte| matches!(byte, b'e' | b'E'))
            .unwrap_or(unsigned.len());
        let (digits, exponent) = unsigned.split_at(end);
        let mut exponent: i32 = match std::str::from_utf8(exponent).ok()?.get(1..) {
            Some(text) => text.parse().ok()?,
            None => 0,
        };
        let (mut mantissa, mut zeros, mut fraction) = (0_u128, 0_u32, false);
        for &byte in digits {
            if byte == b'.' {
                fraction = true;
                continue;
            }
            exponent = exponent.checked_sub(i32::from(fraction))?;
            // Zeros are held back until a digit follows, so that those at the end cost no room.
            if byte == b'0' {
                zeros += u32::from(mantissa != 0);
                continue;
            }
            mantissa = mantissa
                .checked_mul(10_u128.checked_pow(zeros + 1)?)?
                .checked_add(u128::from(byte - b'0'))?;
            zeros = 0;
        }
        if mantissa == 0 {
            return Some(Self {
                negative: false,
                mantissa: 0,
                exponent: 0,
            });
        }
        exponent = exponent.checked_add_unsigned(zeros)?;
        (mantissa.ilog10() < DIGITS_MAX).then_some(Self {
            negative,
            mantissa,
            exponent,
        })
    }

    /// Whether it has no fractional part.
    pub(super) fn is_integer(self) -> bool {
        self.exponent >= 0
    }

    /// Its value where it is an integer of 64 bits.
    pub(super) fn to_i64(self) -> Option<i64> {
        let magnitude = self
            .mantissa
            .checked_mul(10_u128.checked_pow(u32::try_from(self.exponent).ok()?)?)?;
        let signed = i128::try_from(magnitude).ok()?;
        i64::try_from(if self.negative { -signed } else { signed }).ok()
    }

    /// The greatest integer that is not above it, held within 64 bits.
    pub(super) fn floor(self) -> i64 {
        let whole = self.truncated();
        if self.negative && !self.is_integer() {
            whole.saturating_sub(1)
        } else {
            whole
        }
    }

    /// The least integer that is not below it, held within 64 bits.
    pub(super) fn ceiling(self) -> i64 {
        let whole = self.truncated();
        if !self.negative && !self.is_integer() {
            whole.saturating_add(1)
        } else {
            whole
        }
    }

    /// Without its fraction, held within 64 bits.
    fn truncated(self) -> i64 {
        let scale = 10_u128.checked_pow(self.exponent.unsigned_abs());
        let magnitude = match scale {
            Some(scale) if self.exponent >= 0 => self.mantissa.saturating_mul(scale),
            Some(scale) => self.mantissa / scale,
            None if self.exponent >= 0 && self.mantissa > 0 => u128::MAX,
            None => 0,
        };
        let held = i64::try_from(magnitude).unwrap_or(i64::MAX);
        if self.negative { -held } else { held }
    }

    /// Whether `self / divisor` is an integer; `divisor` is above zero.
    pub(super) fn is_multiple_of(self, divisor: Self) -> bool {
        if self.mantissa == 0 {
            return true;
        }
        let shift = i64::from(self.exponent) - i64::from(divisor.exponent);
        match u64::try_from(shift) {
            // value = mantissa * 10^shift units of the divisor's scale: reduce both factors modulo the divisor.
            Ok(shift) => {
                let power = power_of_ten_modulo(shift, divisor.mantissa);
                multiply_modulo(self.mantissa % divisor.mantissa, power, divisor.mantissa) == 0
            }
            // The divisor, brought to the value's scale, may pass 128 bits; then it is above any mantissa.
            Err(_) => u32::try_from(shift.unsigned_abs())
                .ok()
                .and_then(|shift| 10_u128.checked_pow(shift))
                .and_then(|scale| divisor.mantissa.checked_mul(scale))
                .is_some_and(|scaled| self.mantissa.is_multiple_of(scaled)),
        }
    }

    /// The canonical spelling: equal numbers spell the same.
    pub(super) fn canonical(self) -> String {
        format!(
            "{}{}e{}",
            if self.negative { "-" } else { "" },
            self.mantissa,
            self.exponent
        )
    }

    fn compare_magnitude(self, other: Self) -> Ordering {
        if self.mantissa == 0 || other.mantissa == 0 {
            return self.mantissa.cmp(&other.mantissa);
        }
        let digits = |decimal: Self| i64::from(decimal.mantissa.ilog10()) + i64::from(decimal.exponent);
        digits(self).cmp(&digits(other)).then_with(|| {
            // As many digits before the point: the one with the larger exponent has the fewer digits in its
            // mantissa, and padding it to the other's length stays within 38.
            let shift = i64::from(self.exponent) - i64::from(other.exponent);
            let scale = u32::try_from(shift.unsigned_abs())
                .ok()
                .and_then(|shift| 10_u128.checked_pow(shift));
            let padded = |mantissa: u128| scale.map_or(u128::MAX, |scale| mantissa.saturating_mul(scale));
            if shift >= 0 {
                padded(self.mantissa).cmp(&other.mantissa)
            } else {
                self.mantissa.cmp(&padded(other.mantissa))
            }
        })
    }
}

impl From<i64> for Decimal {
    fn from(value: i64) -> Self {
        let (mut mantissa, mut exponent) = (u128::from(value.unsigned_abs()), 0);
        while mantissa != 0 && mantissa.is_multiple_of(10) {
            mantissa /= 10;
            exponent += 1;
        }
        Self {
            negative: value < 0,
            mantissa,
            exponent,
        }
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.compare_magnitude(*other),
            (true, true) => other.compare_magnitude(*self),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// `10^exponent mod modulus`, by repeated squaring.
fn power_of_ten_modulo(mut exponent: u64, modulus: u128) -> u128 {
    let (mut result, mut base) = (1 % modulus, 10 % modulus);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = multiply_modulo(result, base, modulus);
        }
        base = multiply_modulo(base, base, modulus);
        exponent >>= 1;
    }
    result
}

/// `a * b mod modulus` for factors below the modulus, without passing 128 bits: double and add.
fn multiply_modulo(mut a: u128, mut b: u128, modulus: u128) -> u128 {
    if let Some(product) = a.checked_mul(b) {
        return product % modulus;
    }
    let add = |x: u128, y: u128| if x >= modulus - y { x - (modulus - y) } else { x + y };
    let mut result = 0;
    while b > 0 {
        if b & 1 == 1 {
            result = add(result, a);
        }
        a = add(a, a);
        b >>= 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text} is a decimal"))
    }

    #[test]
    fn order() {
        for (a, expected, b) in [
            ("1", Ordering::Less, "2"),
            ("-1", Ordering::Less, "1"),
            ("-2", Ordering::Less, "-1"),
            ("0", Ordering::Equal, "-0.0"),
            ("1.0", Ordering::Equal, "1"),
            ("100", Ordering::Equal, "1e2"),
            ("0.1", Ordering::Less, "0.11"),
            ("9007199254740993", Ordering::Greater, "9007199254740992"),
            ("1e308", Ordering::Greater, "12345678901234567890123456789012345678"),
            ("1e-300", Ordering::Greater, "0"),
        ] {
            assert_eq!(decimal(a).cmp(&decimal(b)), expected, "{a} {b}");
        }
    }

    #[test]
    fn multiples() {
        for (value, divisor, expected) in [
            ("0.3", "0.1", true),
            ("0.35", "0.1", false),
            ("4.5", "1.5", true),
            ("0.0075", "0.0001", true),
            ("0.00751", "0.0001", false),
            ("12391239123", "1e-8", true),
            ("1e308", "0.123456789", false),
            ("1e308", "0.5", true),
            ("0", "7", true),
            ("-14", "7", true),
            ("7", "14", false),
            ("0.5", "99999999999999999999999999999999999999", false),
        ] {
            assert_eq!(
                decimal(value).is_multiple_of(decimal(divisor)),
                expected,
                "{value} {divisor}"
            );
        }
    }

    #[test]
    fn integers() {
        assert!(decimal("1.0").is_integer());
        assert!(decimal("1e3").is_integer());
        assert!(!decimal("1.5").is_integer());
        assert_eq!(decimal("-9223372036854775808").to_i64(), Some(i64::MIN));
        assert_eq!(decimal("9223372036854775808").to_i64(), None);
        assert_eq!(Decimal::from(-1200), decimal("-1.2e3"));
        assert_eq!(Decimal::parse(b"1234567890123456789012345678901234567891"), None);
    }
}
