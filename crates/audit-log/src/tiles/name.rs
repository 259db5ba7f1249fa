//! The names of tiles and of bundles, which are paths below the log's folder (C2SP tlog-tiles, Merkle Tree).

use std::fmt;
use std::num::NonZeroU8;

/// How many levels a tree can have at most: with eight, all of 2^64 leaves are spanned.
pub const LEVELS_MAX: u8 = 8;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Entries.
    Entries,
    /// Hashes of nodes of the height eight times this level.
    Hashes(u8),
}

/// The name of a tile or a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TileName {
    /// What it holds.
    pub kind: Kind,
    /// Its number in its level, from the left.
    pub index: u64,
    /// How many hashes or entries it has, unless it is full.
    pub partial: Option<NonZeroU8>,
}

impl TileName {
    /// The name of one that has `width` hashes or entries; `None` unless that is between 1 and 256.
    pub fn with_width(kind: Kind, index: u64, width: u64) -> Option<Self> {
        let partial = match width {
            0 => return None,
            super::TILE_WIDTH => None,
            _ => Some(NonZeroU8::new(u8::try_from(width).ok()?)?),
        };
        Some(Self { kind, index, partial })
    }

    /// The name of the full one in its place.
    pub fn full(kind: Kind, index: u64) -> Self {
        let partial = None;
        Self { kind, index, partial }
    }

    /// How many hashes or entries it has.
    pub fn width(&self) -> u64 {
        self.partial.map_or(super::TILE_WIDTH, |width| u64::from(width.get()))
    }

    /// The folder of the partial ones in its place.
    pub fn partial_folder(&self) -> String {
        format!("{}.p/", Self::full(self.kind, self.index))
    }

    /// The folder in which it stands, or its folder of partial ones.
    pub fn folder(&self) -> String {
        let full = Self::full(self.kind, self.index).to_string();
        full.rsplit_once('/')
            .map(|(folder, _)| format!("{folder}/"))
            .unwrap_or_default()
    }
}

impl fmt::Display for TileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Entries => f.write_str("tile/entries/")?,
            Kind::Hashes(level) => write!(f, "tile/{level}/")?,
        }
        // The groups of three digits, the last first.
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        let mut groups = groups.into_iter().rev().peekable();
        while let Some(group) = groups.next() {
            match groups.peek() {
                Some(_) => write!(f, "x{group:03}/")?,
                None => write!(f, "{group:03}")?,
            }
        }
        self.partial.map_or(Ok(()), |width| write!(f, ".p/{width}"))
    }
}

/// The name of a bundle that is compressed with gzip: it stands beside the place of the one that is not, where static file
/// servers look for it.
pub fn compressed(name: &TileName) -> String {
    format!("{name}.gz")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_specification() {
        let cases = [
            (Kind::Hashes(0), 0, 256, "tile/0/000"),
            (Kind::Hashes(3), 999, 1, "tile/3/999.p/1"),
            (Kind::Entries, 1_234_067, 256, "tile/entries/x001/x234/067"),
            (Kind::Entries, 1000, 255, "tile/entries/x001/000.p/255"),
        ];
        for (kind, index, width, expected) in cases {
            let name = TileName::with_width(kind, index, width).unwrap();
            assert_eq!((name.to_string().as_str(), name.width()), (expected, width));
        }
        assert_eq!(TileName::with_width(Kind::Entries, 0, 0), None);
        assert_eq!(TileName::with_width(Kind::Entries, 0, 257), None);
    }

    #[test]
    fn widths_are_those_of_the_specification() {
        // "A tree of size 70,000 will be represented by 273 full level 0 tiles, one partial level 0 tile of width 112, one full
        // level 1 tile, one partial level 1 tile of width 17, and one partial level 2 tile of width 1."
        let cases = [
            (0, 272, 256),
            (0, 273, 112),
            (0, 274, 0),
            (1, 0, 256),
            (1, 1, 17),
            (2, 0, 1),
            (3, 0, 0),
            (8, 0, 0),
        ];
        for (level, index, expected) in cases {
            assert_eq!(super::super::width(level, index, 70_000), expected, "{level} {index}");
        }
        assert_eq!(super::super::width(0, 0, 256), 256);
        assert_eq!(super::super::width(1, 0, 256), 1);
    }

    #[test]
    fn folders_are_where_names_stand() {
        let name = TileName::with_width(Kind::Hashes(1), 67_123, 9).unwrap();
        assert_eq!(name.folder(), "tile/1/x067/");
        assert_eq!(name.partial_folder(), "tile/1/x067/123.p/");
        assert_eq!(TileName::full(Kind::Entries, 5).folder(), "tile/entries/");
    }
}
