//! What a YAML scalar says in JSON: the core schema of YAML 1.2 (section 10.3). `yes`, `no`, `on`, `off` and dates are
//! strings; numbers get JSON's spelling.

use granit_parser::{ScalarStyle, Tag};

use super::super::node::Value;
use super::super::source::shown;

/// The value of a scalar, or why JSON has none for it.
pub(super) fn value(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
    let Some(tag) = tag else {
        return if style == ScalarStyle::Plain {
            plain(text)
        } else {
            Ok(Value::String(text.into()))
        };
    };
    if tag.core_suffix() == Some("str") || tag.original() == "!" {
        return Ok(Value::String(text.into()));
    }
    let value = plain(text)?;
    match (tag.core_suffix(), &value) {
        (Some("null"), Value::Null) | (Some("bool"), Value::Bool(_)) | (Some("float"), Value::Number(_)) => Ok(value),
        (Some("int"), Value::Number(spelling)) if !spelling.contains(['.', 'e', 'E']) => Ok(value),
        (Some("null" | "bool" | "int" | "float"), _) => Err(format!(
            "`{}` is not what its tag `{}` says",
            shown(text),
            tag.original()
        )),
        _ => Err(format!(
            "the tag `{}` has no meaning in a contract; remove it",
            shown(&tag.original())
        )),
    }
}

fn plain(text: &str) -> Result<Value, String> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Ok(Value::Null),
        "true" | "True" | "TRUE" => Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => Ok(Value::Bool(false)),
        _ => match number(text)? {
            Some(spelling) => Ok(Value::Number(spelling.into_boxed_str())),
            None => Ok(Value::String(text.into())),
        },
    }
}

/// JSON's spelling of a number of the core schema; nothing where the text is no number.
fn number(text: &str) -> Result<Option<String>, String> {
    let (sign, rest) = match text.as_bytes().first() {
        Some(b'-') => ("-", text.get(1..).unwrap_or_default()),
        Some(b'+') => ("", text.get(1..).unwrap_or_default()),
        Some(b'0'..=b'9' | b'.') => ("", text),
        _ => return Ok(None),
    };
    if matches!(rest, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Err(format!(
            "`{text}` is no number in JSON; put it in quotes if it is a string"
        ));
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(text, digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(text, digits, 8);
    }
    Ok(decimal(rest).map(|spelling| format!("{sign}{spelling}")))
}

fn radix(text: &str, digits: &str, radix: u32) -> Result<Option<String>, String> {
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Ok(None);
    }
    let value = u128::from_str_radix(digits, radix);
    value
        .map(|value| Some(value.to_string()))
        .map_err(|_| format!("`{}` is too large; write it in decimal", shown(text)))
}

/// `[0-9]+(\.[0-9]*)?` or `\.[0-9]+`, each with an optional exponent.
fn decimal(text: &str) -> Option<String> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_digits = exponent.map(|exponent| exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
    let sound = digits(whole)
        && fraction.is_none_or(digits)
        && !(whole.is_empty() && fraction.unwrap_or_default().is_empty())
        && exponent_digits.is_none_or(|exponent| !exponent.is_empty() && digits(exponent));
    if !sound {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let mut spelling = if whole.is_empty() {
        "0".to_owned()
    } else {
        whole.to_owned()
    };
    if let Some(fraction) = fraction {
        spelling.push('.');
        spelling.push_str(if fraction.is_empty() { "0" } else { fraction });
    }
    if let Some(exponent) = exponent {
        spelling.push('e');
        spelling.push_str(exponent);
    }
    Some(spelling)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        let check = |text: &str, expected: &str| {
            let value = plain(text).map(|value| match value {
                Value::Null => "null".to_owned(),
                Value::Bool(truth) => truth.to_string(),
                Value::Number(spelling) => spelling.into_string(),
                Value::String(text) => format!("{text:?}"),
                _ => "a collection".to_owned(),
            });
            assert_eq!(value.unwrap_or_else(|_| "refused".to_owned()), expected, "{text}");
        };
        for (text, expected) in [
            ("~", "null"),
            ("NULL", "null"),
            ("nUll", "\"nUll\""),
            ("True", "true"),
            ("yes", "\"yes\""),
            ("off", "\"off\""),
            ("2024-01-31", "\"2024-01-31\""),
            ("12:30:45", "\"12:30:45\""),
            ("1_000", "\"1_000\""),
            ("0", "0"),
            ("-0", "-0"),
            ("+12", "12"),
            ("007", "7"),
            ("0x1F", "31"),
            ("0o17", "15"),
            ("0x", "\"0x\""),
            ("0b11", "\"0b11\""),
            ("1.", "1.0"),
            (".5", "0.5"),
            ("-.5e3", "-0.5e3"),
            ("1E+05", "1e+05"),
            ("1e", "\"1e\""),
            (".", "\".\""),
            ("-", "\"-\""),
            ("1.2.3", "\"1.2.3\""),
            ("18446744073709551616", "18446744073709551616"),
            (".inf", "refused"),
            ("-.INF", "refused"),
            (".nan", "refused"),
            ("0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", "refused"),
        ] {
            check(text, expected);
        }
    }
}
