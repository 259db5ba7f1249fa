//! The listener as a client meets it: raw bytes over real sockets, against a handler that says what it was given.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt, Full};

use super::*;

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// Answers `METHOD target client body`; `/early` answers without reading the body, `/slow` after 200 ms, `/large` with 8 MiB,
/// `/panic` not at all.
struct Echo {
    served: Arc<AtomicUsize>,
    refused: Arc<AtomicUsize>,
}

impl Serve for Echo {
    type Body = Full<Bytes>;

    async fn serve(self: Rc<Self>, received: Received) -> Response<Full<Bytes>> {
        self.served.fetch_add(1, Ordering::SeqCst);
        let id = *received.arrival().id();
        let said = format!(
            "{} {} {}",
            received.method(),
            received.target(),
            received.arrival().client().address
        );
        let path = received.path().to_owned();
        let (head, body) = received.into_parts();
        match path.as_str() {
            "/early" => return Response::new(Full::from("early")),
            "/slow" => tokio::time::sleep(200 * MILLISECOND).await,
            "/large" => return Response::new(Full::from(vec![b'x'; 8 << 20])),
            "/panic" => panic!("asked to"),
            _ => {}
        }
        match body.collect().await {
            Ok(body) => Response::new(Full::from([said.as_bytes(), b" ", &body.to_bytes()].concat())),
            Err(_) => head.arrival.body().refusal().response(&id).map(Full::new),
        }
    }

    fn refused(&self, _: &Refusal, _: &RequestId, _: std::net::SocketAddr) {
        self.refused.fetch_add(1, Ordering::SeqCst);
    }
}

struct Gate {
    workers: Option<Workers>,
    served: Arc<AtomicUsize>,
    refused: Arc<AtomicUsize>,
}

impl Gate {
    fn start(settings: Settings) -> Self {
        let (served, refused) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let sockets = Sockets::bind(&["127.0.0.1:0".parse().unwrap()], NonZeroUsize::MIN).unwrap();
        let (told, counted) = (Arc::clone(&served), Arc::clone(&refused));
        let make = move |_| {
            Ok(Echo {
                served: Arc::clone(&told),
                refused: Arc::clone(&counted),
            })
        };
        Self {
            workers: Some(Workers::start(sockets, settings, make).unwrap()),
            served,
            refused,
        }
    }

    fn connect(&self) -> TcpStream {
        let socket = TcpStream::connect(self.workers.as_ref().unwrap().addresses()[0]).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        socket
    }

    fn served(&self) -> usize {
        self.served.load(Ordering::SeqCst)
    }

    /// Sends bytes and reads until the gate ends the connection.
    fn exchange(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut socket = self.connect();
        socket.write_all(bytes.as_ref()).unwrap();
        read_to_end(&mut socket)
    }

    fn drain(&mut self) -> Drained {
        let workers = self.workers.take().unwrap();
        workers.drain();
        workers.join().unwrap()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        if let Some(workers) = self.workers.take() {
            workers.drain();
            let _ = workers.join();
        }
    }
}

fn read_to_end(socket: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

/// Reads exactly one response with a content length and gives back its status and body.
fn read_one(socket: &mut TcpStream) -> (u16, String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head
        .split("content-length: ")
        .nth(1)
        .map_or(0, |rest| rest.lines().next().unwrap().parse().unwrap());
    let mut body = vec![0; length];
    socket.read_exact(&mut body).unwrap();
    (
        head.get(9..12).unwrap().parse().unwrap(),
        String::from_utf8(body).unwrap(),
    )
}

fn post(headers: &str, body: &str) -> String {
    format!("POST /a HTTP/1.1\r\nHost: a\r\n{headers}\r\n{body}")
}

/// Each of the heads is refused before any handler sees it, with this status and code, and the connection is closed.
fn check_refused(requests: &[String], status: u16, code: &str) {
    let gate = Gate::start(Settings::default());
    for request in requests {
        let answer = gate.exchange(request);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request:?} gave {answer:?}"
        );
        assert!(
            answer.contains(&format!("\"code\":\"{code}\"")),
            "{request:?} gave {answer:?}"
        );
        assert!(answer.contains("connection: close"), "{answer:?}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer:?}");
    }
    assert_eq!(gate.served(), 0);
    assert_eq!(gate.refused.load(Ordering::SeqCst), requests.len());
}

const SMUGGLED: &str = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn http_1_content_length_with_transfer_encoding() {
    let both = [
        post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", SMUGGLED),
        post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", SMUGGLED),
        post("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", SMUGGLED),
    ];
    check_refused(&both, 400, "http.malformed");
}

#[test]
fn http_1_two_content_lengths() {
    let two = [
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 0\r\nContent-Length: 5\r\n",
        "Content-Length: 5, 5\r\n",
    ];
    check_refused(&two.map(|headers| post(headers, SMUGGLED)), 400, "http.malformed");
}

#[test]
fn http_1_content_length_that_is_no_number() {
    let bad = ["+5", "-1", "0x5", "5 ", "5\t", "99999999999999999999", "", "5a"]
        .map(|value| format!("Content-Length:{value}\t\r\n"));
    check_refused(&bad.map(|headers| post(&headers, "")), 400, "http.malformed");
}

#[test]
fn http_1_obfuscated_transfer_encoding() {
    let values = [
        "xchunked",
        "chunked, identity",
        "identity",
        "\tchunked",
        "chunked, chunked",
        "gzip, chunked",
        "'chunked'",
        "chunked\u{b}",
    ];
    check_refused(
        &values.map(|value| post(&format!("Transfer-Encoding: {value}\r\n"), SMUGGLED)),
        400,
        "http.malformed",
    );
    let lines = [
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
        " Transfer-Encoding: chunked\r\n",
        "Transfer_Encoding: chunked\r\n",
    ];
    check_refused(&lines.map(|line| post(line, SMUGGLED)), 400, "http.malformed");
}

#[test]
fn http_1_bare_line_endings_and_control_characters() {
    let bad = [
        "X: a\nY: b\r\n",
        "X: a\rY: b\r\n",
        "X: a\0\r\n",
        "X: a\u{7f}\r\n",
        "X\0: a\r\n",
        "X\r\n",
        ": a\r\n",
    ];
    check_refused(&bad.map(|line| post(line, "")), 400, "http.malformed");
    check_refused(&["GET / HTTP/1.1\nHost: a\n\n".to_owned()], 400, "http.malformed");
}

#[test]
fn http_1_request_lines() {
    let bad = [
        "GET  / HTTP/1.1",
        "GET / x HTTP/1.1",
        "GET /\t HTTP/1.1",
        "GET /#a HTTP/1.1",
        "GET /é HTTP/1.1",
        "\r\n\r\nGET / HTTP/1.1",
        "G@T / HTTP/1.1",
        "GET /",
    ];
    check_refused(
        &bad.map(|line| format!("{line}\r\nHost: a\r\n\r\n")),
        400,
        "http.malformed",
    );
    let versions = [
        "GET / HTTP/1.0",
        "GET / HTTP/0.9",
        "GET / HTTP/1.2",
        "GET / HTTP/2.0",
        "PRI * HTTP/2.0",
    ];
    check_refused(
        &versions.map(|line| format!("{line}\r\nHost: a\r\n\r\n")),
        505,
        "http.version",
    );
}

#[test]
fn http_1_bad_chunks_are_refused_and_end_the_connection() {
    let gate = Gate::start(Settings::default());
    for body in [
        "5;x\r\nhello\r\n0\r\n\r\n",
        "5\r\nhelloX\r\n",
        "5\nhello\r\n",
        "fffffffff\r\n",
        "0\r\nX: y\r\n\r\n",
        "+5\r\nhello\r\n",
        "5\r\nhello\r\n\r\n",
    ] {
        let answer = gate.exchange(post("Transfer-Encoding: chunked\r\n", body));
        assert!(answer.starts_with("HTTP/1.1 400 "), "{body:?} gave {answer:?}");
        assert!(
            answer.contains("http.malformed") && answer.contains("connection: close"),
            "{answer:?}"
        );
    }
}

#[test]
fn http_1_pipelined_requests_are_answered_before_the_malformed_one() {
    let gate = Gate::start(Settings::default());
    let good = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let answer = gate.exchange(format!(
        "{good}GET /3 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\nGET /4 HTTP/1.1\r\nHost: a\r\n\r\n"
    ));
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 2, "{answer}");
    assert!(answer.contains("POST /2 127.0.0.1 abc"), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 400").count(), 1, "{answer}");
    assert_eq!(gate.served(), 2);
}

#[test]
fn http_1_a_refusal_follows_an_upgrade_that_was_not_taken() {
    let gate = Gate::start(Settings::default());
    let upgrade = "GET /1 HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    let answer = gate.exchange(format!("{upgrade}GET /\r\n\r\n"));
    assert!(
        answer.contains("HTTP/1.1 200") && answer.contains("http.malformed"),
        "{answer}"
    );
}

#[test]
fn http_1_an_unread_body_is_never_the_next_request() {
    let gate = Gate::start(Settings::default());
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for headers in ["Content-Length: 70000\r\n", "Transfer-Encoding: chunked\r\n"] {
        let mut socket = gate.connect();
        let head = format!("POST /early HTTP/1.1\r\nHost: a\r\n{headers}\r\n");
        socket.write_all(head.as_bytes()).unwrap();
        let answer = read_to_end(&mut socket);
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"),
            "{answer:?}"
        );
        // Whether this arrives or not, it is not answered.
        let _ = socket.write_all(smuggled.as_bytes());
        let mut rest = Vec::new();
        let _ = socket.read_to_end(&mut rest);
        assert_eq!(String::from_utf8_lossy(&rest), "");
    }
    assert_eq!(gate.served(), 2);
}

#[test]
fn http_1_a_body_that_arrived_whole_keeps_the_connection() {
    let gate = Gate::start(Settings::default());
    let mut socket = gate.connect();
    for _ in 0..3 {
        socket
            .write_all(b"POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nGET ")
            .unwrap();
        assert_eq!(read_one(&mut socket), (200, "early".to_owned()));
        socket.write_all(b"GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        assert_eq!(
            read_one(&mut socket).0,
            400,
            "a refusal with nothing left unread keeps it too"
        );
    }
}

#[test]
fn http_1_byte_by_byte_is_the_same_request() {
    let gate = Gate::start(Settings::default());
    let mut socket = gate.connect();
    socket.set_nodelay(true).unwrap();
    for byte in post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").bytes() {
        socket.write_all(&[byte]).unwrap();
    }
    assert_eq!(read_one(&mut socket), (200, "POST /a 127.0.0.1 abcde".to_owned()));
    for _ in 0..2 {
        socket.write_all(b"GET /b?c=%20 HTTP/1.1\r\nHo").unwrap();
        std::thread::sleep(5 * MILLISECOND);
        socket.write_all(b"st: a\r\n\r\n").unwrap();
        assert_eq!(read_one(&mut socket), (200, "GET /b?c=%20 127.0.0.1 ".to_owned()));
    }
}

#[test]
fn http_1_expect_100_continue_works() {
    let gate = Gate::start(Settings::default());
    let mut socket = gate.connect();
    socket
        .write_all(post("Content-Length: 3\r\nExpect: 100-continue\r\n", "").as_bytes())
        .unwrap();
    assert_eq!(read_one(&mut socket), (100, String::new()));
    socket.write_all(b"abc").unwrap();
    assert_eq!(read_one(&mut socket), (200, "POST /a 127.0.0.1 abc".to_owned()));
}

#[test]
fn http_1_half_closed_clients_are_answered() {
    let gate = Gate::start(Settings::default());
    for (request, expected) in [
        ("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), "HTTP/1.1 200"),
        (post("Content-Length: 5\r\n", "abc"), "HTTP/1.1 400"),
        ("GET / HTTP/1.1\r\nHos".to_owned(), "HTTP/1.1 400"),
    ] {
        let mut socket = gate.connect();
        socket.write_all(request.as_bytes()).unwrap();
        socket.shutdown(Shutdown::Write).unwrap();
        let answer = read_to_end(&mut socket);
        assert!(answer.starts_with(expected), "{request:?} gave {answer:?}");
    }
}

#[test]
fn http_2_host_and_authority() {
    let bad = [
        "Host: a\r\nHost: a\r\n",
        "X: a\r\n",
        "Host:\r\n",
        "Host: u@a\r\n",
        "Host: a/b\r\n",
        "Host: a:99999\r\n",
        "Host: a b\r\n",
    ];
    check_refused(
        &bad.map(|host| format!("GET / HTTP/1.1\r\n{host}\r\n")),
        400,
        "http.malformed",
    );
    let targets = ["http://b/", "*", "a:80", "http://a@b/", "/`"]
        .map(|target| format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
    check_refused(&targets, 400, "http.malformed");
}

#[test]
fn http_3_paths_that_are_not_canonical() {
    let gate = Gate::start(Settings::default());
    for path in [
        "/a/../b",
        "/%2e%2e/",
        "/a%2fb",
        "/a%5cb",
        "/a//b",
        "//a",
        "/a/..;x=y",
        "/%00",
        "/%c0%af",
        "/%252e",
        "/a.",
        "/%zz",
        "/a\\b",
    ] {
        let answer = gate.exchange(format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
        assert!(
            answer.starts_with("HTTP/1.1 400 ") && answer.contains("http.path"),
            "{path} gave {answer:?}"
        );
        assert!(!answer.contains(path), "the refusal echoes {path}");
    }
    assert_eq!(gate.served(), 0);
}

#[test]
fn http_3_what_was_judged_is_handed_over_byte_for_byte() {
    let gate = Gate::start(Settings::default());
    for target in ["/caf%c3%A9/x?y=%2e%2f&z=a+b", "/?", "/a/"] {
        let answer = gate.exchange(format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
        assert!(answer.ends_with(&format!("GET {target} 127.0.0.1 ")), "{answer}");
        let answer = gate.exchange(format!(
            "GET http://a{target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        ));
        assert!(answer.ends_with(&format!("GET {target} 127.0.0.1 ")), "{answer}");
    }
}

fn hasty() -> Settings {
    let deadlines = Deadlines {
        head_time_max: 150 * MILLISECOND,
        idle_time_max: 300 * MILLISECOND,
        body_pause_time_max: 150 * MILLISECOND,
        body_time_max: 400 * MILLISECOND,
        write_pause_time_max: 200 * MILLISECOND,
        linger_time_max: 100 * MILLISECOND,
        age_time_max: None,
    };
    Settings {
        deadlines,
        ..Settings::default()
    }
}

#[test]
fn http_5_a_slow_head_is_refused_in_time() {
    let gate = Gate::start(hasty());
    let mut socket = gate.connect();
    let begun = Instant::now();
    for byte in b"GET / HTTP/1.1\r\n" {
        if socket.write_all(&[*byte]).is_err() {
            break;
        }
        std::thread::sleep(20 * MILLISECOND);
    }
    let answer = read_to_end(&mut socket);
    assert!(
        answer.starts_with("HTTP/1.1 408 ") && answer.contains("http.timeout"),
        "{answer:?}"
    );
    assert!(begun.elapsed() < 2_000 * MILLISECOND);
    let mut other = gate.connect();
    other.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(read_one(&mut other).0, 200, "others are served");
}

#[test]
fn http_5_a_second_slow_head_is_refused_too() {
    let gate = Gate::start(hasty());
    let mut socket = gate.connect();
    socket.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HT").unwrap();
    assert_eq!(read_one(&mut socket).0, 200);
    assert!(read_to_end(&mut socket).starts_with("HTTP/1.1 408 "));
}

#[test]
fn a_connection_that_rests_goes_on_where_it_was() {
    let mut gate = Gate::start(Settings {
        deadlines: Deadlines {
            idle_time_max: 3 * SECOND,
            ..Deadlines::default()
        },
        ..Settings::default()
    });
    let rest = deadline::REST_AFTER + 300 * MILLISECOND;
    let request = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut socket = gate.connect();
    for pieces in [
        vec![request],
        vec![request],
        vec!["GET /a HT", "TP/1.1\r\nHost: a\r\n\r\n"],
    ] {
        for piece in pieces {
            socket.write_all(piece.as_bytes()).unwrap();
            std::thread::sleep(50 * MILLISECOND);
        }
        assert_eq!(read_one(&mut socket).0, 200);
        std::thread::sleep(rest);
    }
    // What is malformed after a rest is told as ever.
    socket.write_all(b"GET /a\r\n\r\n").unwrap();
    assert!(read_to_end(&mut socket).starts_with("HTTP/1.1 400 "));
    // The rest does not buy time: the connection ends when it has been idle for long enough.
    let mut socket = gate.connect();
    socket.write_all(request.as_bytes()).unwrap();
    assert_eq!(read_one(&mut socket).0, 200);
    let start = Instant::now();
    assert_eq!(read_to_end(&mut socket), "");
    let took = start.elapsed();
    assert!(took > 2 * SECOND && took < 5 * SECOND, "{took:?}");
    // A gate that stops does not wait for one that rests.
    let mut socket = gate.connect();
    socket.write_all(request.as_bytes()).unwrap();
    assert_eq!(read_one(&mut socket).0, 200);
    std::thread::sleep(rest);
    let start = Instant::now();
    assert_eq!(gate.drain().connections_cut, 0);
    assert!(start.elapsed() < SECOND, "{:?}", start.elapsed());
    assert_eq!(read_to_end(&mut socket), "");
    assert_eq!(gate.served(), 5);
}

#[test]
fn http_5_silence_is_ended_without_a_word() {
    let gate = Gate::start(hasty());
    assert_eq!(gate.exchange(""), "");
    let mut socket = gate.connect();
    socket.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(read_one(&mut socket).0, 200);
    assert_eq!(read_to_end(&mut socket), "");
}

#[test]
fn http_5_a_slow_body_is_refused_in_time() {
    let gate = Gate::start(hasty());
    let stalled = gate.exchange(post("Content-Length: 5\r\n", "ab"));
    assert!(
        stalled.starts_with("HTTP/1.1 408 ") && stalled.contains("http.timeout"),
        "{stalled:?}"
    );
    let mut socket = gate.connect();
    socket
        .write_all(post("Content-Length: 500\r\n", "").as_bytes())
        .unwrap();
    let begun = Instant::now();
    for _ in 0..100 {
        if socket.write_all(b"x").is_err() || begun.elapsed() > 700 * MILLISECOND {
            break;
        }
        std::thread::sleep(30 * MILLISECOND);
    }
    let mut answer = [0; 12];
    socket.read_exact(&mut answer).unwrap();
    assert_eq!(
        &answer, b"HTTP/1.1 408",
        "a drop now and then does not buy time for ever"
    );
}

#[test]
fn http_5_the_handlers_own_time_is_not_the_clients() {
    let gate = Gate::start(hasty());
    let answer = gate.exchange("GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer:?}");
}

#[test]
fn http_5_a_reader_that_does_not_read_is_cut() {
    let mut gate = Gate::start(hasty());
    let mut socket = gate.connect();
    socket.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    std::thread::sleep(700 * MILLISECOND);
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer);
    assert!(answer.len() < 8 << 20, "{}", answer.len());
    assert_eq!(gate.drain().connections_cut, 0);
}

#[test]
fn http_5_endless_heads_are_refused() {
    let long_line = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(9_000));
    check_refused(&[long_line, "A".repeat(100_000)], 414, "http.uri_too_long");
    let long_header = post(&format!("X: {}\r\n", "a".repeat(200_000)), "");
    check_refused(
        &[long_header, post(&"X: y\r\n".repeat(101), "")],
        431,
        "http.head_too_large",
    );
    let gate = Gate::start(Settings::default());
    let mut socket = gate.connect();
    // 100 lines with `Host`, close to 32 KiB: the largest head there is comes through.
    let most = post(&format!("X: {}\r\n", "y".repeat(310)).repeat(99), "");
    socket.write_all(most.as_bytes()).unwrap();
    assert_eq!(read_one(&mut socket).0, 200);
}

#[test]
fn http_5_connections_are_bounded() {
    let gate = Gate::start(Settings {
        connections_per_address_max: 2,
        ..Settings::default()
    });
    let open: Vec<TcpStream> = (0..2)
        .map(|_| {
            let mut socket = gate.connect();
            socket.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
            assert_eq!(read_one(&mut socket).0, 200);
            socket
        })
        .collect();
    let mut third = gate.connect();
    assert_eq!(read_one(&mut third).0, 503);
    drop(open);
    std::thread::sleep(100 * MILLISECOND);
    let mut fourth = gate.connect();
    fourth.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(read_one(&mut fourth).0, 200);
}

#[test]
fn http_5_an_old_connection_takes_no_further_request() {
    let deadlines = Deadlines {
        age_time_max: Some(200 * MILLISECOND),
        idle_time_max: 100 * MILLISECOND,
        ..hasty().deadlines
    };
    let gate = Gate::start(Settings {
        deadlines,
        ..Settings::default()
    });
    let mut socket = gate.connect();
    let begun = Instant::now();
    let mut answered = 0;
    while begun.elapsed() < 2_000 * MILLISECOND {
        let sent = socket.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut byte = [0; 512];
        if sent.is_err() || !matches!(socket.read(&mut byte), Ok(1..)) {
            break;
        }
        answered += 1;
        std::thread::sleep(20 * MILLISECOND);
    }
    assert!(
        answered > 2 && begun.elapsed() < 1_000 * MILLISECOND,
        "{answered} in {:?}",
        begun.elapsed()
    );
}

#[test]
fn http_5_an_old_connection_ends_while_it_rests() {
    let old = deadline::REST_AFTER + SECOND;
    let gate = Gate::start(Settings {
        deadlines: Deadlines {
            age_time_max: Some(old),
            ..Deadlines::default()
        },
        ..Settings::default()
    });
    let begun = Instant::now();
    let mut socket = gate.connect();
    socket.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(read_one(&mut socket).0, 200);
    assert_eq!(read_to_end(&mut socket), "");
    let took = begun.elapsed();
    assert!(took > old - 100 * MILLISECOND && took < old + SECOND, "{took:?}");
}

#[test]
fn http_6_forwarded_headers_count_only_from_trusted_peers() {
    let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Forwarded-For: 198.51.100.1, 192.0.2.7\r\n\r\n";
    let gate = Gate::start(Settings::default());
    assert!(gate.exchange(request).ends_with("GET / 127.0.0.1 "));
    let trusted = TrustedProxies::new(vec!["127.0.0.0/8".parse().unwrap()], ClientHeader::XForwardedFor);
    let gate = Gate::start(Settings {
        trusted,
        ..Settings::default()
    });
    assert!(gate.exchange(request).ends_with("GET / 192.0.2.7 "));
    assert!(
        gate.exchange(format!("PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n{request}"))
            .starts_with("HTTP/1.1 400")
    );
}

#[test]
fn a_panic_is_answered_and_others_are_served() {
    let gate = Gate::start(Settings::default());
    let answer = gate.exchange("GET /panic HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(
        answer.starts_with("HTTP/1.1 500 ") && answer.contains("gateway.internal"),
        "{answer:?}"
    );
    assert!(
        gate.exchange("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            .starts_with("HTTP/1.1 200")
    );
}

#[test]
fn draining_answers_what_was_taken_and_closes_what_is_idle() {
    let mut gate = Gate::start(Settings::default());
    let mut idle = gate.connect();
    idle.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(read_one(&mut idle).0, 200);
    let silent = gate.connect();
    let mut busy = gate.connect();
    busy.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut halfway = gate.connect();
    halfway.write_all(b"GET / HTTP/1.1\r\nHo").unwrap();
    std::thread::sleep(50 * MILLISECOND);
    let workers = gate.workers.take().unwrap();
    let address = workers.addresses()[0];
    workers.drain();
    std::thread::sleep(50 * MILLISECOND);
    halfway.write_all(b"st: a\r\n\r\n").unwrap();
    let begun = Instant::now();
    assert_eq!(workers.join().unwrap().connections_cut, 0);
    assert!(begun.elapsed() < 2_000 * MILLISECOND);
    assert_eq!(read_to_end(&mut idle), "");
    for mut socket in [busy, halfway] {
        let answer = read_to_end(&mut socket);
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"),
            "{answer:?}"
        );
    }
    drop(silent);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn draining_cuts_what_is_late() {
    let mut gate = Gate::start(Settings {
        drain_time_max: 100 * MILLISECOND,
        ..Settings::default()
    });
    let mut socket = gate.connect();
    socket
        .write_all(post("Content-Length: 5\r\n", "ab").as_bytes())
        .unwrap();
    std::thread::sleep(50 * MILLISECOND);
    assert_eq!(gate.drain().connections_cut, 1);
}

#[test]
fn an_address_in_use_is_an_error() {
    let gate = Gate::start(Settings::default());
    let address = gate.workers.as_ref().unwrap().addresses()[0];
    let error = Sockets::bind(&[address], NonZeroUsize::MIN).unwrap_err();
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    let two = NonZeroUsize::new(2).unwrap();
    let sockets = Sockets::bind(&["127.0.0.1:0".parse().unwrap()], two).unwrap();
    assert_eq!(sockets.addresses().len(), 1);
    assert_ne!(sockets.addresses()[0].port(), 0);
}
