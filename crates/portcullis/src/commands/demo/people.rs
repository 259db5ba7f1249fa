//! The people of the demo, and the issuer of their tokens. Its key is made in memory, and ends with the demo.

use portcullis_gateway::listen::unix_time;
use portcullis_identity::jose::claims::Expected;
use portcullis_identity::jose::key::Kid;
use portcullis_identity::jose::media_type::MediaType;
use portcullis_identity::jose::object::Object;
use portcullis_secrets::{Signer, SigningAlgorithm, SigningFailed};
use serde_json::{Value, json};

/// `iss` of every token.
const ISSUER: &str = "https://id.natter.example";
/// `aud` of every token: the API.
const AUDIENCE: &str = "https://api.natter.example";
/// The only key's name.
pub(super) const KEY_NAME: &str = "demo-1";
/// As long as somebody may look at a demo.
const GOOD_SECONDS: u64 = 24 * 3600;

/// Somebody with a token.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Person {
    /// The name, as Natter knows it.
    pub(super) name: &'static str,
    /// What a shell calls the token.
    pub(super) variable: &'static str,
    /// What the token may be used for.
    pub(super) scope: &'static str,
    /// Who it is.
    pub(super) what: &'static str,
}

/// A user.
pub(super) const ALICE: Person = Person {
    name: "alice",
    variable: "ALICE",
    scope: "read write",
    what: "a user, who keeps a diary",
};
/// Another user.
pub(super) const BOB: Person = Person {
    name: "bob",
    variable: "BOB",
    scope: "read write",
    what: "a user, who likes trains",
};
/// Who takes messages away.
pub(super) const MAYA: Person = Person {
    name: "maya",
    variable: "MAYA",
    scope: "read write moderate",
    what: "the moderator",
};
/// Who reads the log.
pub(super) const DEMO: Person = Person {
    name: "demo",
    variable: "DEMO",
    scope: "read write moderate admin",
    what: "the admin",
};
/// Who attacks: a user like others.
pub(super) const MALLORY: Person = Person {
    name: "mallory",
    variable: "MALLORY",
    scope: "read write",
    what: "a user, who means harm",
};

/// Those who use Natter as it is meant.
pub(super) const PEOPLE: [Person; 4] = [ALICE, BOB, MAYA, DEMO];

/// Those who behave, and the one who does not.
pub(super) fn everybody() -> impl Iterator<Item = &'static Person> {
    PEOPLE.iter().chain([&MALLORY])
}

/// The issuer of tokens.
#[derive(Debug)]
pub(super) struct Issuer {
    signer: Signer,
    now: u64,
}

impl Issuer {
    /// One with a new key; its tokens are good from now on.
    ///
    /// # Errors
    /// There is no key to be had.
    pub(super) fn new() -> Result<Self, SigningFailed> {
        Ok(Self {
            signer: Signer::generate(SigningAlgorithm::Es256, Kid::new(KEY_NAME))?,
            now: unix_time().seconds(),
        })
    }

    /// What signs.
    pub(super) fn signer(&self) -> &Signer {
        &self.signer
    }

    /// When its tokens were made, in seconds since the epoch.
    pub(super) fn now(&self) -> u64 {
        self.now
    }

    /// The public key, as a JWK Set.
    pub(super) fn published(&self) -> String {
        json!({ "keys": [self.signer.public_jwk()] }).to_string()
    }

    /// What its tokens say, for whoever verifies them.
    pub(super) fn expected() -> Expected {
        Expected::new(ISSUER, AUDIENCE, MediaType::new("at+jwt"))
    }

    /// The claims of somebody's token.
    pub(super) fn claims(&self, person: &Person) -> Object {
        let claims = [
            ("iss", json!(ISSUER)),
            ("aud", json!(AUDIENCE)),
            ("sub", json!(person.name)),
            ("client_id", json!("natter-web")),
            ("scope", json!(person.scope)),
            ("iat", json!(self.now)),
            ("exp", json!(self.now.saturating_add(GOOD_SECONDS))),
        ];
        claims
            .map(|(name, value)| (name.to_owned(), value))
            .into_iter()
            .collect()
    }

    /// Somebody's access token that is good with what it is bound to (`cnf`, RFC 7800) alone.
    ///
    /// # Errors
    /// It cannot be signed.
    pub(super) fn bound(&self, person: &Person, to: &Value) -> Result<String, SigningFailed> {
        let mut claims = self.claims(person);
        claims.insert("cnf".to_owned(), to.clone());
        self.signer.sign_compact("at+jwt", &claims)
    }

    /// Somebody's access token.
    ///
    /// # Errors
    /// It cannot be signed.
    pub(super) fn token(&self, person: &Person) -> Result<String, SigningFailed> {
        self.signer.sign_compact("at+jwt", &self.claims(person))
    }
}
