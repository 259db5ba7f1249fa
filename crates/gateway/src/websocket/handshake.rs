//! The opening handshake of a WebSocket (RFC 6455 section 4), held against the letter on both sides.
//!
//! Extensions are never passed on: compression would hide how large a message is. Pure: header fields in, a verdict out.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};

/// What is appended to the key (RFC 6455 section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Bytes of the key, decoded.
const KEY_BYTES: usize = 16;
/// Most subprotocols that a client may offer.
const PROTOCOLS_MAX: usize = 16;

/// The fields of a handshake, which are the gate's affair on both sides.
const FIELDS: [HeaderName; 5] = [
    SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION,
    SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_ACCEPT,
];

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    key: HeaderValue,
    protocols: Vec<Box<str>>,
}

/// Set beside a request that asks for a WebSocket, since the fields that say so are of one hop, and gone before any control
/// looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asks;

/// Why a request does not open a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unopened {
    /// It does not ask to.
    NotAsked,
    /// It asks to, and not in the way of RFC 6455 section 4.1.
    Malformed,
    /// It offers no subprotocol that the operation speaks.
    Protocol,
}

/// Whether a request asks for a WebSocket, and for nothing else: the only `Upgrade` says so, and `Connection` names it.
#[must_use]
pub fn is_asked(headers: &HeaderMap) -> bool {
    let Some(upgrade) = only(headers, &UPGRADE) else {
        return false;
    };
    upgrade.as_bytes().trim_ascii().eq_ignore_ascii_case(b"websocket") && names_upgrade(headers)
}

fn names_upgrade(headers: &HeaderMap) -> bool {
    let options = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','));
    options
        .map(<[u8]>::trim_ascii)
        .any(|option| option.eq_ignore_ascii_case(b"upgrade"))
}

/// The only value of a field.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

impl Asked {
    /// Takes the fields of the handshake out of a request's header.
    ///
    /// # Errors
    /// [`Unopened::Malformed`].
    pub fn take(headers: &mut HeaderMap) -> Result<Self, Unopened> {
        let asked = Self::read(headers);
        for name in &FIELDS {
            headers.remove(name);
        }
        asked.ok_or(Unopened::Malformed)
    }

    fn read(headers: &HeaderMap) -> Option<Self> {
        let key = only(headers, &SEC_WEBSOCKET_KEY)?.clone();
        let bytes = STANDARD.decode(key.as_bytes()).ok()?;
        let version = only(headers, &SEC_WEBSOCKET_VERSION)?;
        let fits = bytes.len() == KEY_BYTES && version == "13" && !headers.contains_key(SEC_WEBSOCKET_ACCEPT);
        let mut protocols: Vec<Box<str>> = Vec::new();
        for value in headers.get_all(SEC_WEBSOCKET_PROTOCOL) {
            for protocol in value.to_str().ok()?.split(',').map(str::trim) {
                let known = protocols.iter().any(|known| **known == *protocol);
                if known || !is_token(protocol) || protocols.len() == PROTOCOLS_MAX {
                    return None;
                }
                protocols.push(protocol.into());
            }
        }
        fits.then_some(Self { key, protocols })
    }

    /// Keeps the subprotocols that the operation speaks, in the order of the client.
    ///
    /// # Errors
    /// [`Unopened::Protocol`] where it speaks some, and the client offers none of them.
    pub fn keep(mut self, spoken: &[Box<str>]) -> Result<Self, Unopened> {
        self.protocols.retain(|protocol| spoken.contains(protocol));
        if self.protocols.is_empty() && !spoken.is_empty() {
            return Err(Unopened::Protocol);
        }
        Ok(self)
    }

    /// The fields that ask the upstream.
    pub(crate) fn fields(&self) -> Vec<(HeaderName, HeaderValue)> {
        let mut fields = vec![
            (CONNECTION, HeaderValue::from_static("upgrade")),
            (UPGRADE, HeaderValue::from_static("websocket")),
            (SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")),
            (SEC_WEBSOCKET_KEY, self.key.clone()),
        ];
        let protocols = self.protocols.join(", ");
        if let Ok(value) = HeaderValue::try_from(protocols)
            && !value.is_empty()
        {
            fields.push((SEC_WEBSOCKET_PROTOCOL, value));
        }
        fields
    }

    /// Takes the fields of the handshake out of a 101 that switched to `switched`, and gives those for the client. None
    /// where the answer is not one to this question.
    pub(crate) fn answered(&self, switched: Option<&HeaderValue>, headers: &mut HeaderMap) -> Option<Agreed> {
        let to_websocket = switched.is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket"));
        let accepted = only(headers, &SEC_WEBSOCKET_ACCEPT).is_some_and(|accept| accept == self.accept().as_str());
        let extended = headers.contains_key(SEC_WEBSOCKET_EXTENSIONS);
        let protocol = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().count();
        let chosen = only(headers, &SEC_WEBSOCKET_PROTOCOL).cloned();
        let offered = |value: &HeaderValue| self.protocols.iter().any(|offered| value == &**offered);
        let spoken = match (protocol, &chosen) {
            (0, None) => true,
            (1, Some(chosen)) => offered(chosen),
            _ => false,
        };
        for name in &FIELDS {
            headers.remove(name);
        }
        (to_websocket && accepted && !extended && spoken).then(|| Agreed {
            accept: self.accept(),
            protocol: chosen,
        })
    }

    /// RFC 6455 section 4.2.2.
    fn accept(&self) -> String {
        let text = [self.key.as_bytes(), GUID].concat();
        STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &text))
    }
}

/// What client and upstream agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Agreed {
    accept: String,
    protocol: Option<HeaderValue>,
}

impl Agreed {
    /// Writes the fields that tell the client.
    pub(crate) fn write(self, headers: &mut HeaderMap) {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        if let Ok(accept) = HeaderValue::try_from(self.accept) {
            headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
        }
        if let Some(protocol) = self.protocol {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
        }
    }
}

/// RFC 9110 section 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: (&str, &str) = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    const VERSION: (&str, &str) = ("sec-websocket-version", "13");
    /// The answer to that key in RFC 6455 section 1.3.
    const ACCEPT: (&str, &str) = ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");

    fn map(lines: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        headers
    }

    #[test]
    fn requests_that_ask() {
        let check = |lines: &[(&str, &str)], expected| assert_eq!(is_asked(&map(lines)), expected, "{lines:?}");
        check(&[("upgrade", "websocket"), ("connection", "upgrade")], true);
        check(&[("upgrade", "WebSocket"), ("connection", "keep-alive, Upgrade")], true);
        check(&[("upgrade", "websocket")], false);
        check(&[("connection", "upgrade")], false);
        check(&[("upgrade", "h2c, websocket"), ("connection", "upgrade")], false);
        check(
            &[("upgrade", "h2c"), ("upgrade", "websocket"), ("connection", "upgrade")],
            false,
        );
        check(&[("upgrade", "websocket"), ("connection", "upgrades")], false);
    }

    #[test]
    fn handshakes_of_clients() {
        let check = |lines: &[(&str, &str)], expected: Option<&[&str]>| {
            let mut headers = map(lines);
            headers.insert("accept", HeaderValue::from_static("*/*"));
            let asked = Asked::take(&mut headers).ok();
            let protocols = asked.map(|asked| asked.protocols.iter().map(ToString::to_string).collect::<Vec<_>>());
            assert_eq!(
                protocols.as_deref(),
                expected
                    .map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>())
                    .as_deref(),
                "{lines:?}"
            );
            assert_eq!(headers.len(), 1, "{headers:?}");
        };
        let protocol = |value| ("sec-websocket-protocol", value);
        check(&[KEY, VERSION], Some(&[]));
        check(
            &[KEY, VERSION, ("sec-websocket-extensions", "permessage-deflate")],
            Some(&[]),
        );
        check(
            &[KEY, VERSION, protocol("chat, v2.chat"), protocol("x")],
            Some(&["chat", "v2.chat", "x"]),
        );
        check(&[VERSION], None);
        check(&[KEY], None);
        check(&[KEY, ("sec-websocket-version", "8")], None);
        check(&[KEY, VERSION, VERSION], None);
        check(&[KEY, KEY, VERSION], None);
        check(&[KEY, VERSION, ACCEPT], None);
        for key in [
            "",
            "dGhlIHNhbXBsZSBub25jZQ",
            "dGhlIHNhbXBsZSBub25jZSE=",
            "dGhlIHNhbXBsZSBub25jZQ===",
            "not base64 at all!!==",
            "dGhlIHNhbXBsZSBub25jZR==",
        ] {
            check(&[("sec-websocket-key", key), VERSION], None);
        }
        for bad in ["", "a,,b", "a b", "a, a", "a;b"] {
            check(&[KEY, VERSION, protocol(bad)], None);
        }
        let many = (0..17).map(|number| format!("p{number}")).collect::<Vec<_>>().join(",");
        check(&[KEY, VERSION, protocol(&many)], None);
    }

    fn asked(protocols: &str) -> Asked {
        let mut headers = map(&[KEY, VERSION]);
        if !protocols.is_empty() {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_str(protocols).unwrap());
        }
        Asked::take(&mut headers).unwrap()
    }

    #[test]
    fn only_declared_protocols_are_offered_to_the_upstream() {
        let check = |offered: &str, spoken: &[&str], expected: Result<&str, Unopened>| {
            let spoken: Vec<Box<str>> = spoken.iter().map(|protocol| (*protocol).into()).collect();
            let kept = asked(offered).keep(&spoken).map(|asked| asked.protocols.join(" "));
            assert_eq!(
                kept.as_deref().map_err(|problem| *problem),
                expected,
                "{offered} {spoken:?}"
            );
        };
        check("", &[], Ok(""));
        check("a, b", &[], Ok(""));
        check("b, a, c", &["a", "b"], Ok("b a"));
        check("c", &["a"], Err(Unopened::Protocol));
        check("", &["a"], Err(Unopened::Protocol));
    }

    #[test]
    fn answers_of_upstreams() {
        let check = |offered: &str, switched: Option<&'static str>, lines: &[(&str, &str)], expected: bool| {
            let switched = switched.map(HeaderValue::from_static);
            let agreed = asked(offered).answered(switched.as_ref(), &mut map(lines));
            assert_eq!(agreed.is_some(), expected, "{lines:?}");
        };
        let (to, protocol) = (Some("websocket"), |value| ("sec-websocket-protocol", value));
        check("", to, &[ACCEPT], true);
        check("", Some("WebSocket"), &[ACCEPT], true);
        check("a, b", to, &[ACCEPT, protocol("b")], true);
        check("a, b", to, &[ACCEPT], true);
        check("", None, &[ACCEPT], false);
        check("", Some("h2c"), &[ACCEPT], false);
        check("", to, &[], false);
        check(
            "",
            to,
            &[("sec-websocket-accept", "c3pPLMBiTxaQ9kYGzzhZRbK+xOo=")],
            false,
        );
        check("", to, &[ACCEPT, ACCEPT], false);
        check(
            "",
            to,
            &[ACCEPT, ("sec-websocket-extensions", "permessage-deflate")],
            false,
        );
        check("", to, &[ACCEPT, protocol("a")], false);
        check("a", to, &[ACCEPT, protocol("c")], false);
        check("a, b", to, &[ACCEPT, protocol("a"), protocol("b")], false);
        check("a, b", to, &[ACCEPT, protocol("a, b")], false);
    }

    #[test]
    fn the_client_is_told_what_was_agreed() {
        let mut headers = map(&[ACCEPT, ("sec-websocket-protocol", "a"), ("x", "y")]);
        let to = HeaderValue::from_static("websocket");
        asked("a")
            .answered(Some(&to), &mut headers)
            .unwrap()
            .write(&mut headers);
        let expected = [
            ("x", "y"),
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ACCEPT,
            ("sec-websocket-protocol", "a"),
        ];
        assert_eq!(headers, map(&expected));
    }
}
