//! WebSockets: the handshake on both sides, the frames between, and every way in which one ends.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::gate::{Gate, Setup, run, until};
use crate::upstream::{Seen, Upstream, answer, ok};
use crate::wire::{Answer, Client};

const CHAT: &str = include_str!("chat.yaml");
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;

/// The first byte of a frame, and its payload without the mask.
type Frame = (u8, Vec<u8>);

/// A frame, masked where there is a mask.
fn frame(first: u8, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let mut bytes = vec![first];
    let masked = if mask.is_some() { 0x80 } else { 0 };
    match u16::try_from(payload.len()).unwrap() {
        short @ 0..=125 => bytes.push(masked | u8::try_from(short).unwrap()),
        long => {
            bytes.push(masked | 126);
            bytes.extend(long.to_be_bytes());
        }
    }
    let key = mask.unwrap_or_default();
    if mask.is_some() {
        bytes.extend(key);
    }
    bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

fn of_client(first: u8, payload: &[u8]) -> Vec<u8> {
    frame(first, payload, Some([1, 2, 3, 4]))
}

/// Reads a frame through `take`: its first byte, and its payload without the mask.
fn read(mut take: impl FnMut(usize) -> Option<Vec<u8>>) -> Option<Frame> {
    let head = take(2)?;
    let mut length = usize::from(head[1] & 0x7f);
    if length == 126 {
        let bytes = take(2)?;
        length = usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
    }
    let mask = if head[1] & 0x80 != 0 { take(4)? } else { vec![0; 4] };
    let payload = take(length)?;
    let plain = payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key);
    Some((head[0], plain.collect()))
}

/// The next frame that the client gets.
fn got(client: &mut Client) -> Option<Frame> {
    read(|count| client.take(count))
}

/// The next frame that the upstream gets.
fn arrived(stream: &mut TcpStream) -> Option<Frame> {
    read(|count| {
        let mut bytes = vec![0; count];
        stream.read_exact(&mut bytes).ok().map(|()| bytes)
    })
}

fn close(code: u16) -> Frame {
    (CLOSE, code.to_be_bytes().to_vec())
}

pub(crate) fn switch(seen: &Seen, more: &str) -> String {
    let key = seen.header("sec-websocket-key").unwrap();
    let accept = STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{GUID}").as_bytes()));
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n{more}\r\n"
    )
}

/// Echoes text until the close frame, which it echoes too.
fn echo(seen: &Seen, stream: &mut TcpStream) -> bool {
    let chosen = match seen.header("sec-websocket-protocol") {
        Some(_) => "Sec-WebSocket-Protocol: chat\r\n",
        None => "",
    };
    stream.write_all(switch(seen, chosen).as_bytes()).unwrap();
    echo_frames(stream)
}

pub(crate) fn echo_frames(stream: &mut TcpStream) -> bool {
    let mut reader = stream.try_clone().unwrap();
    while let Some((first, payload)) = arrived(&mut reader) {
        if stream.write_all(&frame(first, &payload, None)).is_err() || first == CLOSE {
            break;
        }
    }
    false
}

fn gate(upstream: &Upstream) -> Gate {
    Setup::new(CHAT, upstream.address).with("workers: 1").start()
}

const ASKS: [(&str, &str); 5] = [
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", KEY),
    ("Sec-WebSocket-Protocol", "chat"),
];

/// Asks for a WebSocket, with these fields.
fn ask(gate: &Gate, target: &str, fields: &[(&str, &str)]) -> (Client, Answer) {
    let mut client = gate.client();
    let request = client.request("GET", target, fields, b"");
    client.write(&request);
    let answer = client.next(false);
    (client, answer)
}

fn open(gate: &Gate, target: &str) -> Client {
    let (client, answer) = ask(gate, target, &ASKS);
    assert_eq!(answer.status, 101, "{}", answer.text());
    client
}

/// Opens a WebSocket with a token and waits for its end: the code of the close frame, and after how many seconds.
pub(crate) fn closes(gate: &Gate, target: &str, token: &str) -> (u16, f64) {
    let start = Instant::now();
    let mut client = open_with(gate, target, token);
    match got(&mut client) {
        Some((CLOSE, code)) => (u16::from_be_bytes([code[0], code[1]]), start.elapsed().as_secs_f64()),
        other => panic!("no close frame: {other:?}"),
    }
}

/// Whether a WebSocket that is opened with a token still echoes after that time.
pub(crate) fn outlives(gate: &Gate, target: &str, token: &str, time: Duration) -> bool {
    let mut client = open_with(gate, target, token);
    std::thread::sleep(time);
    client.write(&of_client(TEXT, b"still here"));
    got(&mut client) == Some((TEXT, b"still here".to_vec()))
}

fn open_with(gate: &Gate, target: &str, token: &str) -> Client {
    let authorization = format!("Bearer {token}");
    let fields = [&ASKS[..4], &[("Authorization", authorization.as_str())]].concat();
    let (client, answer) = ask(gate, target, &fields);
    assert_eq!(answer.status, 101, "{}", answer.text());
    client
}

#[test]
fn messages_pass_both_ways_and_are_counted() {
    let upstream = Upstream::start(echo);
    let gate = gate(&upstream);
    let fields = [
        &ASKS[..],
        &[
            ("Sec-WebSocket-Extensions", "permessage-deflate"),
            ("Origin", "https://a.example"),
        ],
    ]
    .concat();
    let (mut client, answer) = ask(&gate, "/chat/lobby", &fields);
    assert_eq!(answer.status, 101);
    for (name, expected) in [
        ("upgrade", Some("websocket")),
        ("connection", Some("upgrade")),
        ("sec-websocket-accept", Some(ACCEPT)),
        ("sec-websocket-protocol", Some("chat")),
        ("sec-websocket-extensions", None),
    ] {
        assert_eq!(answer.header(name), expected, "{name}");
    }
    let seen = upstream.one();
    assert_eq!(seen.line, "GET /chat/lobby HTTP/1.1");
    for (name, expected) in [
        ("upgrade", Some("websocket")),
        ("connection", Some("upgrade")),
        ("sec-websocket-version", Some("13")),
        ("sec-websocket-key", Some(KEY)),
        ("sec-websocket-protocol", Some("chat")),
        ("sec-websocket-extensions", None),
        ("origin", Some("https://a.example")),
    ] {
        assert_eq!(seen.header(name), expected, "{name}");
    }
    for size in [0, 5, 125, 126, 1000] {
        let text = vec![b'a'; size];
        client.write(&of_client(TEXT, &text));
        assert_eq!(got(&mut client), Some((TEXT, text)));
    }
    until("it is counted", || gate.metric(&["portcullis_websockets_open"]) > 0.0);
    client.write(&of_client(CLOSE, &1000_u16.to_be_bytes()));
    assert_eq!(got(&mut client), Some(close(1000)));
    assert!(client.is_closed());
    until("none is open", || gate.metric(&["portcullis_websockets_open"]) < 1.0);
    assert!(gate.metric(&["portcullis_websockets_total"]) > 0.0);
    assert!(gate.metric(&["portcullis_requests_total", "chat", "1xx"]) > 0.0);
}

#[test]
fn frames_right_behind_the_head_and_byte_by_byte() {
    let upstream = Upstream::start(echo);
    let gate = gate(&upstream);
    let mut client = gate.client();
    let mut bytes = client.request("GET", "/chat/lobby", &ASKS, b"");
    bytes.extend(of_client(TEXT, b"early"));
    client.write(&bytes);
    assert_eq!(client.next(false).status, 101);
    assert_eq!(got(&mut client), Some((TEXT, b"early".to_vec())));
    for byte in of_client(TEXT, b"slow") {
        client.write(&[byte]);
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(got(&mut client), Some((TEXT, b"slow".to_vec())));
}

#[test]
fn what_is_no_handshake_is_refused() {
    let upstream = Upstream::start(echo);
    let gate = gate(&upstream);
    let without = |name: &str| -> Vec<_> { ASKS.into_iter().filter(|(known, _)| *known != name).collect() };
    let with = |name: &'static str, value: &'static str| {
        let mut fields = without(name);
        fields.push((name, value));
        fields
    };
    for (fields, status, code) in [
        (Vec::new(), 426, "websocket.required"),
        (without("Upgrade"), 426, "websocket.required"),
        (without("Connection"), 426, "websocket.required"),
        (with("Upgrade", "h2c"), 426, "websocket.required"),
        (with("Upgrade", "h2c, websocket"), 426, "websocket.required"),
        (without("Sec-WebSocket-Key"), 400, "websocket.handshake"),
        (with("Sec-WebSocket-Key", "short"), 400, "websocket.handshake"),
        (without("Sec-WebSocket-Version"), 400, "websocket.handshake"),
        (with("Sec-WebSocket-Version", "8"), 400, "websocket.handshake"),
        (with("Sec-WebSocket-Protocol", "chat;"), 400, "websocket.handshake"),
        (with("Sec-WebSocket-Protocol", "other"), 400, "websocket.protocol"),
        (without("Sec-WebSocket-Protocol"), 400, "websocket.protocol"),
    ] {
        let (_, answer) = ask(&gate, "/chat/lobby", &fields);
        answer.is_refused_as(&format!("{fields:?}"), status, code);
        if status == 426 {
            assert_eq!(answer.header("upgrade"), Some("websocket"));
        }
    }
    let (_, answer) = ask(&gate, "/chat/L0BBY", &ASKS);
    answer.is_refused(400, "contract.path.pattern");
    let (_, answer) = ask(&gate, "/nowhere", &ASKS);
    answer.is_refused(404, "route.unknown");
    upstream.saw_nothing("what is no handshake");
}

#[test]
fn a_wish_for_a_websocket_where_there_is_none_is_not_heard() {
    let upstream = Upstream::with_json(r#"{"name":"a"}"#);
    let gate = gate(&upstream);
    let mut client = gate.client();
    // What follows is held back until the answer is known, and then read as the request that it is.
    let first = client.request("GET", "/plain", &ASKS, b"");
    let second = client.request("GET", "/plain", &[], b"");
    client.write(&[first, second.clone()].concat());
    assert_eq!(client.answer(false).status, 200);
    assert_eq!(client.answer(false).status, 200);
    client.write(&second);
    assert_eq!(client.answer(false).status, 200);
    let seen = upstream.seen();
    assert_eq!(seen.len(), 3);
    assert!(
        seen.iter()
            .all(|seen| seen.header("upgrade").is_none() && seen.header("connection").is_none())
    );
}

#[test]
fn http_8_answers_of_upstreams_that_are_no_handshake() {
    let check = |what: &str, respond: fn(&Seen) -> String, status: u16, code: &str| {
        let upstream = Upstream::start(move |seen, stream| stream.write_all(respond(seen).as_bytes()).is_ok());
        let gate = gate(&upstream);
        let (mut client, answer) = ask(&gate, "/chat/lobby", &ASKS);
        answer.is_refused_as(what, status, code);
        // The connection is still one of HTTP.
        let request = client.request("GET", "/nowhere", &[], b"");
        client.write(&request);
        client.answer(false).is_refused_as(what, 404, "route.unknown");
    };
    let refused = "upstream.malformed";
    check(
        "another key",
        |seen| switch(seen, "").replace("Accept: ", "Accept: x"),
        502,
        refused,
    );
    check(
        "no upgrade",
        |seen| switch(seen, "").replace("Upgrade: websocket\r\n", ""),
        502,
        refused,
    );
    check(
        "not named",
        |seen| switch(seen, "").replace("Connection: Upgrade\r\n", ""),
        502,
        refused,
    );
    check(
        "another protocol",
        |seen| switch(seen, "").replace("websocket\r\n", "h2c\r\n"),
        502,
        refused,
    );
    check(
        "an extension",
        |seen| switch(seen, "Sec-WebSocket-Extensions: x\r\n"),
        502,
        refused,
    );
    check(
        "a subprotocol",
        |seen| switch(seen, "Sec-WebSocket-Protocol: v2.chat\r\n"),
        502,
        refused,
    );
    check("a length", |seen| switch(seen, "Content-Length: 0\r\n"), 502, refused);
    check(
        "not 101",
        |_| String::from_utf8(ok("application/json", "{}")).unwrap(),
        502,
        "contract.response.status",
    );
    let upstream = Upstream::answering(answer(
        "403 No",
        &[("Content-Type", "application/json")],
        br#"{"why":"you"}"#,
    ));
    let (_, answer) = ask(&gate(&upstream), "/chat/lobby", &ASKS);
    assert_eq!((answer.status, answer.text().as_str()), (403, r#"{"why":"you"}"#));
}

/// Opens one, lets both sides do something, and says what each got last.
fn ends(
    upstream_does: impl Fn(&mut TcpStream) + Send + Sync + 'static,
    client_does: impl Fn(&mut Client),
) -> (Option<Frame>, Option<Frame>) {
    let (tell, told) = std::sync::mpsc::channel();
    let upstream = Upstream::start(move |seen, stream| {
        stream.write_all(switch(seen, "").as_bytes()).unwrap();
        upstream_does(stream);
        let mut last = None;
        while let Some(frame) = arrived(stream) {
            last = Some(frame);
        }
        tell.send(last).unwrap();
        false
    });
    let gate = gate(&upstream);
    let mut client = open(&gate, "/chat/lobby");
    client_does(&mut client);
    let mut last = None;
    while let Some(frame) = got(&mut client) {
        last = Some(frame);
    }
    drop(client);
    (last, told.recv_timeout(Duration::from_secs(10)).unwrap())
}

#[test]
fn what_breaks_the_protocol_or_a_bound_ends_it() {
    let nothing = |_: &mut TcpStream| ();
    let client_sends = |bytes: Vec<u8>| ends(nothing, move |client| client.write(&bytes));
    let upstream_sends = |bytes: Vec<u8>| ends(move |stream| stream.write_all(&bytes).unwrap(), |_| ());
    let check = |what: &str, ended, to_client: u16, to_upstream: u16| {
        assert_eq!(ended, (Some(close(to_client)), Some(close(to_upstream))), "{what}");
    };
    check("not masked", client_sends(frame(TEXT, b"a", None)), 1002, 1001);
    check("reserved bits", client_sends(of_client(0xc1, b"a")), 1002, 1001);
    check("a long ping", client_sends(of_client(0x89, &[0; 126])), 1002, 1001);
    check("too large", client_sends(of_client(TEXT, &[b'a'; 1001])), 1009, 1001);
    let fragments = [of_client(0x01, &[b'a'; 600]), of_client(0x80, &[b'a'; 401])].concat();
    check("too large in fragments", client_sends(fragments), 1009, 1001);
    check("masked", upstream_sends(of_client(TEXT, b"a")), 1011, 1002);
    check(
        "too large out",
        upstream_sends(frame(TEXT, &[b'a'; 1001], None)),
        1011,
        1009,
    );
}

#[test]
fn silence_and_departures_end_it() {
    let start = Instant::now();
    assert_eq!(ends(|_| (), |_| ()), (Some(close(1001)), Some(close(1001))));
    assert!(
        (1900..6000).contains(&start.elapsed().as_millis()),
        "{:?}",
        start.elapsed()
    );
    let leaves = |stream: &mut TcpStream| stream.shutdown(std::net::Shutdown::Both).unwrap();
    assert_eq!(ends(leaves, |_| ()).0, Some(close(1011)));
    let left = ends(
        |_| (),
        |client| client.stream.shutdown(std::net::Shutdown::Both).unwrap(),
    );
    assert_eq!(left, (None, Some(close(1001))));
}

#[test]
fn http_11_a_websocket_ends_with_its_life_whatever_passes() {
    let upstream = Upstream::start(echo);
    let gate = gate(&upstream);
    let (mut client, answer) = ask(&gate, "/short", &ASKS[..4]);
    assert_eq!(answer.status, 101);
    let start = Instant::now();
    let last = loop {
        client.write(&of_client(TEXT, b"still here"));
        match got(&mut client) {
            Some((TEXT, _)) => std::thread::sleep(Duration::from_millis(50)),
            other => break other,
        }
    };
    assert_eq!(last, Some(close(1008)));
    assert!(
        (950..4000).contains(&start.elapsed().as_millis()),
        "{:?}",
        start.elapsed()
    );
    assert!(client.is_closed());
}

#[test]
fn http_11_an_event_stream_ends_with_its_life_whatever_it_carries() {
    let upstream = Upstream::start(|_, stream| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
        let mut open = stream.write_all(head.as_bytes()).is_ok();
        while open {
            open = stream.write_all(b"9\r\ndata: 1\n\n\r\n").is_ok();
            std::thread::sleep(Duration::from_millis(50));
        }
        false
    });
    let gate = gate(&upstream);
    let start = Instant::now();
    let answer = gate.get("/events");
    assert_eq!((answer.status, answer.complete), (200, false));
    assert!(answer.text().starts_with("data: 1\n\n"));
    assert!(
        (950..4000).contains(&start.elapsed().as_millis()),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn draining_tells_both_sides_and_ends_soon() {
    let upstream = Upstream::start(echo);
    let mut gate = Setup::new(CHAT, upstream.address)
        .with("connection: {drain_seconds_max: 10}")
        .start();
    let mut clients: Vec<_> = (0..4).map(|_| open(&gate, "/chat/lobby")).collect();
    let start = Instant::now();
    gate.signal("-TERM");
    for client in &mut clients {
        assert_eq!(got(client), Some(close(1001)));
        assert!(client.is_closed());
    }
    assert_eq!(gate.wait().code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn contracts_and_policies_at_odds_are_told() {
    let checked = |contract: &str| {
        let directory = Setup::new(contract, "127.0.0.1:1".parse().unwrap()).written();
        let output = run(&directory.0, &["check", "-c", "gate.yaml"]);
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(checked(CHAT).contains("no problems"), "{}", checked(CHAT));
    let told = checked(&CHAT.replace("'101'", "'200'"));
    assert!(told.contains("error: `websocket` has no effect"), "{told}");
    let told = checked(&CHAT.replace("      x-portcullis: {websocket: {life_seconds_max: 1}}\n", ""));
    assert!(told.contains("warning: the answer 101 is declared"), "{told}");
    let directory = Setup::new(CHAT, "127.0.0.1:1".parse().unwrap()).written();
    let coverage = String::from_utf8(run(&directory.0, &["coverage", "-c", "gate.yaml"]).stdout).unwrap();
    assert!(coverage.contains("messages of the WebSocket"), "{coverage}");
}
