//! Any bytes as the beginning of a connection behind a proxy: nothing panics, nothing behind the header is read, and nothing less than
//! the header will do.
//!
//! The module is taken as it stands in the gateway, because it knows nothing but bytes; so nothing else has to be built.
#![no_main]

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/gateway/src/listen/proxy_protocol.rs"]
mod proxy_protocol;

/// What is read, and how many bytes that takes. Bytes in memory are never waited for.
fn read(bytes: &[u8]) -> Option<(Option<SocketAddr>, usize)> {
    let mut left = bytes;
    let outcome: Poll<io::Result<_>> =
        pin!(proxy_protocol::read(&mut left)).poll(&mut Context::from_waker(Waker::noop()));
    let Poll::Ready(outcome) = outcome else {
        panic!("bytes in memory are waited for");
    };
    outcome.ok().map(|source| (source, bytes.len() - left.len()))
}

fuzz_target!(|bytes: &[u8]| {
    let Some((source, taken)) = read(bytes) else {
        return;
    };
    assert_eq!(read(&bytes[..taken]), Some((source, taken)));
    assert_eq!(read(&bytes[..taken - 1]), None);
});
