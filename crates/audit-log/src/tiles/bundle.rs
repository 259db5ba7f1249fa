//! Entries in a row, each behind its length in two octets, the higher one first (C2SP tlog-tiles, Log entries).

use super::TILE_WIDTH;

/// The most octets that an entry can have.
pub const ENTRY_BYTES_MAX: usize = 65_535;

/// The most octets that a bundle can have.
#[allow(clippy::cast_possible_truncation, reason = "256 fits everywhere")]
pub const BUNDLE_BYTES_MAX: usize = TILE_WIDTH as usize * (2 + ENTRY_BYTES_MAX);

/// Adds an entry to a bundle. Whether it could: one of more than 65,535 octets has no length there.
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> bool {
    let Ok(length) = u16::try_from(entry.len()) else {
        return false;
    };
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    true
}

/// A bundle that ends within an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotWhole {
    /// How many octets at its end are no whole entry.
    pub left_bytes: usize,
}

/// The entries of a bundle, as far as there are whole ones, and what is left after those.
pub fn split(bundle: &[u8]) -> (Vec<&[u8]>, Result<(), NotWhole>) {
    let mut entries = Vec::new();
    let mut rest = bundle;
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let Some((entry, after)) = after.split_at_checked(usize::from(u16::from_be_bytes(*length))) else {
            break;
        };
        entries.push(entry);
        rest = after;
    }
    let left_bytes = rest.len();
    let whole = if left_bytes == 0 {
        Ok(())
    } else {
        Err(NotWhole { left_bytes })
    };
    (entries, whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_divided_as_it_was_made() {
        let mut bundle = Vec::new();
        let entries: [&[u8]; 3] = [b"a", &[7; 65_535], b"bc"];
        for entry in entries {
            assert!(push_entry(&mut bundle, entry));
        }
        assert_eq!(split(&bundle), (entries.to_vec(), Ok(())));
        assert!(!push_entry(&mut bundle, &[0; 65_536]));
    }

    #[test]
    fn what_is_left_is_told() {
        assert_eq!(split(&[]), (vec![], Ok(())));
        assert_eq!(split(&[0]), (vec![], Err(NotWhole { left_bytes: 1 })));
        let a: &[u8] = b"a";
        assert_eq!(
            split(&[0, 1, b'a', 0, 2, b'b']),
            (vec![a], Err(NotWhole { left_bytes: 3 }))
        );
    }
}
