//! The pool against upstreams that are written by hand, byte by byte, on real sockets.

mod bodies;
mod pool;
mod refusals;

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
