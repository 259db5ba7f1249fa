//! Reading JSON text (RFC 8259) byte by byte, strictly: a cursor that knows white space, strings, numbers and
//! literals, and nothing of schemas. It accepts less than many parsers do: no lone surrogates, no invalid UTF-8,
//! no byte order mark, no number that a 64-bit float cannot hold.

use std::borrow::Cow;

use super::violation::Code;

/// The longest spelling of a number, in bytes. Longer ones are refused: no real value needs them, and they are
/// the cheapest way to make two parsers disagree.
pub(super) const NUMBER_BYTES_MAX: usize = 64;

/// A place in the text.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) pos: usize,
}

/// A string as it stands between its quotes.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    /// The bytes between the quotes, escapes and all; valid UTF-8.
    pub(super) raw: &'a [u8],
    /// Whether `raw` holds a backslash.
    pub(super) escaped: bool,
    /// Whether `raw` holds only ASCII.
    pub(super) ascii: bool,
}

/// A number as it is spelled.
#[derive(Clone, Copy)]
pub(super) struct Number<'a> {
    /// The spelling.
    pub(super) raw: &'a [u8],
    /// Its value where it is a plain integer of at most 18 digits, the case that the judge decides without
    /// decimal arithmetic.
    pub(super) small: Option<i64>,
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Marks, by the high bit of each byte, the first byte that a string scan has to look at: a quote, a backslash,
/// a control character or a byte outside ASCII. Bits above the first mark may be wrong, so only the lowest counts.
fn special(word: u64) -> u64 {
    let quote = word ^ (ONES * 0x22);
    let backslash = word ^ (ONES * 0x5c);
    let quotes = quote.wrapping_sub(ONES) & !quote;
    let backslashes = backslash.wrapping_sub(ONES) & !backslash;
    let controls = word.wrapping_sub(ONES * 0x20) & !word;
    (quotes | backslashes | controls | word) & HIGHS
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, pos: 0 }
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.pos).copied()
    }

    #[inline]
    pub(super) fn skip_whitespace(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.pos += 1;
        }
    }

    /// Steps over `byte`, which has to stand here.
    #[inline]
    pub(super) fn expect(&mut self, byte: u8) -> Result<(), Code> {
        if self.peek() == Some(byte) {
            self.pos += 1;
            Ok(())
        } else {
            Err(Code::Syntax)
        }
    }

    /// Steps over `true`, `false` or `null`.
    #[inline]
    pub(super) fn literal(&mut self, word: &[u8]) -> Result<(), Code> {
        if self.rest().starts_with(word) {
            self.pos += word.len();
            Ok(())
        } else {
            Err(Code::Syntax)
        }
    }

    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.pos..).unwrap_or_default()
    }

    #[inline]
    pub(super) fn slice(&self, from: usize, to: usize) -> &'a [u8] {
        self.bytes.get(from..to).unwrap_or_default()
    }

    /// Reads a string; the cursor stands on its opening quote and ends behind the closing one.
    #[inline]
    pub(super) fn string(&mut self) -> Result<Text<'a>, Code> {
        self.pos += 1;
        let start = self.pos;
        self.skip_plain();
        if self.peek() != Some(b'"') {
            return self.string_on(start);
        }
        let raw = self.slice(start, self.pos);
        self.pos += 1;
        Ok(Text {
            raw,
            escaped: false,
            ascii: true,
        })
    }

    /// Reads the rest of a string, which stands before something else than a plain character or its end.
    #[cold]
    fn string_on(&mut self, start: usize) -> Result<Text<'a>, Code> {
        let (mut escaped, mut ascii) = (false, true);
        loop {
            self.skip_plain();
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(byte) if byte >= 0x80 => {
                    ascii = false;
                    self.skip_non_ascii();
                }
                _ => return Err(Code::Syntax),
            }
        }
        let raw = self.slice(start, self.pos);
        self.pos += 1;
        if !ascii && std::str::from_utf8(raw).is_err() {
            return Err(Code::Encoding);
        }
        Ok(Text { raw, escaped, ascii })
    }

    /// Steps over bytes that mean themselves, eight at a time.
    #[inline]
    fn skip_plain(&mut self) {
        while let Some(chunk) = self.rest().first_chunk::<8>() {
            let marks = special(u64::from_le_bytes(*chunk));
            if marks != 0 {
                self.pos += (marks.trailing_zeros() / 8) as usize;
                return;
            }
            self.pos += 8;
        }
        while let Some(0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7f) = self.peek() {
            self.pos += 1;
        }
    }

    fn skip_non_ascii(&mut self) {
        while let Some(0x80..) = self.peek() {
            self.pos += 1;
        }
    }

    /// Steps over one escape; a surrogate has to come as a pair.
    fn escape(&mut self) -> Result<(), Code> {
        match self.bytes.get(self.pos + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.pos += 2;
                Ok(())
            }
            Some(b'u') => {
                let (_, length) = unicode_escape(self.rest()).ok_or(Code::Encoding)?;
                self.pos += length;
                Ok(())
            }
            _ => Err(Code::Syntax),
        }
    }

    /// Steps over a value that has been judged well-formed.
    pub(super) fn skip_value(&mut self) {
        let mut depth = 0_usize;
        loop {
            match self.peek() {
                Some(b'"') => {
                    if self.string().is_err() {
                        return;
                    }
                }
                Some(b'{' | b'[') => {
                    depth += 1;
                    self.pos += 1;
                }
                Some(b'}' | b']') => {
                    depth = depth.saturating_sub(1);
                    self.pos += 1;
                }
                Some(_) if depth > 0 => self.pos += 1,
                Some(_) => {
                    let scalar = |byte: &u8| !matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t');
                    self.pos += self.rest().iter().take_while(|byte| scalar(byte)).count();
                }
                None => return,
            }
            if depth == 0 {
                return;
            }
        }
    }

    /// Reads a number; the cursor stands on its first byte.
    #[inline]
    pub(super) fn number(&mut self) -> Result<Number<'a>, Code> {
        let start = self.pos;
        let negative = self.peek() == Some(b'-');
        if negative {
            self.pos += 1;
        }
        let first = self.peek();
        let (count, value) = self.digits();
        if count == 0 || (count > 1 && first == Some(b'0')) {
            return Err(Code::Syntax);
        }
        let mut plain = count <= 18;
        if self.peek() == Some(b'.') {
            self.pos += 1;
            plain = false;
            if self.digits().0 == 0 {
                return Err(Code::Syntax);
            }
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.pos += 1;
            plain = false;
            if let Some(b'+' | b'-') = self.peek() {
                self.pos += 1;
            }
            if self.digits().0 == 0 {
                return Err(Code::Syntax);
            }
        }
        let raw = self.slice(start, self.pos);
        if !plain && (raw.len() > NUMBER_BYTES_MAX || !is_finite(raw)) {
            return Err(Code::Number);
        }
        let small = plain.then_some(if negative { -value } else { value });
        Ok(Number { raw, small })
    }

    /// Steps over digits: how many there were, and the value of the first 18.
    #[inline]
    fn digits(&mut self) -> (usize, i64) {
        let (mut count, mut value) = (0_usize, 0_i64);
        while let Some(byte @ b'0'..=b'9') = self.peek() {
            if count < 18 {
                value = value * 10 + i64::from(byte - b'0');
            }
            count += 1;
            self.pos += 1;
        }
        (count, value)
    }
}

/// Whether the value lies within the range of a 64-bit float, so that every parser behind us can hold it.
fn is_finite(raw: &[u8]) -> bool {
    std::str::from_utf8(raw)
        .ok()
        .and_then(|text| text.parse::<f64>().ok())
        .is_some_and(f64::is_finite)
}

/// Decodes `\uXXXX` or a surrogate pair `\uXXXX\uXXXX` at the start of `bytes`: the character and the length of
/// its spelling.
fn unicode_escape(bytes: &[u8]) -> Option<(char, usize)> {
    let unit = |at: usize| -> Option<u32> {
        let text = std::str::from_utf8(bytes.get(at..at + 6)?).ok()?;
        let hex = text.strip_prefix("\\u")?;
        hex.bytes()
            .all(|byte| byte.is_ascii_hexdigit())
            .then(|| u32::from_str_radix(hex, 16).ok())
            .flatten()
    };
    let first = unit(0)?;
    if !(0xd800..0xdc00).contains(&first) {
        return Some((char::from_u32(first)?, 6));
    }
    let second = unit(6)?;
    if !(0xdc00..0xe000).contains(&second) {
        return None;
    }
    let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
    Some((char::from_u32(code)?, 12))
}

impl<'a> Text<'a> {
    /// The text without its escapes.
    pub(super) fn decoded(&self) -> Cow<'a, str> {
        if !self.escaped {
            return Cow::Borrowed(std::str::from_utf8(self.raw).unwrap_or_default());
        }
        Cow::Owned(self.decode(&mut Vec::new()).to_owned())
    }

    /// Whether both are the same text, however they are written.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        if self.escaped || other.escaped {
            self.decoded() == other.decoded()
        } else {
            self.raw == other.raw
        }
    }

    /// The text without its escapes; `buffer` is used, and overwritten, only where there are any.
    pub(super) fn decode<'b>(&self, buffer: &'b mut Vec<u8>) -> &'b str
    where
        'a: 'b,
    {
        std::str::from_utf8(self.decode_bytes(buffer)).unwrap_or_default()
    }

    /// The same as bytes, which are known to be UTF-8.
    #[inline]
    pub(super) fn decode_bytes<'b>(&self, buffer: &'b mut Vec<u8>) -> &'b [u8]
    where
        'a: 'b,
    {
        if self.escaped { self.unescape(buffer) } else { self.raw }
    }

    fn unescape<'b>(&self, buffer: &'b mut Vec<u8>) -> &'b [u8] {
        buffer.clear();
        let mut rest = self.raw;
        while let Some(at) = memchr::memchr(b'\\', rest) {
            let (plain, escape) = rest.split_at(at);
            buffer.extend_from_slice(plain);
            let (decoded, length) = decode_escape(escape);
            buffer.extend_from_slice(decoded.encode_utf8(&mut [0; 4]).as_bytes());
            rest = escape.get(length..).unwrap_or_default();
        }
        buffer.extend_from_slice(rest);
        buffer
    }

    /// The length in characters (RFC 8259 §8.2: code points).
    pub(super) fn characters(&self) -> usize {
        if self.ascii && !self.escaped {
            return self.raw.len();
        }
        let mut rest = self.raw;
        let mut count = 0;
        while let Some(at) = memchr::memchr(b'\\', rest) {
            let (plain, escape) = rest.split_at(at);
            count += code_points(plain) + 1;
            rest = escape.get(decode_escape(escape).1..).unwrap_or_default();
        }
        count + code_points(rest)
    }
}

/// Decodes the escape at the start of `bytes`, which the scan has already accepted.
fn decode_escape(bytes: &[u8]) -> (char, usize) {
    match bytes.get(1) {
        Some(b'b') => ('\u{8}', 2),
        Some(b'f') => ('\u{c}', 2),
        Some(b'n') => ('\n', 2),
        Some(b'r') => ('\r', 2),
        Some(b't') => ('\t', 2),
        Some(b'u') => unicode_escape(bytes).unwrap_or((char::REPLACEMENT_CHARACTER, 6)),
        Some(&byte) => (char::from(byte), 2),
        None => (char::REPLACEMENT_CHARACTER, 1),
    }
}

fn code_points(utf8: &[u8]) -> usize {
    utf8.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(input: &str) -> Result<String, Code> {
        let mut cursor = Cursor::new(input.as_bytes());
        let text = cursor.string()?;
        assert_eq!(cursor.pos, input.len());
        Ok(text.decode(&mut Vec::new()).to_owned())
    }

    #[test]
    fn strings() {
        let check = |input: &str, expected: Result<&str, Code>| {
            assert_eq!(string(input), expected.map(str::to_owned), "{input}");
        };
        check(r#""""#, Ok(""));
        check(r#""plain text longer than eight""#, Ok("plain text longer than eight"));
        check(r#""caf\u00e9 \ud83d\ude00 é""#, Ok("café 😀 é"));
        check(r#""\"\\\/\b\f\n\r\t""#, Ok("\"\\/\u{8}\u{c}\n\r\t"));
        check("\"tab\there\"", Err(Code::Syntax));
        check(r#""lone \ud800 surrogate""#, Err(Code::Encoding));
        check(r#""low first \udc00""#, Err(Code::Encoding));
        check(r#""bad \x escape""#, Err(Code::Syntax));
        check(r#""sign \u+123""#, Err(Code::Encoding));
        check(r#""open"#, Err(Code::Syntax));
    }

    #[test]
    fn invalid_utf8_is_refused() {
        for bytes in [
            &b"\"\xff\""[..],
            b"\"\xc0\xaf\"",
            b"\"\xed\xa0\x80\"",
            b"\"12345678\xe2\x82\"",
        ] {
            assert!(matches!(Cursor::new(bytes).string(), Err(Code::Encoding)), "{bytes:?}");
        }
    }

    #[test]
    fn characters_are_code_points() {
        for (input, expected) in [(r#""abc""#, 3), (r#""é😀""#, 2), (r#""\ud83d\ude00x\n""#, 3)] {
            let text = Cursor::new(input.as_bytes()).string();
            assert_eq!(text.map(|text| text.characters()).ok(), Some(expected), "{input}");
        }
    }

    #[test]
    fn numbers() {
        let check = |input: &str, expected: Result<Option<i64>, Code>| {
            let mut cursor = Cursor::new(input.as_bytes());
            let number = cursor.number();
            assert_eq!(number.map(|number| number.small), expected, "{input}");
        };
        check("0", Ok(Some(0)));
        check("-17", Ok(Some(-17)));
        check("999999999999999999", Ok(Some(999_999_999_999_999_999)));
        check("1000000000000000000", Ok(None));
        check("1.50", Ok(None));
        check("1e308", Ok(None));
        check("1e400", Err(Code::Number));
        check("-1E400", Err(Code::Number));
        check("01", Err(Code::Syntax));
        check("-", Err(Code::Syntax));
        check("1.", Err(Code::Syntax));
        check("1e", Err(Code::Syntax));
        check(&"9".repeat(65), Err(Code::Number));
    }
}
