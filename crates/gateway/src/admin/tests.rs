//! The admin surface over real sockets.

use super::*;
use crate::limit::memory::MemoryStore;
use crate::metrics::Setup;
use std::io::{Read, Write};
use std::net::TcpStream as Socket;
use std::num::NonZeroUsize;

fn start() -> (Admin, Arc<Readiness>) {
    let readiness = Arc::new(Readiness::default());
    let listener = Admin::listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let admin = Admin::serve(
        listener,
        AddressList::default(),
        registry(),
        Arc::clone(&readiness),
        Arc::default(),
    );
    (admin.unwrap(), readiness)
}

fn registry() -> Arc<Registry> {
    let limits = Arc::new(MemoryStore::new(1));
    Arc::new(Registry::new(Setup {
        workers: NonZeroUsize::MIN,
        codes: Vec::new(),
        version: "1.2.3",
        limits,
    }))
}

fn connect(admin: &Admin) -> Socket {
    let socket = Socket::connect(admin.address()).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    socket
}

fn ask(admin: &Admin, request: &str) -> String {
    let mut socket = connect(admin);
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn answers_what_it_has_and_nothing_else() {
    let (admin, _) = start();
    let check = |request: &str, status: u16, has: &str| {
        let answer = ask(&admin, &format!("{request}\r\n\r\n"));
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request}: {answer}"
        );
        assert!(answer.contains(has), "{request}: {answer}");
    };
    let host = "HTTP/1.1\r\nHost: localhost:9901";
    check(
        &format!("GET /metrics {host}"),
        200,
        "\nportcullis_build_info{version=\"1.2.3\"} 1\n",
    );
    check(
        &format!("GET /metrics {host}"),
        200,
        "content-type: application/openmetrics-text; version=1.0.0",
    );
    check(&format!("GET /metrics?x=1 {host}"), 200, "# EOF\n");
    check(&format!("GET /healthz {host}"), 200, "\r\n\r\nok\n");
    check(
        &format!("POST /metrics {host}\r\nContent-Length: 0"),
        405,
        "allow: GET, HEAD\r\n",
    );
    check(&format!("GET / {host}"), 404, "");
    check(&format!("GET /metrics/ {host}"), 404, "");
    check(&format!("DELETE /nothing {host}"), 404, "");
    check("GET /metrics HTTP/1.1\r\nHost: evil.example", 421, "");
    check("GET /metrics HTTP/1.1", 421, "");
    let head = ask(&admin, &format!("HEAD /healthz {host}\r\n\r\n"));
    assert!(
        head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
}

#[test]
fn is_ready_between_loading_and_draining() {
    let (admin, readiness) = start();
    let check = |status: u16, says: &str| {
        let answer = ask(&admin, "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.ends_with(says),
            "{answer}"
        );
    };
    check(503, "no configuration is loaded yet\n");
    readiness.set(Ready::Serving);
    check(200, "ok\n");
    readiness.set(Ready::Draining);
    check(503, "draining\n");
}

#[test]
fn an_address_that_is_taken_is_told() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let busy = Admin::listen(holder.local_addr().unwrap());
    assert!(matches!(busy, Err(AdminError::Listen { .. })));
}

/// The threat: clients that send nothing, or read nothing, hold every connection.
#[test]
fn http_5_stuck_scrapers_are_let_go() {
    let (admin, _) = start();
    let stuck: Vec<_> = (0..CONNECTIONS_MAX)
        .map(|number| {
            let mut socket = connect(&admin);
            socket
                .write_all(if number % 2 == 0 {
                    b"GET /metrics HTTP/1.1\r\nHost: loc"
                } else {
                    b""
                })
                .unwrap();
            socket
        })
        .collect();
    let start = std::time::Instant::now();
    let answer = ask(&admin, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(
        start.elapsed() < Duration::from_secs(CONNECTION_SECONDS_MAX + 2),
        "{:?}",
        start.elapsed()
    );
    drop(stuck);
}

#[test]
fn expositions_in_memory_are_bounded() {
    let answerer = Answerer::new(registry(), Arc::default(), Arc::default());
    let request = || {
        http::Request::get("/metrics")
            .header("host", "localhost")
            .body(())
            .unwrap()
    };
    let mut held: Vec<_> = (0..SCRAPES_MAX).map(|_| answerer.answer(&request())).collect();
    let status = || answerer.answer(&request()).0.status().as_u16();
    assert!(
        held.iter()
            .all(|(answer, scrape)| answer.status() == 200 && scrape.is_some())
    );
    assert_eq!(status(), 503);
    held.pop();
    assert_eq!(status(), 200);
}

#[test]
fn only_permitted_addresses_are_answered() {
    let (admin, _) = start();
    let healthy = || {
        let mut socket = connect(&admin);
        // A connection that is closed at once may be gone before anything is written.
        let _ = socket.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let mut answer = String::new();
        let _ = socket.read_to_string(&mut answer);
        answer.starts_with("HTTP/1.1 200 ")
    };
    let denying = |network: &str| AddressList::new(None, [network.parse().unwrap()].into_iter().collect());
    assert!(healthy());
    admin.permit(denying("127.0.0.0/8"));
    assert!(!healthy());
    admin.permit(denying("192.0.2.0/24"));
    assert!(healthy());
}

#[test]
fn stops_when_dropped() {
    let (admin, _) = start();
    let (address, idle) = (admin.address(), connect(&admin));
    drop(admin);
    assert!(Socket::connect(address).is_err());
    drop(idle);
}
