//! What callers have beside access tokens: API keys and opaque tokens of the gate's own, passwords, and a key to sign requests with.
//! Everything is drawn in memory, and ends with the demo.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_contract::document::Span;
use portcullis_gateway::listen::unix_time;
use portcullis_identity::authorization::Password;
use portcullis_identity::credentials::{CredentialId, Kind, Prefix, Record};
use portcullis_identity::jose::key::Kid;
use portcullis_identity::principal::{Scopes, SubjectKind};
use portcullis_identity::signatures::Demands;
use portcullis_secrets::{MacKey, NewMacKey};
use serde_json::Value;

use super::keys::{RsaKey, told};
use super::people::{ALICE, BOB, DEMO, MALLORY, MAYA, Person};
use crate::commands::user::hashed;
use crate::config::credentials::Made;
use crate::config::signers::{self, Key, Signers};
use crate::config::users::{List, Users};
use crate::credentials::draw::{self, New};

/// What users with passwords, and services that sign, are called in the gate's log.
pub(super) const USERS: &str = "people";
pub(super) const SIGNERS: &str = "services";
/// The service that signs, and the name of its key.
pub(super) const SERVICE: &str = "archive";
/// The host that requests are signed for: without others in its configuration, the gate serves the names of loopback.
pub(super) const HOST: &str = "localhost";
const PREFIX: &str = "natter";
/// As long as somebody may look at a demo.
const GOOD_SECONDS: u64 = 24 * 3600;

/// The credentials of everybody.
pub(super) struct Credentials {
    own: Vec<Own>,
    /// A key of alice's that was revoked.
    pub(super) revoked: String,
    service: RsaKey,
}

/// What one person has of the gate.
struct Own {
    person: &'static str,
    key: String,
    token: String,
}

/// What the gate has to know of them.
pub(super) struct Known {
    pub(super) made: Made,
    pub(super) users: Users,
    pub(super) signers: Signers,
}

impl Credentials {
    /// New ones, and what the gate has to know of them.
    ///
    /// # Errors
    /// The system gives no random numbers or no memory.
    pub(super) fn new() -> Result<(Self, Known), String> {
        let key = mac_key()?;
        let (mut own, mut records) = (Vec::new(), Vec::new());
        for person in [&ALICE, &BOB, &MAYA, &DEMO, &MALLORY] {
            let mut issue = |kind| {
                issue(kind, person, &key).map(|(text, record)| {
                    records.push(record);
                    text
                })
            };
            own.push(Own {
                person: person.name,
                key: issue(Kind::ApiKey)?,
                token: issue(Kind::Token)?,
            });
        }
        let (revoked, mut record) = issue(Kind::ApiKey, &ALICE, &key)?;
        record.revoked = Some(record.issued);
        records.push(record);
        let service = RsaKey::generate()?;
        let known = Known {
            made: Made {
                keys: vec![Arc::new(key)],
                records,
            },
            users: users()?,
            signers: signers(&service)?,
        };
        let credentials = Self { own, revoked, service };
        Ok((credentials, known))
    }

    /// Somebody's API key.
    pub(super) fn key(&self, person: &Person) -> &str {
        self.of(person).map_or("", |own| own.key.as_str())
    }

    /// Somebody's opaque token.
    pub(super) fn token(&self, person: &Person) -> &str {
        self.of(person).map_or("", |own| own.token.as_str())
    }

    /// The key of the service that signs.
    pub(super) fn service(&self) -> &RsaKey {
        &self.service
    }

    fn of(&self, person: &Person) -> Option<&Own> {
        self.own.iter().find(|own| own.person == person.name)
    }

    /// The header fields of a request that the service signs now, to [`HOST`]; content is JSON.
    ///
    /// # Errors
    /// It cannot be signed.
    pub(super) fn signed(&self, request: &str, body: &str) -> Result<Vec<(&'static str, String)>, String> {
        signed_by(&self.service, request, body)
    }
}

/// An API key as anybody can write one: its form and its checksum are right, and nobody issued it.
///
/// # Errors
/// The system gives no random numbers.
pub(super) fn made_up_key() -> Result<String, String> {
    issue(Kind::ApiKey, &DEMO, &mac_key()?).map(|(text, _)| text)
}

/// The header fields of a request that somebody signs with a key of their own, in the service's name.
///
/// # Errors
/// It cannot be signed.
pub(super) fn forged_signature(request: &str) -> Result<Vec<(&'static str, String)>, String> {
    signed_by(&RsaKey::generate()?, request, "")
}

/// `Authorization` with a user name and a password (RFC 7617).
pub(super) fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

/// Somebody's password, as Natter has it as well.
pub(super) fn password(person: &Person) -> &'static str {
    let users = natter::USERS.iter();
    let mut found = users.filter(|(name, _)| *name == person.name);
    found.next().map_or("", |(_, password)| password)
}

/// RFC 9421 §2.5, §3.1.
fn signed_by(signer: &RsaKey, request: &str, body: &str) -> Result<Vec<(&'static str, String)>, String> {
    let (method, target) = request.split_once(' ').unwrap_or(("GET", request));
    let mut fields = vec![("host", HOST.to_owned())];
    let mut lines = format!("\"@method\": {method}\n\"@target-uri\": http://{HOST}{target}\n");
    let mut covered = r#""@method" "@target-uri""#.to_owned();
    if !body.is_empty() {
        let digest = format!("sha-256=:{}:", STANDARD.encode(digest(&SHA256, body.as_bytes())));
        lines += &format!("\"content-digest\": {digest}\n");
        covered += r#" "content-digest""#;
        fields.push(("content-digest", digest));
        fields.push(("content-type", "application/json".to_owned()));
    }
    let created = unix_time().seconds();
    let input = format!(
        "({covered});created={created};keyid=\"{SERVICE}\";nonce=\"{}\"",
        draw::id()?
    );
    let base = format!("{lines}\"@signature-params\": {input}");
    let signature = signer.sign_ps512(base.as_bytes())?;
    fields.push(("signature-input", format!("sig={input}")));
    fields.push(("signature", format!("sig=:{}:", STANDARD.encode(signature))));
    Ok(fields)
}

fn mac_key() -> Result<MacKey, String> {
    let kid = Kid::new("demo").ok_or("a key has no name")?;
    let key = NewMacKey::draw(&kid).map_err(|_| "the system gives no random numbers")?;
    MacKey::from_jwk(key.jwk().as_bytes()).map_err(|error| error.to_string())
}

fn issue(kind: Kind, person: &Person, key: &MacKey) -> Result<(String, Record), String> {
    let id: CredentialId = draw::id()?;
    let prefix = Prefix::parse(PREFIX).ok_or("a prefix is none")?;
    let New { text, tag } = draw::credential(kind, id, &prefix, key)?;
    let issued = unix_time();
    let record = Record {
        id,
        kind,
        label: "demo".into(),
        owner_kind: SubjectKind::User,
        owner: person.name.into(),
        client: None,
        scopes: Scopes::new(person.scope.split(' ').map(Into::into).collect()),
        tag,
        retiring: None,
        issued,
        expires: Some(issued.plus(GOOD_SECONDS)),
        revoked: None,
        used: None,
    };
    Ok((text.as_str().to_owned(), record))
}

fn users() -> Result<Users, String> {
    let line = |person: &Person| {
        let hash = hashed(&Password::new(password(person).into())).map_err(told)?;
        Ok(format!("{}:{hash}:{}\n", person.name, person.scope))
    };
    let lines: Result<String, String> = [&ALICE, &BOB, &MAYA, &DEMO].into_iter().map(line).collect();
    Ok(Users {
        name: USERS.into(),
        span: Span::default(),
        list: List::InMemory(lines?),
    })
}

fn signers(service: &RsaKey) -> Result<Signers, String> {
    let members = service.public_jwk().into_iter();
    let jwk = members.filter_map(|(name, value)| match value {
        Value::String(text) => Some((name, text)),
        _ => None,
    });
    let key = signers::Signer {
        keyid: Kid::new(SERVICE).ok_or("a key has no name")?,
        span: Span::default(),
        subject: (SubjectKind::Service, SERVICE.to_owned()),
        scopes: Scopes::of_list("read write"),
        key: Key::Jwk(jwk.collect()),
        rsa_v1_5: false,
    };
    Ok(Signers {
        name: SIGNERS.into(),
        span: Span::default(),
        file: None,
        keys: vec![key],
        demands: Demands::default(),
    })
}
