//! The grammar of patterns (ECMA-262 §22.2.1 with the parts of annex B.1.2 that have one meaning).

use super::set;
use super::tree::{Parsed, Tree};
use super::{PatternError, SOURCE_BYTES_MAX};

/// Deepest nesting of groups and look-around.
const DEPTH_MAX: usize = 100;

/// Most capturing groups.
const GROUPS_MAX: usize = 1_000;

/// Parses a pattern.
pub(super) fn parse(source: &str) -> Result<Parsed, PatternError> {
    if source.len() > SOURCE_BYTES_MAX {
        let message = format!("the pattern is longer than {SOURCE_BYTES_MAX} bytes; describe the value in another way");
        return Err(PatternError { message, offset: 0 });
    }
    let mut parser = Parser::new(source.chars().collect());
    parser.find_groups()?;
    parser.leading_flags();
    let tree = parser.choice()?;
    match parser.peek() {
        None => Ok(Parsed {
            tree,
            groups: parser.names.len(),
            backtracks: parser.backtracks,
        }),
        Some(_) => Err(parser.error("`)` closes no group; write `\\)` for the character")),
    }
}

/// The pattern and how far it has been read.
pub(super) struct Parser {
    chars: Vec<char>,
    /// The index of the next character.
    pub(super) at: usize,
    /// A name or nothing for each capturing group of the whole pattern.
    pub(super) names: Vec<Option<String>>,
    /// How many capturing groups have been opened so far.
    opened: usize,
    depth: usize,
    /// The flags `i` and `s` at this point.
    pub(super) flags: Flags,
    pub(super) backtracks: bool,
}

/// What `(?i:` and `(?s:` switch.
#[derive(Clone, Copy, Default)]
pub(super) struct Flags {
    pub(super) ignore_case: bool,
    pub(super) dot_all: bool,
}

impl Parser {
    fn new(chars: Vec<char>) -> Self {
        let flags = Flags::default();
        Self {
            chars,
            at: 0,
            names: Vec::new(),
            opened: 0,
            depth: 0,
            flags,
            backtracks: false,
        }
    }

    pub(super) fn error(&self, message: impl Into<String>) -> PatternError {
        PatternError {
            message: message.into(),
            offset: self.at,
        }
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += 1;
        Some(next)
    }

    pub(super) fn eat(&mut self, expected: char) -> bool {
        let found = self.peek() == Some(expected);
        self.at += usize::from(found);
        found
    }

    pub(super) fn looking_at(&self, text: &str) -> bool {
        text.chars()
            .enumerate()
            .all(|(ahead, expected)| self.chars.get(self.at + ahead) == Some(&expected))
    }

    pub(super) fn eat_all(&mut self, text: &str) -> bool {
        let found = self.looking_at(text);
        if found {
            self.at += text.chars().count();
        }
        found
    }

    /// Counts and names the capturing groups, which references may precede.
    fn find_groups(&mut self) -> Result<(), PatternError> {
        let mut in_class = false;
        while let Some(next) = self.next() {
            match next {
                '\\' => self.at += 1,
                '[' => in_class = true,
                ']' => in_class = false,
                '(' if !in_class => self.find_group()?,
                _ => {}
            }
        }
        self.at = 0;
        Ok(())
    }

    fn find_group(&mut self) -> Result<(), PatternError> {
        let name = if self.looking_at("?<") && !self.looking_at("?<=") && !self.looking_at("?<!") {
            self.at += 2;
            let name = self.name()?;
            if self.names.iter().flatten().any(|other| *other == name) {
                return Err(self.error(format!("the group name `{name}` is used twice; name each group once")));
            }
            Some(name)
        } else if self.peek() == Some('?') {
            return Ok(());
        } else {
            None
        };
        if self.names.len() >= GROUPS_MAX {
            return Err(self.error(format!(
                "more than {GROUPS_MAX} capturing groups; write `(?:` where none is needed"
            )));
        }
        self.names.push(name);
        Ok(())
    }

    /// The rest of `name>`.
    pub(super) fn name(&mut self) -> Result<String, PatternError> {
        let mut name = String::new();
        loop {
            match self.next() {
                Some('>') if !name.is_empty() => return Ok(name),
                Some(next) if next == '$' || next == '_' || next.is_alphanumeric() => name.push(next),
                _ => {
                    self.at -= 1;
                    return Err(self.error("a group name is letters, digits and `_`, closed by `>`"));
                }
            }
        }
    }

    /// `(?i)` at the very start: not in ECMA-262, but every engine that has it means the same.
    fn leading_flags(&mut self) {
        for (text, ignore_case, dot_all) in [
            ("(?i)", true, false),
            ("(?s)", false, true),
            ("(?is)", true, true),
            ("(?si)", true, true),
        ] {
            if self.eat_all(text) {
                self.flags = Flags { ignore_case, dot_all };
            }
        }
    }

    fn choice(&mut self) -> Result<Tree, PatternError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error(format!("groups nest deeper than {DEPTH_MAX}")));
        }
        let mut branches = vec![self.sequence()?];
        while self.eat('|') {
            branches.push(self.sequence()?);
        }
        self.depth -= 1;
        let only = if branches.len() == 1 { branches.pop() } else { None };
        Ok(only.unwrap_or(Tree::Choice(branches)))
    }

    fn sequence(&mut self) -> Result<Tree, PatternError> {
        let mut parts = Vec::new();
        while let Some(next) = self.peek() {
            if matches!(next, '|' | ')') {
                break;
            }
            let part = self.term()?;
            let part = self.quantified(part)?;
            parts.push(part);
        }
        let only = if parts.len() == 1 { parts.pop() } else { None };
        Ok(only.unwrap_or(if parts.is_empty() {
            Tree::Empty
        } else {
            Tree::Sequence(parts)
        }))
    }

    fn term(&mut self) -> Result<Tree, PatternError> {
        let Some(next) = self.next() else {
            return Ok(Tree::Empty);
        };
        match next {
            '^' => Ok(Tree::Start),
            '$' => Ok(Tree::End),
            '.' if self.flags.dot_all => Ok(Tree::Set(set::any())),
            '.' => Ok(Tree::Set(set::dot())),
            '(' => self.group(),
            '[' => self.class().map(Tree::Set),
            '\\' => self.escape(),
            '*' | '+' | '?' => {
                self.at -= 1;
                Err(self.error(format!(
                    "`{next}` has nothing to repeat; write `\\{next}` for the character"
                )))
            }
            '{' => self.brace(),
            _ => Ok(Tree::Set(self.cased(set::one(next)))),
        }
    }

    /// A `{` where something to match is expected: the character, unless it looks like a quantifier.
    fn brace(&mut self) -> Result<Tree, PatternError> {
        let start = self.at - 1;
        self.at = start;
        if self.looking_at("{,") {
            let digits = self
                .chars
                .iter()
                .skip(start + 2)
                .take_while(|c| c.is_ascii_digit())
                .count();
            if digits > 0 && self.chars.get(start + 2 + digits) == Some(&'}') {
                return Err(self.error("`{,n}` is not a quantifier in ECMA-262; write `{0,n}`"));
            }
        }
        if self.bounds()?.is_some() {
            self.at = start;
            return Err(self.error("the quantifier `{` has nothing to repeat; write `\\{` for the character"));
        }
        self.at = start + 1;
        Ok(Tree::Set(set::one('{')))
    }

    fn quantified(&mut self, body: Tree) -> Result<Tree, PatternError> {
        let before = self
            .at
            .checked_sub(1)
            .and_then(|before| self.chars.get(before))
            .copied();
        let Some((min, max)) = self.quantifier()? else {
            return Ok(body);
        };
        if before != Some(')') && matches!(body, Tree::Start | Tree::End | Tree::Boundary { .. }) {
            return Err(self.error("an assertion cannot be repeated; put the quantifier behind what it repeats"));
        }
        let greedy = !self.eat('?');
        if self.peek() == Some('+') {
            return Err(self.error("possessive quantifiers are not in ECMA-262; leave the second `+` out"));
        }
        Ok(Tree::Repeat {
            body: Box::new(body),
            min,
            max,
            greedy,
        })
    }

    fn quantifier(&mut self) -> Result<Option<(u32, Option<u32>)>, PatternError> {
        let bounds = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => {
                let start = self.at;
                let bounds = self.bounds()?;
                if bounds.is_none() {
                    self.at = start;
                }
                return Ok(bounds);
            }
            _ => return Ok(None),
        };
        self.at += 1;
        Ok(Some(bounds))
    }

    /// `{n}`, `{n,}` or `{n,m}`; nothing if the brace begins none of these.
    fn bounds(&mut self) -> Result<Option<(u32, Option<u32>)>, PatternError> {
        if !self.eat('{') {
            return Ok(None);
        }
        let Some(min) = self.number()? else { return Ok(None) };
        let max = if self.eat(',') { self.number()? } else { Some(min) };
        if !self.eat('}') {
            return Ok(None);
        }
        if max.is_some_and(|max| max < min) {
            return Err(self.error(format!(
                "the quantifier asks for at least {min} and for fewer; swap its numbers"
            )));
        }
        Ok(Some((min, max)))
    }

    fn number(&mut self) -> Result<Option<u32>, PatternError> {
        let mut number = None;
        while let Some(digit) = self.peek().and_then(|next| next.to_digit(10)) {
            let larger = number
                .unwrap_or(0_u32)
                .checked_mul(10)
                .and_then(|tens| tens.checked_add(digit));
            number = Some(larger.ok_or_else(|| self.error("the number of this quantifier does not fit 32 bits"))?);
            self.at += 1;
        }
        Ok(number)
    }

    fn group(&mut self) -> Result<Tree, PatternError> {
        let start = self.at;
        let flags = self.flags;
        let tree = if self.eat_all("?:") {
            self.body()
        } else if let Some((behind, negative)) = self.look() {
            self.backtracks = true;
            self.body().map(|body| Tree::Look {
                behind,
                negative,
                body: Box::new(body),
            })
        } else if self.eat_all("?<") {
            self.name()?;
            self.capture()
        } else if self.eat('?') {
            self.modifiers()?;
            self.body()
        } else {
            self.capture()
        };
        self.flags = flags;
        let tree = tree?;
        if self.eat(')') {
            return Ok(tree);
        }
        self.at = start.saturating_sub(1);
        Err(self.error("this group is not closed; add `)`"))
    }

    fn look(&mut self) -> Option<(bool, bool)> {
        let kinds = [
            ("?=", false, false),
            ("?!", false, true),
            ("?<=", true, false),
            ("?<!", true, true),
        ];
        let (_, behind, negative) = kinds.into_iter().find(|(text, ..)| self.eat_all(text))?;
        Some((behind, negative))
    }

    fn capture(&mut self) -> Result<Tree, PatternError> {
        self.opened += 1;
        let index = self.opened;
        Ok(Tree::Capture {
            index,
            body: Box::new(self.body()?),
        })
    }

    fn body(&mut self) -> Result<Tree, PatternError> {
        self.choice()
    }

    /// `i:`, `s:`, `-i:` and so on (ECMA-262 2025, §22.2.1 Modifiers).
    fn modifiers(&mut self) -> Result<(), PatternError> {
        let mut on = true;
        loop {
            match self.next() {
                Some('i') => self.flags.ignore_case = on,
                Some('s') => self.flags.dot_all = on,
                Some('-') if on => on = false,
                Some(':') => return Ok(()),
                other => {
                    self.at -= usize::from(other.is_some());
                    let advice = match other {
                        Some('P') => "named groups are written `(?<name>...)` in ECMA-262",
                        Some('>') => "atomic groups are not in ECMA-262; write `(?:`",
                        Some('#') => "comments are not in ECMA-262; leave it out",
                        Some(')') => "flags in the middle of a pattern are not in ECMA-262; write `(?i:...)`",
                        _ => "`(?` begins no group that ECMA-262 knows; write `(?:` for a plain group",
                    };
                    return Err(self.error(advice));
                }
            }
        }
    }

    /// A set, widened by the flag `i` where it is on.
    pub(super) fn cased(&self, set: set::Set) -> set::Set {
        if self.flags.ignore_case { set::folded(set) } else { set }
    }
}
