//! A strict reader of JSON (RFC 8259) that keeps the place of every value and every member name. It never
//! recurses, and never accepts what RFC 8259 does not: comments, trailing commas, lone surrogates; nor names that repeat.

use memchr::memchr2;

use super::bounds::{Budget, DEPTH_MAX};
use super::node::{Member, Node, Object, Value};
use super::problem::{Problem, Span};
use super::source::{Source, shown};

/// Reads a whole text as one JSON value.
pub(super) fn read(source: Source<'_>, budget: &mut Budget) -> Result<Node, Problem> {
    let mut reader = Reader {
        source,
        budget,
        at: 0,
        line: 1,
        column: 1,
        counted: 0,
        open: Vec::new(),
    };
    let node = reader.document()?;
    reader.skip_blank();
    match reader.peek() {
        None => Ok(node),
        Some(_) => Err(reader.unexpected("the end of the file")),
    }
}

/// A collection that has begun and not ended.
struct Open {
    span: Span,
    content: Content,
}

enum Content {
    Array(Vec<Node>),
    /// With the name of the member whose value comes next.
    Object(Object, Box<str>, Span),
}

/// What a value has led to.
enum Step {
    /// A value is complete, and belongs into the innermost open collection.
    Complete(Node),
    /// The next thing in the text is a value.
    Value,
}

struct Reader<'a, 'b> {
    source: Source<'a>,
    budget: &'b mut Budget,
    /// The next byte.
    at: usize,
    line: u32,
    /// The column of byte `counted`. Columns count characters, and a document may be one long line, so they are counted
    /// on from the last place that was asked for, never from the start of the line.
    column: u32,
    counted: usize,
    open: Vec<Open>,
}

impl Reader<'_, '_> {
    fn document(&mut self) -> Result<Node, Problem> {
        let mut step = Step::Value;
        loop {
            step = match step {
                Step::Value => self.value()?,
                Step::Complete(node) => match self.open.pop() {
                    None => return Ok(node),
                    Some(open) => self.place(open, node)?,
                },
            };
        }
    }

    fn value(&mut self) -> Result<Step, Problem> {
        self.skip_blank();
        let span = self.span();
        if !self.budget.take_nodes(1) {
            return Err(self.source.too_many_nodes(span));
        }
        let value = match self.peek() {
            Some(b'{') => return self.begin_object(span),
            Some(b'[') => return self.begin_array(span),
            Some(b'"') => Value::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => Value::Number(self.number()?),
            Some(b't') => self.word("true", Value::Bool(true))?,
            Some(b'f') => self.word("false", Value::Bool(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            _ => return Err(self.unexpected("a value")),
        };
        Ok(Step::Complete(Node { value, span }))
    }

    fn begin_object(&mut self, span: Span) -> Result<Step, Problem> {
        self.at += 1;
        self.skip_blank();
        if self.eat(b'}') {
            return Ok(Step::Complete(Node {
                value: Value::Object(Object::default()),
                span,
            }));
        }
        let (name, name_span) = self.name()?;
        self.begin(Open {
            span,
            content: Content::Object(Object::default(), name, name_span),
        })
    }

    fn begin_array(&mut self, span: Span) -> Result<Step, Problem> {
        self.at += 1;
        self.skip_blank();
        if self.eat(b']') {
            return Ok(Step::Complete(Node {
                value: Value::Array(Vec::new()),
                span,
            }));
        }
        self.begin(Open {
            span,
            content: Content::Array(Vec::new()),
        })
    }

    fn begin(&mut self, open: Open) -> Result<Step, Problem> {
        if self.open.len() >= usize::from(DEPTH_MAX) {
            return Err(self.source.too_deep(open.span));
        }
        self.open.push(open);
        Ok(Step::Value)
    }

    /// Puts a complete value into the collection around it, and reads on to the next value or the collection's end.
    fn place(&mut self, open: Open, node: Node) -> Result<Step, Problem> {
        let Open { span, content } = open;
        self.skip_blank();
        match content {
            Content::Array(mut items) => {
                items.push(node);
                if self.eat(b']') {
                    return Ok(Step::Complete(Node {
                        value: Value::Array(items),
                        span,
                    }));
                }
                if !self.eat(b',') {
                    return Err(self.unexpected("`,` or `]` after an element"));
                }
                self.open.push(Open {
                    span,
                    content: Content::Array(items),
                });
            }
            Content::Object(mut object, name, name_span) => {
                self.source
                    .insert(&mut object, name, Member { name_span, value: node })?;
                if self.eat(b'}') {
                    return Ok(Step::Complete(Node {
                        value: Value::Object(object),
                        span,
                    }));
                }
                if !self.eat(b',') {
                    return Err(self.unexpected("`,` or `}` after a member"));
                }
                let (name, name_span) = self.name()?;
                self.open.push(Open {
                    span,
                    content: Content::Object(object, name, name_span),
                });
            }
        }
        Ok(Step::Value)
    }

    /// The name of a member and the colon after it.
    fn name(&mut self) -> Result<(Box<str>, Span), Problem> {
        self.skip_blank();
        let span = self.span();
        if self.peek() != Some(b'"') {
            return Err(self.unexpected("a member name in double quotes"));
        }
        let name = self.string()?;
        self.skip_blank();
        if !self.eat(b':') {
            return Err(self.unexpected("`:` after a member name"));
        }
        Ok((name, span))
    }

    /// A string whose opening quote is the next byte.
    fn string(&mut self) -> Result<Box<str>, Problem> {
        let opening = self.at;
        self.at += 1;
        let (run, ended) = self.run(opening)?;
        if ended {
            return Ok(run.into());
        }
        let mut text = String::from(run);
        loop {
            text.push(self.escape()?);
            let (run, ended) = self.run(opening)?;
            text.push_str(run);
            if ended {
                return Ok(text.into_boxed_str());
            }
        }
    }

    /// The characters up to the next backslash or the closing quote, which is taken; true at the closing quote.
    fn run(&mut self, opening: usize) -> Result<(&str, bool), Problem> {
        let rest = self.source.text.as_bytes().get(self.at..).unwrap_or_default();
        let length = memchr2(b'"', b'\\', rest);
        let run = rest.get(..length.unwrap_or(rest.len())).unwrap_or_default();
        if let Some(control) = run.iter().position(|byte| *byte < 0x20) {
            self.at += control;
            return Err(self.unexpected("the rest of a string, without raw control characters,"));
        }
        let Some(length) = length else {
            self.at = opening;
            let span = self.span();
            return Err(self.source.problem(span, "this string has no closing quote"));
        };
        let ended = rest.get(length) == Some(&b'"');
        let start = self.at;
        let end = start + length;
        self.at = end + usize::from(ended);
        Ok((self.source.text.get(start..end).unwrap_or_default(), ended))
    }

    /// An escape sequence whose backslash is the next byte.
    fn escape(&mut self) -> Result<char, Problem> {
        let start = self.at;
        self.at += 2;
        let kind = self.source.text.as_bytes().get(start + 1);
        let escaped = match kind {
            Some(b'"') => Some('"'),
            Some(b'\\') => Some('\\'),
            Some(b'/') => Some('/'),
            Some(b'b') => Some('\u{8}'),
            Some(b'f') => Some('\u{c}'),
            Some(b'n') => Some('\n'),
            Some(b'r') => Some('\r'),
            Some(b't') => Some('\t'),
            Some(b'u') => self.code_point(),
            _ => None,
        };
        escaped.ok_or_else(|| {
            self.at = start;
            let span = self.span();
            let message = "this escape is none of JSON's, or one half of a surrogate pair";
            self.source
                .problem(span, message)
                .help("write the character itself, or `\\u` and four hexadecimal digits")
        })
    }

    /// The character of `\u`, or of a pair of them (RFC 8259 section 7).
    fn code_point(&mut self) -> Option<char> {
        let first = self.four_digits()?;
        if !(0xD800..0xDC00).contains(&first) {
            return char::from_u32(first);
        }
        if !(self.eat(b'\\') && self.eat(b'u')) {
            return None;
        }
        let second = self.four_digits()?.checked_sub(0xDC00).filter(|low| *low < 0x400)?;
        char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + second)
    }

    fn four_digits(&mut self) -> Option<u32> {
        let digits = self.source.text.get(self.at..self.at + 4)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }

    fn number(&mut self) -> Result<Box<str>, Problem> {
        let start = self.at;
        self.eat(b'-');
        let whole = self.at;
        let mut sound = self.skip_digits() > 0;
        // A second digit after a leading zero: RFC 8259 leaves no room for octal numbers.
        sound &= self.source.text.as_bytes().get(whole) != Some(&b'0') || self.at == whole + 1;
        if self.eat(b'.') {
            sound &= self.skip_digits() > 0;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _sign = self.eat(b'+') || self.eat(b'-');
            sound &= self.skip_digits() > 0;
        }
        let spelling = self.source.text.get(start..self.at).unwrap_or_default();
        if sound {
            return Ok(spelling.into());
        }
        let message = format!("`{}` is no number as JSON writes them", shown(spelling));
        self.at = start;
        let span = self.span();
        Err(self.source.problem(span, message))
    }

    fn skip_digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, Problem> {
        if self
            .source
            .text
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with(word))
        {
            self.at += word.len();
            return Ok(value);
        }
        Err(self.unexpected("a value"))
    }

    fn peek(&self) -> Option<u8> {
        self.source.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let here = self.peek() == Some(byte);
        self.at += usize::from(here);
        here
    }

    fn skip_blank(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\r') => self.at += 1,
                Some(b'\n') => {
                    self.at += 1;
                    self.line = self.line.saturating_add(1);
                    self.column = 1;
                    self.counted = self.at;
                }
                _ => return,
            }
        }
    }

    /// The place of the next byte.
    fn span(&mut self) -> Span {
        // Going back happens only for an error, and then never over a line break.
        let back = self.at < self.counted;
        let (from, to) = if back {
            (self.at, self.counted)
        } else {
            (self.counted, self.at)
        };
        let between = self.source.text.as_bytes().get(from..to).unwrap_or_default();
        let characters = between
            .iter()
            .fold(0_u32, |sum, byte| sum + u32::from(byte & 0xC0 != 0x80));
        self.column = if back {
            self.column.saturating_sub(characters)
        } else {
            self.column.saturating_add(characters)
        };
        self.counted = self.at;
        Span {
            file: self.source.file,
            line: self.line,
            column: self.column,
        }
    }

    fn unexpected(&mut self, expected: &str) -> Problem {
        let span = self.span();
        let found = self.source.text.get(self.at..).and_then(|rest| rest.chars().next());
        let found = match found {
            None => "the end of the file".to_owned(),
            Some(character) if character.is_control() => format!("character U+{:04X}", u32::from(character)),
            Some(character) => format!("`{character}`"),
        };
        self.source
            .problem(span, format!("expected {expected} but found {found}"))
    }
}
