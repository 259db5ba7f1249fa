//! How much of the bodies that are being judged one worker holds in memory. Room is taken as bytes arrive, never for what
//! was only announced, and requests and answers have their own, so that neither can shut out the other.

use std::cell::Cell;
use std::rc::Rc;

use crate::body::BodyError;

/// Room for bodies.
#[derive(Clone, Debug)]
pub(crate) struct Holdings {
    bytes_left: Rc<Cell<usize>>,
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
            bytes_left: Rc::new(Cell::new(bytes_max)),
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
        let left = &self.holdings.bytes_left;
        left.set(left.get().checked_sub(bytes).ok_or(BodyError::NoRoom)?);
        self.bytes += bytes;
        Ok(())
    }

    /// Gives back all of it.
    pub(crate) fn release(&mut self) {
        let left = &self.holdings.bytes_left;
        left.set(left.get().saturating_add(std::mem::take(&mut self.bytes)));
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
}
