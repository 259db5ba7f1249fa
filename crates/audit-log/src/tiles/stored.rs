//! Bundles as they are kept: as they are, or compressed.

use std::io::{self, Read};

use flate2::read::GzDecoder;

use super::bundle::BUNDLE_BYTES_MAX;
use super::name::{TileName, compressed};
use crate::medium::Source;

/// How a bundle is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// As it is.
    Plain(Vec<u8>),
    /// Compressed; this is what it was.
    Compressed(Vec<u8>),
    /// It is longer than a bundle can be, or cannot be decompressed to one that is not.
    Damaged,
    /// Not at all.
    Missing,
}

impl Stored {
    /// The bundle, if it is there.
    pub fn bundle(&self) -> Option<&[u8]> {
        match self {
            Self::Plain(bundle) | Self::Compressed(bundle) => Some(bundle),
            Self::Damaged | Self::Missing => None,
        }
    }
}

/// Reads a bundle, in whichever form it is there. The one that is not compressed goes first: the other may be about to be written.
///
/// # Errors
///
/// Whatever keeps it from being read.
pub fn read_bundle(source: &dyn Source, name: &TileName) -> io::Result<Stored> {
    match source.read(&name.to_string(), BUNDLE_BYTES_MAX) {
        Ok(Some(bundle)) => return Ok(Stored::Plain(bundle)),
        Ok(None) => {}
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => return Ok(Stored::Damaged),
        Err(error) => return Err(error),
    }
    // What does not become shorter by compression becomes hardly longer.
    let stored = match source.read(&compressed(name), BUNDLE_BYTES_MAX + BUNDLE_BYTES_MAX / 100) {
        Ok(Some(stored)) => stored,
        Ok(None) => return Ok(Stored::Missing),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => return Ok(Stored::Damaged),
        Err(error) => return Err(error),
    };
    let mut bundle = Vec::new();
    let bound = u64::try_from(BUNDLE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let read = GzDecoder::new(stored.as_slice()).take(bound).read_to_end(&mut bundle);
    Ok(match read {
        Ok(bytes) if bytes <= BUNDLE_BYTES_MAX => Stored::Compressed(bundle),
        _ => Stored::Damaged,
    })
}
