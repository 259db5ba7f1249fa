//! XML 1.0 (fifth edition), judged for its form alone: one element, everything closed, nothing declared. A document type is
//! refused, and with it every entity that could grow, or reach for a file or another host. No schema judges what it holds.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesDecl, BytesStart, Event};
use quick_xml::reader::Reader;

use crate::conform::json::Code;

/// How deep elements may nest.
pub const DEPTH_MAX: usize = 64;

/// Most attributes of one element.
pub const ATTRIBUTES_MAX: usize = 256;

/// Judges a whole document, in UTF-8.
///
/// # Errors
/// `encoding` where it is not UTF-8, or says so; `forbidden` for a document type; `depth`, `count` over a bound; `syntax`
/// for all else.
pub fn check(xml: &[u8]) -> Result<(), Code> {
    let xml = std::str::from_utf8(xml).map_err(|_| Code::Encoding)?;
    // A byte order mark is a character to us, and readers differ on it.
    if !xml.chars().all(is_char) || xml.starts_with('\u{feff}') {
        return Err(Code::Encoding);
    }
    let mut reader = Reader::from_str(xml);
    let config = reader.config_mut();
    config.enable_all_checks(true);
    config.allow_dangling_amp = false;
    config.allow_unmatched_ends = false;
    let mut walk = Walk::default();
    loop {
        let event = reader.read_event().map_err(|_| Code::Syntax)?;
        if matches!(event, Event::Eof) {
            return walk.end();
        }
        walk.step(&event)?;
    }
}

/// Where in a document a reader is.
#[derive(Default)]
struct Walk {
    depth: usize,
    /// Whether the one element at the top was opened.
    rooted: bool,
    /// Whether anything came.
    begun: bool,
}

impl Walk {
    fn step(&mut self, event: &Event<'_>) -> Result<(), Code> {
        match event {
            Event::Decl(declaration) if !self.begun => check_declaration(declaration)?,
            Event::Decl(_) => return Err(Code::Syntax),
            Event::DocType(_) => return Err(Code::Forbidden),
            Event::Start(element) => {
                self.open(element)?;
                self.depth += 1;
            }
            Event::Empty(element) => self.open(element)?,
            Event::End(_) => self.depth = self.depth.checked_sub(1).ok_or(Code::Syntax)?,
            Event::Text(text) => self.text(text)?,
            Event::CData(_) => self.inside()?,
            Event::GeneralRef(reference) => {
                self.inside()?;
                let character = reference.resolve_char_ref().map_err(|_| Code::Syntax)?;
                let known = matches!(&**reference, "amp" | "lt" | "gt" | "quot" | "apos");
                if !character.map_or(known, is_char) {
                    return Err(Code::Syntax);
                }
            }
            Event::PI(instruction) => check_name(instruction.target())?,
            Event::Comment(_) | Event::Eof => {}
        }
        self.begun = true;
        Ok(())
    }

    fn open(&mut self, element: &BytesStart<'_>) -> Result<(), Code> {
        if self.depth == 0 && std::mem::replace(&mut self.rooted, true) {
            return Err(Code::Syntax);
        }
        if self.depth >= DEPTH_MAX {
            return Err(Code::Depth);
        }
        check_name(element.name().as_ref())?;
        // Names that occur twice are found by the iterator itself.
        for (count, attribute) in element.attributes().enumerate() {
            let attribute = attribute.map_err(|_| Code::Syntax)?;
            if count >= ATTRIBUTES_MAX {
                return Err(Code::Count);
            }
            check_name(attribute.key.as_ref())?;
            let resolved = attribute.normalized_value(XmlVersion::Explicit1_0);
            if attribute.value.contains('<') || !resolved.map_err(|_| Code::Syntax)?.chars().all(is_char) {
                return Err(Code::Syntax);
            }
        }
        Ok(())
    }

    fn text(&self, text: &str) -> Result<(), Code> {
        if text.contains("]]>") {
            return Err(Code::Syntax);
        }
        if text
            .chars()
            .all(|character| matches!(character, ' ' | '\t' | '\r' | '\n'))
        {
            return Ok(());
        }
        self.inside()
    }

    /// That this stands in an element.
    fn inside(&self) -> Result<(), Code> {
        if self.depth == 0 { Err(Code::Syntax) } else { Ok(()) }
    }

    fn end(&self) -> Result<(), Code> {
        if self.rooted && self.depth == 0 {
            Ok(())
        } else {
            Err(Code::Syntax)
        }
    }
}

/// `<?xml version="1.0" encoding="UTF-8"?>`: no other version, no other encoding.
fn check_declaration(declaration: &BytesDecl<'_>) -> Result<(), Code> {
    if declaration.version().map_err(|_| Code::Syntax)? != "1.0" {
        return Err(Code::Syntax);
    }
    match declaration.encoding().transpose().map_err(|_| Code::Syntax)? {
        Some(encoding) if !encoding.eq_ignore_ascii_case("utf-8") => Err(Code::Encoding),
        _ => Ok(()),
    }
}

/// `Char` (§2.2).
fn is_char(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// `Name` (§2.3).
fn check_name(name: &str) -> Result<(), Code> {
    let starts = |character: char| {
        matches!(character, ':' | '_' | 'A'..='Z' | 'a'..='z' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}'
            | '\u{f8}'..='\u{2ff}' | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}' | '\u{200d}'
            | '\u{2070}'..='\u{218f}' | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}'
            | '\u{fdf0}'..='\u{fffd}' | '\u{10000}'..='\u{effff}')
    };
    let goes_on = |character: char| {
        let more =
            matches!(character, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}' | '\u{2040}');
        more || starts(character)
    };
    let mut characters = name.chars();
    if characters.next().is_some_and(starts) && characters.all(goes_on) {
        Ok(())
    } else {
        Err(Code::Syntax)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn well_formed_documents_pass() {
        for xml in [
            "<a/>",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a b='c' d=\"e&amp;f\">x &lt; &#x41; &#65;<b/><![CDATA[<&]]></a>\n",
            "<!-- c --><?style a?><x:a xmlns:x='urn:x'>é<!-- d --></x:a><!-- e -->",
        ] {
            assert_eq!(check(xml.as_bytes()), Ok(()), "{xml}");
        }
    }

    #[test]
    fn schema_6_xml_that_is_none_or_declares_anything_is_refused() {
        let deep = format!("{}{}", "<a>".repeat(65), "</a>".repeat(65));
        let bomb = "<!DOCTYPE a [<!ENTITY b \"bbbb\"><!ENTITY c \"&b;&b;\">]><a>&c;</a>";
        let outside = "<?xml version=\"1.0\"?><!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>";
        for (xml, expected) in [
            (bomb, Code::Forbidden),
            (outside, Code::Forbidden),
            ("<!DOCTYPE html><html/>", Code::Forbidden),
            (deep.as_str(), Code::Depth),
            ("", Code::Syntax),
            ("text", Code::Syntax),
            ("<a>", Code::Syntax),
            ("<a></b>", Code::Syntax),
            ("</a>", Code::Syntax),
            ("<a/><b/>", Code::Syntax),
            ("<a/>text", Code::Syntax),
            ("text<a/>", Code::Syntax),
            ("<a b='1' b='2'/>", Code::Syntax),
            ("<a b=1/>", Code::Syntax),
            ("<a b/>", Code::Syntax),
            ("<a b='<'/>", Code::Syntax),
            ("<a>&unknown;</a>", Code::Syntax),
            ("<a>&#0;</a>", Code::Syntax),
            ("<a>& b</a>", Code::Syntax),
            ("<a b='&unknown;'/>", Code::Syntax),
            ("<a>]]></a>", Code::Syntax),
            ("<a><!-- a -- b --></a>", Code::Syntax),
            ("<1a/>", Code::Syntax),
            ("<a/><?xml version=\"1.0\"?>", Code::Syntax),
            (" <?xml version=\"1.0\"?><a/>", Code::Syntax),
            ("<?xml version=\"1.1\"?><a/>", Code::Syntax),
            ("<?xml version=\"1.0\" encoding=\"UTF-16\"?><a/>", Code::Encoding),
            ("<?xml version=\"1.0\" encoding=\"utf-7\"?><a/>", Code::Encoding),
            ("\u{feff}<a/>", Code::Encoding),
            ("<a>\u{1}</a>", Code::Encoding),
            ("{\"a\":1}", Code::Syntax),
        ] {
            assert_eq!(check(xml.as_bytes()), Err(expected), "{xml}");
        }
        assert_eq!(check(b"<a>\xff</a>"), Err(Code::Encoding));
        assert_eq!(check(b"\xff\xfe<\0a\0/\0>\0"), Err(Code::Encoding));
    }

    proptest! {
        #[test]
        fn nothing_panics(pieces in prop::collection::vec(prop::sample::select(
            vec!["<", ">", "/", "a", "=", "'", "\"", "&", ";", "#", "x", "!", "-", "--", "[", "]]>", "CDATA[", "?", "xml", " ", "DOCTYPE", "é", "\u{1}"]
        ), 0..40)) {
            let _ = check(pieces.concat().as_bytes());
        }
    }
}
