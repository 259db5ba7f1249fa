//! How much of the bodies that are being judged one worker holds in memory. Room is taken as bytes arrive, never for what
//! was only announced, and requests and answers have their own, so that neither can shut out the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

use crate::body::BodyError;

/// Room for bodies.
#[derive(Clone, Debug)]
pub(crate) struct Holdings {
    /// Atomic only because [`Bytes`] may be dropped anywhere; one worker uses it.
    bytes_left: Arc<AtomicUsize>,
}

/// What one body takes of it, for as long as the value lives.
#[derive(Debug)]
pub struct Hold {
    holdings: Holdings,
    bytes: usize,
}

impl Holdings {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            bytes_left: Arc::new(AtomicUsize::new(bytes_max)),
        }
    }

    /// Nothing yet.
    pub(crate) fn hold(&self) -> Hold {
        Hold {
            holdings: self.clone(),
            bytes: 0,
        }
    }
}

impl Hold {
    /// Takes room for so many more bytes.
    ///
    /// # Errors
    /// [`BodyError::NoRoom`]: other bodies have it.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), BodyError> {
        let less = |left: usize| left.checked_sub(bytes);
        self.holdings
            .bytes_left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .map_err(|_| BodyError::NoRoom)?;
        self.bytes += bytes;
        Ok(())
    }

    /// Ties the room to the bytes that take it: it is given back with the last of them, wherever they go.
    pub(crate) fn tie(self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(Tied { bytes, _hold: self })
    }

    /// Gives back all of it.
    pub(crate) fn release(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        self.holdings.bytes_left.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Bytes, and the room that they take.
struct Tied {
    bytes: Bytes,
    _hold: Hold,
}

impl AsRef<[u8]> for Tied {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_5_room_is_taken_and_given_back() {
        let holdings = Holdings::new(10);
        let (mut one, mut two) = (holdings.hold(), holdings.hold());
        assert_eq!((one.grow(6), two.grow(4)), (Ok(()), Ok(())));
        assert_eq!(two.grow(1), Err(BodyError::NoRoom));
        one.release();
        assert_eq!(two.grow(6), Ok(()));
        drop((one, two));
        assert_eq!(holdings.hold().grow(10), Ok(()));
    }

    #[test]
    fn http_5_room_is_taken_for_as_long_as_any_of_the_bytes_are_there() {
        let holdings = Holdings::new(10);
        let mut hold = holdings.hold();
        hold.grow(6).unwrap();
        let whole = hold.tie(Bytes::from_static(b"abcdef"));
        let part = whole.slice(4..);
        drop(whole);
        assert_eq!(part, "ef");
        assert_eq!(holdings.hold().grow(5), Err(BodyError::NoRoom));
        drop(part);
        assert_eq!(holdings.hold().grow(10), Ok(()));
    }
}
