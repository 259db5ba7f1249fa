//! Who may use which connection, for how long, and who waits.

use super::*;

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
