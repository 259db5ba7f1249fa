//! The parser of RFC 9651 §4.2: one pass over the bytes, which never goes back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Bare, Dictionary, Fault, InnerList, Item, List, MEMBERS_MAX, Member, Parameters, VALUE_BYTES_MAX};

/// The most digits of an integer.
const INTEGER_DIGITS_MAX: usize = 15;
/// The most digits of a decimal before and behind its point.
const DECIMAL_DIGITS_MAX: (usize, usize) = (12, 3);

/// What is left of a value.
pub(super) struct Reader<'v>(&'v [u8]);

impl<'v> Reader<'v> {
    pub(super) fn new(value: &'v [u8]) -> Result<Self, Fault> {
        if value.len() > VALUE_BYTES_MAX {
            return Err(Fault::TooLarge);
        }
        Ok(Self(value))
    }

    /// Reads something that the value is whole, but for spaces around it.
    pub(super) fn whole<T>(mut self, read: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        self.skip(|byte| byte == b' ');
        let found = read(&mut self)?;
        self.skip(|byte| byte == b' ');
        self.0.is_empty().then_some(found).ok_or(Fault::Syntax)
    }

    pub(super) fn dictionary(&mut self) -> Result<Dictionary, Fault> {
        let mut dictionary = Dictionary::default();
        self.members(|reader| {
            let name = reader.key()?;
            let member = if reader.take(b'=') {
                reader.member()?
            } else {
                Member::Item(reader.parametrized(Bare::Boolean(true))?)
            };
            dictionary.insert(name, member)
        })?;
        Ok(dictionary)
    }

    pub(super) fn list(&mut self) -> Result<List, Fault> {
        let mut list = List::new();
        self.members(|reader| {
            let member = reader.member()?;
            push(&mut list, member)
        })?;
        Ok(list)
    }

    pub(super) fn item(&mut self) -> Result<Item, Fault> {
        let bare = self.bare()?;
        self.parametrized(bare)
    }

    /// Members between commas (§4.2.1, §4.2.2); none behind the last comma is a fault.
    fn members(&mut self, mut read: impl FnMut(&mut Self) -> Result<(), Fault>) -> Result<(), Fault> {
        let blank = |byte| matches!(byte, b' ' | b'\t');
        if self.0.is_empty() {
            return Ok(());
        }
        loop {
            read(self)?;
            self.skip(blank);
            if self.0.is_empty() {
                return Ok(());
            }
            self.expect(b',')?;
            self.skip(blank);
        }
    }

    fn member(&mut self) -> Result<Member, Fault> {
        if self.peek() == Some(b'(') {
            self.inner_list().map(Member::InnerList)
        } else {
            self.item().map(Member::Item)
        }
    }

    fn inner_list(&mut self) -> Result<InnerList, Fault> {
        self.expect(b'(')?;
        let mut items = Vec::new();
        loop {
            self.skip(|byte| byte == b' ');
            if self.take(b')') {
                let parameters = self.parameters()?;
                return Ok(InnerList { items, parameters });
            }
            push(&mut items, self.item()?)?;
            if !matches!(self.peek(), Some(b' ' | b')')) {
                return Err(Fault::Syntax);
            }
        }
    }

    fn parametrized(&mut self, bare: Bare) -> Result<Item, Fault> {
        let parameters = self.parameters()?;
        Ok(Item { bare, parameters })
    }

    fn parameters(&mut self) -> Result<Parameters, Fault> {
        let mut parameters = Parameters::default();
        while self.take(b';') {
            self.skip(|byte| byte == b' ');
            let name = self.key()?;
            let value = if self.take(b'=') {
                self.bare()?
            } else {
                Bare::Boolean(true)
            };
            parameters.insert(name, value)?;
        }
        Ok(parameters)
    }

    /// §4.2.3.3
    fn key(&mut self) -> Result<&'v str, Fault> {
        let starts = |byte: u8| byte.is_ascii_lowercase() || byte == b'*';
        if !self.peek().is_some_and(starts) {
            return Err(Fault::Syntax);
        }
        self.text(|byte| starts(byte) || byte.is_ascii_digit() || b"_-.".contains(&byte))
    }

    /// §4.2.3.1
    fn bare(&mut self) -> Result<Bare, Fault> {
        match self.peek().ok_or(Fault::Syntax)? {
            b'-' | b'0'..=b'9' => self.number(),
            b'"' => self.string(),
            b':' => self.bytes(),
            b'?' => self.boolean(),
            b'@' => self.date(),
            b'%' => self.display(),
            b'*' => self.token(),
            byte if byte.is_ascii_alphabetic() => self.token(),
            _ => Err(Fault::Syntax),
        }
    }

    /// §4.2.4
    fn number(&mut self) -> Result<Bare, Fault> {
        let sign = if self.take(b'-') { -1 } else { 1 };
        let whole = self.text(|byte| byte.is_ascii_digit())?;
        if !self.take(b'.') {
            return Ok(Bare::Integer(sign * digits(whole, INTEGER_DIGITS_MAX)?));
        }
        let (before, behind) = DECIMAL_DIGITS_MAX;
        let rest = self.text(|byte| byte.is_ascii_digit())?;
        if rest.is_empty() {
            return Err(Fault::Syntax);
        }
        let thousandths = digits(&format!("{rest:0<3}"), behind)?;
        Ok(Bare::Decimal(sign * (digits(whole, before)? * 1000 + thousandths)))
    }

    /// §4.2.5
    fn string(&mut self) -> Result<Bare, Fault> {
        self.expect(b'"')?;
        let mut text = String::new();
        loop {
            match self.next()? {
                b'"' => return Ok(Bare::String(text.into())),
                b'\\' => match self.next()? {
                    escaped @ (b'"' | b'\\') => text.push(char::from(escaped)),
                    _ => return Err(Fault::Syntax),
                },
                byte @ b' '..=b'~' => text.push(char::from(byte)),
                _ => return Err(Fault::Syntax),
            }
        }
    }

    /// §4.2.6
    fn token(&mut self) -> Result<Bare, Fault> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte);
        self.text(allowed).map(|token| Bare::Token(token.into()))
    }

    /// §4.2.7
    fn bytes(&mut self) -> Result<Bare, Fault> {
        self.expect(b':')?;
        let end = self.0.iter().position(|byte| *byte == b':').ok_or(Fault::Syntax)?;
        let encoded = self.0.get(..end).ok_or(Fault::Syntax)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| Fault::Syntax)?;
        self.0 = self.0.get(end..).unwrap_or_default();
        self.expect(b':')?;
        Ok(Bare::Bytes(bytes))
    }

    /// §4.2.8
    fn boolean(&mut self) -> Result<Bare, Fault> {
        self.expect(b'?')?;
        match self.next()? {
            b'0' => Ok(Bare::Boolean(false)),
            b'1' => Ok(Bare::Boolean(true)),
            _ => Err(Fault::Syntax),
        }
    }

    /// §4.2.9
    fn date(&mut self) -> Result<Bare, Fault> {
        self.expect(b'@')?;
        match self.number()? {
            Bare::Integer(seconds) => Ok(Bare::Date(seconds)),
            _ => Err(Fault::Syntax),
        }
    }

    /// §4.2.10
    fn display(&mut self) -> Result<Bare, Fault> {
        self.expect(b'%')?;
        self.expect(b'"')?;
        let mut octets = Vec::new();
        loop {
            match self.next()? {
                b'"' => break,
                b'%' => {
                    let (high, low) = (hex(self.next()?)?, hex(self.next()?)?);
                    octets.push(high * 16 + low);
                }
                byte @ b' '..=b'~' => octets.push(byte),
                _ => return Err(Fault::Syntax),
            }
        }
        let text = String::from_utf8(octets).map_err(|_| Fault::Syntax)?;
        Ok(Bare::Display(text.into()))
    }

    /// Takes all bytes that are allowed here; those are ASCII.
    fn text(&mut self, allowed: impl Fn(u8) -> bool) -> Result<&'v str, Fault> {
        let start = self.0;
        self.skip(allowed);
        let taken = start.get(..start.len() - self.0.len()).unwrap_or_default();
        std::str::from_utf8(taken).map_err(|_| Fault::Syntax)
    }

    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    fn next(&mut self) -> Result<u8, Fault> {
        let (first, rest) = self.0.split_first().ok_or(Fault::Syntax)?;
        self.0 = rest;
        Ok(*first)
    }

    fn take(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.0 = self.0.get(1..).unwrap_or_default();
        }
        found
    }

    fn expect(&mut self, wanted: u8) -> Result<(), Fault> {
        self.take(wanted).then_some(()).ok_or(Fault::Syntax)
    }

    fn skip(&mut self, skipped: impl Fn(u8) -> bool) {
        while let [first, rest @ ..] = self.0
            && skipped(*first)
        {
            self.0 = rest;
        }
    }
}

fn push<T>(all: &mut Vec<T>, one: T) -> Result<(), Fault> {
    if all.len() >= MEMBERS_MAX {
        return Err(Fault::TooLarge);
    }
    all.push(one);
    Ok(())
}

/// One to `most` decimal digits.
fn digits(text: &str, most: usize) -> Result<i64, Fault> {
    if text.is_empty() || text.len() > most {
        return Err(Fault::Syntax);
    }
    text.parse().map_err(|_| Fault::Syntax)
}

/// A lower-case hexadecimal digit; others are refused in display strings.
fn hex(byte: u8) -> Result<u8, Fault> {
    match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        _ => Err(Fault::Syntax),
    }
}
