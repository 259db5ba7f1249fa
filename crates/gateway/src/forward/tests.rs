//! The pool against upstreams that are written by hand, byte by byte, on real sockets.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::spawn_local;

use super::deadline::Deadlines;
use super::testing::{ask, get, local, text};
use super::{ForwardError, Limits, Malformed, Phase, Pool, Upstream, Usage};
use crate::body::{BodyError, Bounded, Collected, RequestBody, ResponseBody, collect_bounded};
use crate::holdings::Holdings;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood";

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn limits() -> Limits {
    Limits {
        connect_time_max: ms(1000),
        head_time_max: ms(1000),
        ..Limits::default()
    }
}

/// An upstream whose n-th connection is served by `script`; returns a pool in front of it.
async fn upstream<F>(limits: Limits, script: impl Fn(usize, TcpStream) -> F + 'static) -> Rc<Pool>
where
    F: Future<Output = ()> + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    spawn_local(async move {
        for n in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            spawn_local(script(n, stream));
        }
    });
    Pool::new(Upstream::parse(&url).unwrap(), limits, Deadlines::new())
}

/// Reads one request head (and a body of known length); `None` at the end of the connection.
async fn request(stream: &mut TcpStream) -> Option<String> {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        text.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(text).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(head + std::str::from_utf8(&body).unwrap())
}

/// Answers every request on a connection with the same bytes, and stays open.
async fn always(mut stream: TcpStream, answer: impl AsRef<[u8]>) {
    while request(&mut stream).await.is_some() {
        stream.write_all(answer.as_ref()).await.unwrap();
    }
}

/// Waits until the pool is used as expected.
async fn settles(pool: &Pool, open: usize, idle: usize) {
    let start = Instant::now();
    while (pool.usage().open, pool.usage().idle) != (open, idle) {
        assert!(start.elapsed() < ms(5000), "{:?}", pool.usage());
        tokio::time::sleep(ms(5)).await;
    }
}

#[test]
fn what_the_upstream_reads() {
    local(async {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let log = Rc::clone(&seen);
        let base = upstream(limits(), move |_, mut stream| {
            let log = Rc::clone(&log);
            async move {
                while let Some(request) = request(&mut stream).await {
                    log.borrow_mut().push(request);
                    stream.write_all(OK.as_bytes()).await.unwrap();
                }
            }
        })
        .await;
        let host = base.upstream().authority().to_str().unwrap().to_owned();
        let mut lying = ask(Method::GET, RequestBody::Empty);
        lying.headers_mut().insert("content-length", "5".parse().unwrap());
        lying
            .headers_mut()
            .insert("transfer-encoding", "chunked".parse().unwrap());
        let requests = [
            get(),
            ask(Method::POST, RequestBody::Empty),
            ask(Method::POST, RequestBody::Whole(Bytes::from_static(b"hello"))),
            ask(Method::GET, RequestBody::Whole(Bytes::from_static(b"hello"))),
            lying,
        ];
        for request in requests {
            assert_eq!(text(base.send(request).await.unwrap()).await.unwrap(), "good");
        }
        let expected = [
            format!("GET /a?b=c HTTP/1.1\r\nhost: {host}\r\n\r\n"),
            format!("POST /a?b=c HTTP/1.1\r\nhost: {host}\r\ncontent-length: 0\r\n\r\n"),
            format!("POST /a?b=c HTTP/1.1\r\nhost: {host}\r\ncontent-length: 5\r\n\r\nhello"),
            format!("GET /a?b=c HTTP/1.1\r\nhost: {host}\r\ncontent-length: 5\r\n\r\nhello"),
            format!("GET /a?b=c HTTP/1.1\r\nhost: {host}\r\ncontent-length: 0\r\n\r\n"),
        ];
        assert_eq!(*seen.borrow(), expected);
        assert_eq!(
            base.usage(),
            Usage {
                open: 1,
                idle: 1,
                waiting: 0
            }
        );
        assert_eq!(
            base.send(ask(Method::CONNECT, RequestBody::Empty)).await.unwrap_err(),
            ForwardError::Unsendable
        );
        let star = Request::builder()
            .method(Method::OPTIONS)
            .uri("*")
            .body(RequestBody::Empty)
            .unwrap();
        assert_eq!(base.send(star).await.unwrap_err(), ForwardError::Unsendable);
    });
}

#[test]
fn http_8_malformed_responses_are_refused_and_the_next_client_gets_its_own() {
    let many = format!("{}{OK}", "HTTP/1.1 100 Continue\r\n\r\n".repeat(9));
    let cases: Vec<(String, Malformed)> = vec![
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".into(),
            Malformed::BothLengths,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nevil".into(),
            Malformed::ContentLength,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 9\r\n\r\nevil".into(),
            Malformed::ContentLength,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n".into(),
            Malformed::TransferEncoding,
        ),
        ("HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n".into(), Malformed::FieldLine),
        (
            "HTTP/1.1 200 OK\nContent-Length: 4\n\nevil".into(),
            Malformed::ControlByte,
        ),
        (
            "HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\n\r\n".into(),
            Malformed::ControlByte,
        ),
        ("HTTP/1.1 200 OK\r\nX: a\0\r\n\r\n".into(), Malformed::ControlByte),
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n".into(),
            Malformed::Upgrade,
        ),
        ("evil\r\n\r\n".into(), Malformed::StatusLine),
        (many, Malformed::Informational),
        (
            format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "a".repeat(70_000)),
            Malformed::HeadTooLarge,
        ),
    ];
    local(async move {
        for (answer, fault) in cases {
            let evil = answer.clone();
            let pool = upstream(limits(), move |n, stream| {
                let evil = evil.clone();
                async move { always(stream, if n == 0 { evil } else { OK.to_owned() }).await }
            })
            .await;
            let error = pool.send(get()).await.unwrap_err();
            assert_eq!(error, ForwardError::Malformed(fault), "{answer:?}");
            assert_eq!(pool.usage().open, 0, "{answer:?}");
            assert_eq!(
                text(pool.send(get()).await.unwrap()).await.unwrap(),
                "good",
                "{answer:?}"
            );
        }
    });
}

#[test]
fn http_8_bytes_that_answer_no_request_never_answer_the_next() {
    local(async {
        // With the answer, a little later, and after an answer without a body.
        for (together, answer) in [
            (true, OK),
            (false, OK),
            (true, "HTTP/1.1 204 No\r\n\r\n"),
            (true, "HTTP/1.1 304 No\r\n\r\n"),
        ] {
            let pool = upstream(limits(), move |n, mut stream| async move {
                if n > 0 {
                    return always(stream, OK).await;
                }
                request(&mut stream).await.unwrap();
                let evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
                if together {
                    stream.write_all(format!("{answer}{evil}").as_bytes()).await.unwrap();
                } else {
                    stream.write_all(answer.as_bytes()).await.unwrap();
                    tokio::time::sleep(ms(30)).await;
                    stream.write_all(evil.as_bytes()).await.unwrap();
                }
                always(stream, evil).await;
            })
            .await;
            let first = pool.send(get()).await.unwrap();
            assert_ne!(text(first).await.unwrap(), "evil");
            if !together {
                tokio::time::sleep(ms(60)).await;
            }
            // POST too: nothing of it can have been seen, so it is safe to send it elsewhere.
            let post = ask(Method::POST, RequestBody::Whole(Bytes::from_static(b"x")));
            assert_eq!(
                text(pool.send(post).await.unwrap()).await.unwrap(),
                "good",
                "{together} {answer}"
            );
        }
    });
}

#[test]
fn http_8_bytes_that_the_runtime_has_not_seen_yet_never_answer_the_next() {
    local(async {
        for answer in [
            OK,
            "HTTP/1.1 204 No\r\n\r\n",
            "HTTP/1.1 204 No\r\nContent-Length: 4\r\n\r\n",
        ] {
            let (evil_sent, sent) = std::sync::mpsc::channel();
            // An upstream with a thread of its own: what it sends arrives while this runtime does not look.
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            let upstream = std::thread::spawn(move || {
                use std::io::{Read, Write};
                let mut head = [0; 4096];
                let (mut first, _) = listener.accept().unwrap();
                let _read = first.read(&mut head).unwrap();
                first.write_all(answer.as_bytes()).unwrap();
                std::thread::sleep(ms(50));
                first
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
                    .unwrap();
                evil_sent.send(()).unwrap();
                let (mut second, _) = listener.accept().unwrap();
                let _read = second.read(&mut head).unwrap();
                second.write_all(OK.as_bytes()).unwrap();
                first
            });
            let pool = Pool::new(Upstream::parse(&url).unwrap(), limits(), Deadlines::new());
            text(pool.send(get()).await.unwrap()).await.unwrap();
            sent.recv().unwrap();
            assert_eq!(text(pool.send(get()).await.unwrap()).await.unwrap(), "good", "{answer}");
            drop(upstream.join().unwrap());
        }
    });
}

#[test]
fn http_8_a_head_request_takes_no_body() {
    local(async {
        let pool = upstream(limits(), |_, stream| {
            always(stream, "HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n")
        })
        .await;
        for _ in 0..2 {
            let response = pool.send(ask(Method::HEAD, RequestBody::Empty)).await.unwrap();
            assert_eq!(response.headers()["content-length"], "400");
            assert!(matches!(response.body(), ResponseBody::Empty));
        }
        assert_eq!(
            pool.usage(),
            Usage {
                open: 1,
                idle: 1,
                waiting: 0
            }
        );
    });
}

#[test]
fn http_8_informational_responses_are_bounded_and_pieces_are_joined() {
    local(async {
        let pool = upstream(limits(), |_, mut stream| async move {
            request(&mut stream).await.unwrap();
            let answer = format!(
                "{}HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n",
                "HTTP/1.1 103 Early\r\nLink: x\r\n\r\n".repeat(8)
            );
            for byte in answer.bytes() {
                stream.write_all(&[byte]).await.unwrap();
                tokio::task::yield_now().await;
            }
            always(stream, OK).await;
        })
        .await;
        for _ in 0..2 {
            assert_eq!(text(pool.send(get()).await.unwrap()).await.unwrap(), "good");
        }
        assert_eq!(
            pool.usage(),
            Usage {
                open: 1,
                idle: 1,
                waiting: 0
            }
        );
    });
}

#[test]
fn http_8_a_truncated_body_is_an_error() {
    local(async {
        for answer in [
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n0\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\n0\r\n\r\n",
        ] {
            let pool = upstream(limits(), move |_, mut stream| async move {
                request(&mut stream).await.unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
            })
            .await;
            assert_eq!(
                text(pool.send(get()).await.unwrap()).await,
                Err(BodyError::Broken),
                "{answer:?}"
            );
            assert_eq!(pool.usage().open, 0, "{answer:?}");
        }
        let pool = upstream(limits(), |_, mut stream| async move {
            request(&mut stream).await.unwrap();
            stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nuntil the end").await.unwrap();
        })
        .await;
        assert_eq!(text(pool.send(get()).await.unwrap()).await.unwrap(), "until the end");
        assert_eq!(pool.usage().open, 0);
    });
}

#[test]
fn http_8_an_early_response_is_passed_on_and_its_connection_closed() {
    local(async {
        for close in [true, false] {
            let pool = upstream(limits(), move |n, mut stream| async move {
                if n > 0 {
                    return always(stream, OK).await;
                }
                let mut start = [0; 100];
                stream.read_exact(&mut start).await.unwrap();
                stream
                    .write_all(b"HTTP/1.1 413 No\r\nContent-Length: 4\r\n\r\nlong")
                    .await
                    .unwrap();
                if !close {
                    tokio::time::sleep(ms(5000)).await;
                }
            })
            .await;
            let post = ask(Method::POST, RequestBody::Whole(vec![b'x'; 16 << 20].into()));
            let response = pool.send(post).await.unwrap();
            assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
            assert_eq!(text(response).await.unwrap(), "long");
            assert_eq!(pool.usage().open, 0);
            assert_eq!(text(pool.send(get()).await.unwrap()).await.unwrap(), "good");
        }
    });
}

#[test]
fn http_8_a_hanging_upstream_times_out() {
    local(async {
        let check = async |limits: Limits, start: &'static str, phase: Phase, within: u64| {
            let pool = upstream(limits, move |_, mut stream| async move {
                request(&mut stream).await.unwrap();
                for byte in start.bytes().cycle() {
                    stream.write_all(&[byte]).await.unwrap_or_default();
                    tokio::time::sleep(ms(if start == "x" { 60_000 } else { 20 })).await;
                }
                tokio::time::sleep(ms(60_000)).await;
            })
            .await;
            let began = Instant::now();
            assert_eq!(pool.send(get()).await.unwrap_err(), ForwardError::Timeout(phase));
            assert!(
                began.elapsed() >= ms(within) && began.elapsed() < ms(within + 300),
                "{:?}",
                began.elapsed()
            );
            assert_eq!(pool.usage().open, 0);
        };
        check(
            Limits {
                head_time_max: ms(200),
                ..limits()
            },
            "",
            Phase::Head,
            200,
        )
        .await;
        check(
            Limits {
                head_time_max: ms(200),
                ..limits()
            },
            "HTTP/1.1 200 OK\r\nX: aaaaaaaaaaaaaaaaaaaaaaa",
            Phase::Head,
            200,
        )
        .await;
        check(
            Limits {
                total_time_max: ms(200),
                ..limits()
            },
            "HTTP/1.1 200 OK\r\nX: aaaaaaaaaaaaaaaaaaaaaaa",
            Phase::Total,
            200,
        )
        .await;
    });
}

#[test]
fn a_whole_body_that_is_still_being_taken_is_no_slow_upstream() {
    local(async {
        let length = 32 << 20;
        let limits = Limits {
            head_time_max: ms(200),
            ..limits()
        };
        let pool = upstream(limits, move |_, mut stream| async move {
            let mut block = vec![0; 1 << 20];
            let mut left = length;
            while left > 0 {
                left -= stream.read(&mut block).await.unwrap().min(left);
                tokio::time::sleep(ms(10)).await;
            }
            stream.write_all(OK.as_bytes()).await.unwrap();
            tokio::time::sleep(ms(1000)).await;
        })
        .await;
        let began = Instant::now();
        let post = ask(Method::POST, RequestBody::Whole(vec![b'x'; length].into()));
        assert_eq!(text(pool.send(post).await.unwrap()).await.unwrap(), "good");
        assert!(began.elapsed() > ms(300), "{:?}", began.elapsed());
    });
}

#[test]
fn http_8_a_stalled_body_times_out() {
    local(async {
        for limits in [
            Limits {
                stall_time_max: ms(150),
                ..limits()
            },
            Limits {
                total_time_max: ms(150),
                ..limits()
            },
        ] {
            let pool = upstream(limits, |_, mut stream| async move {
                request(&mut stream).await.unwrap();
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort")
                    .await
                    .unwrap();
                tokio::time::sleep(ms(60_000)).await;
            })
            .await;
            let began = Instant::now();
            assert_eq!(text(pool.send(get()).await.unwrap()).await, Err(BodyError::TimedOut));
            assert!(began.elapsed() < ms(500));
            assert_eq!(pool.usage().open, 0);
        }
    });
}

#[test]
fn a_client_that_reads_slowly_is_not_an_upstream_that_stalls() {
    local(async {
        let limits = Limits {
            stall_time_max: ms(100),
            ..limits()
        };
        let body = "x".repeat(100_000);
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{body}");
        let pool = upstream(limits, move |_, stream| always(stream, answer.clone())).await;
        let mut response = pool.send(get()).await.unwrap();
        let mut read = 0;
        while let Some(frame) = response.body_mut().frame().await {
            read += frame.unwrap().data_ref().unwrap().len();
            tokio::time::sleep(ms(300)).await;
        }
        assert_eq!(read, 100_000);
    });
}

/// A server that answers its first request on a connection, and closes it on the second without a word.
async fn closes_on_second(n: usize, mut stream: TcpStream) {
    if n > 0 {
        return always(stream, OK).await;
    }
    request(&mut stream).await.unwrap();
    stream.write_all(OK.as_bytes()).await.unwrap();
    request(&mut stream).await.unwrap();
}

#[test]
fn a_stale_connection_is_retried_once_when_that_is_safe() {
    local(async {
        let whole = || RequestBody::Whole(Bytes::from_static(b"x"));
        let check = async |method: Method, body: RequestBody, retried: bool| {
            let pool = upstream(limits(), closes_on_second).await;
            assert_eq!(text(pool.send(get()).await.unwrap()).await.unwrap(), "good");
            match pool.send(ask(method.clone(), body)).await {
                Ok(response) => assert!(retried && text(response).await.unwrap() == "good", "{method}"),
                Err(error) => assert!(!retried && error == ForwardError::Closed, "{method}: {error}"),
            }
        };
        check(Method::GET, RequestBody::Empty, true).await;
        check(Method::DELETE, RequestBody::Empty, true).await;
        check(Method::PUT, whole(), true).await;
        check(Method::POST, whole(), false).await;
        check(Method::PATCH, whole(), false).await;
    });
}

#[test]
fn a_connection_that_closed_while_idle_costs_nobody_an_error() {
    local(async {
        let pool = upstream(limits(), |_, mut stream| async move {
            request(&mut stream).await.unwrap();
            stream.write_all(OK.as_bytes()).await.unwrap();
        })
        .await;
        for _ in 0..20 {
            let post = ask(Method::POST, RequestBody::Whole(Bytes::from_static(b"x")));
            assert_eq!(text(pool.send(post).await.unwrap()).await.unwrap(), "good");
            tokio::time::sleep(ms(2)).await;
        }
    });
}

#[test]
fn a_fresh_connection_that_closes_is_not_retried() {
    local(async {
        let connections = Rc::new(Cell::new(0));
        let count = Rc::clone(&connections);
        let pool = upstream(limits(), move |n, mut stream| {
            count.set(n + 1);
            async move { drop(request(&mut stream).await) }
        })
        .await;
        assert_eq!(pool.send(get()).await.unwrap_err(), ForwardError::Closed);
        assert_eq!(connections.get(), 1);
    });
}

#[test]
fn an_upstream_that_is_not_there_is_a_connect_error() {
    local(async {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let upstream = Upstream::parse(&format!("http://localhost:{}", free.port())).unwrap();
        let pool = Pool::new(upstream, limits(), Deadlines::new());
        assert!(matches!(pool.send(get()).await.unwrap_err(), ForwardError::Connect(_)));
        assert_eq!(
            pool.usage(),
            Usage {
                open: 0,
                idle: 0,
                waiting: 0
            }
        );
    });
}

#[test]
fn u18_events_pass_one_by_one() {
    local(async {
        let go_on = Rc::new(Notify::new());
        let told = Rc::clone(&go_on);
        let limits = Limits {
            stall_time_max: ms(50),
            total_time_max: ms(100),
            ..limits()
        };
        let pool = upstream(limits, move |_, mut stream| {
            let told = Rc::clone(&told);
            async move {
                request(&mut stream).await.unwrap();
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n")
                    .await
                    .unwrap();
                for n in 0..3 {
                    stream.write_all(format!("data: {n}\n\n").as_bytes()).await.unwrap();
                    // The next event is not sent before the last one was seen at the other end.
                    told.notified().await;
                }
            }
        })
        .await;
        let mut response = pool.send(get()).await.unwrap();
        for n in 0..3 {
            let frame = response.body_mut().frame().await.unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap(), format!("data: {n}\n\n"));
            // Longer than every limit of an ordinary answer.
            tokio::time::sleep(ms(200)).await;
            go_on.notify_one();
        }
        assert!(response.body_mut().frame().await.is_none());
    });
}

#[test]
fn a_dispatched_request_runs_on_without_its_client() {
    local(async {
        let answered = Rc::new(Cell::new(0));
        let count = Rc::clone(&answered);
        let pool = upstream(limits(), move |_, mut stream| {
            let count = Rc::clone(&count);
            async move {
                while request(&mut stream).await.is_some() {
                    tokio::time::sleep(ms(100)).await;
                    if stream.write_all(OK.as_bytes()).await.is_ok() {
                        count.set(count.get() + 1);
                    }
                }
            }
        })
        .await;
        for n in 1..=3 {
            assert!(tokio::time::timeout(ms(40), pool.send(get())).await.is_err());
            assert_eq!(
                pool.usage(),
                Usage {
                    open: 1,
                    idle: 0,
                    waiting: 0
                }
            );
            settles(&pool, 1, 1).await;
            assert_eq!(answered.get(), n);
        }
        assert_eq!(text(pool.send(get()).await.unwrap()).await.unwrap(), "good");
    });
}

#[test]
fn a_client_that_went_away_leaves_no_connection_behind() {
    local(async {
        let limits = Limits {
            head_time_max: ms(300),
            ..limits()
        };
        let pool = upstream(limits, |_, mut stream| async move {
            request(&mut stream).await.unwrap();
            tokio::time::sleep(ms(60_000)).await;
        })
        .await;
        assert!(tokio::time::timeout(ms(40), pool.send(get())).await.is_err());
        settles(&pool, 0, 0).await;
    });
}

#[test]
fn an_unread_answer_is_drained_if_short_and_cut_if_long() {
    local(async {
        for (length, idle) in [(60_000, 1), (70_000_000, 0)] {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
            let pool = upstream(limits(), move |_, mut stream| {
                let head = head.clone();
                async move {
                    request(&mut stream).await.unwrap();
                    stream.write_all(head.as_bytes()).await.unwrap();
                    let _cut = stream.write_all(&vec![b'x'; length]).await;
                    tokio::time::sleep(ms(60_000)).await;
                }
            })
            .await;
            drop(pool.send(get()).await.unwrap());
            settles(&pool, idle, idle).await;
        }
    });
}

#[test]
fn at_connections_max_requests_wait_in_order_and_in_number() {
    local(async {
        let limits = Limits {
            connections_max: 1,
            queue_max: 2,
            queue_time_max: ms(2000),
            ..limits()
        };
        let pool = upstream(limits, |_, mut stream| async move {
            while request(&mut stream).await.is_some() {
                tokio::time::sleep(ms(100)).await;
                stream.write_all(OK.as_bytes()).await.unwrap();
            }
        })
        .await;
        let done = Rc::new(RefCell::new(Vec::new()));
        for n in 0..4 {
            let (pool, done) = (Rc::clone(&pool), Rc::clone(&done));
            spawn_local(async move {
                let outcome = match pool.send(get()).await {
                    Ok(response) => text(response).await.unwrap(),
                    Err(error) => error.to_string(),
                };
                done.borrow_mut().push((n, outcome));
            });
        }
        tokio::time::sleep(ms(50)).await;
        assert_eq!(
            pool.usage(),
            Usage {
                open: 1,
                idle: 0,
                waiting: 2
            }
        );
        settles(&pool, 1, 1).await;
        let good = |n: usize| (n, "good".to_owned());
        assert_eq!(
            *done.borrow(),
            [(3, ForwardError::Overloaded.to_string()), good(0), good(1), good(2)]
        );
    });
}

#[test]
fn waiting_is_bounded_in_time_and_a_waiter_that_left_blocks_nobody() {
    local(async {
        let limits = Limits {
            connections_max: 1,
            queue_max: 2,
            queue_time_max: ms(150),
            ..limits()
        };
        let pool = upstream(limits, |_, mut stream| async move {
            while request(&mut stream).await.is_some() {
                tokio::time::sleep(ms(500)).await;
                stream.write_all(OK.as_bytes()).await.unwrap();
            }
        })
        .await;
        let first = {
            let pool = Rc::clone(&pool);
            spawn_local(async move { text(pool.send(get()).await.unwrap()).await })
        };
        tokio::task::yield_now().await;
        assert_eq!(pool.send(get()).await.unwrap_err(), ForwardError::Overloaded);
        for _ in 0..5 {
            assert!(tokio::time::timeout(ms(20), pool.send(get())).await.is_err());
        }
        assert_eq!(first.await.unwrap().unwrap(), "good");
        assert_eq!(text(pool.send(get()).await.unwrap()).await.unwrap(), "good");
    });
}

#[test]
fn a_permit_passes_on_when_a_connection_dies() {
    local(async {
        let limits = Limits {
            connections_max: 1,
            ..limits()
        };
        let pool = upstream(limits, |_, mut stream| async move {
            request(&mut stream).await.unwrap();
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\ngood")
                .await
                .unwrap();
        })
        .await;
        let all: Vec<_> = (0..10)
            .map(|_| {
                let pool = Rc::clone(&pool);
                spawn_local(async move { text(pool.send(get()).await.unwrap()).await.unwrap() })
            })
            .collect();
        for one in all {
            assert_eq!(one.await.unwrap(), "good");
        }
        settles(&pool, 0, 0).await;
    });
}

#[test]
fn idle_connections_are_bounded_in_number_and_time() {
    local(async {
        let limits = Limits {
            idle_max: 2,
            idle_time_max: ms(300),
            ..limits()
        };
        let pool = upstream(limits, |_, stream| always(stream, OK)).await;
        let all: Vec<_> = (0..5)
            .map(|_| {
                let pool = Rc::clone(&pool);
                spawn_local(async move { text(pool.send(get()).await.unwrap()).await.unwrap() })
            })
            .collect();
        for one in all {
            one.await.unwrap();
        }
        assert_eq!(
            pool.usage(),
            Usage {
                open: 2,
                idle: 2,
                waiting: 0
            }
        );
        settles(&pool, 0, 0).await;
    });
}

#[test]
fn http_7_hop_by_hop_fields_of_a_response_end_here() {
    local(async {
        let answer = "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nX-Hop: a\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: x\r\nX-End: b\r\nContent-Length: 4\r\n\r\ngood";
        let pool = upstream(limits(), move |_, stream| always(stream, answer)).await;
        let response = pool.send(get()).await.unwrap();
        let names: Vec<_> = response.headers().keys().map(http::HeaderName::as_str).collect();
        assert_eq!(names, ["x-end"]);
        assert_eq!(http_body::Body::size_hint(response.body()).exact(), Some(4));
    });
}

#[test]
fn u17_a_body_over_the_bound_is_handed_back_whole() {
    local(async {
        let body: String = (0..200_000_u32)
            .map(|n| char::from(b'a' + u8::try_from(n % 26).unwrap()))
            .collect();
        let length = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let chunked = format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        );
        for answer in [length, chunked] {
            let pool = upstream(limits(), move |_, stream| always(stream, answer.clone())).await;
            for (bytes_max, fits) in [
                (0, false),
                (1, false),
                (100_000, false),
                (199_999, false),
                (200_000, true),
                (1 << 20, true),
            ] {
                let ResponseBody::Streamed(streamed) = pool.send(get()).await.unwrap().into_body() else {
                    panic!()
                };
                let mut hold = Holdings::new(usize::MAX).hold();
                match collect_bounded(streamed, bytes_max, &mut hold).await.unwrap() {
                    Collected::Whole(bytes) => assert!(fits && bytes == body, "{bytes_max}"),
                    Collected::Overflow(resumed) => {
                        let all = ResponseBody::Resumed(Box::new(resumed))
                            .collect()
                            .await
                            .unwrap()
                            .to_bytes();
                        assert!(!fits && all == body, "{bytes_max}");
                    }
                }
            }
            assert_eq!(
                pool.usage(),
                Usage {
                    open: 1,
                    idle: 1,
                    waiting: 0
                }
            );
        }
    });
}

/// A gate in front of `pool` that streams request bodies of at most `bytes_max` bytes.
async fn gate(pool: Rc<Pool>, bytes_max: u64, outcomes: Rc<RefCell<Vec<String>>>) -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let service = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
        let (pool, outcomes) = (Rc::clone(&pool), Rc::clone(&outcomes));
        async move {
            let (head, body) = request.into_parts();
            let body = RequestBody::Streamed(Bounded::new(body.into(), bytes_max).map_err(|error| error.to_string())?);
            let answer = pool.send(Request::from_parts(head, body)).await;
            outcomes.borrow_mut().push(
                answer
                    .as_ref()
                    .map_or_else(ToString::to_string, |ok| ok.status().to_string()),
            );
            answer.map_err(|error| error.to_string())
        }
    });
    spawn_local(
        hyper::server::conn::http1::Builder::new().serve_connection(hyper_util::rt::TokioIo::new(stream), service),
    );
    client
}

#[test]
fn u17_uploads_are_streamed_within_their_bound() {
    local(async {
        let received = Rc::new(Cell::new(0));
        let count = Rc::clone(&received);
        let pool = upstream(limits(), move |_, mut stream| {
            let count = Rc::clone(&count);
            async move {
                let mut block = vec![0; 1 << 16];
                let mut last = Vec::new();
                while let Ok(read @ 1..) = stream.read(&mut block).await {
                    count.set(count.get() + read);
                    last = [&last[last.len().saturating_sub(5)..], &block[..read]].concat();
                    if last.ends_with(b"0\r\n\r\n") {
                        stream.write_all(OK.as_bytes()).await.unwrap();
                    }
                }
            }
        })
        .await;
        let outcomes = Rc::new(RefCell::new(Vec::new()));
        let mut client = gate(Rc::clone(&pool), 5_000_000, Rc::clone(&outcomes)).await;
        let head = "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        let chunk = format!("186a0\r\n{}\r\n", "x".repeat(100_000));
        client
            .write_all(format!("{head}{}0\r\n\r\n", chunk.repeat(50)).as_bytes())
            .await
            .unwrap();
        let mut answer = vec![0; 15];
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, b"HTTP/1.1 200 OK");
        assert!(received.get() > 5_000_000);
        settles(&pool, 1, 1).await;

        let mut client = gate(Rc::clone(&pool), 5_000_000, Rc::clone(&outcomes)).await;
        let _cut = client
            .write_all(format!("{head}{}0\r\n\r\n", chunk.repeat(51)).as_bytes())
            .await;
        settles(&pool, 0, 0).await;
        let mut client = gate(Rc::clone(&pool), 5_000_000, Rc::clone(&outcomes)).await;
        client.write_all(format!("{head}{chunk}").as_bytes()).await.unwrap();
        tokio::time::sleep(ms(50)).await;
        drop(client);
        settles(&pool, 0, 0).await;
        let too_large = ForwardError::RequestBody(BodyError::TooLarge).to_string();
        assert_eq!(outcomes.borrow()[..2], ["200 OK".to_owned(), too_large]);
    });
}

#[test]
fn a_get_with_a_body_of_unknown_length_keeps_its_body() {
    local(async {
        let seen = Rc::new(RefCell::new(String::new()));
        let log = Rc::clone(&seen);
        let pool = upstream(limits(), move |_, mut stream| {
            let log = Rc::clone(&log);
            async move {
                let mut text = String::new();
                while !text.ends_with("\r\n0\r\n\r\n") {
                    text.push(char::from(stream.read_u8().await.unwrap()));
                }
                *log.borrow_mut() = text;
                stream.write_all(OK.as_bytes()).await.unwrap();
                tokio::time::sleep(ms(1000)).await;
            }
        })
        .await;
        let mut client = gate(Rc::clone(&pool), 100, Rc::default()).await;
        client
            .write_all(b"GET /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
            .await
            .unwrap();
        let mut answer = vec![0; 15];
        client.read_exact(&mut answer).await.unwrap();
        assert!(
            seen.borrow().ends_with("\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
            "{}",
            seen.borrow()
        );
    });
}

#[test]
fn http_5_a_client_that_stops_in_its_upload_is_not_the_upstreams_fault() {
    local(async {
        let limits = Limits {
            head_time_max: ms(150),
            ..limits()
        };
        let pool = upstream(limits, |_, mut stream| async move {
            let mut all = Vec::new();
            let _cut = stream.read_to_end(&mut all).await;
        })
        .await;
        let outcomes = Rc::new(RefCell::new(Vec::new()));
        let mut client = gate(Rc::clone(&pool), 100, Rc::clone(&outcomes)).await;
        client
            .write_all(b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nshort")
            .await
            .unwrap();
        settles(&pool, 1, 0).await;
        settles(&pool, 0, 0).await;
        assert_eq!(
            *outcomes.borrow(),
            [ForwardError::RequestBody(BodyError::TimedOut).to_string()]
        );
    });
}

#[test]
fn a_closed_pool_finishes_what_it_began_and_keeps_nothing() {
    local(async {
        let pool = upstream(limits(), |_, stream| always(stream, OK)).await;
        let response = pool.send(get()).await.unwrap();
        text(pool.send(get()).await.unwrap()).await.unwrap();
        assert_eq!(
            pool.usage(),
            Usage {
                open: 2,
                idle: 1,
                waiting: 0
            }
        );
        pool.close();
        assert_eq!(
            pool.usage(),
            Usage {
                open: 1,
                idle: 0,
                waiting: 0
            }
        );
        assert_eq!(text(response).await.unwrap(), "good");
        assert_eq!(
            pool.usage(),
            Usage {
                open: 0,
                idle: 0,
                waiting: 0
            }
        );
    });
}
