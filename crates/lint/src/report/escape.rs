//! Words of others, made harmless for the form that they are shown in.

use std::fmt::Write;

/// Characters that change how others are shown, or that cannot be shown, as escapes: control characters, and those that turn
/// the direction of text or take no room (CVE-2021-42574).
pub(super) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_shown(c) {
            shown.push(c);
        } else {
            shown.extend(c.escape_default());
        }
    }
    shown
}

fn is_shown(c: char) -> bool {
    let is_invisible = matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    // Two of every plane are no characters, and XML refuses the first two.
    let is_no_character = u32::from(c) & 0xfffe == 0xfffe;
    !c.is_control() && !is_invisible && !is_no_character
}

/// For the text and the attributes of HTML and XML.
pub(super) fn markup(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in printable(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// For Markdown with HTML, as forges show it: nothing is a mark, a link, a mention or the end of a table's cell.
pub(super) fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in printable(text).chars() {
        match c {
            // Forges look for mentions and numbers in what is shown already, so a character without width comes between.
            '@' | '#' => {
                let _ = write!(escaped, "&#{};&#8203;", u32::from(c));
            }
            ',' | '/' | '-' | '(' | ')' | '=' | '\'' => escaped.push(c),
            '.' if !escaped.ends_with(['w', 'W']) => escaped.push(c),
            c if c.is_ascii_punctuation() => {
                let _ = write!(escaped, "&#{};", u32::from(c));
            }
            other => escaped.push(other),
        }
    }
    escaped
}

/// Words with the author's in backticks: those become code elements, and everything is escaped with `escape`.
pub(super) fn code_elements(text: &str, escape: fn(&str) -> String) -> String {
    let mut pieces = text.split('`').peekable();
    let mut shown = String::with_capacity(text.len());
    let mut is_code = false;
    while let Some(piece) = pieces.next() {
        match (is_code, pieces.peek().is_some()) {
            (true, true) => {
                let _ = write!(shown, "<code>{}</code>", escape(piece));
            }
            // The last one was never closed.
            (true, false) => {
                let _ = write!(shown, "{}{}", escape("`"), escape(piece));
            }
            (false, _) => shown.push_str(&escape(piece)),
        }
        is_code = !is_code;
    }
    shown
}

/// A location as a URI reference (RFC 3986): a URL as it is, a path relative where it is relative.
pub(super) fn uri(location: &str) -> String {
    let (start, rest) = match location.split_once("://") {
        Some((scheme, rest)) if !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            return format!("{scheme}://{}", percent_encoded(rest, b"-._~/:?#[]@!$&'()*+,;=%"));
        }
        _ if location.starts_with('/') => ("file://", location),
        _ => ("", location.strip_prefix("./").unwrap_or(location)),
    };
    format!(
        "{start}{}",
        percent_encoded(&rest.replace('\\', "/"), b"-._~/!$'()*+,;=")
    )
}

fn percent_encoded(text: &str, kept: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_shown() {
        assert_eq!(
            printable("a\u{1b}[31m\u{202e}b\nc\u{0}\u{ffff}é"),
            "a\\u{1b}[31m\\u{202e}b\\nc\\u{0}\\u{ffff}é"
        );
    }

    #[test]
    fn markup_has_no_elements() {
        assert_eq!(markup("</script>\"'&]]>"), "&lt;/script&gt;&quot;&#39;&amp;]]&gt;");
    }

    #[test]
    fn markdown_has_no_marks() {
        assert_eq!(markdown("a|b `c` [d](e)"), "a&#124;b &#96;c&#96; &#91;d&#93;(e)");
        assert_eq!(
            markdown("@all #1 https://a.b www.a.b"),
            "&#64;&#8203;all &#35;&#8203;1 https&#58;//a.b www&#46;a.b"
        );
    }

    #[test]
    fn the_authors_words_are_code() {
        assert_eq!(
            code_elements("`a<b` has `no` end `c", markup),
            "<code>a&lt;b</code> has <code>no</code> end `c"
        );
    }

    #[test]
    fn locations_are_uris() {
        assert_eq!(uri("./a b/c:d%.yaml"), "a%20b/c%3Ad%25.yaml");
        assert_eq!(uri("/srv/é.yaml"), "file:///srv/%C3%A9.yaml");
        assert_eq!(uri("https://a.b/c d?e=%20"), "https://a.b/c%20d?e=%20");
    }
}
