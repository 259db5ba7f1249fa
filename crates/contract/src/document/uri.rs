//! References (RFC 3986) between the files of a document. A base is a URI with a scheme, or the path of a file as the
//! operating system spells it. Only names are worked out here; what may be opened is the fetcher's business.

/// The reference without its fragment, and the fragment where there is one.
pub(super) fn split(reference: &str) -> (&str, Option<&str>) {
    match reference.split_once('#') {
        Some((resource, fragment)) => (resource, Some(fragment)),
        None => (reference, None),
    }
}

/// Whether the text begins with a scheme. One letter is the drive of a path, not a scheme.
pub(super) fn has_scheme(text: &str) -> bool {
    scheme(text).is_some()
}

/// The one spelling of a location: without a fragment, and without `.` and `..` where they can be worked out.
pub(super) fn normalise(location: &str) -> String {
    if has_scheme(location) {
        Uri::parse(split(location).0).normal()
    } else {
        remove_dots(location)
    }
}

/// The resource that `reference` (without fragment) names, seen from `base` (RFC 3986 section 5.2). A relative path
/// seen from a path is a path: its percent-encoding is undone, and `..` at its start stays.
pub(super) fn resolve(base: &str, reference: &str) -> String {
    if has_scheme(reference) {
        return Uri::parse(reference).normal();
    }
    if has_scheme(base) {
        return Uri::parse(base).join(reference);
    }

    let path = percent_decode(reference).unwrap_or_else(|| reference.to_owned());
    if path.starts_with('/') {
        remove_dots(&path)
    } else {
        remove_dots(&format!("{}{path}", directory(base)))
    }
}

/// Undoes percent-encoding; nothing where the text has a broken escape or the result is not UTF-8.
pub(crate) fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let high = char::from(bytes.next()?).to_digit(16)?;
            let low = char::from(bytes.next()?).to_digit(16)?;
            decoded.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}

fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let letters = scheme
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    let first = scheme.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    (letters && first && scheme.len() > 1).then_some((scheme, rest))
}

/// Everything up to the last `/`, with it.
fn directory(path: &str) -> &str {
    path.rfind('/').and_then(|end| path.get(..=end)).unwrap_or_default()
}

fn remove_dots(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." if kept.last().is_some_and(|last| *last != "..") => {
                kept.pop();
            }
            ".." if absolute => {}
            _ => kept.push(segment),
        }
    }
    let is_directory = path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..");
    let start = if absolute { "/" } else { "" };
    let end = if is_directory && !kept.is_empty() { "/" } else { "" };
    format!("{start}{}{end}", kept.join("/"))
}

struct Uri<'a> {
    scheme: &'a str,
    authority: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
}

impl<'a> Uri<'a> {
    fn parse(text: &'a str) -> Self {
        let (scheme, rest) = scheme(text).unwrap_or_default();
        let (authority, path, query) = hierarchy(rest);
        Self {
            scheme,
            authority,
            path,
            query,
        }
    }

    /// A reference without a scheme, seen from this URI.
    fn join(&self, reference: &str) -> String {
        let (authority, path, query) = hierarchy(reference);
        if authority.is_some() {
            return self.with(authority, path, query);
        }
        if path.is_empty() {
            return self.with(self.authority, self.path, query.or(self.query));
        }
        if path.starts_with('/') {
            return self.with(self.authority, path, query);
        }
        let directory = if self.authority.is_some() && self.path.is_empty() {
            "/"
        } else {
            directory(self.path)
        };
        self.with(self.authority, &format!("{directory}{path}"), query)
    }

    fn normal(&self) -> String {
        self.with(self.authority, self.path, self.query)
    }

    fn with(&self, authority: Option<&str>, path: &str, query: Option<&str>) -> String {
        // Only a path with a root is a hierarchy: `urn:example:a/./b` is a name, and stays as it is.
        let has_dots = path.split('/').any(|segment| matches!(segment, "." | ".."));
        let path = if path.starts_with('/') && has_dots {
            remove_dots(path)
        } else {
            path.to_owned()
        };
        let authority = authority
            .map(|authority| format!("//{}", authority.to_ascii_lowercase()))
            .unwrap_or_default();
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}:{authority}{path}{query}", self.scheme.to_ascii_lowercase())
    }
}

/// Authority, path and query of what follows a scheme.
fn hierarchy(rest: &str) -> (Option<&str>, &str, Option<&str>) {
    let (before, query) = match rest.split_once('?') {
        Some((before, query)) => (before, Some(query)),
        None => (rest, None),
    };
    let Some(after) = before.strip_prefix("//") else {
        return (None, before, query);
    };
    match after.find('/').and_then(|end| after.split_at_checked(end)) {
        Some((authority, path)) => (Some(authority), path, query),
        None => (Some(after), "", query),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_resolved() {
        let check = |base: &str, reference: &str, expected: &str| {
            assert_eq!(resolve(base, reference), expected, "{base} + {reference}");
        };
        check("api/openapi.yaml", "schemas/pet.yaml", "api/schemas/pet.yaml");
        check("api/openapi.yaml", "./schemas/../pet.yaml", "api/pet.yaml");
        check("api/openapi.yaml", "../../shared.yaml", "../shared.yaml");
        check("/api/openapi.yaml", "../../../shared.yaml", "/shared.yaml");
        check("openapi.yaml", "my%20pet.yaml", "my pet.yaml");
        check("a%20b/openapi.yaml", "pet.yaml", "a%20b/pet.yaml");
        check("openapi.yaml", "/etc/pet.yaml", "/etc/pet.yaml");
        check("openapi.yaml", "HTTPS://Example.com/a/./b", "https://example.com/a/b");
        check(
            "https://example.com/v1/api.yaml",
            "pet.yaml",
            "https://example.com/v1/pet.yaml",
        );
        check(
            "https://example.com/v1/api.yaml",
            "../pet.yaml?x=1",
            "https://example.com/pet.yaml?x=1",
        );
        check(
            "https://example.com/v1/api.yaml",
            "/pet.yaml",
            "https://example.com/pet.yaml",
        );
        check("https://example.com", "pet.yaml", "https://example.com/pet.yaml");
        check(
            "https://example.com/v1/",
            "//other.example/x",
            "https://other.example/x",
        );
        check("http://localhost:1234/folder/", "", "http://localhost:1234/folder/");
        check(
            "https://example.com/",
            "https://example.com/a//b",
            "https://example.com/a//b",
        );
        check("urn:uuid:1", "urn:uuid:2", "urn:uuid:2");
        check("tag:example.com,2024:a", "http://x/", "http://x/");
    }

    #[test]
    fn percent_encoding_is_undone_once() {
        assert_eq!(percent_decode("a%2525b").as_deref(), Some("a%25b"));
        assert_eq!(percent_decode("%c3%A9").as_deref(), Some("é"));
        assert_eq!(percent_decode("%2"), None);
        assert_eq!(percent_decode("%zz"), None);
        assert_eq!(percent_decode("%ff"), None);
    }
}
