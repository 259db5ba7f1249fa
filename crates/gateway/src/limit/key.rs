//! Whose counter: what a limit counts by, hashed into 128 bits under a secret of this process.
//!
//! Values are hashed as they are read and never kept: neither a counter nor its key reveals a user name. Every part
//! is closed by its kind and length, so that no two lists of values write the same bytes.

use super::gcra::Quota;
use super::target::{Pointer, Value};
use http::header::{HeaderMap, HeaderName};
use siphasher::sip128::{Hasher128, SipHasher13};
use smallvec::SmallVec;
use std::borrow::Cow;
use std::hash::Hasher;
use std::net::{IpAddr, Ipv4Addr};

/// The hashed identity of one counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    place: u64,
    fingerprint: u64,
}

/// What a limit's counters are shared by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// All operations of one API, whatever host or version it is called by.
    Api(Box<str>),
    /// One operation of one API.
    Operation {
        /// The API's name.
        api: Box<str>,
        /// The operation's name.
        operation: Box<str>,
    },
    /// Everything that names the same counter and has the same quota and parts.
    Shared(Box<str>),
}

/// Where a part of a key is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The client's address: IPv4 whole, IPv6 by its first 64 bits, since a network of that size is one customer.
    Address,
    /// Every value of a header, in order.
    Header(HeaderName),
    /// A path parameter, decoded.
    Path(Box<str>),
    /// A query parameter, decoded.
    Query(Box<str>),
    /// A value of a JSON body.
    Body(Pointer),
}

/// Which spellings of a value are the same value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reading {
    /// White space around it and letter case do not count (a full fold: `ß` is `ss`). Combining forms are kept apart.
    #[default]
    Text,
    /// As text, and numbers by their value: `42`, `042`, `42.0` and `4.2e1` are one. For every parameter or member that may
    /// hold a number.
    Number,
    /// Every byte counts.
    Exact,
}

/// One part of a key. All requests without a value for it share a counter, so that leaving it out is no way around the limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where it is read.
    pub source: Source,
    /// Which spellings are the same.
    pub reading: Reading,
}

/// What a request is, as far as limits count by it.
pub trait Facts {
    /// The client's address, after trusted proxies.
    fn address(&self) -> IpAddr;
    /// Its headers.
    fn headers(&self) -> &HeaderMap;
    /// A path parameter, percent-decoded, as the contract read it.
    fn path(&self, _name: &str) -> Option<Cow<'_, str>> {
        None
    }
    /// A query parameter, decoded, as the contract read it; a list in one text.
    fn query(&self, _name: &str) -> Option<Cow<'_, str>> {
        None
    }
    /// The judged JSON body.
    fn json(&self) -> Option<&[u8]> {
        None
    }
}

/// The facts of a request that is not judged yet.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'r> {
    /// The client's address, after trusted proxies.
    pub address: IpAddr,
    /// Its headers.
    pub headers: &'r HeaderMap,
}

/// Makes keys under one secret. Keys of another secret are strangers: machines that share counters share the secret.
#[derive(Clone, Copy)]
pub struct Keyer(SipHasher13);

/// How one limit makes its keys: a hash that has read all that does not change.
#[derive(Clone)]
pub struct Recipe {
    start: SipHasher13,
    parts: Box<[Part]>,
}

impl Key {
    /// The half that picks the key's place in a table.
    #[must_use]
    pub fn place(self) -> u64 {
        self.place
    }

    /// The half that recognises the key there.
    #[must_use]
    pub fn fingerprint(self) -> u64 {
        self.fingerprint
    }
}

impl Part {
    /// A part as most limits want it: spellings folded.
    #[must_use]
    pub fn new(source: Source) -> Self {
        Self {
            source,
            reading: Reading::default(),
        }
    }
}

impl Facts for Arrival<'_> {
    fn address(&self) -> IpAddr {
        self.address
    }

    fn headers(&self) -> &HeaderMap {
        self.headers
    }
}

impl Keyer {
    /// Keys under this secret.
    #[must_use]
    pub fn new(secret: [u8; 16]) -> Self {
        Self(SipHasher13::new_with_key(&secret))
    }

    /// Keys under a secret of the operating system's randomness.
    ///
    /// # Errors
    /// The operating system gives no randomness.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut secret = [0; 16];
        getrandom::fill(&mut secret)?;
        Ok(Self::new(secret))
    }

    /// How the limit of this scope, name, quota and parts makes keys. The quota belongs to a counter's identity: a limit
    /// that a reload makes stricter or looser starts afresh, and a reload that leaves it alone changes nothing.
    #[must_use]
    pub fn recipe(&self, scope: &Scope, name: &str, quota: &Quota, parts: Vec<Part>) -> Recipe {
        let mut start = self.0;
        let names = match scope {
            Scope::Api(api) => [api, "", name],
            Scope::Operation { api, operation } => [api, &**operation, name],
            Scope::Shared(shared) => [shared, "", ""],
        };
        names
            .into_iter()
            .for_each(|name| close(&mut start, Kind::Scope(scope), name.as_bytes()));
        for number in [quota.interval_nanoseconds(), quota.tolerance_nanoseconds()] {
            start.write_u64(number);
        }
        for part in &parts {
            let (kind, name) = part.source.written();
            close(&mut start, kind, name.as_bytes());
        }
        Recipe {
            start,
            parts: parts.into(),
        }
    }
}

impl Recipe {
    /// The key of a request.
    pub fn key(&self, facts: &impl Facts) -> Key {
        let mut hasher = self.start;
        for part in &self.parts {
            part.write(&mut hasher, facts);
        }
        let hash = hasher.finish128();
        Key {
            place: hash.h1,
            fingerprint: hash.h2,
        }
    }
}

/// What kind of bytes were just hashed.
#[derive(Clone, Copy)]
enum Kind<'s> {
    Scope(&'s Scope),
    Source(u8),
    Address,
    Text,
    Number,
    Bytes,
    Absent,
}

impl Source {
    fn written(&self) -> (Kind<'_>, &str) {
        match self {
            Self::Address => (Kind::Source(0), ""),
            Self::Header(name) => (Kind::Source(1), name.as_str()),
            Self::Path(name) => (Kind::Source(2), name),
            Self::Query(name) => (Kind::Source(3), name),
            Self::Body(pointer) => (Kind::Source(4), pointer.as_str()),
        }
    }
}

impl Part {
    /// Hashes the part's value, or its absence.
    fn write(&self, hasher: &mut SipHasher13, facts: &impl Facts) {
        let found = match &self.source {
            Source::Address => {
                write_address(hasher, facts.address());
                true
            }
            Source::Header(name) => self.write_header(hasher, facts.headers(), name),
            Source::Path(name) => self.write_found(hasher, facts.path(name).map(Value::Text)),
            Source::Query(name) => self.write_found(hasher, facts.query(name).map(Value::Text)),
            Source::Body(pointer) => self.write_found(hasher, facts.json().and_then(|json| pointer.find(json))),
        };
        if !found {
            close(hasher, Kind::Absent, &[]);
        }
    }

    fn write_found(&self, hasher: &mut SipHasher13, found: Option<Value<'_>>) -> bool {
        if let Some(value) = &found {
            self.write_value(hasher, value);
        }
        found.is_some()
    }

    fn write_header(&self, hasher: &mut SipHasher13, headers: &HeaderMap, name: &HeaderName) -> bool {
        let mut count = 0_u64;
        for value in headers.get_all(name) {
            match std::str::from_utf8(value.as_bytes()) {
                Ok(text) => self.write_text(hasher, text),
                Err(_) => close(hasher, Kind::Bytes, value.as_bytes()),
            }
            count += 1;
        }
        hasher.write_u64(count);
        count > 0
    }

    fn write_value(&self, hasher: &mut SipHasher13, value: &Value<'_>) {
        match value {
            Value::Text(text) => self.write_text(hasher, text),
            Value::Number(text) if self.reading != Reading::Exact => match decimal(text) {
                Some(number) => number.close(hasher),
                None => self.write_text(hasher, text),
            },
            Value::Number(text) => close(hasher, Kind::Bytes, text.as_bytes()),
            Value::Compound(raw) => close(hasher, Kind::Bytes, raw),
        }
    }

    fn write_text(&self, hasher: &mut SipHasher13, text: &str) {
        match self.reading {
            Reading::Exact => close(hasher, Kind::Bytes, text.as_bytes()),
            Reading::Text => close(hasher, Kind::Text, &folded(text)),
            Reading::Number => match decimal(text.trim()) {
                Some(number) => number.close(hasher),
                None => close(hasher, Kind::Text, &folded(text)),
            },
        }
    }
}

/// Hashes bytes, then their kind and number: read backwards, that can be taken apart in one way only.
fn close(hasher: &mut SipHasher13, kind: Kind<'_>, bytes: &[u8]) {
    hasher.write(bytes);
    let kind = match kind {
        Kind::Scope(Scope::Api(_)) => 0,
        Kind::Scope(Scope::Operation { .. }) => 1,
        Kind::Scope(Scope::Shared(_)) => 2,
        Kind::Source(source) => 3_u8.saturating_add(source),
        Kind::Address => 16,
        Kind::Text => 17,
        Kind::Number => 18,
        Kind::Bytes => 19,
        Kind::Absent => 20,
    };
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    hasher.write_u64(length << 8 | u64::from(kind));
}

fn write_address(hasher: &mut SipHasher13, address: IpAddr) {
    match canonical(address) {
        IpAddr::V4(address) => close(hasher, Kind::Address, &address.octets()),
        IpAddr::V6(address) => {
            let [a, b, c, d, e, f, g, h, ..] = address.octets();
            close(hasher, Kind::Address, &[a, b, c, d, e, f, g, h]);
        }
    }
}

/// IPv4 behind IPv6 is IPv4: mapped (RFC 4291, section 2.5.5.2) and translated (RFC 6052, the well-known prefix
/// `64:ff9b::/96`), which would otherwise make one neighbour of the whole old internet.
fn canonical(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(translated) => match translated.segments() {
            [0x64, 0xff9b, 0, 0, 0, 0, ..] => {
                let [.., a, b, c, d] = translated.octets();
                IpAddr::V4(Ipv4Addr::new(a, b, c, d))
            }
            _ => IpAddr::V6(translated),
        },
        v4 => v4,
    }
}

/// Up and then down again is Unicode's full case folding for all that matters here: `ſ`, `ς`, `ß` and the Kelvin sign
/// each meet their letter.
fn folded(text: &str) -> SmallVec<[u8; 64]> {
    let text = text.trim();
    if text.is_ascii() {
        return text.bytes().map(|byte| byte.to_ascii_lowercase()).collect();
    }
    let mut bytes = SmallVec::new();
    for character in text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase) {
        bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
    bytes
}

/// A number by its value: a sign, digits that neither start nor end with zero, and the power of ten after them.
struct Decimal {
    negative: bool,
    digits: SmallVec<[u8; 32]>,
    exponent: i64,
}

impl Decimal {
    fn close(&self, hasher: &mut SipHasher13) {
        hasher.write_u8(u8::from(self.negative));
        hasher.write_i64(self.exponent);
        close(hasher, Kind::Number, &self.digits);
    }
}

/// Reads a decimal number exactly: no float could, and a rounded one would be a second name for its target.
fn decimal(text: &str) -> Option<Decimal> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits: SmallVec<[u8; 32]> = whole.bytes().chain(fraction.bytes()).collect();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut exponent = power(exponent)?.saturating_sub(i64::try_from(fraction.len()).ok()?);
    while digits.last() == Some(&b'0') {
        digits.pop();
        exponent = exponent.saturating_add(1);
    }
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    digits.drain(..zeros);
    if digits.is_empty() {
        return Some(Decimal {
            negative: false,
            digits,
            exponent: 0,
        });
    }
    Some(Decimal {
        negative,
        digits,
        exponent,
    })
}

/// An exponent; one beyond 64 bits is as good as the last one within.
fn power(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(
        text.parse()
            .unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;
    use std::time::Duration;

    struct Request {
        address: IpAddr,
        headers: HeaderMap,
        query: Option<&'static str>,
        json: &'static str,
    }

    impl Facts for Request {
        fn address(&self) -> IpAddr {
            self.address
        }
        fn headers(&self) -> &HeaderMap {
            &self.headers
        }
        fn query(&self, name: &str) -> Option<Cow<'_, str>> {
            self.query.filter(|_| name == "q").map(Cow::Borrowed)
        }
        fn json(&self) -> Option<&[u8]> {
            Some(self.json.as_bytes())
        }
    }

    fn request(address: &str, query: Option<&'static str>, json: &'static str) -> Request {
        Request {
            address: address.parse().unwrap(),
            headers: HeaderMap::new(),
            query,
            json,
        }
    }

    fn quota(burst: u32) -> Quota {
        Quota::new(NonZeroU32::MIN, Duration::from_secs(1), burst.try_into().unwrap()).unwrap()
    }

    fn recipe(parts: Vec<Part>) -> Recipe {
        Keyer::new([7; 16]).recipe(&Scope::Api("a".into()), "limit", &quota(1), parts)
    }

    fn part(source: Source, reading: Reading) -> Part {
        Part { source, reading }
    }

    #[test]
    fn neighbours_share_a_network() {
        let by_address = recipe(vec![Part::new(Source::Address)]);
        let check = |one, other, same| {
            let key = |address| by_address.key(&request(address, None, ""));
            assert_eq!(key(one) == key(other), same, "{one} {other}");
        };
        check("192.0.2.1", "192.0.2.1", true);
        check("192.0.2.1", "192.0.2.2", false);
        check("192.0.2.1", "::ffff:192.0.2.1", true);
        check("192.0.2.1", "64:ff9b::192.0.2.1", true);
        check("64:ff9b::192.0.2.1", "64:ff9b::192.0.2.2", false);
        check("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true);
        check("2001:db8::1", "2001:db8:0:1::1", false);
    }

    #[test]
    fn spellings_of_one_target_share_a_counter() {
        let check = |reading, one, other, same| {
            let by_query = recipe(vec![part(Source::Query("q".into()), reading)]);
            let key = |text| by_query.key(&request("192.0.2.1", Some(text), ""));
            assert_eq!(key(one) == key(other), same, "{one} {other}");
        };
        check(Reading::Text, "ann", " ANN\t", true);
        check(Reading::Text, "stra\u{df}e", "STRASSE", true);
        check(
            Reading::Text,
            "\u{39f}\u{394}\u{39f}\u{3a3}",
            "\u{3bf}\u{3b4}\u{3bf}\u{3c2}",
            true,
        );
        check(Reading::Text, "kate", "\u{212a}ate", true);
        check(Reading::Text, "ann", "anna", false);
        check(Reading::Text, "42", "042", false);
        check(Reading::Exact, "ann", "ANN", false);
        for same in ["042", "+42", "42.0", "4.2e1", "420E-1", "0.42e+2", " 42 "] {
            check(Reading::Number, "42", same, true);
        }
        check(Reading::Number, "0", "-0e99999999999999999999", true);
        check(
            Reading::Number,
            "1e99999999999999999999",
            "1e99999999999999999998",
            true,
        );
        for other in [
            "-42", "43", "4.2", "420", "42e", "e42", "", ".", "4_2", "42.0.0", "42e1.0",
        ] {
            check(Reading::Number, "42", other, false);
        }
        check(Reading::Number, "9007199254740993", "9007199254740992", false);
        check(Reading::Number, "Ann", "ann", true);
    }

    #[test]
    fn json_values_are_read_like_parameters() {
        let check = |reading, one, other, same| {
            let by_body = recipe(vec![part(Source::Body(Pointer::parse("/u").unwrap()), reading)]);
            let key = |json| by_body.key(&request("192.0.2.1", None, json));
            assert_eq!(key(one) == key(other), same, "{one} {other}");
        };
        check(Reading::Text, r#"{"u":"ann"}"#, r#"{"x":1, "u":"\u0041NN"}"#, true);
        check(Reading::Text, r#"{"u":42}"#, r#"{"u":4.2e1}"#, true);
        check(Reading::Number, r#"{"u":42}"#, r#"{"u":"42"}"#, true);
        check(Reading::Exact, r#"{"u":42}"#, r#"{"u":42.0}"#, false);
        check(Reading::Text, r#"{"u":null}"#, r#"{}"#, true);
        check(Reading::Text, r#"{"u":""}"#, r#"{}"#, false);
        check(Reading::Text, r#"{"u":["ann"]}"#, r#"{"u":["bob"]}"#, false);
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let two = ["x-a", "x-b"].map(|name| part(Source::Header(HeaderName::from_static(name)), Reading::Exact));
        let both = recipe(two.to_vec());
        let key = |headers: &[(&'static str, &'static str)]| {
            let mut request = request("192.0.2.1", None, "");
            for (name, value) in headers {
                request.headers.append(*name, value.parse().unwrap());
            }
            both.key(&request)
        };
        let keys = [
            key(&[("x-a", "ab"), ("x-b", "c")]),
            key(&[("x-a", "a"), ("x-b", "bc")]),
            key(&[("x-a", "ab"), ("x-a", "c")]),
            key(&[("x-a", "c"), ("x-a", "ab")]),
            key(&[("x-a", "abc")]),
            key(&[("x-b", "abc")]),
            key(&[("x-a", ""), ("x-b", "abc")]),
            key(&[]),
        ];
        let distinct: std::collections::HashSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
    }

    #[test]
    fn absence_is_counted_apart_from_every_value() {
        let by_query = recipe(vec![Part::new(Source::Query("q".into()))]);
        let key = |address, text| by_query.key(&request(address, text, ""));
        assert_eq!(key("192.0.2.1", None), key("192.0.2.2", None));
        assert_ne!(key("192.0.2.1", None), key("192.0.2.1", Some("")));
    }

    #[test]
    fn counters_belong_to_their_scope_and_quota() {
        let keyer = Keyer::new([7; 16]);
        let key = |keyer: &Keyer, scope: &Scope, name, burst| {
            let recipe = keyer.recipe(scope, name, &quota(burst), vec![Part::new(Source::Address)]);
            recipe.key(&request("192.0.2.1", None, ""))
        };
        let (api, shared) = (Scope::Api("a".into()), Scope::Shared("a".into()));
        let operation = Scope::Operation {
            api: "a".into(),
            operation: "o".into(),
        };
        let first = key(&keyer, &api, "limit", 1);
        assert_eq!(first, key(&keyer, &api, "limit", 1));
        assert_eq!(key(&keyer, &shared, "one", 1), key(&keyer, &shared, "two", 1));
        for other in [
            key(&keyer, &api, "other", 1),
            key(&keyer, &api, "limit", 2),
            key(&keyer, &operation, "limit", 1),
            key(&keyer, &shared, "limit", 1),
            key(&Keyer::new([8; 16]), &api, "limit", 1),
        ] {
            assert_ne!(first, other);
        }
    }
}
