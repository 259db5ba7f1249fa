//! The URI that a proof is for (`htu`), held against the one that was asked for (RFC 9449 §4.3, check 9).
//!
//! Both are normalised by their syntax and scheme (RFC 3986 §6.2.2 and §6.2.3), query and fragment left out. What can be read in
//! more than one way is not read.

use std::borrow::Cow;

/// What a request was sent to, as the gate understood it.
#[derive(Clone, Copy, Debug)]
pub struct Target<'r> {
    /// `http` or `https`.
    pub scheme: &'r str,
    /// The host, with its port unless that is the scheme's own.
    pub authority: &'r str,
    /// The path, without the query.
    pub path: &'r str,
}

/// A target in its normal form.
#[derive(Debug, PartialEq, Eq)]
struct Normal {
    scheme: Scheme,
    host: String,
    port: u16,
    path: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

impl Target<'_> {
    /// Whether a URI names this target.
    pub(super) fn is(&self, uri: &str) -> bool {
        let own = Normal::of(self.scheme, self.authority, self.path);
        own.is_some() && own == Normal::read(uri)
    }
}

impl Normal {
    fn read(uri: &str) -> Option<Self> {
        let (scheme, rest) = uri.split_once("://")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at_checked(end)?;
        let path = rest.split(['?', '#']).next().unwrap_or_default();
        Self::of(scheme, authority, path)
    }

    fn of(scheme: &str, authority: &str, path: &str) -> Option<Self> {
        let scheme = match scheme {
            _ if scheme.eq_ignore_ascii_case("https") => Scheme::Https,
            _ if scheme.eq_ignore_ascii_case("http") => Scheme::Http,
            _ => return None,
        };
        let (host, port) = host_and_port(authority)?;
        Some(Self {
            scheme,
            host: host.to_ascii_lowercase(),
            port: match (port, scheme) {
                ("", Scheme::Http) => 80,
                ("", Scheme::Https) => 443,
                (digits, _) => digits.parse().ok()?,
            },
            path: path_of(path)?,
        })
    }
}

/// Host and port, which may be empty. Nobody signs in by a URI, and no host has percent-encoding in it.
fn host_and_port(authority: &str) -> Option<(&str, &str)> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (authority, ""),
    };
    let name = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let literal = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    let label = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let is_host = match name {
        Some(address) => !address.is_empty() && address.bytes().all(literal),
        None => !host.is_empty() && host.bytes().all(label),
    };
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
    (is_host && is_port).then_some((host, port))
}

/// The path without dot segments, and every octet in the one spelling that RFC 3986 §6.2.2 prefers.
fn path_of(path: &str) -> Option<String> {
    if path.is_empty() {
        return Some("/".to_owned());
    }
    let segments: Option<Vec<Cow<'_, str>>> = path.strip_prefix('/')?.split('/').map(segment).collect();
    let mut kept: Vec<&str> = Vec::new();
    let segments = segments?;
    let last = segments.len().saturating_sub(1);
    for (index, segment) in segments.iter().enumerate() {
        match &**segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                // A dot segment at the end leaves a slash there (RFC 3986 §5.2.4).
                if index == last {
                    kept.push("");
                }
            }
            other => kept.push(other),
        }
    }
    Some(format!("/{}", kept.join("/")))
}

/// A segment with unreserved characters as themselves, and other escapes in upper case.
fn segment(text: &str) -> Option<Cow<'_, str>> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%".contains(&byte);
    if !text.bytes().all(allowed) {
        return None;
    }
    if !text.contains('%') {
        return Some(text.into());
    }
    let mut pieces = text.split('%');
    let mut normal = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let octet = u8::from_str_radix(digits, 16).ok()?;
        if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
            normal.push(char::from(octet));
        } else {
            normal.push('%');
            normal.push_str(&digits.to_ascii_uppercase());
        }
        normal.push_str(rest);
    }
    Some(normal.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OWN: Target<'static> = Target {
        scheme: "https",
        authority: "api.example",
        path: "/a/b~c",
    };

    #[test]
    fn oauth_15_the_same_target_in_other_spellings() {
        for same in [
            "https://api.example/a/b~c",
            "HTTPS://API.example:443/a/b%7Ec",
            "https://api.example:/a/b%7ec?q=1#f",
            "https://api.example/a/./x/../b~c",
            "https://api.example/%61/b~c?",
        ] {
            assert!(OWN.is(same), "{same}");
        }
    }

    #[test]
    fn oauth_15_another_target() {
        for other in [
            "",
            "api.example/a/b~c",
            "/a/b~c",
            "http://api.example/a/b~c",
            "http://api.example:443/a/b~c",
            "https://api.example:8443/a/b~c",
            "https://api.example:+443/a/b~c",
            "https://api.example:0x1bb/a/b~c",
            "https://api.example.evil.example/a/b~c",
            "https://evil.example/a/b~c",
            "https://evil.example/?https://api.example/a/b~c",
            "https://evil.example#@api.example/a/b~c",
            "https://user@api.example/a/b~c",
            "https://user:password@api.example/a/b~c",
            "https://api.example@evil.example/a/b~c",
            "https://api.example\\@evil.example/a/b~c",
            "https://api%2Eexample/a/b~c",
            "https://api.example./a/b~c",
            "https://api.example/a/b~c/",
            "https://api.example//a/b~c",
            "https://api.example/a/B~c",
            "https://api.example/a%2Fb~c",
            "https://api.example/a/b~c%00",
            "https://api.example/a/b~c%",
            "https://api.example/a/b~c%7",
            "https://api.example/a/b~c%+7",
            "https://api.example/a/b~c ",
            " https://api.example/a/b~c",
            "https://api.example/a/b~c\n",
            "https://api.example/a\\b~c",
            "https://api.example/a/b~\u{441}",
            "https:///a/b~c",
            "https://[]/a/b~c",
            "wss://api.example/a/b~c",
            "https:api.example/a/b~c",
        ] {
            assert!(!OWN.is(other), "{other:?}");
        }
    }

    #[test]
    fn paths_and_ports_have_defaults() {
        let is = |authority, path, uri| {
            let scheme = "http";
            Target {
                scheme,
                authority,
                path,
            }
            .is(uri)
        };
        assert!(is("a.example", "/", "http://a.example"));
        assert!(is("a.example", "/", "http://a.example?q"));
        assert!(is("a.example:80", "/", "http://a.example/"));
        assert!(is("a.example:8080", "/x", "http://A.EXAMPLE:08080/x"));
        assert!(is("[::1]:8080", "/x", "http://[::1]:8080/x"));
        assert!(is("[FE80::1]", "/x", "http://[fe80::1]/x"));
        assert!(!is("[::1]", "/x", "http://[::2]/x"));
        assert!(is("a.example", "/%2F", "http://a.example/%2f"));
        assert!(!is("a.example", "//", "http://a.example/"));
        assert!(is("a.example", "/a/", "http://a.example/a/b/.."));
        assert!(is("a.example", "/", "http://a.example/../.."));
    }

    proptest! {
        /// A path that is normal names itself and nothing else.
        #[test]
        fn normal_paths_are_their_own(path in "(/[a-z0-9~_-]{1,5}){1,5}", other in "(/[a-z0-9~_-]{1,5}){1,5}") {
            let own = Target { scheme: "https", authority: "a.example", path: &path };
            let uris = [&path, &other].map(|path| format!("https://a.example{path}"));
            let named = uris.map(|uri| own.is(&uri));
            prop_assert_eq!(named, [true, path == other]);
        }

        /// No text makes it fail otherwise than by saying no.
        #[test]
        fn any_text_is_read(uri in "\\PC*", path in "\\PC*") {
            let own = Target { scheme: "https", authority: "a.example", path: &path };
            let _ = own.is(&uri);
            let _ = own.is(&format!("https://a.example{uri}"));
        }
    }
}
