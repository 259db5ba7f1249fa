//! The only spelling of a value (RFC 9651 §4.1).

use std::fmt::{self, Display, Formatter, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Bare, Dictionary, InnerList, Item, Member, Parameters};

impl Display for Bare {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => write!(f, "{value}"),
            Self::Decimal(thousandths) => decimal(f, *thousandths),
            Self::String(text) => string(f, text),
            Self::Token(token) => f.write_str(token),
            Self::Bytes(bytes) => write!(f, ":{}:", STANDARD.encode(bytes)),
            Self::Boolean(value) => write!(f, "?{}", u8::from(*value)),
            Self::Date(seconds) => write!(f, "@{seconds}"),
            Self::Display(text) => display(f, text),
        }
    }
}

/// At least one digit behind the point, and no more than are needed.
fn decimal(f: &mut Formatter<'_>, thousandths: i64) -> fmt::Result {
    let sign = if thousandths < 0 { "-" } else { "" };
    let (whole, rest) = (thousandths.unsigned_abs() / 1000, thousandths.unsigned_abs() % 1000);
    let rest = format!("{rest:03}");
    let kept = rest.trim_end_matches('0');
    write!(f, "{sign}{whole}.{}", if kept.is_empty() { "0" } else { kept })
}

fn string(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for letter in text.chars() {
        if matches!(letter, '"' | '\\') {
            f.write_char('\\')?;
        }
        f.write_char(letter)?;
    }
    f.write_char('"')
}

fn display(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("%\"")?;
    for byte in text.bytes() {
        match byte {
            b'%' | b'"' | 0..=0x1f | 0x7f.. => write!(f, "%{byte:02x}")?,
            _ => f.write_char(char::from(byte))?,
        }
    }
    f.write_char('"')
}

impl Display for Parameters {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|(name, value)| match value {
            Bare::Boolean(true) => write!(f, ";{name}"),
            value => write!(f, ";{name}={value}"),
        })
    }
}

impl Display for Item {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.bare, self.parameters)
    }
}

impl Display for InnerList {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char('(')?;
        for (index, item) in self.items.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{item}")?;
        }
        write!(f, "){}", self.parameters)
    }
}

impl Display for Member {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Item(item) => item.fmt(f),
            Self::InnerList(list) => list.fmt(f),
        }
    }
}

impl Display for Dictionary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, (name, member)) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            match member {
                Member::Item(Item {
                    bare: Bare::Boolean(true),
                    parameters,
                }) => write!(f, "{comma}{name}{parameters}")?,
                member => write!(f, "{comma}{name}={member}")?,
            }
        }
        Ok(())
    }
}

/// A list in its only spelling.
pub fn list(members: &[Member]) -> String {
    let members: Vec<String> = members.iter().map(ToString::to_string).collect();
    members.join(", ")
}
