//! What an upstream may not say, or not in time: it is refused, and nobody gets another's answer.

use super::*;

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
