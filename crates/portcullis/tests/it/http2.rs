//! HTTP/2 as callers meet it: by ALPN over TLS, by prior knowledge without.

use std::future::poll_fn;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, Request, StatusCode};
use rustls::pki_types::ServerName;

use crate::gate::{Gate, Setup};
use crate::http::{THING, THINGS};
use crate::tls::{Authority, Caller};
use crate::upstream::Upstream;

/// What was answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// Runs a test's requests over one connection without TLS.
pub(crate) fn over_h2c<T>(address: SocketAddr, talk: impl AsyncFnOnce(SendRequest<Bytes>) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let socket = tokio::net::TcpStream::connect(address).await.unwrap();
        let (requests, connection) = h2::client::handshake(socket).await.unwrap();
        tokio::spawn(async move {
            let _ = connection.await;
        });
        tokio::time::timeout(Duration::from_secs(20), talk(requests))
            .await
            .unwrap()
    })
}

pub(crate) async fn send(
    requests: &SendRequest<Bytes>,
    request: Request<()>,
    body: &[u8],
) -> Result<Answer, h2::Error> {
    let mut requests = requests.clone().ready().await?;
    let (response, mut stream) = requests.send_request(request, body.is_empty())?;
    if !body.is_empty() {
        stream.send_data(Bytes::copy_from_slice(body), true)?;
    }
    let (parts, mut incoming) = response.await?.into_parts();
    let mut body = Vec::new();
    while let Some(bytes) = incoming.data().await {
        let bytes = bytes?;
        incoming.flow_control().release_capacity(bytes.len())?;
        body.extend_from_slice(&bytes);
    }
    Ok(Answer {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8(body).unwrap(),
    })
}

pub(crate) fn get(target: &str) -> Request<()> {
    Request::get(format!("http://localhost{target}")).body(()).unwrap()
}

fn post(json: &str) -> (Request<()>, &[u8]) {
    let request = Request::post("http://localhost/things").header("content-type", "application/json");
    (request.body(()).unwrap(), json.as_bytes())
}

pub(crate) fn h2c(upstream: &Upstream) -> Setup {
    Setup::new(THINGS, upstream.address).listening("{address: '127.0.0.1:0', h2c: true}")
}

#[test]
fn alpn_chooses_the_version() {
    let (authority, upstream) = (Authority::new(), Upstream::with_json(THING));
    let issued = authority.issue(&["localhost"]);
    let directory = Setup::new(THINGS, upstream.address)
        .listening("{address: '127.0.0.1:0', tls: {certificates: {chain: a.pem, key: a.key}}}")
        .written();
    issued.write(&directory, "a");
    let gate = Gate::start(directory);
    let chosen = |offered: &[&str]| {
        let config = Caller::new(&authority).offering(offered).config();
        let stream = crate::tls::connect(&config, gate.address, "localhost").ok()?;
        Some(stream.conn.alpn_protocol().map(<[u8]>::to_vec))
    };
    assert_eq!(chosen(&[]), Some(None));
    assert_eq!(chosen(&["http/1.1", "h2"]), Some(Some(b"h2".to_vec())));
    assert_eq!(chosen(&["http/1.1"]), Some(Some(b"http/1.1".to_vec())));
    assert_eq!(chosen(&["spdy/3"]), None);
    let config = Caller::new(&authority).offering(&["h2"]).config();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let answer = runtime.block_on(async {
        let socket = tokio::net::TcpStream::connect(gate.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = tokio_rustls::TlsConnector::from(Arc::clone(&config))
            .connect(name, socket)
            .await
            .unwrap();
        let (requests, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(async move {
            let _ = connection.await;
        });
        let request = Request::get("https://localhost/things/1").body(()).unwrap();
        send(&requests, request, b"").await.unwrap()
    });
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, THING));
    assert_eq!(answer.headers["strict-transport-security"], "max-age=31536000");
    assert!(answer.headers.contains_key("date"), "{:?}", answer.headers);
    assert!(!answer.headers.contains_key("connection"), "{:?}", answer.headers);
    assert_eq!(answer.headers["content-length"], THING.len().to_string());
}

#[test]
fn http_5_waiting_for_the_rest_of_a_preface_costs_next_to_nothing() {
    let upstream = Upstream::with_json(THING);
    let gate = h2c(&upstream).with("workers: 1").start();
    let mut socket = TcpStream::connect(gate.address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket.write_all(b"PR").unwrap();
    let before = gate.wakes();
    std::thread::sleep(Duration::from_secs(1));
    let wakes = gate.wakes() - before;
    // Looking every five milliseconds would be two hundred times.
    assert!(wakes < 60, "{wakes}");
    socket.write_all(b"I * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    socket.write_all(&frame(4, 0, 0, &[])).unwrap();
    let mut header = [0; 9];
    socket.read_exact(&mut header).unwrap();
    assert_eq!(header[3], 4, "settings: it was told from HTTP/1.1 all the same");
}

#[test]
fn requests_share_a_connection_and_are_judged_as_ever() {
    let upstream = Upstream::with_json(THING);
    let gate = h2c(&upstream).start();
    over_h2c(gate.address, async |requests| {
        let mut asked = Vec::new();
        for _ in 0..20 {
            asked.push(send(&requests, get("/things/1"), b""));
        }
        for answer in asked {
            let answer = answer.await.unwrap();
            assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, THING));
        }
        let (request, body) = post(THING);
        assert_eq!(send(&requests, request, body).await.unwrap().status, StatusCode::OK);
        let (request, body) = post("{\"admin\": true}");
        let refused = send(&requests, request, body).await.unwrap();
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        assert!(refused.body.contains("\"code\":\"contract.body."), "{}", refused.body);
        let head = Request::head("http://localhost/things/1").body(()).unwrap();
        let refused = send(&requests, head, b"").await.unwrap();
        assert_eq!((refused.status.as_u16(), refused.body.as_str()), (405, ""));
        let unknown = send(&requests, get("/nothing"), b"").await.unwrap();
        assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    });
    // HTTP/1.1 is still spoken at the same address.
    assert_eq!(gate.get("/things/1").status, 200);
}

#[test]
fn http_2_authorities_and_targets_are_unambiguous() {
    let upstream = Upstream::with_json(THING);
    let gate = h2c(&upstream).start();
    over_h2c(gate.address, async |requests| {
        let status = async |request: http::request::Builder| {
            let answer = send(&requests, request.body(()).unwrap(), b"").await.unwrap();
            answer.status.as_u16()
        };
        let thing = "http://localhost/things/1";
        assert_eq!(status(Request::get(thing).header("host", "localhost")).await, 200);
        for (request, expected) in [
            (Request::get(thing).header("host", "other"), 400),
            (Request::get("http://other/things/1"), 421),
            (Request::get("http://localhost/things//1"), 400),
            (Request::get("http://localhost/things/%2e%2e"), 400),
            (Request::get(thing).header("transfer_encoding", "chunked"), 400),
            (Request::get(thing).header("x-trace", " a"), 400),
            (Request::options("http://localhost/things"), 405),
        ] {
            let told = format!("{request:?}");
            assert_eq!(status(request).await, expected, "{told}");
        }
    });
    assert_eq!(upstream.seen().len(), 1);
}

#[test]
fn http_2_cookies_in_pieces_are_one_header_behind() {
    let upstream = Upstream::with_json(THING);
    let gate = h2c(&upstream).start();
    over_h2c(gate.address, async |requests| {
        let request = Request::get("http://localhost/things")
            .header("cookie", "theme=dark")
            .header("cookie", "other=1");
        let answer = send(&requests, request.body(()).unwrap(), b"").await.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    });
    let seen = upstream.one();
    let cookies: Vec<_> = seen.headers.iter().filter(|(name, _)| name == "cookie").collect();
    assert_eq!(cookies.len(), 1, "{seen:?}");
    assert_eq!(cookies[0].1, "theme=dark", "undeclared ones are left out, as ever");
}

#[test]
fn http_5_a_body_that_stops_is_not_waited_for() {
    let upstream = Upstream::with_json(THING);
    let gate = h2c(&upstream).with("connection: {body_seconds_max: 1}").start();
    over_h2c(gate.address, async |requests| {
        let mut requests = requests.ready().await.unwrap();
        let request = Request::post("http://localhost/things").header("content-type", "application/json");
        let (response, mut stream) = requests.send_request(request.body(()).unwrap(), false).unwrap();
        stream.send_data(Bytes::from_static(b"{"), false).unwrap();
        let response = response.await.unwrap();
        assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
    });
    assert!(upstream.seen().is_empty());
}

#[test]
fn http_5_streams_are_bounded_and_a_client_that_takes_nothing_is_not_served_for_ever() {
    let large = crate::upstream::ok("application/octet-stream", &"x".repeat(1 << 20));
    let upstream = Upstream::answering(large);
    let contract = THINGS.replace(
        "application/json: {schema: {$ref: '#/components/schemas/Thing'}}",
        "'*/*': {}",
    );
    let gate = Setup::new(&contract, upstream.address)
        .listening("{address: '127.0.0.1:0', h2c: true}")
        .with("connection: {write_seconds_max: 1}")
        .start();
    over_h2c(gate.address, async |requests| {
        let mut ready = requests.clone().ready().await.unwrap();
        let (response, _) = ready.send_request(get("/things/1"), true).unwrap();
        let mut body = response.await.unwrap().into_body();
        // Read, but never given room for more.
        let mut got = 0;
        let ended = loop {
            match body.data().await {
                Some(Ok(bytes)) => got += bytes.len(),
                Some(Err(error)) => break error,
                None => panic!("all {got} bytes came"),
            }
        };
        assert_eq!(ended.reason(), Some(h2::Reason::CANCEL));
        assert!(got < 1 << 20, "{got}");
    });
}

#[test]
fn draining_ends_streams_whole_and_says_goaway() {
    let upstream = Upstream::start(|_, stream| {
        std::thread::sleep(Duration::from_millis(300));
        stream
            .write_all(&crate::upstream::ok("application/json", THING))
            .is_ok()
    });
    let mut gate = h2c(&upstream).start();
    over_h2c(gate.address, async |requests| {
        let asked = send(&requests, get("/things/1"), b"");
        let mut asked = std::pin::pin!(asked);
        let begun = tokio::time::timeout(Duration::from_millis(100), asked.as_mut()).await;
        assert!(begun.is_err(), "it takes its time");
        gate.signal("-TERM");
        let answer = asked.await.unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, THING));
        let mut after = requests.clone();
        let refused = poll_fn(|cx| after.poll_ready(cx)).await;
        assert!(refused.is_err() || send(&after, get("/things/1"), b"").await.is_err());
    });
    assert!(gate.wait().success());
}

/// A frame: length, type, flags, stream, payload.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![a, b, c, kind, flags];
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// The error code of the GOAWAY that a connection ends with.
fn goaway(address: SocketAddr, frames: impl Iterator<Item = Vec<u8>> + Send + 'static) -> Option<u32> {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut writer = socket.try_clone().unwrap();
    let writing = std::thread::spawn(move || {
        let mut open = writer.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").is_ok();
        open &= writer.write_all(&frame(4, 0, 0, &[])).is_ok();
        for frame in frames {
            open = open && writer.write_all(&frame).is_ok();
        }
    });
    let mut code = None;
    let mut header = [0; 9];
    while socket.read_exact(&mut header).is_ok() {
        let length = usize::try_from(u32::from_be_bytes([0, header[0], header[1], header[2]])).unwrap();
        let mut payload = vec![0; length];
        if socket.read_exact(&mut payload).is_err() {
            break;
        }
        if header[3] == 7 {
            code = Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
        }
    }
    drop(socket);
    writing.join().unwrap();
    code
}

/// `GET /things/1` of `localhost`, as HPACK without a table.
fn request_block() -> Vec<u8> {
    let mut block = vec![0x82, 0x86];
    for (name, value) in [(":path", "/things/1"), (":authority", "localhost")] {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap());
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

#[test]
fn http_5_floods_of_frames_end_the_connection() {
    const ENHANCE_YOUR_CALM: Option<u32> = Some(11);
    let upstream = Upstream::with_json(THING);
    let gate = h2c(&upstream)
        .with("arrival_limit: {requests: 1000000, per: 1s}")
        .with_api("policy: {rate_limits: [{name: address, requests: 1000000, per: 1s}]}")
        .start();
    let many = |frame: Vec<u8>| std::iter::repeat_n(frame, 5_000);
    assert_eq!(
        goaway(gate.address, many(frame(6, 0, 0, &[0; 8]))),
        ENHANCE_YOUR_CALM,
        "pings"
    );
    assert_eq!(
        goaway(gate.address, many(frame(4, 0, 0, &[]))),
        ENHANCE_YOUR_CALM,
        "settings"
    );
    let resets = (0..5_000_u32).map(|number| {
        let stream = number * 2 + 1;
        [
            frame(1, 5, stream, &request_block()),
            frame(3, 0, stream, &[0, 0, 0, 8]),
        ]
        .concat()
    });
    assert_eq!(goaway(gate.address, resets), ENHANCE_YOUR_CALM, "rapid reset");
    let continuation = std::iter::once(frame(1, 0, 1, &request_block())).chain(many(frame(9, 0, 1, &[])));
    assert_eq!(goaway(gate.address, continuation), ENHANCE_YOUR_CALM, "continuation");
    // Others are served all the while.
    assert_eq!(gate.get("/things/1").status, 200);
    assert!(gate.resident_bytes() < 128 << 20, "{}", gate.resident_bytes());
}
