//! A fresh Natter with its link preview service, and a client that sends what it is told to send.

use axum::http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use natter::{Exploit, LinkPreview, LinkPreviewOptions, Natter, Options, Running};
use serde_json::Value;
use std::net::SocketAddr;

pub(crate) struct Stage {
    pub(crate) natter: Running,
    pub(crate) preview: Running,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Stage {
    pub(crate) async fn set() -> Self {
        let preview = LinkPreview::start(LinkPreviewOptions::on_loopback().unwrap())
            .await
            .unwrap();
        let mut options = Options::on_loopback().unwrap();
        options.link_preview = Some(preview.address);
        Self {
            natter: Natter::start(options).await.unwrap(),
            preview,
        }
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.send("GET", target, &[], "").await
    }

    pub(crate) async fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let headers = headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect::<Vec<_>>();
        collected(send(self.natter.address, method, target, &headers, body.as_bytes()).await).await
    }

    pub(crate) async fn fire(&self, exploit: &Exploit) -> Answer {
        let mut last = None;
        for _ in 0..exploit.times {
            let sent = send(
                self.natter.address,
                exploit.method,
                &exploit.target,
                &exploit.headers,
                &exploit.body,
            );
            last = Some(collected(sent.await).await);
        }
        last.expect("an exploit is fired at least once")
    }
}

pub(crate) async fn send(
    to: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, String)],
    body: &[u8],
) -> axum::http::Response<Incoming> {
    let stream = tokio::net::TcpStream::connect(to).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(target);
    if headers.iter().all(|(name, _)| *name != "host") {
        request = request.header("host", to.to_string());
    }
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    sender
        .send_request(request.body(Full::new(Bytes::copy_from_slice(body))).unwrap())
        .await
        .unwrap()
}

/// The whole answer; of an event stream, which has no end, what comes until there is an event.
async fn collected(response: axum::http::Response<Incoming>) -> Answer {
    let (parts, mut body) = response.into_parts();
    let is_stream = parts
        .headers
        .get("content-type")
        .is_some_and(|kind| kind == "text/event-stream");
    let mut collected = Vec::new();
    while let Some(frame) = body.frame().await {
        collected.extend(frame.unwrap().into_data().unwrap_or_default());
        if is_stream && String::from_utf8_lossy(&collected).contains("data:") {
            break;
        }
    }
    let body = collected;
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body,
    }
}
