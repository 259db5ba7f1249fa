//! The certificates, keys and revocation lists that listeners name: read, held against each other, and told of where they are named.
//!
//! What could be served and would serve nobody is a warning: a gate that does not start because a certificate expired in the night
//! helps nobody, one that says nothing neither.

pub(crate) mod pair;
pub(crate) mod pem;

use portcullis_contract::document::{Problem, Severity, Span};
use portcullis_gateway::listen::tls::{Certificate, Tls, TlsProblem};
use rustls::pki_types::UnixTime;

use crate::assemble::tls::terms_with;
use crate::config::api::Hosts;
use crate::config::checked::Configuration;
use crate::config::listen::{self, Authorities, Certificates, Listener};
use crate::config::spanned::NamedFile;
use pair::{Pair, Wrong};
use pem::Fault;

/// What is wrong with the files of every listener, and what they serve nobody for. `location` is the configuration's.
pub(crate) fn problems(configuration: &Configuration, location: &str) -> Vec<Problem> {
    let mut looking = Looking {
        location,
        now: now(),
        found: Vec::new(),
    };
    let mut pairs = Vec::new();
    for listener in &configuration.listen {
        if let Some(tls) = &listener.tls {
            pairs.extend(looking.listener(tls));
        }
    }
    looking.hosts(configuration, &pairs);
    let mut found = looking.found;
    found.sort_by_key(|problem| problem.span);
    // A file that several listeners name is wrong once at each place.
    found.dedup();
    found
}

/// What is looked through, and what was found.
struct Looking<'l> {
    location: &'l str,
    now: i64,
    found: Vec<Problem>,
}

impl Looking<'_> {
    fn error(&mut self, span: Span, Fault { message, help }: Fault) {
        self.found.push(Problem::error(self.location, span, message).help(help));
    }

    fn warning(&mut self, span: Span, message: String, help: &str) {
        self.found
            .push(Problem::warning(self.location, span, message).help(help));
    }

    /// The pairs of a listener that can be offered.
    fn listener(&mut self, tls: &listen::Tls) -> Vec<Pair> {
        let before = self.errors();
        let mut pairs: Vec<Pair> = Vec::new();
        if let Certificates::Files(files) = &tls.certificates {
            for (chain, key) in files {
                match pair::read(&chain.value, &key.value, self.now) {
                    Ok(pair) => {
                        // No more than a warning: a mounted key is what whoever mounts it makes of it.
                        if let Some(exposed) = pem::exposure(&key.value) {
                            self.warning(key.span, exposed, "");
                        }
                        self.serves(chain, &pair, &pairs);
                        pairs.push(pair);
                    }
                    Err(wrong) => wrong.into_iter().for_each(|wrong| match wrong {
                        Wrong::Chain(fault) => self.error(chain.span, fault),
                        Wrong::Key(fault) => self.error(key.span, fault),
                    }),
                }
            }
        }
        if let Certificates::Acme(acme) = &tls.certificates
            && let Some(root) = &acme.root
        {
            self.readable(root, pem::certificates(&root.value).err());
        }
        if let Some(file) = tls.client_authorities.as_ref().and_then(Authorities::file) {
            self.readable(file, pem::certificates(&file.value).err());
        }
        for file in &tls.client_revocations {
            self.readable(file, pem::revocations(&file.value).err());
        }
        if self.errors() == before {
            self.offer(tls, &pairs);
        }
        pairs
    }

    fn errors(&self) -> usize {
        let errors = self.found.iter();
        errors.filter(|problem| problem.severity == Severity::Error).count()
    }

    fn readable(&mut self, file: &NamedFile, fault: Option<Fault>) {
        if let Some(fault) = fault {
            self.error(file.span, fault);
        }
    }

    /// Tells whom a pair that can be offered does not serve; `before`: those of the same listener before it.
    fn serves(&mut self, chain: &NamedFile, pair: &Pair, before: &[Pair]) {
        let file = chain.value.display();
        for complaint in &pair.complaints {
            let help = "callers refuse it: renew it; the gate takes the new one on without a restart";
            self.warning(chain.span, complaint.clone(), help);
        }
        let is_first = before.is_empty();
        let taken = |host: &String| before.iter().any(|earlier| earlier.hosts.contains(host));
        if pair.hosts.is_empty() && !(is_first && pair.addresses) {
            let message = format!(
                "the certificate in `{file}` names no host (subjectAltName): every caller that names one is turned away"
            );
            let help = "the common name (CN) does not count: have one made with a name, by openssl with \
                        `-addext subjectAltName=DNS:api.example.com`";
            self.warning(chain.span, message, help);
        } else if !is_first && pair.hosts.iter().all(taken) {
            let message =
                format!("the certificate in `{file}` is offered to nobody: each of its hosts is that of one before it");
            self.warning(chain.span, message, "take one of them out");
        }
    }

    /// Whether the library takes it all together.
    fn offer(&mut self, tls: &listen::Tls, pairs: &[Pair]) {
        let certificates = pairs.iter().map(|pair| Certificate {
            chain: pair.certificate.chain.clone(),
            key: pair.certificate.key.clone_key(),
        });
        if certificates.len() == 0 && !matches!(tls.certificates, Certificates::Acme(_)) {
            return;
        }
        // A file that cannot be read now was there a moment ago, and will be told of where it is offered.
        if let Ok(terms) = terms_with(tls, certificates.collect())
            && let Err(problem) = Tls::new(terms)
        {
            let place = place(tls, &problem).map_or_else(Span::default, |file| file.span);
            self.error(place, Fault::new(problem.to_string(), ""));
        }
    }

    /// Warns of hosts for which no listener has a certificate, where there is no other way to them.
    fn hosts(&mut self, configuration: &Configuration, pairs: &[Pair]) {
        let listeners = &configuration.listen;
        let of_files = |listener: &Listener| {
            let tls = listener.tls.as_ref();
            tls.is_some_and(|tls| matches!(tls.certificates, Certificates::Files(_)))
        };
        let ordered: Vec<&String> = listeners
            .iter()
            .filter_map(Listener::acme)
            .flat_map(|acme| &acme.hosts)
            .collect();
        let known = listeners
            .iter()
            .all(|listener| of_files(listener) || listener.acme().is_some());
        if !known || pairs.is_empty() {
            return;
        }
        for api in &configuration.apis {
            let Hosts::Only(hosts) = &api.hosts else { continue };
            for host in hosts {
                let name = host.value.as_str();
                // Whoever comes by an address names no host.
                let is_address = name.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
                if !is_address && !ordered.contains(&&host.value) && !pairs.iter().any(|pair| pair.is_for(name)) {
                    let message = format!("no listener has a certificate for `{name}`: nobody reaches it");
                    self.warning(
                        host.span,
                        message,
                        "add a certificate for it at a listener, or take the host out",
                    );
                }
            }
        }
    }
}

/// In Unix seconds.
pub(crate) fn now() -> i64 {
    i64::try_from(UnixTime::now().as_secs()).unwrap_or(i64::MAX)
}

/// The file that a problem of the whole is about, as far as it is known.
fn place<'t>(tls: &'t listen::Tls, problem: &TlsProblem) -> Option<&'t NamedFile> {
    match (problem, &tls.certificates) {
        (TlsProblem::Certificate { number, .. }, Certificates::Files(files)) => {
            files.get(number.checked_sub(1)?).map(|(chain, _)| chain)
        }
        _ => tls.client_authorities.as_ref().and_then(Authorities::file),
    }
}
