//! Our judgement: the whole way of an access token, encrypted or not.

use std::sync::Arc;

use portcullis_identity::access_token::AccessTokens;
use portcullis_identity::jose::claims::Expected;
use portcullis_identity::jose::handle::{Decrypt, Mac};
use portcullis_identity::jose::jwe::Encrypted;
use portcullis_identity::jose::jws::Unverified;
use portcullis_identity::jose::key::JwkRules;
use portcullis_identity::jose::key_set::KeySet;
use portcullis_identity::jose::media_type::MediaType;
use portcullis_identity::jose::refusal::Refusal;
use portcullis_identity::principal::Identity;
use portcullis_identity::time::UnixTime;
use portcullis_secrets::{DecryptionKey, MacKey};
use serde_json::json;

use crate::NOW;
use crate::making::{TokenKind, Workshop};

/// Keys and expectations.
pub(crate) struct Judge {
    tokens: AccessTokens,
    authority: Arc<str>,
    public: KeySet,
    shared: KeySet,
    recipients: Vec<Arc<dyn Decrypt>>,
    now: UnixTime,
}

impl Judge {
    pub(crate) fn new(workshop: &Workshop) -> Self {
        let set = json!({ "keys": workshop.public_jwks() }).to_string();
        let (public, left_out) = KeySet::from_jwks(set.as_bytes(), &JwkRules::default()).expect("a key set");
        assert_eq!(left_out, []);
        let mac = MacKey::from_jwk(workshop.shared_jwk().to_string().as_bytes()).expect("a key");
        let mac: Arc<dyn Mac> = Arc::new(mac);
        let recipient = |jwk: serde_json::Value| -> Arc<dyn Decrypt> {
            Arc::new(DecryptionKey::from_jwk(jwk.to_string().as_bytes(), None).expect("a key"))
        };
        let authority: Arc<str> = Arc::from("main");
        let expected = Expected::new(
            "https://issuer.example",
            "https://api.example",
            MediaType::new("at+jwt"),
        );
        Self {
            tokens: AccessTokens::new(Arc::clone(&authority), expected),
            authority,
            public,
            shared: KeySet::from_macs([mac]).expect("a key set"),
            recipients: workshop.private_jwks().into_iter().map(recipient).collect(),
            now: UnixTime::from_seconds(NOW).expect("a time"),
        }
    }

    /// `accepted`, or the code of the refusal with the member that it is about.
    pub(crate) fn verdict(&self, kind: TokenKind, token: &str) -> String {
        let identity = match kind {
            TokenKind::Public => self.signed(token, &self.public),
            TokenKind::Shared => self.signed(token, &self.shared),
            TokenKind::Sealed => self.sealed(token),
        };
        match identity {
            Ok(_) => "accepted".to_owned(),
            Err(Refusal::ClaimInvalid(name)) => format!("claim-invalid {name}"),
            Err(Refusal::ClaimMissing(name)) => format!("claim-missing {name}"),
            Err(Refusal::HeaderParameter(name)) => format!("header-parameter-invalid {name}"),
            Err(refusal) => refusal.code().to_owned(),
        }
    }

    fn signed(&self, token: &str, keys: &KeySet) -> Result<Identity, Refusal> {
        self.tokens.verify(Unverified::parse(token)?, keys, self.now)
    }

    fn sealed(&self, token: &str) -> Result<Identity, Refusal> {
        let decrypted = Encrypted::parse(token)?.decrypt(&self.recipients)?;
        let claims = decrypted.verify_nested(&self.public)?.claims()?;
        let accepted = self.tokens.expected().accept(claims, self.now)?;
        Identity::of_access_token(&self.authority, accepted)
    }
}
