//! Whether what is presented is what was kept.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use crate::jose::handle::Mac;
use crate::time::UnixTime;

use super::api_key::NoKey;
use super::{ApiKey, CredentialId, Kind, MAC_BYTES, OpaqueToken, Record, Tag};

/// How many MAC keys there are at most: the one in use, and those that are on their way out.
const MAC_KEYS_MAX: usize = 8;

/// The MAC keys that credentials were or are kept under; the first is for new ones.
#[derive(Clone, Debug)]
pub struct MacKeys(Arc<[Arc<dyn Mac>]>);

/// Keys that cannot be used for credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// There is none.
    None,
    /// There are too many.
    TooMany,
    /// One has no name (`kid`), so nobody could say later which one was used.
    Unnamed,
    /// Two have the same name.
    NamedTwice,
}

/// A credential that a caller presents, in its form, of which nothing is known yet.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'r> {
    kind: Kind,
    id: CredentialId,
    text: &'r str,
}

/// A credential that is good.
#[derive(Clone, Copy, Debug)]
pub struct Accepted<'k, R = Record> {
    /// What was found of it.
    pub found: &'k R,
    /// From when on it is not good any more.
    pub until: Option<UnixTime>,
}

/// Why a credential is refused. For the log: callers are told nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It has not the form.
    Form,
    /// It has another checksum.
    Checksum,
    /// Nobody here made its tag.
    Tag,
    /// There is none of that name, or its secret is another.
    Unknown,
    /// It was revoked.
    Revoked,
    /// It is over.
    Expired,
}

impl MacKeys {
    /// These, the one for new credentials first.
    ///
    /// # Errors
    ///
    /// [`Unusable`].
    pub fn new(keys: Vec<Arc<dyn Mac>>) -> Result<Self, Unusable> {
        let mut names: Vec<&str> = keys.iter().filter_map(|key| Some(key.kid()?.as_str())).collect();
        if keys.is_empty() {
            return Err(Unusable::None);
        }
        if keys.len() > MAC_KEYS_MAX {
            return Err(Unusable::TooMany);
        }
        if names.len() < keys.len() {
            return Err(Unusable::Unnamed);
        }
        names.sort_unstable();
        names.dedup();
        if names.len() < keys.len() {
            return Err(Unusable::NamedTwice);
        }
        Ok(Self(keys.into()))
    }

    /// Whether one of them made this tag of this message. Under a key that is not here the work is the same.
    fn verify(&self, message: &[u8], tag: &Tag) -> bool {
        let named = |key: &&Arc<dyn Mac>| key.kid().is_some_and(|kid| kid.as_str() == &*tag.key);
        let known = self.0.iter().find(named);
        let key = known.or_else(|| self.0.first());
        let fits = key.is_some_and(|key| key.verify(message, &tag.mac).is_ok());
        fits && known.is_some()
    }
}

/// What is authenticated of a credential: what it is, and all of its text. A MAC for one use is never one for another.
pub fn message(what: &str, text: &str) -> Vec<u8> {
    [what.as_bytes(), b"\0", text.as_bytes()].concat()
}

impl Kind {
    /// What the MAC of a whole credential is made for.
    pub fn purpose(self) -> &'static str {
        match self {
            Self::ApiKey => "portcullis api key",
            Self::Token => "portcullis token",
        }
    }
}

impl OpaqueToken<'_> {
    /// What the tag of a token is made for.
    pub const TAG_PURPOSE: &'static str = "portcullis token tag";
}

impl<'r> Presented<'r> {
    /// A text in the place of an API key.
    ///
    /// # Errors
    ///
    /// [`Refused::Form`], [`Refused::Checksum`].
    pub fn api_key(text: &'r str) -> Result<Self, Refused> {
        let key = ApiKey::parse(text).map_err(|no| match no {
            NoKey::Form => Refused::Form,
            NoKey::Checksum => Refused::Checksum,
        })?;
        Ok(Self {
            kind: Kind::ApiKey,
            id: key.id(),
            text: key.text(),
        })
    }

    /// A bearer token that is no JWT. Its tag is checked here, before anybody looks for it.
    ///
    /// # Errors
    ///
    /// [`Refused::Form`], [`Refused::Tag`].
    pub fn token(text: &'r str, keys: &MacKeys) -> Result<Self, Refused> {
        let token = OpaqueToken::parse(text).ok_or(Refused::Form)?;
        let tagged = message(OpaqueToken::TAG_PURPOSE, token.tagged());
        let made = |key: &Arc<dyn Mac>| key.verify(&tagged, token.tag()).is_ok();
        if !keys.0.iter().any(made) {
            return Err(Refused::Tag);
        }
        Ok(Self {
            kind: Kind::Token,
            id: token.id(),
            text: token.text(),
        })
    }

    /// The name to look for.
    pub fn id(&self) -> CredentialId {
        self.id
    }

    /// Holds it against what was found of its name. Nothing found, another secret and the right one cost the same: two MACs, compared
    /// in constant time. Whether it was revoked or is over is said only of what is right.
    ///
    /// # Errors
    ///
    /// [`Refused`].
    pub fn verify<'k, R: Borrow<Record>>(
        &self,
        found: Option<&'k R>,
        keys: &MacKeys,
        now: UnixTime,
    ) -> Result<Accepted<'k, R>, Refused> {
        let nothing = Tag {
            key: Box::default(),
            mac: [0; MAC_BYTES],
        };
        let record = found.map(Borrow::borrow);
        let retiring = record.and_then(|record| record.retiring.as_ref());
        let retiring = retiring.filter(|retiring| now < retiring.until);
        let message = message(self.kind.purpose(), self.text);
        let is_it = keys.verify(&message, record.map_or(&nothing, |record| &record.tag));
        let was_it = keys.verify(&message, retiring.map_or(&nothing, |retiring| &retiring.tag));
        let is_kind = |record: &Record| record.kind == self.kind;
        let found = found.filter(|found| is_kind(Borrow::borrow(*found)) && (is_it || was_it));
        let found = found.ok_or(Refused::Unknown)?;
        let record = found.borrow();
        if record.revoked.is_some() {
            return Err(Refused::Revoked);
        }
        if record.expires.is_some_and(|expires| expires <= now) {
            return Err(Refused::Expired);
        }
        let gone = retiring.filter(|_| !is_it).map(|retiring| retiring.until);
        let ends = [record.expires, gone].into_iter().flatten().min();
        Ok(Accepted { found, until: ends })
    }
}

impl Refused {
    /// Its name in logs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Form => "credential-malformed",
            Self::Checksum => "credential-checksum",
            Self::Tag => "credential-tag",
            Self::Unknown => "credential-unknown",
            Self::Revoked => "credential-revoked",
            Self::Expired => "expired",
        }
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "has no key",
            Self::TooMany => "has too many keys",
            Self::Unnamed => "has a key without a name (`kid`)",
            Self::NamedTwice => "has two keys of one name (`kid`)",
        })
    }
}

impl std::error::Error for Unusable {}
