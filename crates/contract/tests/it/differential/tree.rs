//! A document as it will be spelled: members may repeat, numbers keep their spelling, names and strings may be
//! escaped. Mutations change it, and at last its bytes.

use super::random::Random;

#[derive(Clone, Debug)]
pub(crate) enum Tree {
    /// A literal or a number, as spelled.
    Raw(String),
    Text(String),
    Items(Vec<Tree>),
    Members(Vec<(String, Tree)>),
}

const SCALARS: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1",
    "-1",
    "1.0",
    "2",
    "0.5",
    "1e2",
    "12345",
    "-7.25",
    "100",
    "999999999",
    "2147483647",
    "2147483648",
    "-2147483649",
    "9223372036854775807",
    "9223372036854775808",
    "123456789012345678",
];

const BROKEN: &[&str] = &[
    "1e400", "01", "nul", "1.", "+1", "NaN", "-", "1e", ".5", "tRue", "Infinity", "0x1", "'a'", "",
];

const NAMES: &[&str] = &[
    "id",
    "name",
    "type",
    "extra",
    "x",
    "",
    "__proto__",
    "Id",
    "naïve",
    "a/b",
];

impl Tree {
    pub(crate) fn raw(text: impl Into<String>) -> Self {
        Self::Raw(text.into())
    }

    /// Changes one place of the tree.
    pub(crate) fn mutate(&mut self, random: &mut Random) {
        let count = self.count();
        let target = random.below(count);
        let mut index = 0;
        self.mutate_at(target, &mut index, random);
    }

    fn count(&self) -> usize {
        match self {
            Self::Items(items) => 1 + items.iter().map(Self::count).sum::<usize>(),
            Self::Members(members) => 1 + members.iter().map(|(_, value)| value.count()).sum::<usize>(),
            _ => 1,
        }
    }

    fn mutate_at(&mut self, target: usize, index: &mut usize, random: &mut Random) {
        if *index == target {
            *index += 1;
            self.change(random);
            return;
        }
        *index += 1;
        match self {
            Self::Items(items) => items
                .iter_mut()
                .for_each(|item| item.mutate_below(target, index, random)),
            Self::Members(members) => members
                .iter_mut()
                .for_each(|(_, value)| value.mutate_below(target, index, random)),
            _ => {}
        }
    }

    fn mutate_below(&mut self, target: usize, index: &mut usize, random: &mut Random) {
        if *index <= target {
            self.mutate_at(target, index, random);
        }
    }

    fn change(&mut self, random: &mut Random) {
        if random.chance(15) {
            *self = Self::any(random, 2);
            return;
        }
        match self {
            Self::Raw(spelling) => change_raw(spelling, random),
            Self::Text(text) => change_text(text, random),
            Self::Items(items) => change_items(items, random),
            Self::Members(members) => change_members(members, random),
        }
    }

    /// Anything at all.
    pub(crate) fn any(random: &mut Random, depth: usize) -> Self {
        match random.below(if depth == 0 { 2 } else { 4 }) {
            0 => Self::raw(*random.pick(SCALARS)),
            1 => Self::Text((*random.pick(NAMES)).to_owned()),
            2 => Self::Items((0..random.below(4)).map(|_| Self::any(random, depth - 1)).collect()),
            _ => {
                let from = random.below(NAMES.len());
                let many = random.below(4);
                let names = NAMES.iter().skip(from).take(many);
                let member = |name: &&str| ((*name).to_owned(), Self::any(random, depth - 1));
                Self::Members(names.map(member).collect())
            }
        }
    }

    /// The text, spelled in one of the many ways JSON has. `wild` is the percentage of odd white space and escapes.
    pub(crate) fn write(&self, random: &mut Random, wild: usize, out: &mut Vec<u8>) {
        space(random, wild, out);
        match self {
            Self::Raw(spelling) => out.extend_from_slice(spelling.as_bytes()),
            Self::Text(text) => write_text(text, random, wild, out),
            Self::Items(items) => {
                out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    item.write(random, wild, out);
                }
                space(random, wild, out);
                out.push(b']');
            }
            Self::Members(members) => {
                out.push(b'{');
                for (index, (name, value)) in members.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    space(random, wild, out);
                    write_text(name, random, wild, out);
                    space(random, wild, out);
                    out.push(b':');
                    value.write(random, wild, out);
                }
                space(random, wild, out);
                out.push(b'}');
            }
        }
        space(random, wild, out);
    }
}

fn change_raw(spelling: &mut String, random: &mut Random) {
    if let Ok(number) = spelling.parse::<i64>() {
        *spelling = match random.below(6) {
            0 => number.wrapping_add(1).to_string(),
            1 => number.wrapping_sub(1).to_string(),
            2 => format!("{number}.0"),
            3 => format!("{number}.5"),
            4 => number.wrapping_neg().to_string(),
            _ => format!("{number}e2"),
        };
    } else {
        let spellings = if random.chance(20) { BROKEN } else { SCALARS };
        *spelling = (*random.pick(spellings)).to_owned();
    }
}

fn change_text(text: &mut String, random: &mut Random) {
    match random.below(6) {
        0 => text.clear(),
        1 => drop(text.pop()),
        2 => text.push(*random.pick(&['a', 'Z', '0', ' ', 'é', '😀', '\n', '"', '\\', '/'])),
        3 => *text = text.repeat(random.below(40)),
        4 => text.insert(0, *random.pick(&['x', '-', '7', '\u{7f}', '\u{0}'])),
        _ => *text = text.to_uppercase(),
    }
}

fn change_items(items: &mut Vec<Tree>, random: &mut Random) {
    match random.below(4) {
        0 if !items.is_empty() => drop(items.remove(random.below(items.len()))),
        1 if !items.is_empty() => {
            let copy = random.pick(items).clone();
            items.push(copy);
        }
        2 if !items.is_empty() => {
            let copy = random.pick(items).clone();
            items.extend(std::iter::repeat_n(copy, random.below(30)));
        }
        _ => items.push(Tree::any(random, 1)),
    }
}

fn change_members(members: &mut Vec<(String, Tree)>, random: &mut Random) {
    let at = if members.is_empty() {
        0
    } else {
        random.below(members.len())
    };
    match random.below(6) {
        0 if !members.is_empty() => drop(members.remove(at)),
        1 if !members.is_empty() => {
            let copy = members[at].clone();
            members.push(copy);
        }
        2 if !members.is_empty() => members[at].0.push('_'),
        3 if !members.is_empty() => {
            let name = members[at].0.clone();
            members.insert(0, (name, Tree::any(random, 1)));
        }
        4 if members.len() > 1 => {
            let other = random.below(members.len());
            members.swap(at, other);
        }
        _ => members.push(((*random.pick(NAMES)).to_owned(), Tree::any(random, 2))),
    }
}

fn space(random: &mut Random, wild: usize, out: &mut Vec<u8>) {
    if wild > 0 && random.chance(wild) {
        out.extend_from_slice(random.pick(&[" ", "\n", "\t", "\r\n  "]).as_bytes());
    }
}

fn write_text(text: &str, random: &mut Random, wild: usize, out: &mut Vec<u8>) {
    out.push(b'"');
    for letter in text.chars() {
        match letter {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' if random.chance(50) => out.extend_from_slice(b"\\n"),
            '\0'..='\u{1f}' => escape(letter, out),
            _ if wild > 0 && random.chance(wild / 4) => escape(letter, out),
            _ => out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}

fn escape(letter: char, out: &mut Vec<u8>) {
    for unit in letter.encode_utf16(&mut [0; 2]) {
        out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
    }
}

/// Damages the text itself.
pub(crate) fn corrupt(text: &mut Vec<u8>, random: &mut Random) {
    if text.is_empty() {
        return;
    }
    let at = random.below(text.len());
    match random.below(7) {
        0 => text.truncate(at),
        1 => drop(text.remove(at)),
        2 => text[at] ^= 1 << random.below(8),
        3 => text.insert(at, *random.pick(b"{}[],:\"\\ 0-e.tn\x00\x1f\x80\xff\xef")),
        4 => text.extend_from_slice(random.pick(&["}", "]", ",", " ", "x", "\0", "{}"]).as_bytes()),
        5 => {
            let end = (at + random.below(12)).min(text.len());
            let copy = text[at..end].to_vec();
            text.splice(at..at, copy);
        }
        _ => drop(text.splice(..0, random.pick(&["\u{feff}", " ", "["]).bytes())),
    }
}
