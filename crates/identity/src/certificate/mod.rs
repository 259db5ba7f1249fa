//! Whom a client certificate names: rules of whoever runs the gate, over the names that an authority wrote into it.
//!
//! Certificates are neither read nor verified here: whoever does hands over the names. A certificate that no rule is for proves
//! nobody, and so does one that names two.

mod pattern;
mod spiffe;

use std::sync::Arc;

pub use self::pattern::{DnsPattern, EmailPattern};
use self::spiffe::SpiffeId;
pub use self::spiffe::SpiffePattern;
use crate::principal::{Subject, SubjectKind};

/// The names in a certificate: those of its subject alternative name (RFC 5280 §4.2.1.6), and the common names of its subject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// `uniformResourceIdentifier`
    pub uris: Vec<Box<str>>,
    /// `dNSName`
    pub dns: Vec<Box<str>>,
    /// `rfc822Name`
    pub emails: Vec<Box<str>>,
    /// `commonName`, which authorities check least.
    pub common_names: Vec<Box<str>>,
    /// Whether its key may sign certificates or revocation lists, which that of a workload must not (X.509-SVID §5.2).
    pub may_sign: bool,
}

/// Which certificates a rule is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// With this SPIFFE identity, which has to be their only URI.
    Spiffe(SpiffePattern),
    /// With this URI, letter by letter.
    Uri(Box<str>),
    /// With this DNS name.
    Dns(DnsPattern),
    /// With this e-mail address.
    Email(EmailPattern),
    /// With this common name, letter by letter.
    DangerousCommonName(Box<str>),
}

/// Whom certificates of a pattern name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Which certificates.
    pub pattern: Pattern,
    /// What the subject is.
    pub kind: SubjectKind,
}

/// The rules of one authority; the first that is for a certificate says whom it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    authority: Arc<str>,
    rules: Box<[Rule]>,
}

/// Why a certificate names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nobody {
    /// No rule is for it.
    NoRule,
    /// Several of its names meet the rule.
    Ambiguous,
    /// It has a SPIFFE identity, and is not what the standard allows beside it.
    Svid,
}

impl Nobody {
    /// A stable code for logs.
    pub fn code(self) -> &'static str {
        match self {
            Self::NoRule => "certificate-of-nobody",
            Self::Ambiguous => "certificate-ambiguous",
            Self::Svid => "certificate-not-svid",
        }
    }
}

impl Rules {
    /// Rules in the order in which they are asked. `authority` is what they are called here.
    pub fn new(authority: Arc<str>, rules: Vec<Rule>) -> Self {
        Self {
            authority,
            rules: rules.into(),
        }
    }

    /// What they are called here.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Whom a certificate with these names is of. The subject's name says of which kind it is (`dns:`, `email:`, `cn:`; a URI says so
    /// itself), so that a name of one kind is never taken for one of another.
    ///
    /// # Errors
    /// [`Nobody`].
    pub fn identify(&self, names: &Names) -> Result<Subject, Nobody> {
        for Rule { pattern, kind } in &self.rules {
            let mut found = pattern.find(names)?;
            found.sort_unstable();
            found.dedup();
            match found.as_slice() {
                [] => {}
                [name] => return Ok(Subject::new(Arc::clone(&self.authority), *kind, name)),
                _ => return Err(Nobody::Ambiguous),
            }
        }
        Err(Nobody::NoRule)
    }
}

impl Pattern {
    /// The names that meet it, each as a subject is called.
    fn find(&self, names: &Names) -> Result<Vec<String>, Nobody> {
        Ok(match self {
            Self::Spiffe(pattern) => {
                let id = identity(names)?.filter(|(_, id)| pattern.matches(id));
                id.map(|(uri, _)| uri.to_owned()).into_iter().collect()
            }
            Self::Uri(asked) => {
                let equal = names.uris.iter().filter(|uri| **uri == *asked);
                equal.map(|uri| uri.to_string()).collect()
            }
            Self::Dns(pattern) => {
                let met = names.dns.iter().filter_map(|name| pattern.find(name));
                met.map(|name| format!("dns:{name}")).collect()
            }
            Self::Email(pattern) => {
                let met = names.emails.iter().filter_map(|name| pattern.find(name));
                met.map(|name| format!("email:{name}")).collect()
            }
            Self::DangerousCommonName(asked) => {
                let equal = names.common_names.iter().filter(|name| **name == *asked);
                equal.map(|name| format!("cn:{name}")).collect()
            }
        })
    }
}

/// The SPIFFE identity, if there is one. A certificate with one has exactly one URI, and its key signs no others.
fn identity(names: &Names) -> Result<Option<(&str, SpiffeId<'_>)>, Nobody> {
    if !names.uris.iter().any(|uri| spiffe::is_spiffe(uri)) {
        return Ok(None);
    }
    match names.uris.as_slice() {
        [uri] if !names.may_sign => {
            let id = SpiffeId::read(uri).ok_or(Nobody::Svid)?;
            Ok(Some((uri, id)))
        }
        _ => Err(Nobody::Svid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(names: &[&str]) -> Vec<Box<str>> {
        names.iter().map(|name| (*name).into()).collect()
    }

    fn rules(patterns: Vec<Pattern>) -> Rules {
        let kind = SubjectKind::Service;
        let rules = patterns.into_iter().map(|pattern| Rule { pattern, kind });
        Rules::new("partners".into(), rules.collect())
    }

    fn spiffe(text: &str) -> Pattern {
        Pattern::Spiffe(SpiffePattern::read(text).unwrap())
    }

    fn dns(text: &str) -> Pattern {
        Pattern::Dns(DnsPattern::read(text).unwrap())
    }

    fn email(text: &str) -> Pattern {
        Pattern::Email(EmailPattern::read(text).unwrap())
    }

    #[track_caller]
    fn check(patterns: Vec<Pattern>, names: &Names, expected: Result<&str, Nobody>) {
        let found = rules(patterns).identify(names);
        let found = found.as_ref().map(Subject::name).map_err(|nobody| *nobody);
        assert_eq!(found, expected, "{names:?}");
    }

    #[test]
    fn the_first_rule_that_is_for_a_certificate_names_its_subject() {
        let names = Names {
            uris: texts(&["urn:example:orders"]),
            dns: texts(&["Orders.Clients.Example", "other.example"]),
            emails: texts(&["alice@Example.com"]),
            common_names: texts(&["orders"]),
            may_sign: false,
        };
        check(vec![], &names, Err(Nobody::NoRule));
        check(
            vec![dns("orders.clients.example")],
            &names,
            Ok("dns:orders.clients.example"),
        );
        check(vec![dns("*.clients.example")], &names, Ok("dns:orders.clients.example"));
        check(vec![email("*@example.com")], &names, Ok("email:alice@example.com"));
        check(
            vec![Pattern::Uri("urn:example:orders".into())],
            &names,
            Ok("urn:example:orders"),
        );
        check(
            vec![Pattern::Uri("urn:example:Orders".into())],
            &names,
            Err(Nobody::NoRule),
        );
        let common_name = || Pattern::DangerousCommonName("orders".into());
        check(vec![common_name()], &names, Ok("cn:orders"));
        check(
            vec![dns("nobody.example"), common_name(), dns("other.example")],
            &names,
            Ok("cn:orders"),
        );
        check(
            vec![Pattern::DangerousCommonName("order".into())],
            &names,
            Err(Nobody::NoRule),
        );
        check(vec![dns("orders")], &names, Err(Nobody::NoRule));
    }

    #[test]
    fn oauth_16_a_certificate_that_names_two_names_nobody() {
        let names = Names {
            dns: texts(&["a.clients.example", "b.clients.example", "A.clients.example"]),
            ..Names::default()
        };
        check(vec![dns("*.clients.example")], &names, Err(Nobody::Ambiguous));
        check(vec![dns("a.clients.example")], &names, Ok("dns:a.clients.example"));
        // What comes after does not make up for it.
        check(
            vec![dns("*.clients.example"), dns("b.clients.example")],
            &names,
            Err(Nobody::Ambiguous),
        );
    }

    #[test]
    fn oauth_16_a_spiffe_identity_stands_alone() {
        let names = |uris: &[&str], may_sign| Names {
            uris: texts(uris),
            dns: texts(&["orders.example"]),
            may_sign,
            ..Names::default()
        };
        let id = "spiffe://example.org/orders";
        check(vec![spiffe(id)], &names(&[id], false), Ok(id));
        check(
            vec![spiffe("spiffe://example.com/orders")],
            &names(&[id], false),
            Err(Nobody::NoRule),
        );
        check(vec![spiffe(id)], &names(&["urn:x"], false), Err(Nobody::NoRule));
        for (uris, may_sign) in [
            (&[id, "spiffe://example.org/other"][..], false),
            (&[id, "urn:x"], false),
            (&[id], true),
            (&["spiffe://example.org/a/../orders"], false),
            (&["SPIFFE://example.org/orders"], false),
        ] {
            check(
                vec![spiffe(id), dns("orders.example")],
                &names(uris, may_sign),
                Err(Nobody::Svid),
            );
        }
        check(
            vec![dns("orders.example")],
            &names(&["urn:x"], true),
            Ok("dns:orders.example"),
        );
    }
}
