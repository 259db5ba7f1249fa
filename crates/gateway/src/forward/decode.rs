//! Decodes a compressed body within a budget (RFC 9110 section 8.4): gzip, deflate (zlib), br.
//!
//! Everything that could make two readers see two bodies is refused: several codings, unknown ones, bytes after the
//! end of the stream, a stream without its end. Memory: what was decoded so far, a block, and the decoder's window
//! (32 KiB; br: at most 16 MiB, for the time of one call). Pure.

use std::io::Read as _;

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::{Decompress, FlushDecompress, Status, bufread::GzDecoder};
use http::header::{self, HeaderMap};
use thiserror::Error;

/// How much is decoded between two looks at the budget, in bytes.
const BLOCK_BYTES: usize = 16 * 1024;
/// First allocation for the decoded body, in bytes, at most.
const FIRST_BYTES_MAX: usize = 64 * 1024;

/// A content coding that the gate reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// RFC 1952.
    Gzip,
    /// The zlib format of RFC 1950, as RFC 9110 says; not the bare stream that some clients send.
    Deflate,
    /// RFC 7932.
    Brotli,
}

/// How much a body may become.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Most decoded bytes.
    pub bytes_max: usize,
    /// Most decoded bytes for each compressed one, once [`Budget::ratio_free_bytes`] were decoded.
    pub ratio_max: usize,
    /// Below this many decoded bytes the ratio does not matter.
    pub ratio_free_bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            bytes_max: 1024 * 1024,
            ratio_max: 100,
            ratio_free_bytes: 64 * 1024,
        }
    }
}

/// Why a body cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// A coding that the gate does not read, or more than one: 415.
    #[error("the content coding is not one of gzip, deflate, br, or is not the only one")]
    UnknownCoding,
    /// It would become too long, or longer than its size makes plausible: 413.
    #[error("the decoded body is longer than allowed")]
    Budget,
    /// No stream of this coding, no end, or something after the end: 400.
    #[error("the body is not a whole stream of its content coding")]
    Broken,
}

impl Coding {
    /// The coding that `Content-Encoding` names; `None` for none or `identity`.
    ///
    /// # Errors
    /// [`DecodeError::UnknownCoding`], for several codings too, even if each of them is known.
    pub fn of(headers: &HeaderMap) -> Result<Option<Self>, DecodeError> {
        let mut values = headers.get_all(header::CONTENT_ENCODING).iter();
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(DecodeError::UnknownCoding);
        }
        let is = |name: &[u8]| value.as_bytes().trim_ascii().eq_ignore_ascii_case(name);
        if is(b"gzip") || is(b"x-gzip") {
            Ok(Some(Self::Gzip))
        } else if is(b"deflate") {
            Ok(Some(Self::Deflate))
        } else if is(b"br") {
            Ok(Some(Self::Brotli))
        } else if is(b"identity") {
            Ok(None)
        } else {
            Err(DecodeError::UnknownCoding)
        }
    }
}

/// Decodes a whole body.
///
/// # Errors
/// [`DecodeError::Budget`] as soon as the budget is spent, [`DecodeError::Broken`].
pub fn decode(coding: Coding, input: &[u8], budget: Budget) -> Result<Vec<u8>, DecodeError> {
    let output = Output::new(input.len(), budget);
    match coding {
        Coding::Gzip => gunzip(input, output),
        Coding::Deflate => inflate(input, output),
        Coding::Brotli => unbrotli(input, output),
    }
}

/// The decoded bytes, never more than the budget and one block.
struct Output {
    bytes: Vec<u8>,
    bytes_max: usize,
}

impl Output {
    fn new(input_len: usize, budget: Budget) -> Self {
        let by_ratio = input_len.saturating_mul(budget.ratio_max).max(budget.ratio_free_bytes);
        let bytes_max = budget.bytes_max.min(by_ratio);
        let first = input_len.saturating_mul(4).min(bytes_max).min(FIRST_BYTES_MAX);
        Self {
            bytes: Vec::with_capacity(first),
            bytes_max,
        }
    }

    fn push(&mut self, block: &[u8]) -> Result<(), DecodeError> {
        if self.bytes.len() + block.len() > self.bytes_max {
            return Err(DecodeError::Budget);
        }
        self.bytes.extend_from_slice(block);
        Ok(())
    }
}

fn gunzip(input: &[u8], mut output: Output) -> Result<Vec<u8>, DecodeError> {
    let mut decoder = GzDecoder::new(input);
    let mut block = [0; BLOCK_BYTES];
    loop {
        // Checks the sum and the length at the end of the stream.
        let read = decoder.read(&mut block).map_err(|_| DecodeError::Broken)?;
        if read == 0 {
            break;
        }
        output.push(block.get(..read).unwrap_or_default())?;
    }
    if decoder.into_inner().is_empty() {
        Ok(output.bytes)
    } else {
        Err(DecodeError::Broken)
    }
}

fn inflate(input: &[u8], mut output: Output) -> Result<Vec<u8>, DecodeError> {
    let mut decoder = Decompress::new(true);
    let mut block = [0; BLOCK_BYTES];
    let mut rest = input;
    loop {
        let (taken, made) = (decoder.total_in(), decoder.total_out());
        let status = decoder
            .decompress(rest, &mut block, FlushDecompress::None)
            .map_err(|_| DecodeError::Broken)?;
        let taken = usize::try_from(decoder.total_in() - taken).unwrap_or(usize::MAX);
        let made = usize::try_from(decoder.total_out() - made).unwrap_or(usize::MAX);
        rest = rest.get(taken..).ok_or(DecodeError::Broken)?;
        output.push(block.get(..made).ok_or(DecodeError::Broken)?)?;
        match status {
            Status::StreamEnd if rest.is_empty() => return Ok(output.bytes),
            Status::StreamEnd => return Err(DecodeError::Broken),
            // It wants more, and there is no more.
            Status::Ok | Status::BufError if taken == 0 && made == 0 => return Err(DecodeError::Broken),
            Status::Ok | Status::BufError => {}
        }
    }
}

fn unbrotli(input: &[u8], mut output: Output) -> Result<Vec<u8>, DecodeError> {
    let new = StandardAlloc::default;
    let mut state = BrotliState::new(new(), new(), new());
    let mut block = [0; BLOCK_BYTES];
    let (mut left, mut at, mut total) = (input.len(), 0, 0);
    loop {
        let (mut room, mut made) = (block.len(), 0);
        let result = BrotliDecompressStream(
            &mut left, &mut at, input, &mut room, &mut made, &mut block, &mut total, &mut state,
        );
        output.push(block.get(..made).ok_or(DecodeError::Broken)?)?;
        match result {
            BrotliResult::ResultSuccess if left == 0 => return Ok(output.bytes),
            BrotliResult::NeedsMoreOutput if made > 0 => {}
            _ => return Err(DecodeError::Broken),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    const ALL: [Coding; 2] = [Coding::Gzip, Coding::Deflate];

    fn encode(coding: Coding, text: &[u8]) -> Vec<u8> {
        let level = flate2::Compression::best();
        match coding {
            Coding::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
            Coding::Deflate => {
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
            Coding::Brotli => panic!("there is no brotli encoder here"),
        }
    }

    /// `hello hello hello hello\n`, by the reference encoder.
    const BROTLI: [u8; 23] = [
        27, 23, 0, 248, 141, 148, 110, 222, 68, 85, 134, 214, 10, 32, 108, 111, 74, 17, 121, 226, 128, 174, 22,
    ];
    /// Five million zero bytes, by the reference encoder.
    const BROTLI_BOMB: [u8; 14] = [155, 63, 75, 76, 248, 39, 0, 226, 177, 64, 32, 95, 136, 9];

    #[test]
    fn whole_streams_are_decoded() {
        let text: Vec<u8> = (0..300_000_u32)
            .flat_map(|i| (i.wrapping_mul(2_654_435_761) >> 20).to_string().into_bytes())
            .collect();
        let budget = Budget {
            bytes_max: text.len(),
            ..Budget::default()
        };
        for coding in ALL {
            assert_eq!(
                decode(coding, &encode(coding, &text), budget).as_ref(),
                Ok(&text),
                "{coding:?}"
            );
            assert_eq!(decode(coding, &encode(coding, b""), budget), Ok(vec![]), "{coding:?}");
            let tight = Budget {
                bytes_max: text.len() - 1,
                ..budget
            };
            assert_eq!(
                decode(coding, &encode(coding, &text), tight),
                Err(DecodeError::Budget),
                "{coding:?}"
            );
        }
    }

    #[test]
    fn http_10_bombs_stop_at_the_budget() {
        let zeros = vec![0; 50_000_000];
        for coding in ALL {
            let bomb = encode(coding, &zeros);
            let wide = Budget {
                bytes_max: usize::MAX,
                ..Budget::default()
            };
            assert_eq!(decode(coding, &bomb, wide), Err(DecodeError::Budget), "{coding:?}");
            assert_eq!(
                decode(coding, &bomb, Budget::default()),
                Err(DecodeError::Budget),
                "{coding:?}"
            );
            // A small body may be compressed as well as it can be.
            let small = encode(coding, &zeros[..60_000]);
            assert_eq!(
                decode(coding, &small, Budget::default()).map(|body| body.len()),
                Ok(60_000),
                "{coding:?}"
            );
        }
    }

    #[test]
    fn http_10_cut_streams_and_trailing_bytes_are_refused() {
        for coding in ALL {
            let whole = encode(coding, b"hello hello hello hello");
            for cut in 0..whole.len() {
                assert_eq!(
                    decode(coding, &whole[..cut], Budget::default()),
                    Err(DecodeError::Broken),
                    "{coding:?} at {cut}"
                );
            }
            for tail in [&b"x"[..], &whole[..]] {
                let longer = [&whole[..], tail].concat();
                assert_eq!(
                    decode(coding, &longer, Budget::default()),
                    Err(DecodeError::Broken),
                    "{coding:?}"
                );
            }
            let mut wrong_sum = whole.clone();
            let last = wrong_sum.len() - if coding == Coding::Gzip { 5 } else { 1 };
            wrong_sum[last] ^= 1;
            assert_eq!(
                decode(coding, &wrong_sum, Budget::default()),
                Err(DecodeError::Broken),
                "{coding:?}"
            );
        }
    }

    #[test]
    fn http_10_brotli_is_held_to_the_same_rules() {
        let budget = Budget::default();
        assert_eq!(
            decode(Coding::Brotli, &BROTLI, budget).as_deref(),
            Ok(&b"hello hello hello hello\n"[..])
        );
        for cut in 0..BROTLI.len() {
            assert_eq!(
                decode(Coding::Brotli, &BROTLI[..cut], budget),
                Err(DecodeError::Broken),
                "{cut}"
            );
        }
        let longer = [&BROTLI[..], b"x"].concat();
        assert_eq!(decode(Coding::Brotli, &longer, budget), Err(DecodeError::Broken));
        let wide = Budget {
            bytes_max: usize::MAX,
            ..budget
        };
        assert_eq!(decode(Coding::Brotli, &BROTLI_BOMB, wide), Err(DecodeError::Budget));
        let wider = Budget {
            ratio_free_bytes: 5_000_000,
            ..wide
        };
        assert_eq!(
            decode(Coding::Brotli, &BROTLI_BOMB, wider).map(|zeros| zeros.len()),
            Ok(5_000_000)
        );
    }

    #[test]
    fn http_10_damaged_streams_never_panic() {
        let mut seed = 1_u64;
        let mut random = || {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 40).unwrap()
        };
        let text: Vec<u8> = (0..2_000).map(|_| u8::try_from(random() % 7).unwrap()).collect();
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Brotli] {
            let whole = if coding == Coding::Brotli {
                BROTLI.to_vec()
            } else {
                encode(coding, &text)
            };
            for _ in 0..5_000 {
                let mut damaged = whole.clone();
                for _ in 0..=random() % 4 {
                    let at = random() % damaged.len();
                    damaged[at] = u8::try_from(random() % 256).unwrap();
                }
                if let Ok(decoded) = decode(coding, &damaged, Budget::default()) {
                    assert!(decoded.len() <= Budget::default().bytes_max);
                }
            }
        }
    }

    #[test]
    fn http_10_a_coding_inside_another_is_never_decoded_twice() {
        let nested = encode(Coding::Gzip, &encode(Coding::Gzip, b"hello"));
        assert_eq!(
            decode(Coding::Gzip, &nested, Budget::default()),
            Ok(encode(Coding::Gzip, b"hello"))
        );
    }

    #[test]
    fn http_10_codings_that_lie_are_refused() {
        assert_eq!(
            decode(Coding::Gzip, b"{\"plain\":true}", Budget::default()),
            Err(DecodeError::Broken)
        );
        assert_eq!(
            decode(Coding::Deflate, &encode(Coding::Gzip, b"x"), Budget::default()),
            Err(DecodeError::Broken)
        );
        let mut bare = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        bare.write_all(b"hello hello").unwrap();
        assert_eq!(
            decode(Coding::Deflate, &bare.finish().unwrap(), Budget::default()),
            Err(DecodeError::Broken)
        );
    }

    #[test]
    fn http_10_unknown_and_several_codings_are_refused() {
        let check = |values: &[&str], expected| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::CONTENT_ENCODING, value.parse().unwrap());
            }
            assert_eq!(Coding::of(&headers), expected, "{values:?}");
        };
        check(&[], Ok(None));
        check(&["identity"], Ok(None));
        check(&["GZIP"], Ok(Some(Coding::Gzip)));
        check(&["x-gzip"], Ok(Some(Coding::Gzip)));
        check(&["deflate"], Ok(Some(Coding::Deflate)));
        check(&["br"], Ok(Some(Coding::Brotli)));
        for unknown in [
            "",
            "zstd",
            "compress",
            "gzip, gzip",
            "gzip, br",
            "identity, gzip",
            "gzip,",
            "gzip;q=1",
            "xgzip",
        ] {
            check(&[unknown], Err(DecodeError::UnknownCoding));
        }
        check(&["gzip", "gzip"], Err(DecodeError::UnknownCoding));
    }
}
