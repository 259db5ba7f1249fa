//! Any bytes as the frames of an HTTP/2 connection: nothing panics, and how they arrive does not change the verdict. The first byte
//! says how long the reads are.
//!
//! The module is taken as it stands in the gateway, because it knows nothing but bytes and times; so nothing else has to be built.
#![no_main]

use std::time::Instant;

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/gateway/src/listen/http2/frames/mod.rs"]
mod frames;

use frames::Follower;

fuzz_target!(|input: &[u8]| {
    let Some((reads, bytes)) = input.split_first() else {
        return;
    };
    let now = Instant::now();
    let whole = Follower::new(16_384, now).advance(bytes, now);
    let mut follower = Follower::new(16_384, now);
    let pieces = bytes.chunks(usize::from(*reads).max(1)).try_for_each(|read| {
        follower.wrote(0);
        follower.advance(read, now)
    });
    assert_eq!(whole, pieces);
});
