//! DNS names and e-mail addresses of certificates, and the patterns that they are held against.

/// What stands for any one label, or any local part.
const ANY: &str = "*";

/// A DNS name, or with `*` in the place of its first label all names with one label there (RFC 9525 §6.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsPattern {
    /// None: any.
    first: Option<Box<str>>,
    /// What follows the first label; empty where there is nothing.
    rest: Box<str>,
}

/// An e-mail address, or with `*` in the place of its local part all addresses of one domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailPattern {
    /// None: any.
    local: Option<Box<str>>,
    domain: Box<str>,
}

impl DnsPattern {
    /// `None` for what is no name. A star needs two labels behind it: nobody has a whole top-level domain.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        let (first, rest) = text.split_once('.').unwrap_or((&text, ""));
        let sound = match first {
            ANY => rest.contains('.') && is_name(rest),
            _ => is_name(&text),
        };
        sound.then(|| Self {
            first: (first != ANY).then(|| first.into()),
            rest: rest.into(),
        })
    }

    /// The name in lower case, if it is meant.
    pub(super) fn find(&self, name: &str) -> Option<String> {
        let name = name.to_ascii_lowercase();
        let (first, rest) = name.split_once('.').unwrap_or((&name, ""));
        let first_is_met = self.first.as_deref().is_none_or(|asked| asked == first);
        // A name with a star in it is for many hosts, and nobody's.
        (first_is_met && *self.rest == *rest && is_name(&name)).then_some(name)
    }
}

impl EmailPattern {
    /// `None` for what is no address.
    pub fn read(text: &str) -> Option<Self> {
        let (local, domain) = address(text)?;
        (local == ANY || is_local(local)).then(|| Self {
            local: (local != ANY).then(|| local.into()),
            domain: domain.into(),
        })
    }

    /// The address with its domain in lower case, if it is meant. The local part is compared letter by letter (RFC 5280 §7.5).
    pub(super) fn find(&self, text: &str) -> Option<String> {
        let (local, domain) = address(text)?;
        let local_is_met = match &self.local {
            Some(asked) => **asked == *local,
            None => is_local(local),
        };
        (local_is_met && *self.domain == *domain).then(|| format!("{local}@{domain}"))
    }
}

fn address(text: &str) -> Option<(&str, String)> {
    let (local, domain) = text.split_once('@')?;
    let domain = domain.to_ascii_lowercase();
    is_name(&domain).then_some((local, domain))
}

/// Dot-atoms alone (RFC 5321 §4.1.2), and of them none with a star.
fn is_local(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'+-/=?^_`{|}~".contains(&byte);
    text.split('.')
        .all(|atom| !atom.is_empty() && atom.bytes().all(allowed))
}

/// Letters, digits and inner hyphens in labels (RFC 5890 §2.3.1), in lower case.
fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(allowed)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oauth_16_a_star_is_one_label() {
        let find = |pattern: &str, name: &str| DnsPattern::read(pattern).unwrap().find(name);
        assert_eq!(find("a.example.com", "A.Example.com").as_deref(), Some("a.example.com"));
        assert_eq!(
            find("*.example.com", "x-1.example.com").as_deref(),
            Some("x-1.example.com")
        );
        assert_eq!(find("localhost", "localhost").as_deref(), Some("localhost"));
        for (pattern, name) in [
            ("a.example.com", "b.example.com"),
            ("a.example.com", "a.example.com.evil.example"),
            ("*.example.com", "example.com"),
            ("*.example.com", "a.b.example.com"),
            ("*.example.com", ".example.com"),
            ("*.example.com", "*.example.com"),
            ("*.example.com", "a\0.example.com"),
            ("*.example.com", "a_b.example.com"),
            ("*.example.com", "a.example.com."),
            ("a.example.com", "a.example.com\0"),
        ] {
            assert_eq!(find(pattern, name), None, "{pattern} {name:?}");
        }
        for no_pattern in [
            "",
            "*",
            "*.com",
            "*.*.com",
            "a.*.com",
            "a*.example.com",
            "a..b",
            "a b",
            "*.example.com.",
        ] {
            assert_eq!(DnsPattern::read(no_pattern), None, "{no_pattern:?}");
        }
    }

    #[test]
    fn oauth_16_a_star_is_a_whole_local_part() {
        let find = |pattern: &str, name: &str| EmailPattern::read(pattern).unwrap().find(name);
        assert_eq!(
            find("*@example.com", "a.b@EXAMPLE.com").as_deref(),
            Some("a.b@example.com")
        );
        assert_eq!(
            find("Ann@example.com", "Ann@example.com").as_deref(),
            Some("Ann@example.com")
        );
        for (pattern, name) in [
            ("Ann@example.com", "ann@example.com"),
            ("*@example.com", "ann@sub.example.com"),
            ("*@example.com", "@example.com"),
            ("*@example.com", "ann@evil.example@example.com"),
            ("*@example.com", "\"ann@evil.example\"@example.com"),
            ("*@example.com", "*@example.com"),
            ("*@example.com", "an n@example.com"),
            ("*@example.com", "ann@example.com\0"),
            ("*@example.com", "ann"),
        ] {
            assert_eq!(find(pattern, name), None, "{pattern} {name:?}");
        }
        for no_pattern in [
            "",
            "ann",
            "@example.com",
            "a*@example.com",
            "ann@*",
            "ann@*.example.com",
            "*@",
        ] {
            assert_eq!(EmailPattern::read(no_pattern), None, "{no_pattern:?}");
        }
    }
}
