//! Finding a declared property by the bytes of its name: a small table with linear probing, built once.

/// Names to indexes. At most half full, so that a name that is not there is recognised after a probe or two;
/// nothing a sender does can change it.
#[derive(Clone, Debug, Default)]
pub(super) struct KeyTable {
    /// Index plus one; 0 is empty. The length is a power of two, or 0 for no names.
    slots: Box<[u32]>,
    names: Box<[Name]>,
}

#[derive(Clone, Debug)]
struct Name {
    /// With the closing quote behind it, so that one comparison finds name and end.
    quoted: Box<[u8]>,
    /// The first eight bytes of `quoted`, and which bits of a word they are, if there are fewer: nearly always one
    /// comparison of words tells.
    start: u64,
    mask: u64,
    /// Whether it stands in JSON as it is. A name that has to be escaped is never found by its bare bytes.
    plain: bool,
}

impl Name {
    fn new(name: &str) -> Self {
        let quoted = [name.as_bytes(), b"\""].concat();
        let mut start = [0; 8];
        for (to, from) in start.iter_mut().zip(&quoted) {
            *to = *from;
        }
        let spare = 8_usize.saturating_sub(quoted.len());
        Self {
            start: u64::from_le_bytes(start),
            mask: u64::MAX >> (8 * spare),
            quoted: quoted.into(),
            plain: !name.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\'),
        }
    }

    fn bytes(&self) -> &[u8] {
        self.quoted.split_last().map_or(&*self.quoted, |(_, name)| name)
    }
}

impl KeyTable {
    pub(super) fn new<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let names: Box<[Name]> = names.map(Name::new).collect();
        if names.is_empty() {
            return Self::default();
        }
        let mut slots = vec![0_u32; (names.len() * 2).next_power_of_two()];
        let mask = slots.len() - 1;
        for (index, name) in (1_u32..).zip(&names) {
            let mut at = hash(name.bytes()) & mask;
            while slots.get(at).is_some_and(|slot| *slot != 0) {
                at = (at + 1) & mask;
            }
            if let Some(slot) = slots.get_mut(at) {
                *slot = index;
            }
        }
        Self {
            slots: slots.into(),
            names,
        }
    }

    /// The index of a name.
    #[inline]
    pub(super) fn find(&self, name: &[u8]) -> Option<usize> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut at = hash(name) & mask;
        loop {
            let index = (*self.slots.get(at)? as usize).checked_sub(1)?;
            if self.names.get(index)?.bytes() == name {
                return Some(index);
            }
            at = (at + 1) & mask;
        }
    }

    /// The length of the name with this index, if the text begins with that name and its closing quote.
    #[inline]
    pub(super) fn stands_at(&self, index: usize, text: &[u8]) -> Option<usize> {
        let name = self.names.get(index)?;
        let stands = match text.split_first_chunk::<8>() {
            Some((start, rest)) => {
                u64::from_le_bytes(*start) & name.mask == name.start
                    && name.quoted.get(8..).is_none_or(|more| rest.starts_with(more))
            }
            None => text.starts_with(&name.quoted),
        };
        (name.plain && stands).then(|| name.quoted.len() - 1)
    }
}

/// Mixes the first eight bytes, the last eight and the length. Collisions cost a probe; they cannot be forced,
/// since only the contract's names are in the table.
#[inline]
fn hash(name: &[u8]) -> usize {
    let word = |bytes: Option<&[u8; 8]>| bytes.map(|bytes| u64::from_le_bytes(*bytes));
    let (first, last) = match (word(name.first_chunk()), word(name.last_chunk())) {
        (Some(first), Some(last)) => (first, last),
        _ => (name.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)), 0),
    };
    let mixed = (first ^ last.rotate_left(29) ^ (name.len() as u64) << 56).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from(mixed >> 40).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_there_and_nothing_else() {
        let names: Vec<String> = (0..300).map(|n| format!("name{}{n}", "x".repeat(n % 11))).collect();
        let table = KeyTable::new(names.iter().map(String::as_str));
        for (index, name) in names.iter().enumerate() {
            assert_eq!(table.find(name.as_bytes()), Some(index));
            assert_eq!(
                table.stands_at(index, format!("{name}\": 1").as_bytes()),
                Some(name.len())
            );
            assert_eq!(table.stands_at(index, format!("{name}y\": 1").as_bytes()), None);
        }
        for name in ["", "name", "name301", "Name1"] {
            assert_eq!(table.find(name.as_bytes()), None);
        }
        let odd = KeyTable::new(["a\"b", "a\\b", "a\nb"].into_iter());
        for (index, name) in ["a\"b", "a\\b", "a\nb"].into_iter().enumerate() {
            assert_eq!(odd.find(name.as_bytes()), Some(index));
            // Bare, it is not JSON, so the scan has to see it.
            assert_eq!(odd.stands_at(index, format!("{name}\":1").as_bytes()), None);
        }
        assert_eq!(KeyTable::default().find(b"a"), None);
        assert_eq!(KeyTable::new([""].into_iter()).find(b""), Some(0));
    }
}
