//! The PROXY protocol, versions 1 and 2: what a load balancer in front says about the client, before the first byte of TLS or HTTP.
//!
//! It is read only at an address that expects it, only from trusted proxies, and then it has to be there: a stranger's header
//! would choose its own address, and a header that may be missing could be written by the client itself.
//!
//! Specification: The PROXY protocol, versions 1 & 2 (haproxy.org, 2020/03/05).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt};

const SIGNATURE_V2: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Longest header of version 1, its line ending included (section 2.1).
const V1_BYTES_MAX: usize = 107;
/// Longest rest of a header of version 2: addresses, and type-length-value fields, which are read over.
const V2_REST_BYTES_MAX: usize = 2 * 1024;

/// Reads the header and nothing behind it. `None`: the proxy speaks for itself, such as when it checks health.
///
/// # Errors
/// There is no header, or it is malformed; the connection is not to be served then.
pub(crate) async fn read<S: AsyncRead + Unpin>(socket: &mut S) -> io::Result<Option<SocketAddr>> {
    let mut start = [0; SIGNATURE_V2.len()];
    socket.read_exact(&mut start).await?;
    if start == SIGNATURE_V2 {
        return read_v2(socket).await;
    }
    if !start.starts_with(b"PROXY ") {
        return Err(malformed("there is no PROXY header"));
    }
    let mut line = start.to_vec();
    // One byte at a time, because what follows the line is not ours to read.
    while !line.ends_with(b"\r\n") {
        if line.len() == V1_BYTES_MAX {
            return Err(malformed("the PROXY header is too long"));
        }
        line.push(socket.read_u8().await?);
    }
    let line = std::str::from_utf8(&line).map_err(|_| malformed("the PROXY header is not text"))?;
    parse_v1(line.trim_end_matches("\r\n")).ok_or_else(|| malformed("the PROXY header is malformed"))
}

fn parse_v1(line: &str) -> Option<Option<SocketAddr>> {
    let mut words = line.split(' ');
    if words.next() != Some("PROXY") {
        return None;
    }
    let family = words.next()?;
    if family == "UNKNOWN" {
        return Some(None);
    }
    let (source, destination): (IpAddr, IpAddr) = match family {
        "TCP4" => (
            words.next()?.parse::<Ipv4Addr>().ok()?.into(),
            words.next()?.parse::<Ipv4Addr>().ok()?.into(),
        ),
        "TCP6" => (
            words.next()?.parse::<Ipv6Addr>().ok()?.into(),
            words.next()?.parse::<Ipv6Addr>().ok()?.into(),
        ),
        _ => return None,
    };
    let (from, to) = (port(words.next()?)?, port(words.next()?)?);
    // Read for their form alone.
    let _ = (destination, to);
    words.next().is_none().then_some(Some(SocketAddr::new(source, from)))
}

/// A port without sign or leading zeros.
fn port(text: &str) -> Option<u16> {
    let canonical = text == "0" || !text.starts_with(['0', '+']);
    text.parse().ok().filter(|_| canonical)
}

async fn read_v2<S: AsyncRead + Unpin>(socket: &mut S) -> io::Result<Option<SocketAddr>> {
    let [command, family] = [socket.read_u8().await?, socket.read_u8().await?];
    let length = usize::from(socket.read_u16().await?);
    if length > V2_REST_BYTES_MAX {
        return Err(malformed("the PROXY header is too long"));
    }
    let mut rest = vec![0; length];
    socket.read_exact(&mut rest).await?;
    match command {
        0x20 => Ok(None),
        0x21 => source_v2(family, &rest).ok_or_else(|| malformed("the PROXY header is malformed")),
        _ => Err(malformed("the PROXY header has an unknown version or command")),
    }
}

/// The source address of a version 2 header (section 2.2); `None` inside for families without one.
fn source_v2(family: u8, rest: &[u8]) -> Option<Option<SocketAddr>> {
    let port_at = |place: usize| {
        let bytes = rest.get(place..place + 2)?;
        Some(u16::from_be_bytes(bytes.try_into().ok()?))
    };
    match family {
        0x11 => {
            let source: [u8; 4] = rest.get(..4)?.try_into().ok()?;
            rest.get(..12)?;
            Some(Some(SocketAddr::new(source.into(), port_at(8)?)))
        }
        0x21 => {
            let source: [u8; 16] = rest.get(..16)?.try_into().ok()?;
            rest.get(..36)?;
            Some(Some(SocketAddr::new(source.into(), port_at(32)?)))
        }
        // Unspecified: the proxy does not know, and the connection itself is all that is known.
        0x00 => Some(None),
        _ => None,
    }
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The outcome, and how many bytes were left unread.
    fn check(bytes: &[u8], expected: Option<Option<&str>>, left: usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut reader = bytes;
        let found = runtime.block_on(read(&mut reader)).ok();
        let expected = expected.map(|source| source.map(|source| source.parse().unwrap()));
        assert_eq!(found, expected, "{bytes:?}");
        if found.is_some() {
            assert_eq!(reader.len(), left, "{bytes:?}");
        }
    }

    #[test]
    fn version_1_names_the_client() {
        check(
            b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\nGET /",
            Some(Some("192.0.2.7:4711")),
            5,
        );
        check(
            b"PROXY TCP6 2001:db8::1 fd00::1 4711 443\r\n",
            Some(Some("[2001:db8::1]:4711")),
            0,
        );
        check(b"PROXY UNKNOWN\r\n", Some(None), 0);
        check(b"PROXY UNKNOWN ffff::1 ::1 1 2\r\nX", Some(None), 1);
    }

    #[test]
    fn http_6_a_malformed_proxy_header_is_refused() {
        let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(100));
        for bad in [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "PROXY TCP4 192.0.2.7 10.0.0.1 4711\r\n",
            "PROXY TCP4 192.0.2.7 10.0.0.1 4711 443 1\r\n",
            "PROXY TCP4  192.0.2.7 10.0.0.1 4711 443\r\n",
            "PROXY TCP4 2001:db8::1 ::1 4711 443\r\n",
            "PROXY TCP6 192.0.2.7 10.0.0.1 4711 443\r\n",
            "PROXY TCP4 192.0.2.7 10.0.0.1 04711 443\r\n",
            "PROXY TCP4 192.0.2.7 10.0.0.1 +1 443\r\n",
            "PROXY TCP4 192.0.2.7 10.0.0.1 65536 443\r\n",
            "PROXY UDP4 192.0.2.7 10.0.0.1 1 2\r\n",
            "PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\n",
            "proxy TCP4 192.0.2.7 10.0.0.1 4711 443\r\n",
            &long,
            "PROXY",
        ] {
            check(bad.as_bytes(), None, 0);
        }
    }

    fn version_2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE_V2[..], &[command, family], &length, rest].concat()
    }

    #[test]
    fn version_2_names_the_client() {
        let four = [192, 0, 2, 7, 10, 0, 0, 1, 0x12, 0x67, 0x01, 0xbb];
        check(&version_2(0x21, 0x11, &four), Some(Some("192.0.2.7:4711")), 0);
        let with_fields = [&four[..], &[0x04, 0, 1, 9]].concat();
        check(&version_2(0x21, 0x11, &with_fields), Some(Some("192.0.2.7:4711")), 0);
        let mut six = [0; 36];
        (six[0], six[1], six[15], six[33]) = (0x20, 0x01, 1, 80);
        check(&version_2(0x21, 0x21, &six), Some(Some("[2001::1]:80")), 0);
        check(&version_2(0x20, 0x11, &four), Some(None), 0);
        check(&version_2(0x21, 0x00, &[]), Some(None), 0);
        check(&version_2(0x20, 0x00, &[]), Some(None), 0);
    }

    #[test]
    fn http_6_a_malformed_binary_proxy_header_is_refused() {
        let four = [192, 0, 2, 7, 10, 0, 0, 1, 0x12, 0x67, 0x01, 0xbb];
        for bad in [
            version_2(0x31, 0x11, &four),
            version_2(0x22, 0x11, &four),
            version_2(0x21, 0x12, &four),
            version_2(0x21, 0x31, &[0; 216]),
            version_2(0x21, 0x11, &four[..11]),
            version_2(0x21, 0x21, &four),
            version_2(0x21, 0x11, &[0; 4000]),
            version_2(0x21, 0x11, &four)[..20].to_vec(),
        ] {
            check(&bad, None, 0);
        }
    }
}
