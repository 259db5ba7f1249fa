//! One canonical path: what could be read in two ways by two servers is refused, so that the path which was judged is the path
//! that is forwarded, byte for byte.
//!
//! It never rewrites a path. A normaliser that differs from the upstream's by one rule is a hole; a refusal is not.

use memchr::memchr;

/// Why a path is not canonical.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PathProblem {
    /// A segment that is, or decodes to, `.` or `..`.
    DotSegment,
    /// A segment that ends with a dot, which some file systems drop.
    TrailingDot,
    /// An empty segment (`//`).
    EmptySegment,
    /// A `/` or `\` that is encoded, or a raw `\`.
    EncodedSlash,
    /// A control character that is encoded, NUL among them.
    Control,
    /// An escape of a character that stands for itself, such as `%61`.
    NeedlessEscape,
    /// A `%` without two hexadecimal digits.
    Escape,
    /// It decodes to something that can be decoded again, such as `%2541`.
    DoubleEncoding,
    /// The decoded bytes are not UTF-8.
    Utf8,
    /// A `;` where no matrix parameter is declared.
    Semicolon,
    /// A byte that no path has raw (RFC 3986 §3.3).
    Character,
}

/// Says whether `path` (without query, beginning with `/`) is canonical. Whether a `;` may stand in it is known when the operation
/// is; here it only must not hide a dot segment.
///
/// # Errors
///
/// The first problem that was found.
pub fn check_path(path: &str) -> Result<(), PathProblem> {
    let bytes = path.as_bytes();
    let Some((b'/', rest)) = bytes.split_first() else {
        return Err(PathProblem::Character);
    };
    let mut previous = b'/';
    let (mut escaped, mut parameters) = (false, false);
    for &byte in rest {
        match class(byte) {
            Class::Plain => {}
            Class::Slash if previous == b'/' => return Err(PathProblem::EmptySegment),
            Class::Slash if previous == b'.' => return Err(dots(path)),
            Class::Slash | Class::Dot => {}
            Class::Percent => escaped = true,
            Class::Semicolon => parameters = true,
            Class::Backslash => return Err(PathProblem::EncodedSlash),
            Class::Bad => return Err(PathProblem::Character),
        }
        previous = byte;
    }
    if previous == b'.' {
        return Err(dots(path));
    }
    if parameters && path.split('/').any(ends_with_dot_before_parameters) {
        return Err(PathProblem::DotSegment);
    }
    if escaped { check_escapes(bytes) } else { Ok(()) }
}

/// Which of the two problems with dots at the end of a segment it is.
fn dots(path: &str) -> PathProblem {
    let dot_segment = path.split('/').any(|segment| segment == "." || segment == "..");
    if dot_segment {
        PathProblem::DotSegment
    } else {
        PathProblem::TrailingDot
    }
}

/// Whether a server that cuts parameters off would see a dot segment: `/..;x=y/`.
fn ends_with_dot_before_parameters(segment: &str) -> bool {
    segment.split_once(';').is_some_and(|(name, _)| name.ends_with('.'))
}

/// Checks every escape, and what the path is once decoded.
fn check_escapes(bytes: &[u8]) -> Result<(), PathProblem> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((plain, escape)) = memchr(b'%', rest).and_then(|at| rest.split_at_checked(at)) {
        let (Some(high), Some(low)) = (digit(escape.get(1)), digit(escape.get(2))) else {
            return Err(PathProblem::Escape);
        };
        let byte = high << 4 | low;
        match byte {
            0..=0x1f | 0x7f => return Err(PathProblem::Control),
            b'/' | b'\\' => return Err(PathProblem::EncodedSlash),
            b'.' => return Err(PathProblem::DotSegment),
            // It needs no escape (RFC 3986 §2.3), so a router that compares bytes and one that decodes first disagree.
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' => return Err(PathProblem::NeedlessEscape),
            _ => {}
        }
        decoded.extend_from_slice(plain);
        decoded.push(byte);
        rest = escape.get(3..).unwrap_or_default();
    }
    decoded.extend_from_slice(rest);
    let text = std::str::from_utf8(&decoded).map_err(|_| PathProblem::Utf8)?;
    if text.chars().any(char::is_control) {
        return Err(PathProblem::Control);
    }
    let again = decoded
        .windows(3)
        .any(|three| three.first() == Some(&b'%') && digit(three.get(1)).is_some() && digit(three.get(2)).is_some());
    if again {
        Err(PathProblem::DoubleEncoding)
    } else {
        Ok(())
    }
}

fn digit(byte: Option<&u8>) -> Option<u8> {
    byte.and_then(|&byte| char::from(byte).to_digit(16))
        .and_then(|digit| u8::try_from(digit).ok())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Plain,
    Slash,
    Dot,
    Percent,
    Semicolon,
    Backslash,
    Bad,
}

fn class(byte: u8) -> Class {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(Class::Bad)
}

static CLASSES: [Class; 256] = classes();

#[allow(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, where a wrong index does not compile"
)]
const fn classes() -> [Class; 256] {
    let mut table = [Class::Bad; 256];
    let mut byte = 0_u8;
    while byte < 0x7f {
        table[byte as usize] = match byte {
            b'/' => Class::Slash,
            b'.' => Class::Dot,
            b'%' => Class::Percent,
            b';' => Class::Semicolon,
            b'\\' => Class::Backslash,
            b'-' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' | b':' | b'@' => {
                Class::Plain
            }
            _ if byte.is_ascii_alphanumeric() => Class::Plain,
            _ => Class::Bad,
        };
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expected: Result<(), PathProblem>) {
        assert_eq!(check_path(path), expected, "{path}");
    }

    #[test]
    fn http_3_plain_paths_pass() {
        for path in [
            "/",
            "/a",
            "/a/",
            "/a.b/c",
            "/.well-known/x",
            "/..a",
            "/a:b@c",
            "/%20a",
            "/caf%C3%A9",
            "/50%25",
            "/%25zz",
            "/a%3Bb",
            "/%F0%9F%8E%89",
        ] {
            check(path, Ok(()));
        }
    }

    #[test]
    fn http_3_ambiguous_paths_are_refused() {
        use PathProblem::*;
        for (path, problem) in [
            ("/.", DotSegment),
            ("/..", DotSegment),
            ("/a/../b", DotSegment),
            ("/a/./b", DotSegment),
            ("/%2e%2e/a", DotSegment),
            ("/%2E", DotSegment),
            ("/.%2e/a", DotSegment),
            ("/a%2eb", DotSegment),
            ("/a./b", TrailingDot),
            ("/a...", TrailingDot),
            ("//", EmptySegment),
            ("/a//b", EmptySegment),
            ("//a", EmptySegment),
            ("/a%2fb", EncodedSlash),
            ("/a%2Fb", EncodedSlash),
            ("/a%5cb", EncodedSlash),
            ("/a\\b", EncodedSlash),
            ("/%00", Control),
            ("/a%0d%0ab", Control),
            ("/%7f", Control),
            ("/%", Escape),
            ("/%2", Escape),
            ("/%zz", Escape),
            ("/%+1", Escape),
            ("/%252e", DoubleEncoding),
            ("/%252f", DoubleEncoding),
            ("/%25%32%65", NeedlessEscape),
            ("/%252%65", NeedlessEscape),
            ("/%61dmin", NeedlessEscape),
            ("/%7Ea", NeedlessEscape),
            ("/%2525", DoubleEncoding),
            ("/%c0%af", Utf8),
            ("/%e0%80%af", Utf8),
            ("/%ff", Utf8),
            ("/%ed%a0%80", Utf8),
            ("/%c2%85", Control),
            ("/a|b", Character),
            ("/a[0]", Character),
            ("/{a}", Character),
            ("/é", Character),
            ("", Character),
            ("a", Character),
        ] {
            check(path, Err(problem));
        }
    }

    #[test]
    fn http_3_matrix_parameters_hide_no_dot_segment() {
        check("/a;x=y/b", Ok(()));
        check("/..;x=y/b", Err(PathProblem::DotSegment));
        check("/a/.;/b", Err(PathProblem::DotSegment));
    }

    proptest::proptest! {
        /// A path that passes decodes to segments that no normaliser would change.
        #[test]
        fn http_3_what_passes_has_one_reading(path in "/([a-z./;%250-9a-fA-F\\\\-]|%[0-9a-f]{2}){0,12}") {
            if check_path(&path).is_ok() {
                let mut decoded = Vec::new();
                let mut bytes = path.bytes();
                while let Some(byte) = bytes.next() {
                    if byte == b'%' {
                        let pair: String = bytes.by_ref().take(2).map(char::from).collect();
                        decoded.push(u8::from_str_radix(&pair, 16).unwrap());
                    } else {
                        decoded.push(byte);
                    }
                }
                let decoded = String::from_utf8(decoded).unwrap();
                proptest::prop_assert_eq!(decoded.matches('/').count(), path.matches('/').count());
                let segments: Vec<&str> = decoded.split('/').skip(1).collect();
                for (index, segment) in segments.iter().enumerate() {
                    proptest::prop_assert!(!segment.is_empty() || index + 1 == segments.len());
                    proptest::prop_assert!(!segment.ends_with('.'));
                    proptest::prop_assert!(!segment.contains('\\'));
                }
            }
        }
    }
}
