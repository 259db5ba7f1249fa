//! Bodies on their way, in both directions: whole, streamed, slow, and over their bounds.

use super::*;

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
