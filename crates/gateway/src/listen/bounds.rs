//! Bounds on a request's head, in either version of HTTP.

use std::ops::RangeInclusive;

use thiserror::Error;

/// Bounds on one request head. They lie inside what the parser behind can hold, so that every refusal is ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds(Sizes);

/// What [`Bounds`] are made of. The bounds of each are constants of [`Bounds`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Longest request target, in bytes; beyond it is `http.uri_too_long`.
    pub target_bytes_max: usize,
    /// Longest head, request line and line endings included, in bytes; beyond it is `http.head_too_large`.
    pub head_bytes_max: usize,
    /// Most header lines of one head; beyond it is `http.head_too_large`.
    pub head_lines_max: usize,
}

/// Why sizes are no bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BoundsError {
    /// One of them is out of its own bounds.
    #[error("a bound on request heads is {size}, which is not between {least} and {most}")]
    OutOfRange {
        /// What was asked for.
        size: usize,
        /// The least there is.
        least: usize,
        /// The most there is.
        most: usize,
    },
    /// The longest target does not fit into the largest head.
    #[error("a target of {target_bytes_max} bytes leaves no room in a head of {head_bytes_max}")]
    NoRoom {
        /// The longest target.
        target_bytes_max: usize,
        /// The largest head.
        head_bytes_max: usize,
    },
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            target_bytes_max: 8 * 1024,
            head_bytes_max: 32 * 1024,
            head_lines_max: *Bounds::HEAD_LINES_MAX.end(),
        }
    }
}

impl Bounds {
    /// What the longest target may be, in bytes. With its scheme and authority it stays under the 65,534 that the `http` crate holds.
    pub const TARGET_BYTES_MAX: RangeInclusive<usize> = 64..=60 * 1024;
    /// What the largest head may be, in bytes.
    pub const HEAD_BYTES_MAX: RangeInclusive<usize> = 1024..=256 * 1024;
    /// How many header lines at most there may be: what hyper reads without an allocation per request.
    pub const HEAD_LINES_MAX: RangeInclusive<usize> = 1..=100;
    /// What a head has beside its target at least: the rest of the request line, and the empty lines around. With room for it, how
    /// the bytes of a target that is too long were split into reads makes no difference to the verdict.
    pub const BESIDE_TARGET_BYTES_MIN: usize = 64;

    /// Bounds of these sizes.
    ///
    /// # Errors
    /// [`BoundsError`].
    pub fn new(sizes: Sizes) -> Result<Self, BoundsError> {
        let Sizes {
            target_bytes_max,
            head_bytes_max,
            head_lines_max,
        } = sizes;
        for (size, range) in [
            (target_bytes_max, Self::TARGET_BYTES_MAX),
            (head_bytes_max, Self::HEAD_BYTES_MAX),
            (head_lines_max, Self::HEAD_LINES_MAX),
        ] {
            if !range.contains(&size) {
                let (least, most) = range.into_inner();
                return Err(BoundsError::OutOfRange { size, least, most });
            }
        }
        if target_bytes_max + Self::BESIDE_TARGET_BYTES_MIN > head_bytes_max {
            return Err(BoundsError::NoRoom {
                target_bytes_max,
                head_bytes_max,
            });
        }
        Ok(Self(sizes))
    }

    /// See [`Sizes::target_bytes_max`].
    pub(crate) fn target_bytes_max(&self) -> usize {
        self.0.target_bytes_max
    }

    /// See [`Sizes::head_bytes_max`].
    pub(crate) fn head_bytes_max(&self) -> usize {
        self.0.head_bytes_max
    }

    /// See [`Sizes::head_lines_max`].
    pub(crate) fn head_lines_max(&self) -> usize {
        self.0.head_lines_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_what_they_are_set_to_or_none() {
        let of = |target_bytes_max, head_bytes_max, head_lines_max| {
            Bounds::new(Sizes {
                target_bytes_max,
                head_bytes_max,
                head_lines_max,
            })
        };
        let default = Sizes::default();
        assert_eq!(Bounds::new(default), Ok(Bounds::default()));
        for (target, head, lines) in [(64, 1024, 1), (61_440, 262_144, 100), (960, 1024, 100)] {
            let bounds = of(target, head, lines).unwrap();
            assert_eq!(bounds.target_bytes_max(), target);
            assert_eq!(bounds.head_bytes_max(), head);
            assert_eq!(bounds.head_lines_max(), lines);
        }
        for (target, head, lines) in [
            (63, 1024, 1),
            (61_441, 262_144, 1),
            (64, 1023, 1),
            (64, 262_145, 1),
            (64, 1024, 0),
            (64, 1024, 101),
        ] {
            let verdict = of(target, head, lines);
            assert!(
                matches!(verdict, Err(BoundsError::OutOfRange { .. })),
                "{target} {head} {lines}: {verdict:?}"
            );
        }
        assert!(matches!(of(961, 1024, 100), Err(BoundsError::NoRoom { .. })));
    }
}
