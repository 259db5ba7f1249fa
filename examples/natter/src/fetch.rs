//! A plain HTTP/1.1 GET: how Natter calls the link preview service, and how that one follows a link.
//!
//! Weakness `server-side-request`: any host is followed, loopback and private addresses too. Time and size are
//! bounded all the same, so that an exploit ends.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// The longest that one GET may take.
const SECONDS_MAX: u64 = 3;
/// The longest answer that is read.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// What came back.
pub(crate) struct Fetched {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// GETs `url`; `hosts` are names with known addresses, as in a hosts file.
pub(crate) async fn get(url: &str, hosts: &[(String, SocketAddr)]) -> Result<Fetched, String> {
    match tokio::time::timeout(Duration::from_secs(SECONDS_MAX), exchange(url, hosts)).await {
        Ok(fetched) => fetched.map_err(|error| format!("cannot fetch `{url}`: {error}")),
        Err(_) => Err(format!("cannot fetch `{url}`: no answer within {SECONDS_MAX} s")),
    }
}

/// `text` percent-encoded, all but letters, digits and `-._~`.
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

async fn exchange(
    url: &str,
    hosts: &[(String, SocketAddr)],
) -> Result<Fetched, Box<dyn std::error::Error + Send + Sync>> {
    let uri: Uri = url.parse()?;
    let (Some("http"), Some(host)) = (uri.scheme_str(), uri.host()) else {
        return Err("only http links".into());
    };
    let known = hosts.iter().find(|(name, _)| name == host).map(|(_, address)| *address);
    let stream = match known {
        Some(address) => TcpStream::connect(address).await?,
        None => TcpStream::connect((host.trim_matches(['[', ']']), uri.port_u16().unwrap_or(80))).await?,
    };
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let request = Request::get(target)
        .header(header::HOST, host)
        .header(header::USER_AGENT, "natter-link-preview");
    let (parts, body) = sender
        .send_request(request.body(Empty::<Bytes>::new())?)
        .await?
        .into_parts();
    let body = Limited::new(body, BODY_BYTES_MAX).collect().await?.to_bytes();
    connection.abort();
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(Fetched {
        status: parts.status,
        headers: parts.headers,
        body,
    })
}
