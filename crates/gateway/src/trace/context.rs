//! W3C Trace Context, levels 1 and 2: the fields `traceparent` and `tracestate`, read strictly and written in one way.
//!
//! What is not exactly as the standard says counts as not sent. Pure: no clock, no randomness.

use std::fmt;
use std::num::{NonZeroU64, NonZeroU128};

use http::{HeaderMap, HeaderValue};

/// The field that says to which trace a request belongs (§3.2).
pub(crate) const TRACEPARENT: &str = "traceparent";
/// The field in which tracing systems keep something of their own (§3.3).
pub(crate) const TRACESTATE: &str = "tracestate";

/// `00-{32 digits}-{16 digits}-{2 digits}`
const PARENT_BYTES: usize = 55;
/// As long as everybody has to be able to propagate (§3.3.1.5); a longer state is left out.
const STATE_BYTES_MAX: usize = 512;
/// §3.3.1.1
const STATE_MEMBERS_MAX: usize = 32;
const SAMPLED: u8 = 1;
/// Level 2, §3.2.2.5.2: the lower 56 bits of the trace's id are random.
const RANDOM: u8 = 2;

/// The id of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId(NonZeroU128);

/// The id of a span within its trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanId(NonZeroU64);

impl TraceId {
    /// The id with these bits; zero is none.
    #[must_use]
    pub const fn from_bits(bits: u128) -> Option<Self> {
        match NonZeroU128::new(bits) {
            Some(bits) => Some(Self(bits)),
            None => None,
        }
    }

    /// Its bits.
    #[must_use]
    pub const fn bits(self) -> u128 {
        self.0.get()
    }
}

impl SpanId {
    /// The id with these bits; zero is none.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Option<Self> {
        match NonZeroU64::new(bits) {
            Some(bits) => Some(Self(bits)),
            None => None,
        }
    }

    /// Its bits.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

/// What `traceparent` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parent {
    /// The trace.
    pub(crate) trace: TraceId,
    /// The span of whoever sends the request.
    pub(crate) span: SpanId,
    /// Whether that span is recorded.
    pub(crate) sampled: bool,
    /// Whether the lower 56 bits of the trace's id are random.
    pub(crate) random: bool,
}

impl Parent {
    /// What the only `traceparent` of a request says; nothing where it is missing, repeated or malformed.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut fields = headers.get_all(TRACEPARENT).iter();
        let only = fields.next()?;
        fields.next().is_none().then(|| Self::parse(only.as_bytes())).flatten()
    }

    /// §3.2.2. Of a later version the fields of this one count (§3.2.4).
    fn parse(text: &[u8]) -> Option<Self> {
        let version = hex(text.get(..2)?)?;
        let ends = match text.get(PARENT_BYTES) {
            None => true,
            Some(next) => version > 0 && *next == b'-',
        };
        let separated = [2, 35, 52].iter().all(|at| text.get(*at) == Some(&b'-'));
        if version == 0xff || !ends || !separated {
            return None;
        }
        let flags = u8::try_from(hex(text.get(53..PARENT_BYTES)?)?).ok()?;
        Some(Self {
            trace: TraceId::from_bits(hex(text.get(3..35)?)?)?,
            span: SpanId::from_bits(u64::try_from(hex(text.get(36..52)?)?).ok()?)?,
            sampled: flags & SAMPLED != 0,
            random: flags & RANDOM != 0,
        })
    }

    /// As `traceparent`, in version 00.
    pub(crate) fn write(&self, head: &mut Vec<u8>) {
        use std::io::Write as _;
        let flags = if self.sampled { SAMPLED } else { 0 } | if self.random { RANDOM } else { 0 };
        // Writing to a vector cannot fail.
        let _written = write!(head, "00-{}-{}-{flags:02x}", self.trace, self.span);
    }
}

/// Lower-case digits only (§3.2.2.1).
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(value))
    })
}

/// The `tracestate` of a request; nothing where there is none, or where one member of it is malformed (§4.3).
pub(crate) fn state(headers: &HeaderMap) -> Option<HeaderValue> {
    let fields: Vec<&[u8]> = headers.get_all(TRACESTATE).iter().map(HeaderValue::as_bytes).collect();
    let joined = fields.join(&b","[..]);
    if joined.len() > STATE_BYTES_MAX {
        return None;
    }
    let members = joined.split(|byte| *byte == b',').map(trimmed);
    let members: Vec<&[u8]> = members.filter(|member| !member.is_empty()).collect();
    let keys: Vec<&[u8]> = members.iter().map_while(|member| key_of(member)).collect();
    let unique = keys
        .iter()
        .enumerate()
        .all(|(index, key)| !keys.iter().take(index).any(|other| other == key));
    let sound = keys.len() == members.len() && unique && (1..=STATE_MEMBERS_MAX).contains(&members.len());
    sound
        .then(|| HeaderValue::from_bytes(&members.join(&b","[..])).ok())
        .flatten()
}

/// Without the spaces and tabs around a member (§3.3.1.1).
fn trimmed(member: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = member.iter().position(|byte| !blank(byte)).unwrap_or(member.len());
    let end = member
        .iter()
        .rposition(|byte| !blank(byte))
        .map_or(start, |last| last + 1);
    member.get(start..end).unwrap_or_default()
}

/// The key of a well-formed member (§3.3.1.3).
fn key_of(member: &[u8]) -> Option<&[u8]> {
    let equals = member.iter().position(|byte| *byte == b'=')?;
    let (key, value) = member.split_at_checked(equals)?;
    let value = value.get(1..)?;
    let printable = |byte: &u8| (0x20..=0x7e).contains(byte) && !matches!(byte, b',' | b'=');
    let good_value = (1..=256).contains(&value.len()) && value.iter().all(printable);
    (good_value && is_key(key)).then_some(key)
}

fn is_key(key: &[u8]) -> bool {
    let all = |text: &[u8]| {
        text.iter()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/'))
    };
    let letter = |text: &[u8]| text.first().is_some_and(u8::is_ascii_lowercase);
    match key.iter().position(|byte| *byte == b'@') {
        None => letter(key) && all(key) && key.len() <= 256,
        Some(at) => {
            let (tenant, system) = key.split_at_checked(at).unwrap_or_default();
            let system = system.get(1..).unwrap_or_default();
            let begins = tenant
                .first()
                .is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
            begins && all(tenant) && tenant.len() <= 241 && letter(system) && all(system) && system.len() <= 14
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn headers(name: &'static str, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn parents_that_are_believed() {
        let later = format!("cc{}-and-more", GOOD.strip_prefix("00").unwrap());
        let odd = GOOD.replace("-01", "-ff");
        for text in [GOOD, &later, &odd] {
            let parent = Parent::of(&headers(TRACEPARENT, &[text])).expect(text);
            assert_eq!(parent.trace.to_string(), "0af7651916cd43dd8448eb211c80319c");
            assert_eq!(parent.span.to_string(), "b7ad6b7169203331");
            assert!(parent.sampled);
        }
        let unsampled = Parent::of(&headers(TRACEPARENT, &[&GOOD.replace("-01", "-02")])).unwrap();
        assert!(!unsampled.sampled && unsampled.random);
    }

    #[test]
    fn parents_that_are_not() {
        let zero_trace = GOOD.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32));
        let zero_span = GOOD.replace("b7ad6b7169203331", &"0".repeat(16));
        for text in [
            "",
            "00",
            &GOOD.to_uppercase(),
            &GOOD.replace("00-", "ff-"),
            &GOOD.replace("00-", "0g-"),
            &GOOD.replace('-', "_"),
            &format!("{GOOD}-more"),
            &format!("{GOOD}x"),
            &format!("cc{}x", GOOD.strip_prefix("00").unwrap()),
            &GOOD.replace("-01", "-1"),
            &GOOD.replace("-01", "-0x"),
            &zero_trace,
            &zero_span,
            &format!(" {GOOD}"),
        ] {
            assert_eq!(Parent::of(&headers(TRACEPARENT, &[text])), None, "{text:?}");
        }
        assert_eq!(Parent::of(&headers(TRACEPARENT, &[GOOD, GOOD])), None, "two of them");
    }

    #[test]
    fn what_is_written_is_read() {
        let parent = Parent::of(&headers(TRACEPARENT, &[GOOD])).unwrap();
        let mut head = Vec::new();
        parent.write(&mut head);
        assert_eq!(head, GOOD.as_bytes());
    }

    #[test]
    fn states() {
        let long = format!("a={}", "x".repeat(600));
        let wide = format!("a={}", "x".repeat(257));
        let many = (0..33).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(",");
        for (values, expected) in [
            (&["rojo=00f067aa0ba902b7"][..], Some("rojo=00f067aa0ba902b7")),
            (&["a=1", "b=2"], Some("a=1,b=2")),
            (&["a=1 ,\t b=2,, "], Some("a=1,b=2")),
            (&["1tenant@sys=x y"], Some("1tenant@sys=x y")),
            (&["a*/-_=!~"], Some("a*/-_=!~")),
            (&[], None),
            (&[""], None),
            (&["a"], None),
            (&["=1"], None),
            (&["a="], None),
            (&["A=1"], None),
            (&["1a=1"], None),
            (&["a=1,a=2"], None),
            (&["a=b=c"], None),
            (&["a@=1"], None),
            (&["@b=1"], None),
            (&["a=1,b"], None),
            (&[&*long], None),
            (&[&*wide], None),
            (&[&*many], None),
        ] {
            let found = state(&headers(TRACESTATE, values));
            assert_eq!(
                found.as_ref().map(|value| value.to_str().unwrap()),
                expected,
                "{values:?}"
            );
        }
    }
}
