//! SPIFFE identities, as the standard's "SPIFFE ID" (§2) and "X.509-SVID" (§2, §5.2) say.

/// The longest identity, in bytes.
const ID_BYTES_MAX: usize = 2048;
/// The longest trust domain, in bytes.
const TRUST_DOMAIN_BYTES_MAX: usize = 255;
/// What stands for any one segment of a path.
const ANY: &str = "*";

/// An identity in strict form: `spiffe://trust-domain/path`. Certificates of workloads have a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SpiffeId<'t> {
    trust_domain: &'t str,
    /// Without the first slash.
    path: &'t str,
}

/// The identities of one trust domain that a rule is for: some segments of the path are written out, and `*` stands for any one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpiffePattern {
    trust_domain: Box<str>,
    segments: Box<[Box<str>]>,
}

impl<'t> SpiffeId<'t> {
    /// `None` for anything but the strict form: no other case, port, user, query, fragment, escape, empty or dot segment.
    pub(super) fn read(uri: &'t str) -> Option<Self> {
        let (trust_domain, path) = parts(uri)?;
        path.split('/').all(is_segment).then_some(Self { trust_domain, path })
    }
}

impl SpiffePattern {
    /// `None` for what is no identity, but for segments that are `*`.
    pub fn read(uri: &str) -> Option<Self> {
        let (trust_domain, path) = parts(uri)?;
        let segments: Vec<Box<str>> = path.split('/').map(Into::into).collect();
        let sound = segments.iter().all(|segment| &**segment == ANY || is_segment(segment));
        sound.then(|| Self {
            trust_domain: trust_domain.into(),
            segments: segments.into(),
        })
    }

    pub(super) fn matches(&self, id: &SpiffeId<'_>) -> bool {
        let mut segments = id.path.split('/');
        *self.trust_domain == *id.trust_domain
            && self.segments.iter().all(|asked| {
                segments
                    .next()
                    .is_some_and(|segment| &**asked == ANY || **asked == *segment)
            })
            && segments.next().is_none()
    }
}

/// Whether a URI is of the scheme, however badly it goes on.
pub(super) fn is_spiffe(uri: &str) -> bool {
    let scheme = uri.split(':').next().unwrap_or_default();
    scheme.eq_ignore_ascii_case("spiffe")
}

/// Trust domain and path, of which the segments are not looked at.
fn parts(uri: &str) -> Option<(&str, &str)> {
    if uri.len() > ID_BYTES_MAX {
        return None;
    }
    let (trust_domain, path) = uri.strip_prefix("spiffe://")?.split_once('/')?;
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
    let sound = (1..=TRUST_DOMAIN_BYTES_MAX).contains(&trust_domain.len()) && trust_domain.bytes().all(allowed);
    sound.then_some((trust_domain, path))
}

fn is_segment(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    !matches!(text, "" | "." | "..") && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oauth_16_identities_have_one_form() {
        for good in [
            "spiffe://example.org/orders",
            "spiffe://example.org/ns/prod/sa/Orders_1.x-y",
            "spiffe://1_a-b.c/x",
        ] {
            assert!(SpiffeId::read(good).is_some(), "{good}");
        }
        let long = format!("spiffe://example.org/{}", "a".repeat(2048));
        let long_domain = format!("spiffe://{}/a", "a".repeat(256));
        for bad in [
            "",
            "spiffe://example.org",
            "spiffe://example.org/",
            "spiffe:///orders",
            "SPIFFE://example.org/orders",
            "spiffe://Example.org/orders",
            "spiffe://example.org:443/orders",
            "spiffe://user@example.org/orders",
            "spiffe://example.org/orders/",
            "spiffe://example.org//orders",
            "spiffe://example.org/./orders",
            "spiffe://example.org/a/../orders",
            "spiffe://example.org/orders?a=b",
            "spiffe://example.org/orders#a",
            "spiffe://example.org/%6frders",
            "spiffe://example.org/\u{43e}rders",
            "spiffe://example.org/*",
            "spiffe:example.org/orders",
            "https://example.org/orders",
            "spiffe://example.org/orders\0",
            &long,
            &long_domain,
        ] {
            assert_eq!(SpiffeId::read(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn oauth_16_a_star_is_one_whole_segment() {
        let matches = |pattern: &str, id: &str| {
            let pattern = SpiffePattern::read(pattern).unwrap();
            pattern.matches(&SpiffeId::read(id).unwrap())
        };
        assert!(matches("spiffe://example.org/orders", "spiffe://example.org/orders"));
        assert!(matches("spiffe://a.b/ns/*/sa/x", "spiffe://a.b/ns/prod/sa/x"));
        for (pattern, id) in [
            ("spiffe://example.org/orders", "spiffe://example.org/Orders"),
            ("spiffe://example.org/orders", "spiffe://example.com/orders"),
            ("spiffe://example.org/orders", "spiffe://example.org/orders/more"),
            ("spiffe://example.org/orders/more", "spiffe://example.org/orders"),
            ("spiffe://a.b/ns/*/sa/x", "spiffe://a.b/ns/prod/more/sa/x"),
            ("spiffe://a.b/ns/*", "spiffe://a.b/ns/x/y"),
            ("spiffe://a.b/*", "spiffe://b.b/x"),
        ] {
            assert!(!matches(pattern, id), "{pattern} {id}");
        }
        for no_pattern in [
            "spiffe://*/orders",
            "spiffe://*.example.org/orders",
            "spiffe://example.org/ord*",
            "spiffe://example.org/**",
            "spiffe://example.org/",
        ] {
            assert_eq!(SpiffePattern::read(no_pattern), None, "{no_pattern}");
        }
    }
}
