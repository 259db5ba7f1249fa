//! Makes one token after another, most of them changed in one place, some in two.

use serde_json::Value;

use crate::NOW;
use crate::chance::Chance;
use crate::changes::{CHANGES, Change, Kind, Signing};
use crate::members::{Members, quoted};
use crate::sealing::{self, Recipient};
use crate::signing::{self, Signer};
use portcullis_identity::jose::encode_base64url;

/// How a token is to be judged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// With the issuer's public keys.
    Public,
    /// With the key that issuer and receiver share.
    Shared,
    /// Decrypted first, then with the issuer's public keys.
    Sealed,
}

impl TokenKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Shared => "shared",
            Self::Sealed => "sealed",
        }
    }
}

/// A token, and what was done to it.
pub(crate) struct Made {
    pub(crate) kind: TokenKind,
    pub(crate) changes: Vec<&'static str>,
    pub(crate) token: String,
}

/// All keys: the issuer's, a stranger's of the same names, and those of whom tokens are encrypted to.
pub(crate) struct Workshop {
    signers: Vec<Signer>,
    strangers: Vec<Signer>,
    /// A good token of each signer's, for somebody else.
    others: Vec<String>,
    recipients: Vec<Recipient>,
}

impl Workshop {
    pub(crate) fn new(chance: &mut Chance) -> Self {
        let signers = signing::one_of_each(chance.octets(32));
        let strangers = signing::one_of_each(chance.octets(32));
        let others = signers.iter().zip(&strangers).map(|(own, stranger)| {
            let other = own;
            signed(&Signing { own, stranger, other }, &[&TO_BOB], chance)
        });
        Self {
            others: others.collect(),
            signers,
            strangers,
            recipients: sealing::one_of_each(chance),
        }
    }

    pub(crate) fn public_jwks(&self) -> Vec<Value> {
        self.public().iter().map(Signer::jwk).collect()
    }

    pub(crate) fn shared_jwk(&self) -> Value {
        self.signers[self.signers.len() - 1].jwk()
    }

    pub(crate) fn private_jwks(&self) -> Vec<Value> {
        self.recipients.iter().map(Recipient::jwk).collect()
    }

    fn public(&self) -> &[Signer] {
        &self.signers[..self.signers.len() - 1]
    }

    /// One of RSA half as often as one of another algorithm: it takes the longest to sign.
    fn some_signer(&self, chance: &mut Chance) -> usize {
        let is_slow = |place: usize| matches!(&self.signers[place].alg[..2], "RS" | "PS");
        let place = chance.below(self.signers.len());
        if is_slow(place) && chance.once_in(2) {
            chance.below(self.signers.len())
        } else {
            place
        }
    }

    /// A token of some kind and algorithm.
    pub(crate) fn make(&self, chance: &mut Chance) -> Made {
        let place = self.some_signer(chance);
        let kind = match place {
            last if last + 1 == self.signers.len() => TokenKind::Shared,
            _ if chance.once_in(6) => TokenKind::Sealed,
            _ => TokenKind::Public,
        };
        let changes = plan(kind, chance);
        let keys = Signing {
            own: &self.signers[place],
            stranger: &self.strangers[place],
            other: &self.public()[(place + 1 + chance.below(self.public().len() - 1)) % self.public().len()],
        };
        let outer_text = kind == TokenKind::Sealed && chance.once_in(2);
        let mut token = signed(&keys, &changes, chance);
        if !outer_text {
            token = rewritten(token, &changes, &self.others[place], chance);
        }
        if kind == TokenKind::Sealed {
            let recipient = chance.one(&self.recipients);
            token = sealed(recipient, &token, &changes, chance);
            if outer_text {
                let other = sealed(recipient, &self.others[place], &[], chance);
                token = rewritten(token, &changes, &other, chance);
            }
        }
        Made {
            kind,
            changes: changes.iter().map(|change| change.name).collect(),
            token,
        }
    }
}

const TO_BOB: Change = Change {
    name: "",
    kind: Kind::Claims(|claims, _| claims.set("sub", "\"bob\"")),
};

/// What is to be done: nothing once in twenty times, two things once in eight.
fn plan(kind: TokenKind, chance: &mut Chance) -> Vec<&'static Change> {
    let fits = |change: &&Change| kind == TokenKind::Sealed || !matches!(change.kind, Kind::Envelope(_));
    let fitting: Vec<&Change> = CHANGES.iter().filter(fits).collect();
    let count = match (chance.once_in(20), chance.once_in(8)) {
        (true, _) => 0,
        (false, true) => 2,
        (false, false) => 1,
    };
    (0..count).map(|_| chance.some(&fitting)).collect()
}

/// The claims of an access token that is good.
fn claims() -> Members {
    Members::new(&[
        ("iss", "\"https://issuer.example\""),
        ("aud", "\"https://api.example\""),
        ("sub", "\"alice\""),
        ("client_id", "\"natter\""),
        ("scope", "\"read write\""),
        ("jti", "\"0b7f\""),
        ("iat", &(NOW - 10).to_string()),
        ("exp", &(NOW + 300).to_string()),
    ])
}

/// A token in compact serialization, its signature over whatever the changes made of header and claims.
fn signed(keys: &Signing<'_>, changes: &[&Change], chance: &mut Chance) -> String {
    let (alg, kid) = (quoted(keys.own.alg), quoted(keys.own.kid));
    let mut header = Members::new(&[("alg", &alg), ("typ", "\"at+jwt\""), ("kid", &kid)]);
    let mut claims = claims();
    for change in changes {
        match change.kind {
            Kind::Header(change) => change(&mut header, chance),
            Kind::HeaderWithKeys(change) => change(&mut header, keys, chance),
            Kind::Claims(change) => change(&mut claims, chance),
            _ => {}
        }
    }
    let (mut header, mut claims) = (header.text().into_bytes(), claims.text().into_bytes());
    for change in changes {
        match change.kind {
            Kind::HeaderOctets(change) => header = change(header, chance),
            Kind::ClaimsOctets(change) => claims = change(claims, chance),
            _ => {}
        }
    }
    let input = format!("{}.{}", encode_base64url(&header), encode_base64url(&claims));
    let signature = changes.iter().find_map(|change| match change.kind {
        Kind::Signature(change) => Some(change(keys, input.as_bytes(), chance)),
        _ => None,
    });
    let signature = signature.unwrap_or_else(|| keys.own.sign(input.as_bytes()));
    format!("{input}.{}", encode_base64url(&signature))
}

fn sealed(recipient: &Recipient, content: &str, changes: &[&Change], chance: &mut Chance) -> String {
    let enc = chance.some(&recipient.encryptions);
    let mut header = sealing::header(recipient, enc);
    // Who is named as sender and receiver goes into the key, so it has to be known before.
    let party = changes.iter().filter(|change| change.name == "envelope-party");
    let others = changes.iter().filter(|change| change.name != "envelope-party");
    let apply = |change: &&&Change, header: &mut Members, chance: &mut Chance| {
        if let Kind::Envelope(change) = change.kind {
            change(header, chance);
        }
    };
    party.into_iter().for_each(|change| apply(&change, &mut header, chance));
    let delivery = recipient.deliver(enc, &mut header, chance);
    others
        .into_iter()
        .for_each(|change| apply(&change, &mut header, chance));
    sealing::seal(header.text().as_bytes(), &delivery, enc, content.as_bytes(), chance)
}

fn rewritten(token: String, changes: &[&Change], other: &str, chance: &mut Chance) -> String {
    changes.iter().fold(token, |token, change| match change.kind {
        // What is not ASCII any more, or nothing, is changed enough.
        Kind::Text(change) if token.is_ascii() && !token.is_empty() => change(&token, other, chance),
        _ => token,
    })
}
