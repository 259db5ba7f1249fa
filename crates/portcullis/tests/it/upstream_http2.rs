//! Upstreams that speak HTTP/2, and gRPC from end to end.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use h2::client::SendRequest;
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, Request, Response};

use crate::balance::{TOUCHY, nobody_is_blamed, upload_slowly};
use crate::gate::{Gate, Setup, run};
use crate::http::THING;
use crate::http2::over_h2c;

const ORDERS: &str = include_str!("orders.yaml");

/// A service of HTTP/2, in the clear.
struct Service {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    /// The heads of the requests.
    seen: Arc<Mutex<Vec<http::request::Parts>>>,
}

impl Service {
    fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let service = Self {
            address: listener.local_addr().unwrap(),
            connections: Arc::default(),
            seen: Arc::default(),
        };
        let (connections, seen) = (Arc::clone(&service.connections), Arc::clone(&service.seen));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                while let Ok((socket, _)) = listener.accept().await {
                    connections.fetch_add(1, Ordering::AcqRel);
                    tokio::spawn(serve(socket, Arc::clone(&seen)));
                }
            });
        });
        service
    }

    fn gate(&self) -> Gate {
        Setup::new(ORDERS, self.address)
            .upstream(&format!("{{url: 'http://{}', http2: true}}", self.address))
            .listening("{address: '127.0.0.1:0', h2c: true}")
            .with("workers: 1")
            .start()
    }
}

async fn serve(socket: tokio::net::TcpStream, seen: Arc<Mutex<Vec<http::request::Parts>>>) {
    let mut connection = h2::server::handshake(socket).await.unwrap();
    while let Some(Ok((request, respond))) = connection.accept().await {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path().to_owned();
        seen.lock().unwrap().push(parts);
        tokio::spawn(async move {
            match path.as_str() {
                "/orders.Orders/Fail" => fail(respond),
                "/things" => thing(respond),
                "/uploads" => take(body, respond).await,
                _ => echo(body, respond).await,
            }
        });
    }
}

fn trailers(status: &str) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", status.parse().unwrap());
    trailers.insert("x-internal", "secret".parse().unwrap());
    trailers
}

fn fail(mut respond: SendResponse<Bytes>) {
    let mut response = Response::new(());
    response.headers_mut().extend(trailers("5"));
    response
        .headers_mut()
        .insert("content-type", "application/grpc".parse().unwrap());
    respond.send_response(response, true).unwrap();
}

fn thing(mut respond: SendResponse<Bytes>) {
    let response = Response::builder().header("content-type", "application/json");
    let mut stream = respond.send_response(response.body(()).unwrap(), false).unwrap();
    stream.send_data(Bytes::from_static(THING.as_bytes()), true).unwrap();
}

/// Answers when all has arrived.
async fn take(mut body: RecvStream, respond: SendResponse<Bytes>) {
    while let Some(Ok(part)) = body.data().await {
        body.flow_control().release_capacity(part.len()).unwrap();
    }
    if body.is_end_stream() {
        thing(respond);
    }
}

/// Sends back each message when it arrives, then a status.
async fn echo(mut body: RecvStream, mut respond: SendResponse<Bytes>) {
    let response = Response::builder().header("content-type", "application/grpc");
    let mut stream = respond.send_response(response.body(()).unwrap(), false).unwrap();
    while let Some(Ok(part)) = body.data().await {
        body.flow_control().release_capacity(part.len()).unwrap();
        if stream.send_data(part, false).is_err() {
            return;
        }
    }
    let _gone = stream.send_trailers(trailers("0"));
}

/// A call whose messages are still to be sent.
async fn call(
    requests: &SendRequest<Bytes>,
    path: &str,
    content_type: &str,
) -> (h2::client::ResponseFuture, SendStream<Bytes>) {
    let request = Request::post(format!("http://localhost{path}"))
        .header("content-type", content_type)
        .header("te", "trailers")
        .header("grpc-timeout", "10S");
    let mut requests = requests.clone().ready().await.unwrap();
    requests.send_request(request.body(()).unwrap(), false).unwrap()
}

async fn next(body: &mut RecvStream) -> Option<Bytes> {
    let part = body.data().await?.unwrap();
    body.flow_control().release_capacity(part.len()).unwrap();
    Some(part)
}

/// Status, gRPC's status in the head, the body, and the trailers.
async fn unary(
    requests: &SendRequest<Bytes>,
    path: &str,
    content_type: &str,
) -> (u16, String, String, Option<HeaderMap>) {
    let (response, mut stream) = call(requests, path, content_type).await;
    // A refusal may come first, and the stream be over then.
    let _over = stream.send_data(Bytes::from_static(b"\0\0\0\0\x02hi"), true);
    let (parts, mut body) = response.await.unwrap().into_parts();
    let status = parts
        .headers
        .get("grpc-status")
        .map_or("", |status| status.to_str().unwrap())
        .to_owned();
    let mut text = String::new();
    while let Some(part) = next(&mut body).await {
        text += &String::from_utf8_lossy(&part);
    }
    (parts.status.as_u16(), status, text, body.trailers().await.unwrap())
}

#[test]
fn grpc_passes_with_its_trailers() {
    let service = Service::start();
    let gate = service.gate();
    over_h2c(gate.address, async |requests| {
        let (status, early, body, trailers) = unary(&requests, "/orders.Orders/Get", "application/grpc").await;
        assert_eq!((status, early.as_str(), body.as_str()), (200, "", "\0\0\0\0\x02hi"));
        let trailers = trailers.unwrap();
        assert_eq!(
            (trailers.len(), &trailers["grpc-status"]),
            (1, &HeaderValue::from_static("0"))
        );
        let (status, early, body, trailers) = unary(&requests, "/orders.Orders/Fail", "application/grpc").await;
        assert_eq!((status, early.as_str(), body.as_str()), (200, "5", ""));
        assert_eq!(trailers, None);
    });
    let seen = service.seen.lock().unwrap();
    assert_eq!(seen[0].headers["te"], "trailers");
    assert_eq!(seen[0].headers["grpc-timeout"], "10S");
    assert_eq!(service.connections.load(Ordering::Acquire), 1);
    assert!(gate.metric(&["portcullis_bodies_not_judged_total", "get", "request"]) > 0.0);
}

#[test]
fn both_directions_of_a_call_are_open_at_once() {
    let service = Service::start();
    let gate = service.gate();
    over_h2c(gate.address, async |requests| {
        let (response, mut stream) = call(&requests, "/orders.Orders/Talk", "application/grpc").await;
        stream.send_data(Bytes::from_static(b"first"), false).unwrap();
        let mut body = response.await.unwrap().into_body();
        assert_eq!(next(&mut body).await.unwrap(), "first");
        stream.send_data(Bytes::from_static(b"second"), false).unwrap();
        assert_eq!(next(&mut body).await.unwrap(), "second");
        stream.send_data(Bytes::new(), true).unwrap();
        assert_eq!(next(&mut body).await, None);
        assert_eq!(body.trailers().await.unwrap().unwrap()["grpc-status"], "0");
    });
}

#[test]
fn refusals_speak_grpc_to_those_who_do() {
    let service = Service::start();
    let gate = service.gate();
    over_h2c(gate.address, async |requests| {
        let (status, early, body, _) = unary(&requests, "/orders.Orders/Nope", "application/grpc").await;
        assert_eq!((status, early.as_str(), body.as_str()), (200, "12", ""));
        let (status, _, body, _) = unary(&requests, "/orders.Orders/Nope", "application/json").await;
        assert!(status == 404 && body.contains("route.unknown"), "{status} {body}");
        let (status, _, body, _) = unary(&requests, "/orders.Orders/Get", "application/json").await;
        assert!(
            status == 415 && body.contains("contract.body.media_type"),
            "{status} {body}"
        );
    });
    assert!(service.seen.lock().unwrap().is_empty());
    assert!(gate.metric(&["portcullis_refusals_total", "route.unknown"]) > 1.0);
    let alone = Setup::new(ORDERS, "127.0.0.1:1".parse().unwrap())
        .listening("{address: '127.0.0.1:0', h2c: true}")
        .start();
    over_h2c(alone.address, async |requests| {
        let (status, early, _, _) = unary(&requests, "/orders.Orders/Get", "application/grpc").await;
        assert_eq!((status, early.as_str()), (200, "14"));
    });
}

#[test]
fn callers_of_http_1_1_share_the_upstreams_connection() {
    let service = Service::start();
    let gate = service.gate();
    assert_eq!(gate.get("/things").text(), THING);
    let address = gate.address;
    let callers: Vec<_> = (0..8)
        .map(|_| {
            std::thread::spawn(move || {
                let mut client = crate::wire::Client::connect(address);
                for _ in 0..20 {
                    let answer = client.send("GET", "/things", &[], b"");
                    assert_eq!((answer.status, answer.text().as_str()), (200, THING));
                }
            })
        })
        .collect();
    callers.into_iter().for_each(|caller| caller.join().unwrap());
    assert_eq!(service.connections.load(Ordering::Acquire), 1);
    assert!(gate.metric(&["portcullis_upstream_connections_open"]) < 2.0);
    let grpc = [("Content-Type", "application/grpc")];
    let answer = gate
        .client()
        .send("POST", "/orders.Orders/Get", &grpc, b"\0\0\0\0\x02hi");
    assert_eq!(
        (answer.status, answer.text().as_str(), answer.complete),
        (200, "\0\0\0\0\x02hi", true)
    );
}

#[test]
fn http_5_a_caller_that_uploads_slowly_is_not_its_endpoints_fault() {
    let service = Service::start();
    let written = format!("{{url: 'http://{}', http2: true, {TOUCHY}}}", service.address);
    let gate = Setup::new(ORDERS, service.address)
        .upstream(&written)
        .with_api("policy: {timeouts: {total_seconds_max: 0.5}}")
        .start();
    for _ in 0..2 {
        upload_slowly(&gate, "/uploads").is_refused(408, "http.timeout");
    }
    nobody_is_blamed(&gate);
    let bytes = [("Content-Type", "application/octet-stream")];
    assert_eq!(gate.client().send("POST", "/uploads", &bytes, b"all").status, 200);
}

#[test]
fn the_methods_of_a_service_are_covered_as_not_judged() {
    let directory = Setup::new(ORDERS, "127.0.0.1:1".parse().unwrap()).written();
    let told = run(&directory.0, &["coverage", "-c", "gate.yaml"]);
    let told = String::from_utf8(told.stdout).unwrap();
    let judged = told.lines().filter(|line| line.contains("application/grpc"));
    let states: Vec<_> = judged.map(|line| line.contains("not judged")).collect();
    assert_eq!(states, [true; 6], "{told}");
}
