//! The header of one part (RFC 7578 §4). Nothing is read leniently: no folded lines, no field twice, no escapes, no second
//! spelling of a file's name.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::conform::json::Code;

/// Most header fields of one part.
const FIELDS_MAX: usize = 16;

/// What a part says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartHead {
    /// The field that it is.
    pub name: String,
    /// Whether it has the name of a file.
    pub has_filename: bool,
    /// `Content-Type`
    pub content_type: Option<String>,
    /// `Content-Length`, which it has to keep.
    pub length: Option<u64>,
    /// All other fields.
    pub others: HeaderMap,
}

impl PartHead {
    /// Reads the lines of a header, without the end of the last.
    ///
    /// # Errors
    /// `syntax`: it is none that every reader understands; `encoding`: it is not UTF-8.
    pub(super) fn parse(head: &[u8]) -> Result<Self, Code> {
        let head = std::str::from_utf8(head).map_err(|_| Code::Encoding)?;
        let mut found = Self::default();
        let mut disposed = false;
        for (count, line) in head.split("\r\n").enumerate() {
            let (name, value) = line.split_once(':').ok_or(Code::Syntax)?;
            let value = value.trim_matches([' ', '\t']);
            // A line that begins with a blank continues another; the name of a field never does.
            if count >= FIELDS_MAX || !is_token(name) || value.contains(|character: char| character.is_control()) {
                return Err(Code::Syntax);
            }
            match name.to_ascii_lowercase().as_str() {
                "content-disposition" if !std::mem::replace(&mut disposed, true) => found.dispose(value)?,
                "content-type" if found.content_type.is_none() => found.content_type = Some(value.to_owned()),
                "content-length" if found.length.is_none() => found.length = Some(number(value)?),
                // RFC 7578 §4.7: deprecated; what changes nothing is let through.
                "content-transfer-encoding" if is_identity(value) => {}
                "content-disposition" | "content-type" | "content-length" | "content-transfer-encoding" => {
                    return Err(Code::Syntax);
                }
                name => found.other(name, value)?,
            }
        }
        if disposed { Ok(found) } else { Err(Code::Syntax) }
    }

    fn other(&mut self, name: &str, value: &str) -> Result<(), Code> {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Code::Syntax)?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| Code::Syntax)?;
        match self.others.insert(name, value) {
            None => Ok(()),
            Some(_) => Err(Code::Duplicate),
        }
    }

    /// Reads `form-data; name="a"; filename="b"` (RFC 7578 §4.2). `filename*` and everything else is refused.
    fn dispose(&mut self, value: &str) -> Result<(), Code> {
        let (kind, mut rest) = value.split_once(';').ok_or(Code::Syntax)?;
        if !kind.trim_end_matches(' ').eq_ignore_ascii_case("form-data") {
            return Err(Code::Syntax);
        }
        let mut named = false;
        loop {
            let (name, behind) = rest.trim_start_matches(' ').split_once('=').ok_or(Code::Syntax)?;
            let (value, behind) = parameter_value(behind)?;
            match name.to_ascii_lowercase().as_str() {
                "name" if !named => {
                    named = true;
                    value.clone_into(&mut self.name);
                }
                // A path in it is meant for a reader that does not take it apart.
                "filename" if !self.has_filename && !value.contains('/') => self.has_filename = true,
                _ => return Err(Code::Syntax),
            }
            rest = match behind.trim_start_matches(' ') {
                "" => break,
                behind => behind.strip_prefix(';').ok_or(Code::Syntax)?,
            };
        }
        if named && !self.name.is_empty() {
            Ok(())
        } else {
            Err(Code::Syntax)
        }
    }
}

/// A token or a quoted text without escapes, and what follows it.
fn parameter_value(text: &str) -> Result<(&str, &str), Code> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ' ']).unwrap_or(text.len());
        let (value, behind) = text.split_at_checked(end).ok_or(Code::Syntax)?;
        return if is_token(value) {
            Ok((value, behind))
        } else {
            Err(Code::Syntax)
        };
    };
    let (value, behind) = quoted.split_once('"').ok_or(Code::Syntax)?;
    if value.contains('\\') {
        return Err(Code::Syntax);
    }
    Ok((value, behind))
}

fn number(text: &str) -> Result<u64, Code> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Code::Syntax);
    }
    text.parse().map_err(|_| Code::Syntax)
}

fn is_identity(coding: &str) -> bool {
    ["7bit", "8bit", "binary"]
        .iter()
        .any(|known| coding.eq_ignore_ascii_case(known))
}

/// RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(head: &str) -> Result<PartHead, Code> {
        PartHead::parse(head.as_bytes())
    }

    #[test]
    fn heads_as_clients_write_them() {
        let head = parse("Content-Disposition: form-data; name=\"a\"").unwrap();
        assert_eq!(
            (head.name.as_str(), head.has_filename, head.content_type),
            ("a", false, None)
        );
        let head = parse(
            "content-type: image/png\r\nCONTENT-DISPOSITION: Form-Data;name=a; filename=\"b ;c é.png\"\r\nContent-Length: 12\r\n\
             Content-Transfer-Encoding: binary\r\nX-A: 1",
        )
        .unwrap();
        assert_eq!(
            (head.name.as_str(), head.has_filename, head.length),
            ("a", true, Some(12))
        );
        assert_eq!(head.content_type.as_deref(), Some("image/png"));
        assert_eq!(head.others["x-a"], "1");
    }

    #[test]
    fn schema_6_heads_that_readers_disagree_about_are_refused() {
        let good = "Content-Disposition: form-data; name=\"a\"";
        for head in [
            "",
            "Content-Type: text/plain",
            "Content-Disposition: attachment; name=\"a\"",
            "Content-Disposition: form-data",
            "Content-Disposition: form-data;",
            "Content-Disposition: form-data; filename=\"a\"",
            "Content-Disposition: form-data; name=\"\"",
            "Content-Disposition: form-data; name=",
            "Content-Disposition: form-data; name=\"a",
            "Content-Disposition: form-data; name=\"a\\\"b\"",
            "Content-Disposition: form-data; name=\"a\"b",
            "Content-Disposition: form-data; name=\"a\"; name=\"b\"",
            "Content-Disposition: form-data; name=\"a\"; Name=\"b\"",
            "Content-Disposition: form-data; name=\"a\";",
            "Content-Disposition: form-data; name=\"a\"; filename=\"b\"; filename=\"c\"",
            "Content-Disposition: form-data; name=\"a\"; filename*=UTF-8''b",
            "Content-Disposition: form-data; name*=UTF-8''a",
            "Content-Disposition: form-data; name=\"a\"; filename=\"../b\"",
            "Content-Disposition: form-data; name=\"a\"; filename=\"C:\\b\"",
            "Content-Disposition: form-data; name=\"a\"; size=3",
            "Content-Disposition: form-data; name=\"a\tb\"",
            "Content-Disposition: form-data; name =\"a\"",
            "Content-Disposition : form-data; name=\"a\"",
            " Content-Disposition: form-data; name=\"a\"",
            "Content-Disposition: form-data;\r\n name=\"a\"",
            "Content-Disposition: form-data; name=\"a\"\nX: y",
            "Content-Disposition: form-data; name=\"a\"\rX: y",
            &format!("{good}\r\n{good}"),
            &format!("{good}\r\nContent-Type: a/b\r\nContent-Type: c/d"),
            &format!("{good}\r\nX-A: 1\r\nx-a: 2"),
            &format!("{good}\r\nContent-Length: +1"),
            &format!("{good}\r\nContent-Length: 1\r\nContent-Length: 1"),
            &format!("{good}\r\nContent-Transfer-Encoding: base64"),
            &format!("{good}\r\nContent-Transfer-Encoding: quoted-printable"),
            &format!("{good}\r\nX-A: \0"),
            &format!(
                "{good}\r\n{}",
                (0..16).map(|n| format!("X-{n}: 1")).collect::<Vec<_>>().join("\r\n")
            ),
        ] {
            assert!(parse(head).is_err(), "{head:?}");
        }
        assert_eq!(
            PartHead::parse(b"Content-Disposition: form-data; name=\"\xff\""),
            Err(Code::Encoding)
        );
    }
}
