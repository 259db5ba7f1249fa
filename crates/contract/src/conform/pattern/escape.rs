//! What stands behind a backslash, and what stands between `[` and `]` (ECMA-262 §22.2.1, annex B.1.2).

use super::PatternError;
use super::parse::Parser;
use super::set::{self, Set};
use super::tree::Tree;

/// One member of a class, or one end of a range of it.
enum Member {
    One(u32),
    Many(Set),
}

impl Parser {
    /// The rest of an escape outside a class.
    pub(super) fn escape(&mut self) -> Result<Tree, PatternError> {
        match self.peek() {
            Some('b') => self.assertion(false),
            Some('B') => self.assertion(true),
            Some('k') => self.named_reference(),
            Some('1'..='9') => self.numbered_reference(),
            _ => {
                let set = match self.member_escape()? {
                    Member::One(code) => set::between(code, code),
                    Member::Many(set) => set,
                };
                Ok(Tree::Set(self.cased(set)))
            }
        }
    }

    /// The rest of a class, after its `[`.
    pub(super) fn class(&mut self) -> Result<Set, PatternError> {
        let start = self.at;
        let negative = self.eat('^');
        let mut class = set::of(&[]);
        while !self.eat(']') {
            if self.peek().is_none() {
                self.at = start.saturating_sub(1);
                return Err(self.error("this class is not closed; add `]`, or write `\\[` for the character"));
            }
            self.refuse_posix()?;
            let first = self.member()?;
            match self.range_end()? {
                None => class.union(&members(first)),
                Some(last) => class.union(&self.range(first, last)?),
            }
        }
        let class = self.cased(class);
        Ok(if negative { set::negated(class) } else { class })
    }

    /// The far end of a range, if the next `-` makes one.
    fn range_end(&mut self) -> Result<Option<Member>, PatternError> {
        if self.peek() != Some('-') || self.looking_at("-]") {
            return Ok(None);
        }
        self.at += 1;
        if self.peek().is_none() {
            self.at -= 1;
            return Ok(None);
        }
        self.member().map(Some)
    }

    fn range(&self, first: Member, last: Member) -> Result<Set, PatternError> {
        match (first, last) {
            (Member::One(first), Member::One(last)) if first <= last => Ok(set::between(first, last)),
            (Member::One(_), Member::One(_)) => {
                Err(self.error("this range ends before it begins; swap its ends, or put the `-` last in the class"))
            }
            // `[\w-.]`: the `-` stands for itself (annex B).
            (first, last) => {
                let mut set = members(first);
                set.union(&members(last));
                set.union(&set::one('-'));
                Ok(set)
            }
        }
    }

    fn member(&mut self) -> Result<Member, PatternError> {
        match self.next() {
            Some('\\') if self.eat('b') => Ok(Member::One(8)),
            Some('\\') if self.eat('-') => Ok(Member::One(u32::from('-'))),
            Some('\\') => self.member_escape(),
            Some(next) => Ok(Member::One(u32::from(next))),
            None => Err(self.error("this class is not closed; add `]`")),
        }
    }

    /// `[[:alpha:]]` is legal in ECMA-262 and means something that nobody wants.
    fn refuse_posix(&self) -> Result<(), PatternError> {
        const NAMES: [&str; 12] = [
            "alpha", "digit", "alnum", "upper", "lower", "space", "punct", "print", "graph", "cntrl", "xdigit", "word",
        ];
        if self.looking_at("[:") && NAMES.iter().any(|name| self.looking_at(&format!("[:{name}:]"))) {
            return Err(self.error("POSIX classes are not in ECMA-262; write the characters, such as `a-zA-Z`"));
        }
        Ok(())
    }

    /// What stands behind a backslash and is a character or a set, in a class or not.
    fn member_escape(&mut self) -> Result<Member, PatternError> {
        let Some(next) = self.next() else {
            return Err(self.error("a `\\` ends the pattern; write `\\\\` for it"));
        };
        Ok(match next {
            'd' => Member::Many(set::digits()),
            'D' => Member::Many(set::negated(set::digits())),
            'w' => Member::Many(self.cased(set::word())),
            'W' => Member::Many(set::negated(self.cased(set::word()))),
            's' => Member::Many(set::space()),
            'S' => Member::Many(set::negated(set::space())),
            'p' => Member::Many(self.property()?),
            'P' => Member::Many(set::negated(self.property()?)),
            't' => Member::One(0x09),
            'n' => Member::One(0x0A),
            'v' => Member::One(0x0B),
            'f' => Member::One(0x0C),
            'r' => Member::One(0x0D),
            'c' => Member::One(self.control()?),
            'x' => Member::One(
                self.hex(2)
                    .ok_or_else(|| self.error("`\\x` is followed by two hexadecimal digits"))?,
            ),
            'u' => Member::One(self.unicode()?),
            '0' if !self.peek().is_some_and(|digit| digit.is_ascii_digit()) => Member::One(0),
            '0'..='9' => return Err(self.error("octal escapes are not in ECMA-262's Unicode mode; write `\\xHH`")),
            _ if next.is_ascii_alphabetic() => return Err(self.unknown_escape(next)),
            _ => Member::One(u32::from(next)),
        })
    }

    fn unknown_escape(&mut self, letter: char) -> PatternError {
        self.at = self.at.saturating_sub(2);
        let advice = match letter {
            'A' => "write `^` for the start of the text".into(),
            'Z' | 'z' => "write `$` for the end of the text".into(),
            'Q' | 'E' => "escape the characters one by one".into(),
            'h' => "write `[\\t ]` for blanks".into(),
            'R' => "write `(?:\\r\\n|\\n)` for line ends".into(),
            _ => format!("write `{letter}` for the character"),
        };
        self.error(format!("`\\{letter}` is not an escape of ECMA-262; {advice}"))
    }

    fn assertion(&mut self, negative: bool) -> Result<Tree, PatternError> {
        self.at += 1;
        Ok(Tree::Boundary { negative })
    }

    fn named_reference(&mut self) -> Result<Tree, PatternError> {
        self.at += 1;
        if !self.eat('<') {
            return Err(self.error("`\\k` is followed by the name of a group: `\\k<name>`"));
        }
        let name = self.name()?;
        match self.names.iter().position(|other| other.as_deref() == Some(&name)) {
            Some(at) => Ok(self.reference(at + 1)),
            None => Err(self.error(format!("no group is called `{name}`"))),
        }
    }

    fn numbered_reference(&mut self) -> Result<Tree, PatternError> {
        let mut index = 0_usize;
        while let Some(digit) = self.peek().and_then(|next| next.to_digit(10)) {
            index = index
                .saturating_mul(10)
                .saturating_add(usize::try_from(digit).unwrap_or(0));
            self.at += 1;
        }
        if index > self.names.len() {
            return Err(self.error(format!("`\\{index}` refers to a group that is not there")));
        }
        Ok(self.reference(index))
    }

    fn reference(&mut self, index: usize) -> Tree {
        self.backtracks = true;
        Tree::Reference {
            index,
            fold: self.flags.ignore_case,
        }
    }

    /// `{Name}` or `{Name=Value}`.
    fn property(&mut self) -> Result<Set, PatternError> {
        if !self.eat('{') {
            return Err(self.error("`\\p` is followed by the name of a property: `\\p{Letter}`"));
        }
        let mut name = String::new();
        loop {
            match self.next() {
                Some('}') => break,
                Some(next) => name.push(next),
                None => return Err(self.error("the property behind `\\p{` is not closed; add `}`")),
            }
        }
        set::property(&name).ok_or_else(|| self.error(format!("`{name}` is not a Unicode property that is known here")))
    }

    fn control(&mut self) -> Result<u32, PatternError> {
        match self.peek() {
            Some(letter) if letter.is_ascii_alphabetic() => {
                self.at += 1;
                Ok(u32::from(letter) % 32)
            }
            _ => Err(self.error("`\\c` is followed by a letter; write `\\\\c` for a backslash")),
        }
    }

    /// `HHHH`, a surrogate pair `HHHH\uHHHH`, or `{H...}`.
    fn unicode(&mut self) -> Result<u32, PatternError> {
        if self.eat('{') {
            let mut code = 0_u32;
            let start = self.at;
            while let Some(digit) = self.peek().and_then(|next| next.to_digit(16)) {
                code = code.saturating_mul(16).saturating_add(digit);
                self.at += 1;
            }
            if self.at == start || code > 0x10_FFFF || !self.eat('}') {
                return Err(self.error("`\\u{` is followed by a code point up to 10FFFF and `}`"));
            }
            return Ok(code);
        }
        let Some(lead) = self.hex(4) else {
            return Err(self.error("`\\u` is followed by four hexadecimal digits or `{...}`"));
        };
        if !(0xD800..0xDC00).contains(&lead) || !self.looking_at("\\u") {
            return Ok(lead);
        }
        let after_lead = self.at;
        self.at += 2;
        match self.hex(4) {
            Some(trail) if (0xDC00..0xE000).contains(&trail) => {
                Ok(0x1_0000 + ((lead - 0xD800) << 10) + (trail - 0xDC00))
            }
            _ => {
                self.at = after_lead;
                Ok(lead)
            }
        }
    }

    fn hex(&mut self, digits: usize) -> Option<u32> {
        let start = self.at;
        let mut code = 0;
        for _ in 0..digits {
            let Some(digit) = self.peek().and_then(|next| next.to_digit(16)) else {
                self.at = start;
                return None;
            };
            code = code * 16 + digit;
            self.at += 1;
        }
        Some(code)
    }
}

fn members(member: Member) -> Set {
    match member {
        Member::One(code) => set::between(code, code),
        Member::Many(set) => set,
    }
}
