//! The hashes of a proof as text: one a line, in base64 (C2SP tlog-proof, tlog-witness).

use std::fmt;

use super::hash::Hash;

/// Reads a hash of every line. `None` where one is none, or there are more than `hashes_max`.
pub(crate) fn parse_hashes<'a>(lines: impl Iterator<Item = &'a str>, hashes_max: usize) -> Option<Vec<Hash>> {
    let hashes = lines.take(hashes_max + 1).map(Hash::from_base64);
    let hashes: Vec<Hash> = hashes.collect::<Option<_>>()?;
    (hashes.len() <= hashes_max).then_some(hashes)
}

/// Writes each on a line.
pub(crate) fn write_hashes(f: &mut fmt::Formatter<'_>, hashes: &[Hash]) -> fmt::Result {
    hashes.iter().try_for_each(|hash| writeln!(f, "{}", hash.to_base64()))
}
