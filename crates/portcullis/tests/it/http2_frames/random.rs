//! Frames at random: whatever they are, the process goes on, within its memory, and serves others.

use super::frame::*;
use super::peer::Peer;
use super::*;

/// Connections, and frames on each.
const CONNECTIONS: u64 = 300;
const FRAMES: usize = 60;
const RESIDENT_BYTES_MAX: u64 = 96 << 20;

/// Numbers that look random, and are the same in every run (xorshift64*).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap() % bound
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }

    fn number(&mut self) -> u32 {
        let bytes = [self.byte(), self.byte(), self.byte(), self.byte()];
        // Many small ones, and some at the edges.
        match self.below(4) {
            0 => u32::from_be_bytes(bytes),
            1 => MAX_31,
            _ => u32::from(bytes[0] % 16),
        }
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most + 1)).map(|_| self.byte()).collect()
    }

    /// A frame that is right more often than not, so that those after it are reached.
    fn frame(&mut self, streams: &mut u32) -> Vec<u8> {
        let stream = (self.number() % 16).min(*streams) | 1;
        match self.below(14) {
            0..=2 => {
                *streams += 2;
                get(*streams)
            }
            3 => {
                *streams += 2;
                post(*streams)
            }
            4 => data(self.byte() & 0x9, stream, self.bytes(200)),
            5 => priority(stream, self.number()),
            6 => rst_stream(stream, self.number()),
            7 => settings(&[(u16::from(self.byte() % 9), self.number())]),
            8 => ping([self.byte(); 8]),
            9 => window_update(if self.below(2) == 0 { 0 } else { stream }, self.number()),
            10 => {
                *streams += 2;
                headers(self.byte() & 0x2d | END_HEADERS, *streams, self.bytes(60))
            }
            11 => {
                *streams += 2;
                let fields = [block(GET), self.bytes(20)].concat();
                [
                    headers(END_STREAM, *streams, &fields[..10]),
                    continuation(END_HEADERS, *streams, &fields[10..]),
                ]
                .concat()
            }
            12 => goaway(self.number(), self.number()),
            _ => frame(self.byte() % 12, self.byte(), self.number(), self.bytes(40)),
        }
    }
}

#[test]
fn http_5_frames_at_random_harm_nobody() {
    let upstream = Upstream::with_json(THING);
    let gate = h2c(&upstream).start();
    for seed in 1..=CONNECTIONS {
        let mut numbers = Numbers(seed);
        let mut streams = 1;
        let mut bytes = [PREFACE.to_vec(), settings(&[])].concat();
        for _ in 0..FRAMES {
            bytes.extend(numbers.frame(&mut streams));
        }
        let mut peer = Peer::connect(gate.address);
        peer.write_aside(bytes);
        // Some are left in the middle.
        for _ in 0..numbers.below(6) {
            let _ = peer.frame();
        }
        if seed % 50 == 0 {
            assert_eq!(gate.get("/things/1").status, 200, "after the seed {seed}");
        }
    }
    let resident = gate.resident_bytes();
    assert!(resident < RESIDENT_BYTES_MAX, "{resident} bytes");
    let panics: Vec<_> = gate
        .log()
        .into_iter()
        .filter(|line| line.contains("panicked"))
        .collect();
    assert!(panics.is_empty(), "{panics:?}");
}
