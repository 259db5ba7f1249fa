//! What a scheme of the contract takes, and what an operation asks for beyond a good credential: scopes, and how its subject
//! proved itself.

use portcullis_contract::conform::operation::Operation as Declared;
use portcullis_contract::conform::route::Routed;
use portcullis_contract::conform::security::{Alternative, Requirement};
use portcullis_identity::access_token::Kind;
use portcullis_identity::jose::Refusal;
use portcullis_identity::principal::{Credential, Identity};
use portcullis_identity::step_up::StepUp;
use portcullis_identity::time::UnixTime;

use super::super::Failure;
use super::super::date::Date;
use super::claims::any_of;
use super::report::{Report, Sides};
use crate::config::api::Api;
use crate::config::credentials::AUTHORITY;
use crate::config::nearest::nearest;
use crate::config::policy::Policy;
use crate::config::security::Verifier;
use crate::contracts::Loaded;

/// An operation that a credential is held against.
pub(super) struct Operation<'l> {
    api: &'l Loaded,
    declared: &'l Declared,
    policy: &'l Policy,
}

/// Notes which schemes take the credential, whatever the operation.
pub(super) fn check_schemes(identity: &Identity, apis: &[Api], report: &mut Report) {
    let schemes = apis.iter().flat_map(|api| {
        let taking = api.security_schemes.iter();
        let taking = taking.filter(|(_, scheme)| takes(&scheme.value.verifier, identity));
        taking.map(|(name, _)| format!("`{name}` of {}", api.name))
    });
    let schemes: Vec<String> = schemes.collect();
    let setting = match (identity.credential(), identity.subject().authority()) {
        (Credential::ApiKey, _) => "`api_keys: true`".to_owned(),
        (_, AUTHORITY) => "`own_tokens: true`".to_owned(),
        (_, issuer) => format!("`issuers: [{issuer}]`"),
    };
    match schemes.is_empty() {
        true => report.fail(
            "scheme that takes it",
            format!("none of `security_schemes` has {setting}"),
        ),
        false => report.hold("scheme that takes it", schemes.join(", ")),
    }
}

/// Whether what verifies a scheme vouches for somebody.
fn takes(verifier: &Verifier, identity: &Identity) -> bool {
    let authority = identity.subject().authority();
    match (verifier, identity.credential()) {
        (Verifier::Tokens { own, issuers }, Credential::AccessToken) => match authority {
            AUTHORITY => *own,
            name => issuers.iter().any(|issuer| issuer == name),
        },
        (Verifier::ApiKeys { .. }, Credential::ApiKey) => authority == AUTHORITY,
        _ => false,
    }
}

impl<'l> Operation<'l> {
    /// The operation that is meant, by its `operationId`, or by its method and a path or its template.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn find(written: &str, apis: &'l [Loaded]) -> Result<Self, Failure> {
        let written = spelt(written);
        let found = apis.iter().find_map(|api| {
            let index = index(&written, api)?;
            Some(Self {
                api,
                declared: api.contract.operations.get(index)?,
                policy: api.policies.get(index)?,
            })
        });
        found.ok_or_else(|| {
            let way_out = match meant(&written, apis) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "write such as `GET /orders`, or an `operationId`".to_owned(),
            };
            Failure::unusable(format!("no contract has an operation `{written}`: {way_out}"))
        })
    }

    /// How people are told which it is.
    pub(super) fn name(&self) -> String {
        let Declared {
            method, template, id, ..
        } = self.declared;
        let id = id.as_ref().map(|id| format!(" (`{id}`)"));
        format!(
            "`{method} {template}`{} of {}",
            id.unwrap_or_default(),
            self.api.api.name
        )
    }

    /// Holds a good credential against what the operation asks for.
    pub(super) fn check(&self, identity: &Identity, now: UnixTime, report: &mut Report) {
        let alternatives = self.declared.security.as_deref().unwrap_or_default();
        if alternatives.is_empty() {
            report.hold("asked for by the operation", "nothing: no credential is looked at");
        } else {
            self.check_security(alternatives, identity, report);
        }
        if let Some(step_up) = &self.policy.step_up {
            check_step_up(step_up, identity, now, report);
        }
    }

    fn check_security(&self, alternatives: &[Alternative], identity: &Identity, report: &mut Report) {
        let mut ways: Vec<(&Alternative, &Requirement)> = Vec::new();
        for way in alternatives {
            let mut taking = way.iter().filter(|asked| self.takes(asked, identity));
            ways.extend(taking.next().map(|asked| (way, asked)));
        }
        let Some(nearest) = ways.first() else {
            let names = alternatives.iter().flatten().map(|asked| self.scheme(asked));
            let sides = Sides {
                expected: Some(any_of(names)),
                found: None,
            };
            let place = self.place_of(alternatives, identity);
            let why = format!("it takes no such credential, and the log says `{place}`");
            report.compare("asked for by the operation", Err::<(), _>(why), sides);
            return;
        };
        let is_in_scope = |asked: &Requirement| identity.scopes().contain(asked.scopes.iter().map(|scope| &**scope));
        let enough = ways.iter().find(|(_, asked)| is_in_scope(asked));
        let (way, asked) = enough.unwrap_or(nearest);
        let words = |scopes: String| if scopes.is_empty() { "none".to_owned() } else { scopes };
        let sides = Sides {
            expected: Some(words(asked.scopes.join(" "))),
            found: Some(words(identity.scopes().to_string())),
        };
        let outcome = enough.map(|_| ()).ok_or("one that the operation asks for is missing");
        report.compare("scopes", outcome, sides);
        for other in way.iter().filter(|other| other != asked) {
            report.depend(
                "together with",
                format!("the request has what `{}` asks for, too", self.scheme(other)),
            );
        }
    }

    /// What the log says of a good credential that no alternative takes.
    fn place_of(&self, alternatives: &[Alternative], identity: &Identity) -> &'static str {
        let asked = alternatives.iter().flatten();
        let verifiers: Vec<&Verifier> = asked.filter_map(|asked| self.verifier(asked)).collect();
        let takes_tokens = verifiers.iter().any(|one| matches!(one, Verifier::Tokens { .. }));
        let takes_passwords = verifiers.iter().any(|one| matches!(one, Verifier::Users(_)));
        match identity.credential() {
            Credential::AccessToken if takes_tokens => {
                let of_issuer = identity.subject().authority() != AUTHORITY;
                if of_issuer && verifiers.iter().any(|one| one.takes_issuers()) {
                    Refusal::IssuerMismatch.code()
                } else {
                    Kind::NOT_ACCEPTED
                }
            }
            Credential::AccessToken if takes_passwords => "scheme-not-accepted",
            _ => "missing",
        }
    }

    fn scheme(&self, asked: &Requirement) -> &'l str {
        let index = usize::try_from(asked.scheme.0).unwrap_or(usize::MAX);
        let scheme = self.api.contract.security_schemes.get(index);
        scheme.map_or("", |scheme| &scheme.name)
    }

    fn takes(&self, asked: &Requirement, identity: &Identity) -> bool {
        self.verifier(asked).is_some_and(|verifier| takes(verifier, identity))
    }

    fn verifier(&self, asked: &Requirement) -> Option<&'l Verifier> {
        let scheme = self.api.api.scheme(self.scheme(asked))?;
        Some(&scheme.verifier)
    }
}

/// What is written with one space between its words, and a method in capitals.
fn spelt(written: &str) -> String {
    let words: Vec<&str> = written.split_whitespace().collect();
    match words.as_slice() {
        [method, path] => format!("{} {path}", method.to_uppercase()),
        other => other.join(" "),
    }
}

/// The operation that is probably meant: at the path that is written alone, or called nearly so.
fn meant(written: &str, apis: &[Loaded]) -> Option<String> {
    let operations = || apis.iter().flat_map(|api| &api.contract.operations);
    let named = |operation: &Declared| format!("{} {}", operation.method, operation.template);
    if let Some(operation) = operations().find(|operation| *operation.template == *written) {
        return Some(named(operation));
    }
    let ids = operations().filter_map(|operation| operation.id.as_deref().map(str::to_owned));
    let names: Vec<String> = operations().map(named).chain(ids).collect();
    let folded: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
    let near = nearest(written, &folded.iter().map(String::as_str).collect::<Vec<_>>())?;
    let index = folded.iter().position(|name| name == near)?;
    names.get(index).cloned()
}

fn index(written: &str, api: &Loaded) -> Option<usize> {
    let named = |operation: &Declared| {
        let template = format!("{} {}", operation.method, operation.template);
        template == written || operation.id.as_deref() == Some(written)
    };
    api.contract.operations.iter().position(named).or_else(|| {
        let (method, path) = written.split_once(' ')?;
        match api.contract.route(path, &method.parse().ok()?) {
            Routed::Found { operation, .. } => usize::try_from(operation).ok(),
            _ => None,
        }
    })
}

fn check_step_up(step_up: &StepUp, identity: &Identity, now: UnixTime, report: &mut Report) {
    let missing = "the operation asks for a better authentication (`step_up`)";
    let is_token = identity.credential() == Credential::AccessToken;
    let met = |holds: bool| (holds && is_token).then_some(()).ok_or(missing);
    if !step_up.acr.is_empty() {
        let sides = Sides {
            expected: Some(any_of(step_up.acr.iter().map(|class| &**class))),
            found: identity.claims().get("acr").map(ToString::to_string),
        };
        report.compare(
            "class of authentication (`acr`)",
            met(step_up.is_of_class(identity)),
            sides,
        );
    }
    if let Some(most) = step_up.max_age_seconds {
        let sides = Sides {
            expected: Some(format!("at most {most} s before {}", Date(now))),
            found: identity.claims().authenticated_at().map(|at| Date(at).to_string()),
        };
        report.compare(
            "time of authentication (`auth_time`)",
            met(step_up.is_recent(identity, now)),
            sides,
        );
    }
}
