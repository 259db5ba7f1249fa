//! The pool against upstreams that speak HTTP/2: by the crate `h2` where they are well-behaved, frame by frame where they are not.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;
use tokio_rustls::TlsAcceptor;

use super::super::deadline::Deadlines;
use super::super::headers::{Codings, Edits, Origin, Rules};
use super::super::testing::{ask, get, local, text};
use super::super::tls::Tls;
use super::super::tls::tests::{Authority, settings};
use super::super::{ForwardError, Limits, Malformed, Patience, Phase, Pool, Protocol, Upstream};
use crate::body::{BodyError, Bounded, RequestBody};

type Incoming = Request<h2::RecvStream>;

fn limits() -> Limits {
    Limits {
        connect_time_max: Duration::from_secs(5),
        head_time_max: Duration::from_secs(5),
        queue_time_max: Duration::from_secs(5),
        ..Limits::default()
    }
}

/// A pool in front of an upstream whose connections are served by `serve`, in the clear.
async fn in_front_of<F>(limits: Limits, serve: impl Fn(usize, TcpStream) -> F + 'static) -> Rc<Pool>
where
    F: Future<Output = ()> + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/base", listener.local_addr().unwrap());
    spawn_local(async move {
        for number in 0.. {
            let (socket, _) = listener.accept().await.unwrap();
            spawn_local(serve(number, socket));
        }
    });
    let upstream = Upstream::parse(&url).unwrap().speaking(Protocol::Http2);
    Pool::new(upstream, limits, Deadlines::new())
}

/// The same, where each request is answered by `answer`.
async fn answering<F>(
    limits: Limits,
    streams_max: u32,
    answer: impl Fn(Incoming, SendResponse<Bytes>) -> F + Clone + 'static,
) -> Rc<Pool>
where
    F: Future<Output = ()> + 'static,
{
    in_front_of(limits, move |_, socket| serve(socket, streams_max, answer.clone())).await
}

async fn serve<S, F>(socket: S, streams_max: u32, answer: impl Fn(Incoming, SendResponse<Bytes>) -> F)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    F: Future<Output = ()> + 'static,
{
    let mut builder = h2::server::Builder::new();
    builder.max_concurrent_streams(streams_max);
    let Ok(mut connection) = builder.handshake::<_, Bytes>(socket).await else {
        return;
    };
    while let Some(Ok((request, respond))) = connection.accept().await {
        spawn_local(answer(request, respond));
    }
}

async fn good(_request: Incoming, mut respond: SendResponse<Bytes>) {
    let mut stream = respond.send_response(Response::new(()), false).unwrap();
    stream.send_data(Bytes::from_static(b"good"), true).unwrap();
}

fn post() -> Request<RequestBody> {
    ask(Method::POST, RequestBody::Whole(Bytes::from_static(b"hello")))
}

async fn told(pool: &Rc<Pool>, request: Request<RequestBody>) -> Result<String, String> {
    let response = pool.send(request).await.map_err(|error| format!("{error:?}"))?;
    text(response).await.map_err(|error| format!("{error:?}"))
}

/// What an upstream was sent: request line and body, and the fields in order.
type Seen = Rc<RefCell<Vec<(String, String)>>>;

/// Keeps what it is sent.
async fn keeping(seen: &Seen) -> Rc<Pool> {
    let log = Rc::clone(seen);
    answering(limits(), 100, move |request, mut respond| {
        let log = Rc::clone(&log);
        async move {
            let (parts, mut body) = request.into_parts();
            let mut bytes = Vec::new();
            while let Some(part) = body.data().await {
                let part = part.unwrap();
                body.flow_control().release_capacity(part.len()).unwrap();
                bytes.extend_from_slice(&part);
            }
            let fields = parts.headers.iter();
            let mut fields: Vec<_> = fields
                .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
                .collect();
            fields.sort();
            let line = format!("{} {} {}", parts.method, parts.uri, String::from_utf8(bytes).unwrap());
            log.borrow_mut().push((line, fields.join("; ")));
            respond.send_response(Response::new(()), true).unwrap();
        }
    })
    .await
}

#[test]
fn what_the_upstream_reads() {
    local(async {
        let seen = Seen::default();
        let pool = keeping(&seen).await;
        let host = pool.upstream().authority().to_str().unwrap().to_owned();
        let mut lying = post();
        for (name, value) in [
            ("host", "api.example"),
            ("connection", "close"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("content-length", "99"),
            ("x-forwarded-for", "6.6.6.6"),
            ("x-mine", "kept"),
        ] {
            lying.headers_mut().insert(name, value.parse().unwrap());
        }
        let mut grpc = post();
        grpc.headers_mut()
            .insert("content-type", "application/grpc+proto".parse().unwrap());
        let client = "api.example".parse().unwrap();
        let rules = Rules::default();
        let edits = Edits {
            rules: &rules,
            origin: Origin {
                path: &["192.0.2.7".parse().unwrap()],
                scheme: "https",
                host: Some(&client),
            },
            codings: Codings::Identity,
            trace: None,
            identity: &[],
        };
        pool.send_edited(lying, edits, Patience::default(), None).await.unwrap();
        for request in [get(), ask(Method::POST, RequestBody::Empty), grpc] {
            pool.send(request).await.unwrap();
        }
        let line = |method: &str, body: &str| format!("{method} http://{host}/base/a?b=c {body}");
        let expected = [
            (
                line("POST", "hello"),
                "accept-encoding: identity; content-length: 5; x-forwarded-for: 192.0.2.7; x-forwarded-host: api.example; \
                 x-forwarded-proto: https; x-mine: kept",
            ),
            (line("GET", ""), ""),
            (line("POST", ""), "content-length: 0"),
            (
                line("POST", "hello"),
                "content-length: 5; content-type: application/grpc+proto; te: trailers",
            ),
        ];
        for (seen, (line, fields)) in seen.borrow().iter().zip(expected) {
            assert_eq!((&seen.0, seen.1.as_str()), (&line, fields));
        }
        assert_eq!(seen.borrow().len(), 4);
        assert_eq!(pool.usage().open, 1);
    });
}

#[test]
fn requests_share_a_connection_within_the_upstreams_bounds() {
    local(async {
        let (now, most) = (Rc::new(Cell::new(0_usize)), Rc::new(Cell::new(0_usize)));
        let (busy, high) = (Rc::clone(&now), Rc::clone(&most));
        let few = Limits {
            connections_max: 2,
            ..limits()
        };
        let pool = answering(few, 10, move |request, respond| {
            let (busy, high) = (Rc::clone(&busy), Rc::clone(&high));
            async move {
                busy.set(busy.get() + 1);
                high.set(high.get().max(busy.get()));
                tokio::time::sleep(Duration::from_millis(20)).await;
                busy.set(busy.get() - 1);
                good(request, respond).await;
            }
        })
        .await;
        assert_eq!(told(&pool, get()).await, Ok("good".to_owned()));
        let tasks: Vec<_> = (0..100)
            .map(|_| {
                let pool = Rc::clone(&pool);
                spawn_local(async move { told(&pool, post()).await })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap(), Ok("good".to_owned()));
        }
        assert!((11..=20).contains(&most.get()), "{}", most.get());
        assert_eq!(pool.usage().open, 2);
        pool.close();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!((pool.usage().open, pool.usage().waiting), (0, 0));
    });
}

#[test]
fn many_first_requests_open_one_connection() {
    local(async {
        let pool = answering(limits(), 100, good).await;
        assert_eq!(told(&pool, get()).await, Ok("good".to_owned()));
        let tasks: Vec<_> = (0..90)
            .map(|_| {
                let pool = Rc::clone(&pool);
                spawn_local(async move { told(&pool, get()).await })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap(), Ok("good".to_owned()));
        }
        assert_eq!(pool.usage().open, 1);
    });
}

#[test]
fn large_bodies_go_both_ways_under_flow_control() {
    local(async {
        let pool = answering(limits(), 100, |request, mut respond| async move {
            let mut body = request.into_body();
            let mut stream = respond.send_response(Response::new(()), false).unwrap();
            // What arrives goes back, so that both directions are open at once.
            while let Some(part) = body.data().await {
                let mut part = part.unwrap();
                body.flow_control().release_capacity(part.len()).unwrap();
                while !part.is_empty() {
                    stream.reserve_capacity(part.len());
                    let room = std::future::poll_fn(|cx| stream.poll_capacity(cx))
                        .await
                        .unwrap()
                        .unwrap();
                    let now = part.split_to(room.min(part.len()));
                    stream.send_data(now, false).unwrap();
                }
            }
            stream.send_data(Bytes::new(), true).unwrap();
        })
        .await;
        let large = Bytes::from(vec![7; 3_000_000]);
        let response = pool
            .send(ask(Method::POST, RequestBody::Whole(large.clone())))
            .await
            .unwrap();
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), large);
    });
}

#[test]
fn trailers_of_grpc_go_on_and_others_end_here() {
    let trailers = |content_type: &'static str| async move {
        let pool = answering(limits(), 100, move |_request, mut respond| async move {
            let mut response = Response::new(());
            response
                .headers_mut()
                .insert("content-type", content_type.parse().unwrap());
            let mut stream = respond.send_response(response, false).unwrap();
            stream.send_data(Bytes::from_static(b"good"), false).unwrap();
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", "0".parse().unwrap());
            trailers.insert("x-internal", "secret".parse().unwrap());
            stream.send_trailers(trailers).unwrap();
        })
        .await;
        let body = pool.send(get()).await.unwrap().into_body().collect().await.unwrap();
        let trailers = body.trailers().cloned();
        assert_eq!(body.to_bytes(), "good");
        trailers.map(|trailers| {
            trailers
                .iter()
                .map(|(name, value)| format!("{name}: {value:?}"))
                .collect::<Vec<_>>()
        })
    };
    local(async {
        assert_eq!(
            trailers("application/grpc").await,
            Some(vec!["grpc-status: \"0\"".to_owned()])
        );
        assert_eq!(trailers("application/grpc+json").await.map(|all| all.len()), Some(1));
        assert_eq!(trailers("application/json").await, None);
        assert_eq!(trailers("application/grpc-web").await, None);
    });
}

#[test]
fn a_client_that_leaves_takes_its_stream_with_it() {
    local(async {
        let reset = Rc::new(Cell::new(0));
        let count = Rc::clone(&reset);
        let pool = answering(limits(), 100, move |request, mut respond| {
            let count = Rc::clone(&count);
            async move {
                if request.method() == Method::POST {
                    let gone = std::future::poll_fn(|cx| respond.poll_reset(cx)).await;
                    assert_eq!(gone.unwrap(), h2::Reason::CANCEL);
                } else {
                    let mut stream = respond.send_response(Response::new(()), false).unwrap();
                    stream.send_data(Bytes::from_static(b"go"), false).unwrap();
                    let gone = std::future::poll_fn(|cx| stream.poll_reset(cx)).await;
                    assert_eq!(gone.unwrap(), h2::Reason::CANCEL);
                }
                count.set(count.get() + 1);
            }
        })
        .await;
        let waiting = tokio::time::timeout(Duration::from_millis(50), pool.send(post()));
        assert!(waiting.await.is_err());
        let mut response = pool.send(get()).await.unwrap();
        assert_eq!(
            response.body_mut().frame().await.unwrap().unwrap().into_data().unwrap(),
            "go"
        );
        drop(response);
        while reset.get() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(pool.usage().open, 1);
    });
}

#[test]
fn http_8_upstreams_that_stand_still_are_left() {
    local(async {
        let short = Limits {
            head_time_max: Duration::from_millis(200),
            stall_time_max: Duration::from_millis(200),
            ..limits()
        };
        let pool = answering(short, 100, |request, mut respond| async move {
            let mut stream = None;
            if request.method() == Method::GET {
                stream = respond.send_response(Response::new(()), false).ok();
                let part = Bytes::from_static(b"go");
                stream.as_mut().unwrap().send_data(part, false).unwrap();
            }
            tokio::time::sleep(Duration::from_secs(20)).await;
            drop((respond, stream));
        })
        .await;
        let late = pool.send(post()).await.map(|_| ());
        assert_eq!(late, Err(ForwardError::Timeout(Phase::Head)));
        assert_eq!(told(&pool, get()).await, Err("TimedOut".to_owned()));
    });
}

#[test]
fn http_5_callers_who_do_not_read_hold_up_nobody_else() {
    local(async {
        let pool = answering(limits(), 100, |request, mut respond| async move {
            if request.method() == Method::GET {
                return good(request, respond).await;
            }
            let mut stream = respond.send_response(Response::new(()), false).unwrap();
            loop {
                stream.reserve_capacity(16 * 1024);
                match std::future::poll_fn(|cx| stream.poll_capacity(cx)).await {
                    Some(Ok(room)) if room > 0 => stream.send_data(Bytes::from(vec![7; room]), false).unwrap(),
                    Some(Ok(_)) => {}
                    _ => return,
                }
            }
        })
        .await;
        let mut unread = Vec::new();
        for _ in 0..99 {
            unread.push(pool.send(post()).await.unwrap());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(told(&pool, get()).await, Ok("good".to_owned()));
        assert_eq!(pool.usage().open, 1);
        drop(unread);
    });
}

#[test]
fn a_connection_that_went_silent_is_not_used_again() {
    local(async {
        let short = Limits {
            head_time_max: Duration::from_millis(200),
            ..limits()
        };
        let pool = in_front_of(short, |number, mut socket| async move {
            if number > 0 {
                return serve(socket, 100, good).await;
            }
            socket.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
            std::future::pending().await
        })
        .await;
        let late = pool.send(get()).await.map(|_| ());
        assert_eq!(late, Err(ForwardError::Timeout(Phase::Head)));
        // What came after the first request were the settings; after the second, nothing at all.
        let late = pool.send(get()).await.map(|_| ());
        assert!(
            matches!(late, Ok(()) | Err(ForwardError::Timeout(Phase::Head))),
            "{late:?}"
        );
        assert_eq!(told(&pool, get()).await, Ok("good".to_owned()));
    });
}

#[test]
fn a_bounded_upload_that_breaks_resets_the_stream() {
    local(async {
        let pool = answering(limits(), 100, |request, _respond| async move {
            let mut body = request.into_body();
            while let Some(part) = body.data().await {
                let Ok(part) = part else { return };
                body.flow_control().release_capacity(part.len()).unwrap();
            }
            panic!("a body that broke was ended as if it were whole");
        })
        .await;
        // The only streamed bodies are hyper's own: one that is cut comes from a real connection.
        let (incoming, mut client) = uploading("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello").await;
        let body = RequestBody::Streamed(Bounded::new(incoming.into(), 100).unwrap());
        let sending = pool.send(ask(Method::POST, body));
        let (sent, ()) = tokio::join!(sending, async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            client.shutdown().await.unwrap();
        });
        assert_eq!(sent.map(|_| ()), Err(ForwardError::RequestBody(BodyError::Broken)));
    });
}

/// The body of a request as hyper hands it over, and the client's end.
async fn uploading(request: &str) -> (hyper::body::Incoming, tokio::io::DuplexStream) {
    let (mut client, server) = tokio::io::duplex(64 * 1024);
    client.write_all(request.as_bytes()).await.unwrap();
    let (hand, handed) = tokio::sync::oneshot::channel();
    let hand = Rc::new(Cell::new(Some(hand)));
    spawn_local(async move {
        let service = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
            let hand = hand.take();
            async move {
                let _taken = hand.map(|hand| hand.send(request.into_body()));
                std::future::pending::<Result<Response<http_body_util::Empty<Bytes>>, std::convert::Infallible>>().await
            }
        });
        let io = hyper_util::rt::TokioIo::new(server);
        let _ended = hyper::server::conn::http1::Builder::new()
            .serve_connection(io, service)
            .await;
    });
    (handed.await.unwrap(), client)
}

#[test]
fn the_handshake_of_tls_decides() {
    let through = |offered: &'static [&'static [u8]], protocol| async move {
        let authority = Authority::new();
        let mut server = authority.plain().server();
        server.alpn_protocols = offered.iter().map(|name| name.to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(server));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        spawn_local(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let Ok(mut stream) = acceptor.accept(socket).await else {
                    continue;
                };
                if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                    spawn_local(serve(stream, 100, good));
                } else {
                    let mut head = vec![0; 4096];
                    let _read = stream.read(&mut head).await.unwrap();
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold";
                    stream.write_all(answer).await.unwrap();
                    stream.flush().await.unwrap();
                }
            }
        });
        let tls = Tls::new(settings(authority.trust())).unwrap();
        let upstream = Upstream::parse_tls(&url, tls).unwrap().speaking(protocol);
        let pool = Pool::new(upstream, limits(), Deadlines::new());
        told(&pool, get()).await
    };
    local(async {
        let (good, old) = (Ok("good".to_owned()), Ok("old".to_owned()));
        assert_eq!(through(&[b"h2", b"http/1.1"], Protocol::Negotiated).await, good);
        assert_eq!(through(&[b"http/1.1"], Protocol::Negotiated).await, old);
        assert_eq!(through(&[], Protocol::Negotiated).await, old);
        assert_eq!(through(&[b"h2", b"http/1.1"], Protocol::Http1).await, old);
        assert_eq!(through(&[b"h2"], Protocol::Http2).await, good);
        let refused = through(&[], Protocol::Http2).await.unwrap_err();
        assert!(refused.contains("does not speak HTTP/2"), "{refused}");
    });
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![a, b, c, kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// Header lines as HPACK literals that are not indexed (RFC 7541 section 6.2.2).
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in fields {
        bytes.push(0);
        for text in [name, value] {
            // Seven bits of length, then more (section 5.1).
            match text.len() {
                short @ 0..127 => bytes.push(u8::try_from(short).unwrap()),
                long => {
                    bytes.push(127);
                    let mut rest = long - 127;
                    while rest >= 128 {
                        bytes.push(u8::try_from(rest % 128).unwrap() | 128);
                        rest /= 128;
                    }
                    bytes.push(u8::try_from(rest).unwrap());
                }
            }
            bytes.extend(text.as_bytes());
        }
    }
    bytes
}

fn headers(stream: u32, flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | flags, stream, &block(fields))
}

/// Reads to the next request; its stream.
async fn next_request(socket: &mut TcpStream) -> Option<u32> {
    loop {
        let mut head = [0; 9];
        socket.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        socket.read_exact(&mut payload).await.ok()?;
        if head[3] == HEADERS {
            return Some(u32::from_be_bytes([head[5], head[6], head[7], head[8]]));
        }
    }
}

/// Speaks HTTP/2 up to its first requests, and answers the n-th request of the m-th connection with these frames.
async fn raw(answer: impl Fn(usize, usize, u32) -> Vec<u8> + Clone + 'static) -> Rc<Pool> {
    in_front_of(limits(), move |connection, mut socket| {
        let answer = answer.clone();
        async move {
            let mut preface = [0; 24];
            socket.read_exact(&mut preface).await.unwrap();
            socket.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
            for number in 0.. {
                let Some(stream) = next_request(&mut socket).await else {
                    return;
                };
                let bytes = answer(connection, number, stream);
                if bytes.is_empty() || socket.write_all(&bytes).await.is_err() {
                    return;
                }
            }
        }
    })
    .await
}

const STATUS: (&str, &str) = (":status", "200");

/// What comes of an answer that consists of these frames.
async fn outcome(answer: impl Fn(u32) -> Vec<u8> + Clone + 'static) -> String {
    let pool = raw(move |_, _, stream| answer(stream)).await;
    let outcome = told(&pool, post()).await;
    outcome.map_or_else(|error| error, |body| format!("answered {body}"))
}

#[test]
fn http_8_heads_that_a_strict_reader_must_not_read() {
    const FIELDS: [(&[(&str, &str)], &str); 20] = [
        (&[STATUS], "answered"),
        (&[STATUS, ("connection", "close")], "Http2"),
        (&[STATUS, ("transfer-encoding", "chunked")], "Http2"),
        (&[STATUS, ("upgrade", "h2c")], "Http2"),
        (&[STATUS, ("keep-alive", "1")], "Http2"),
        (&[STATUS, ("proxy-connection", "close")], "Http2"),
        (&[STATUS, ("X-A", "b")], "Http2"),
        (&[STATUS, ("", "b")], "Http2"),
        (&[STATUS, ("x a", "b")], "Http2"),
        (&[STATUS, ("x-a", "b\r\nset-cookie: c")], "Http2"),
        (&[STATUS, ("x-a", "b\0")], "Http2"),
        (&[("x-a", "b")], "Http2"),
        (&[STATUS, STATUS], "Http2"),
        (&[("x-a", "b"), STATUS], "Http2"),
        (&[STATUS, (":x", "/")], "Http2"),
        (&[(":status", "2x0")], "Http2"),
        (&[(":status", "600")], "StatusLine"),
        (
            &[STATUS, ("content-length", "0"), ("content-length", "0")],
            "ContentLength",
        ),
        (&[STATUS, ("content-length", "+0")], "Malformed"),
        (&[STATUS, ("content-length", "0, 0")], "Malformed"),
    ];
    local(async {
        for (fields, expected) in FIELDS {
            let outcome = outcome(move |stream| headers(stream, END_STREAM, fields)).await;
            assert!(outcome.contains(expected), "{fields:?}: {outcome}");
        }
    });
}

#[test]
fn http_8_heads_without_a_bound_are_refused() {
    let switching = |stream| headers(stream, 0, &[(":status", "101")]);
    let many = |stream| {
        let fields: Vec<_> = std::iter::once(STATUS).chain((0..101).map(|_| ("x", "y"))).collect();
        headers(stream, END_STREAM, &fields)
    };
    let informational = |stream| headers(stream, 0, &[(":status", "103")]).repeat(9);
    let large = |stream| {
        let value = "y".repeat(70_000);
        let block = block(&[STATUS, ("x", &value)]);
        let parts: Vec<_> = block.chunks(16_000).collect();
        let last = parts.len() - 1;
        let frames = parts.into_iter().enumerate().map(|(number, bytes)| {
            let kind = if number == 0 { HEADERS } else { CONTINUATION };
            let flags = if number == last { END_HEADERS } else { 0 };
            frame(kind, flags, stream, bytes)
        });
        frames.collect::<Vec<_>>().concat()
    };
    local(async {
        for (outcome, expected) in [
            (outcome(switching).await, "Upgrade"),
            (outcome(many).await, "HeadTooLarge"),
            (outcome(informational).await, "Informational"),
            (outcome(large).await, "Http2"),
        ] {
            assert!(outcome.contains(expected), "{expected}: {outcome}");
        }
    });
}

#[test]
fn http_8_frames_that_are_no_whole_answer() {
    let failed = [0, 0, 0, 2];
    let data = |flags, bytes: &'static [u8]| move |stream| frame(DATA, flags, stream, bytes);
    let with_length = |length: &'static str, bytes: &'static [u8]| {
        move |stream| {
            let head = headers(stream, 0, &[STATUS, ("content-length", length)]);
            [head, frame(DATA, END_STREAM, stream, bytes)].concat()
        }
    };
    let cut = move |stream| {
        let part = frame(DATA, 0, stream, b"evi");
        [
            headers(stream, 0, &[STATUS]),
            part,
            frame(RST_STREAM, 0, stream, &failed),
        ]
        .concat()
    };
    let push = |stream: u32| {
        let promised = [&[0, 0, 0, 2][..], &block(&[(":path", "/")])].concat();
        frame(PUSH_PROMISE, END_HEADERS, stream, &promised)
    };
    local(async {
        for (what, outcome, expected) in [
            ("data first", outcome(data(END_STREAM, b"evil")).await, "Http2"),
            ("a push", outcome(push).await, "Http2"),
            (
                "shorter than it says",
                outcome(with_length("5", b"evi")).await,
                "Broken",
            ),
            (
                "longer than it says",
                outcome(with_length("2", b"evil")).await,
                "Broken",
            ),
            (
                "as long as it says",
                outcome(with_length("4", b"good")).await,
                "answered good",
            ),
            ("cut", outcome(cut).await, "Broken"),
            (
                "reset",
                outcome(move |stream| frame(RST_STREAM, 0, stream, &failed)).await,
                "Closed",
            ),
            ("closed", outcome(|_| Vec::new()).await, "Closed"),
            (
                "HTTP/1.1",
                outcome(|_| b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec()).await,
                "Http2",
            ),
            (
                "another stream",
                outcome(|stream| headers(stream + 2, END_STREAM, &[STATUS])).await,
                "Http2",
            ),
        ] {
            assert!(outcome.contains(expected), "{what}: {outcome}");
        }
    });
}

fn go_away(last_stream: u32) -> Vec<u8> {
    frame(GOAWAY, 0, 0, &[last_stream.to_be_bytes(), [0; 4]].concat())
}

#[test]
fn what_was_not_looked_at_is_sent_once_more() {
    let check = |what: &'static str, request: fn() -> Request<RequestBody>, first: fn(u32) -> Vec<u8>, expected| async move {
        let pool = raw(move |connection, number, stream| {
            if (connection, number) == (0, 0) {
                first(stream)
            } else {
                headers(stream, END_STREAM, &[STATUS])
            }
        })
        .await;
        // A connection that has served before, so that it may have become stale.
        let outcome = told(&pool, request()).await;
        assert_eq!(outcome.is_ok(), expected, "{what}: {outcome:?}");
    };
    local(async {
        let refused = |stream| frame(RST_STREAM, 0, stream, &[0, 0, 0, 7]);
        check("refused", post, refused, true).await;
        check("gone away", post, |_| go_away(0), true).await;
        let both = |stream: u32| [go_away(stream), headers(stream, END_STREAM, &[STATUS])].concat();
        check("gone away with the answer", post, both, true).await;
        let failed = |stream| frame(RST_STREAM, 0, stream, &[0, 0, 0, 2]);
        check("failed", get, failed, false).await;
        check("closed, and idempotent", get, |_| Vec::new(), true).await;
        check("closed, and not idempotent", post, |_| Vec::new(), false).await;
    });
}

#[test]
fn after_a_go_away_no_stream_begins_there() {
    local(async {
        let connections = Rc::new(Cell::new(0));
        let seen = Rc::clone(&connections);
        let pool = raw(move |connection, _, stream| {
            seen.set(connection + 1);
            [headers(stream, END_STREAM, &[STATUS]), go_away(stream)].concat()
        })
        .await;
        for _ in 0..3 {
            assert_eq!(told(&pool, post()).await, Ok(String::new()));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(connections.get(), 3);
        assert_eq!(
            told(&pool, post()).await.map_err(|_| Malformed::Http2),
            Ok(String::new())
        );
    });
}
