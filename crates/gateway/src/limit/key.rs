//! Whose counter: what a limit counts by, hashed into 128 bits under a secret of this process.
//!
//! Values are hashed as they are read and never kept: neither a counter nor its key reveals a user name. Every part
//! is closed by its kind and length, so that no two lists of values write the same bytes.

use super::Stage;
use super::decimal::{Decimal, decimal};
use super::gcra::Quota;
use super::target::{Pointer, Value};
use http::header::{HeaderMap, HeaderName};
use portcullis_identity::principal::{Identity, Subject, SubjectKind};
use siphasher::sip128::{Hasher128, SipHasher13};
use smallvec::SmallVec;
use std::borrow::Cow;
use std::hash::Hasher;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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
    /// Who calls.
    Principal,
    /// The client that presents the credential, or else who calls.
    Client,
    /// Whom the API key names, or else who calls.
    ApiKey,
    /// A claim of the token, or else who calls.
    Claim(Box<str>),
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

/// One part of a key. All requests without a value for it share a counter, so that leaving it out is no way around the limit. Of
/// callers that proved nothing each address has its own, since one of them could otherwise use up the limit of all.
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
    /// Its headers, or those of them that the limits asked for count by.
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
    /// Who calls, where that is proved.
    fn identity(&self) -> Option<&Identity> {
        None
    }
    /// Whom the API key names, where one was presented and is good.
    fn api_key(&self) -> Option<&Identity> {
        None
    }
    /// Who calls, or, where attempts are counted, as whom they try to.
    fn subject(&self) -> Option<&Subject> {
        self.identity().map(Identity::subject)
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
    /// The header fields that it reads.
    pub(super) fn headers(&self) -> impl Iterator<Item = &HeaderName> {
        self.parts.iter().filter_map(|part| match &part.source {
            Source::Header(name) => Some(name),
            _ => None,
        })
    }

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
    Subject(SubjectKind),
    Client,
    Claim,
}

impl Source {
    /// Where it is known first.
    pub(super) fn known_at(&self) -> Stage {
        match self {
            Self::Address | Self::Header(_) => Stage::Arrival,
            Self::Principal | Self::Client | Self::ApiKey | Self::Claim(_) => Stage::Identified,
            Self::Path(_) | Self::Query(_) | Self::Body(_) => Stage::Target,
        }
    }

    fn written(&self) -> (Kind<'_>, &str) {
        match self {
            Self::Address => (Kind::Source(0), ""),
            Self::Header(name) => (Kind::Source(1), name.as_str()),
            Self::Path(name) => (Kind::Source(2), name),
            Self::Query(name) => (Kind::Source(3), name),
            Self::Body(pointer) => (Kind::Source(4), pointer.as_str()),
            Self::Principal => (Kind::Source(5), ""),
            Self::Client => (Kind::Source(6), ""),
            Self::ApiKey => (Kind::Source(7), ""),
            Self::Claim(name) => (Kind::Source(8), name),
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
            Source::Principal | Source::Client | Source::ApiKey | Source::Claim(_) => {
                self.write_caller(hasher, facts);
                true
            }
        };
        if !found {
            close(hasher, Kind::Absent, &[]);
        }
    }

    /// Hashes what is counted by of a caller. Names of two authorities are never the same.
    fn write_caller(&self, hasher: &mut SipHasher13, facts: &impl Facts) {
        let identity = facts.identity();
        let of_caller = match &self.source {
            Source::Client => {
                identity.and_then(|identity| Some((identity, Kind::Client, identity.client()?.to_owned())))
            }
            Source::Claim(name) => {
                identity.and_then(|identity| Some((identity, Kind::Claim, identity.claims().get(name)?.to_string())))
            }
            _ => None,
        };
        if let Some((identity, kind, value)) = of_caller {
            close(hasher, Kind::Bytes, identity.subject().authority().as_bytes());
            return close(hasher, kind, value.as_bytes());
        }
        let api_key = facts.api_key().filter(|_| self.source == Source::ApiKey);
        match api_key.map(Identity::subject).or(facts.subject()) {
            Some(subject) => write_subject(hasher, subject),
            None => write_address(hasher, facts.address()),
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
                Some(number) => write_number(hasher, &number),
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
                Some(number) => write_number(hasher, &number),
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
        Kind::Client => 21,
        Kind::Claim => 22,
        Kind::Subject(SubjectKind::User) => 23,
        Kind::Subject(SubjectKind::Client) => 24,
        Kind::Subject(SubjectKind::Service) => 25,
        Kind::Subject(SubjectKind::Device) => 26,
    };
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    hasher.write_u64(length << 8 | u64::from(kind));
}

fn write_number(hasher: &mut SipHasher13, number: &Decimal) {
    hasher.write_u8(u8::from(number.negative));
    hasher.write_i64(number.exponent);
    close(hasher, Kind::Number, &number.digits);
}

fn write_subject(hasher: &mut SipHasher13, subject: &Subject) {
    close(hasher, Kind::Bytes, subject.authority().as_bytes());
    close(hasher, Kind::Subject(subject.kind()), subject.name().as_bytes());
}

fn write_address(hasher: &mut SipHasher13, address: IpAddr) {
    match network(address) {
        IpAddr::V4(address) => close(hasher, Kind::Address, &address.octets()),
        IpAddr::V6(address) => {
            let [a, b, c, d, e, f, g, h, ..] = address.octets();
            close(hasher, Kind::Address, &[a, b, c, d, e, f, g, h]);
        }
    }
}

/// What counts as one neighbour: an IPv4 address, or the first 64 bits of an IPv6 address, with zeros behind them.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match canonical(address) {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        v4 => v4,
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
        identity: Option<Identity>,
        api_key: Option<Identity>,
    }

    impl Facts for Request {
        fn identity(&self) -> Option<&Identity> {
            self.identity.as_ref()
        }
        fn api_key(&self) -> Option<&Identity> {
            self.api_key.as_ref()
        }
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
            identity: None,
            api_key: None,
        }
    }

    fn somebody(authority: &str, kind: SubjectKind, name: &str) -> Identity {
        let subject = Subject::new(authority.into(), kind, name);
        Identity::new(portcullis_identity::principal::Credential::AccessToken, subject)
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
    fn callers_are_told_apart_by_who_vouches_for_them() {
        let by = |source, address: &str, identity: Option<Identity>| {
            let request = Request {
                identity,
                ..request(address, None, "")
            };
            recipe(vec![Part::new(source)]).key(&request)
        };
        let user = |authority, name| Some(somebody(authority, SubjectKind::User, name));
        let principal = |address, identity| by(Source::Principal, address, identity);
        let alice = principal("192.0.2.1", user("main", "alice"));
        assert_eq!(alice, principal("192.0.2.2", user("main", "alice")));
        let all = [
            alice,
            principal("192.0.2.1", user("main", "Alice")),
            principal("192.0.2.1", user("other", "alice")),
            principal("192.0.2.1", user("mainalice", "")),
            principal("192.0.2.1", Some(somebody("main", SubjectKind::Client, "alice"))),
            principal("192.0.2.1", None),
            principal("192.0.2.2", None),
        ];
        let distinct: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
        let client = |name, client: Option<&str>| {
            let identity = somebody("main", SubjectKind::User, name);
            let identity = client
                .iter()
                .fold(identity, |identity, client| identity.with_client(client));
            by(Source::Client, "192.0.2.1", Some(identity))
        };
        assert_eq!(client("alice", Some("app")), client("bob", Some("app")));
        assert_ne!(client("alice", Some("app")), client("alice", Some("tool")));
        assert_ne!(client("alice", None), client("bob", None));
        assert_ne!(client("app", None), client("alice", Some("app")));
        // Who has not the claim has not a way around the limit either, nor a counter that others use up.
        let claim = |identity| by(Source::Claim("tenant".into()), "192.0.2.1", identity);
        assert_ne!(claim(user("main", "alice")), claim(user("main", "bob")));
    }

    #[test]
    fn an_api_key_counts_by_whom_it_names() {
        let key = |identity: Option<Identity>, api_key: Option<Identity>| {
            let request = Request {
                identity,
                api_key,
                ..request("192.0.2.1", None, "")
            };
            recipe(vec![Part::new(Source::ApiKey)]).key(&request)
        };
        let service = |name| Some(somebody("keys", SubjectKind::Service, name));
        let alice = || Some(somebody("main", SubjectKind::User, "alice"));
        assert_eq!(
            key(alice(), service("billing")),
            key(service("billing"), service("billing"))
        );
        assert_ne!(key(alice(), service("billing")), key(alice(), service("shop")));
        assert_ne!(key(alice(), service("billing")), key(alice(), None));
        assert_ne!(key(alice(), None), key(None, None));
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
