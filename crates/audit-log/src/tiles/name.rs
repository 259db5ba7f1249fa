//! The names of tiles and of bundles, which are paths below the log's folder (C2SP tlog-tiles, Merkle Tree).

use std::fmt;
use std::num::NonZeroU8;

use super::{TILE_WIDTH, full_tiles, width};

/// The folder of all tiles and bundles.
pub const FOLDER: &str = "tile/";

/// What the name of a compressed bundle ends with.
const COMPRESSED: &str = ".gz";

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

impl Kind {
    /// The level of a tile; that of a bundle is the one of the tile over it.
    pub fn level(self) -> u8 {
        match self {
            Self::Entries => 0,
            Self::Hashes(level) => level,
        }
    }

    /// The folder of all that hold this.
    pub fn folder(self) -> String {
        match self {
            Self::Entries => format!("{FOLDER}entries/"),
            Self::Hashes(level) => format!("{FOLDER}{level}/"),
        }
    }
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
            TILE_WIDTH => None,
            _ => Some(NonZeroU8::new(u8::try_from(width).ok()?)?),
        };
        Some(Self { kind, index, partial })
    }

    /// The name of the one at `index` in a tree of `size` leaves; `None` where the tree has none there.
    pub fn within(kind: Kind, index: u64, size: u64) -> Option<Self> {
        Self::with_width(kind, index, width(kind.level(), index, size))
    }

    /// The name of the last one of its kind in a tree of `size` leaves, unless that is full.
    pub fn not_full(kind: Kind, size: u64) -> Option<Self> {
        Self::within(kind, full_tiles(kind.level(), size), size)
    }

    /// The name of the full one in its place.
    pub fn full(kind: Kind, index: u64) -> Self {
        let partial = None;
        Self { kind, index, partial }
    }

    /// How many hashes or entries it has.
    pub fn width(&self) -> u64 {
        self.partial.map_or(TILE_WIDTH, |width| u64::from(width.get()))
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
        f.write_str(&self.kind.folder())?;
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

/// What stands in a folder of tiles or bundles, with the last three digits of its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listed {
    /// A folder of those whose index goes on after these digits.
    Group(u64),
    /// A full one, compressed or not.
    Full(u64),
    /// The folder of the partial ones in a place.
    Partial(u64),
}

impl Listed {
    /// What has this name in such a folder; `None` if nothing of a log's has.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        if let Some(group) = name.strip_prefix('x') {
            return digits(group.strip_suffix('/')?).map(Self::Group);
        }
        match name.strip_suffix(".p/") {
            Some(place) => digits(place).map(Self::Partial),
            None => digits(name.strip_suffix(COMPRESSED).unwrap_or(name)).map(Self::Full),
        }
    }
}

/// Three digits of an index.
fn digits(text: &str) -> Option<u64> {
    (text.len() == 3 && text.bytes().all(|octet| octet.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

/// The name of a bundle that is compressed with gzip: it stands beside the place of the one that is not, where static file
/// servers look for it.
pub fn compressed(name: &TileName) -> String {
    format!("{name}{COMPRESSED}")
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
            assert_eq!(width(level, index, 70_000), expected, "{level} {index}");
        }
        assert_eq!(width(0, 0, 256), 256);
        assert_eq!(width(1, 0, 256), 1);
    }

    #[test]
    fn what_stands_in_a_folder_is_known_by_its_name() {
        let cases = [
            ("x001/", Some(Listed::Group(1))),
            ("067", Some(Listed::Full(67))),
            ("067.gz", Some(Listed::Full(67))),
            ("067.p/", Some(Listed::Partial(67))),
        ];
        for (name, expected) in cases {
            assert_eq!(Listed::parse(name), expected, "{name}");
        }
        for name in [
            "",
            "x001",
            "67",
            "067/",
            "067.p",
            "+67",
            "x0001/",
            "067.gz.gz",
            ".gz",
            "067.tmp",
        ] {
            assert_eq!(Listed::parse(name), None, "{name}");
        }
    }

    #[test]
    fn the_last_one_is_named_unless_it_is_full() {
        let named = |kind, size| TileName::not_full(kind, size).map(|name| name.to_string());
        assert_eq!(named(Kind::Entries, 70_000).unwrap(), "tile/entries/273.p/112");
        assert_eq!(named(Kind::Hashes(1), 70_000).unwrap(), "tile/1/001.p/17");
        assert_eq!(named(Kind::Hashes(0), 65_536), None);
        assert_eq!(named(Kind::Hashes(1), 65_536), None);
        assert_eq!(named(Kind::Hashes(2), 65_536).unwrap(), "tile/2/000.p/1");
        for size in [0, 65_536, u64::MAX] {
            assert_eq!(named(Kind::Hashes(LEVELS_MAX), size), None);
        }
    }

    #[test]
    fn folders_are_where_names_stand() {
        let name = TileName::with_width(Kind::Hashes(1), 67_123, 9).unwrap();
        assert_eq!(name.folder(), "tile/1/x067/");
        assert_eq!(name.partial_folder(), "tile/1/x067/123.p/");
        assert_eq!(TileName::full(Kind::Entries, 5).folder(), "tile/entries/");
    }
}
