//! One issuer of tokens as the workers see it: what its tokens have to say, and who knows whether they are its own: its keys, or
//! the issuer itself when it is asked.

mod digest;
mod introspection;
mod keys;
mod pace;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use portcullis_identity::access_token::{AccessTokens, Wrapping};
use portcullis_identity::confirmation::Binding;
use portcullis_identity::jose::Refusal;
use portcullis_identity::jose::algorithm::KeyManagement;
use portcullis_identity::jose::compact::Form;
use portcullis_identity::jose::handle::Decrypt;
use portcullis_identity::jose::jwe::{Decrypted, Encrypted};
use portcullis_identity::jose::jws::Unverified;
use portcullis_identity::principal::Identity;
use portcullis_identity::time::{Lifetime, UnixTime};

pub(crate) use self::digest::TokenDigest;
pub use self::introspection::{Ask, AskingBounds, Introspection, Reply};
pub(crate) use self::introspection::{Outcome, Question};
pub(crate) use self::keys::Generation;
pub use self::keys::{Keys, Wanted, Wish};
use self::pace::Pace;
use crate::replay::{Name, Replay, Seen};

/// Of encrypted tokens that keep something open, one for a private RSA key is decrypted anew in this time at most: that takes a worker
/// milliseconds, and after a reload all of them are to be looked at.
const DECRYPT_ANEW_EVERY: Duration = Duration::from_millis(20);

/// Somebody whose tokens are believed.
pub struct Issuer {
    tokens: AccessTokens,
    validation: Validation,
    /// None where its tokens are not encrypted.
    decryption: ArcSwapOption<Decryption>,
    /// None where its tokens may be presented again and again.
    once: Option<Arc<Replay>>,
    decrypted_anew: Pace,
}

/// Who knows whether a token is the issuer's.
pub enum Validation {
    /// Its keys.
    Keys(Keys),
    /// The issuer, which is asked about each.
    Introspection(Introspection),
}

/// Keys for an issuer's encrypted tokens.
pub struct Decryption {
    /// At least one.
    pub keys: Box<[Arc<dyn Decrypt>]>,
    /// Whether tokens that are only signed are refused.
    pub required: bool,
}

/// Why a token is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unbelieved {
    /// It is refused.
    Refused(Refusal),
    /// Its issuer's keys are not here, or it does not answer: nothing can be said of it.
    Unavailable,
}

/// Whether it takes a private RSA key to read a token: using that takes ten to seventy times as long as using any other.
pub(crate) fn is_costly(token: &Encrypted<'_>) -> bool {
    token.header().algorithm() == KeyManagement::RsaOaep256
}

impl Issuer {
    /// An issuer.
    #[must_use]
    pub fn new(tokens: AccessTokens, validation: Validation) -> Self {
        Self {
            tokens,
            validation,
            decryption: ArcSwapOption::empty(),
            once: None,
            decrypted_anew: Pace::new(DECRYPT_ANEW_EVERY, Instant::now()),
        }
    }

    /// The same, of which each token can be presented once (by its `jti`).
    #[must_use]
    pub fn one_time(self, replay: Arc<Replay>) -> Self {
        Self {
            once: Some(replay),
            ..self
        }
    }

    /// What it is called here.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.tokens.authority()
    }

    /// What its tokens have to say.
    #[must_use]
    pub fn tokens(&self) -> &AccessTokens {
        &self.tokens
    }

    /// What its tokens have to be bound to.
    pub(crate) fn binding(&self) -> Binding {
        self.tokens.binding()
    }

    /// Its keys; none where it is asked.
    #[must_use]
    pub fn keys(&self) -> Option<&Keys> {
        match &self.validation {
            Validation::Keys(keys) => Some(keys),
            Validation::Introspection(_) => None,
        }
    }

    /// Puts in other keys for its encrypted tokens, or none.
    pub fn decrypt_with(&self, decryption: Option<Decryption>) {
        let before = self.decryption.swap(decryption.map(Arc::new));
        if before.is_none() && self.decryption.load().is_none() {
            return;
        }
        if let Validation::Keys(keys) = &self.validation {
            keys.verify_anew();
        }
    }

    pub(crate) fn introspection(&self) -> Option<&Introspection> {
        match &self.validation {
            Validation::Keys(_) => None,
            Validation::Introspection(introspection) => Some(introspection),
        }
    }

    /// Changes whenever what was verified has to be verified anew; none where it is asked.
    pub(crate) fn keys_generation(&self) -> Option<Generation> {
        self.keys().map(Keys::generation)
    }

    /// The same, where a verified token may be remembered. Read it before the token is verified.
    pub(crate) fn remembers(&self) -> Option<Generation> {
        // An introspected token is remembered elsewhere, for less long; one that is good once, as used.
        self.keys_generation().filter(|_| !self.is_one_time())
    }

    /// Whether its keys, as they are now, still show a token to be its own, in the wrapping that it asks for.
    ///
    /// # Errors
    /// [`Unbelieved`]; also [`Unbelieved::Unavailable`] where too much is to be decrypted now.
    pub(crate) fn believes(&self, token: &str, now: UnixTime) -> Result<(), Unbelieved> {
        match Form::of(token) {
            Form::Signed => {
                let signed = Unverified::parse(token).map_err(Unbelieved::Refused)?;
                self.believes_signed(signed, Wrapping::Jws, now)
            }
            Form::Encrypted => {
                let encrypted = Encrypted::parse(token).map_err(Unbelieved::Refused)?;
                if is_costly(&encrypted) && !self.decrypted_anew.may(Instant::now()) {
                    return Err(Unbelieved::Unavailable);
                }
                let decrypted = self.decrypt(&encrypted).unwrap_or(Err(Refusal::Decryption));
                let decrypted = decrypted.map_err(Unbelieved::Refused)?;
                let signed = decrypted.nested().map_err(Unbelieved::Refused)?;
                self.believes_signed(signed, Wrapping::Jwe, now)
            }
            Form::Opaque => Err(Unbelieved::Refused(Refusal::PartCount)),
        }
    }

    fn believes_signed(&self, signed: Unverified<'_>, wrapping: Wrapping, now: UnixTime) -> Result<(), Unbelieved> {
        self.check_wrapping(wrapping).map_err(Unbelieved::Refused)?;
        let keys = self.keys().ok_or(Unbelieved::Unavailable)?;
        let verified = keys.with_current(|keys| self.tokens.verify(signed.clone(), keys, now));
        verified.map(drop)
    }

    /// Whether one of its keys is the one that an encrypted token names.
    pub(crate) fn has_key_for(&self, token: &Encrypted<'_>) -> bool {
        let decryption = self.decryption.load();
        decryption
            .as_ref()
            .is_some_and(|decryption| token.is_for(&decryption.keys))
    }

    /// Decrypts a token, if one of its keys is the one that the token names.
    pub(crate) fn decrypt(&self, token: &Encrypted<'_>) -> Option<Result<Decrypted, Refusal>> {
        let decryption = self.decryption.load();
        let keys = &decryption.as_ref()?.keys;
        token.is_for(keys).then(|| token.clone().decrypt(keys))
    }

    /// Whom a signed token speaks of: `text` is what was presented, without what it was sealed in.
    ///
    /// # Errors
    /// [`Unbelieved`].
    pub(crate) async fn verify(
        &self,
        token: Unverified<'_>,
        text: &str,
        wrapping: Wrapping,
        now: UnixTime,
    ) -> Result<Arc<Identity>, Unbelieved> {
        self.check_wrapping(wrapping).map_err(Unbelieved::Refused)?;
        match &self.validation {
            Validation::Keys(keys) => {
                let verified = keys.with(|keys| self.tokens.verify(token.clone(), keys, now));
                Ok(Arc::new(verified.await?))
            }
            Validation::Introspection(introspection) => introspection.identity(text, now).await,
        }
    }

    /// What is encrypted to nobody here is not one of its encrypted tokens, and what need not be encrypted may come open.
    fn check_wrapping(&self, wrapping: Wrapping) -> Result<(), Refusal> {
        let decryption = self.decryption.load();
        wrapping.check(decryption.as_ref().map(|decryption| decryption.required))
    }

    /// Whether its tokens are good once, and have to be used up.
    pub(crate) fn is_one_time(&self) -> bool {
        self.once.is_some()
    }

    /// Notes that a token that is good once was presented, after everything else about its request held.
    ///
    /// # Errors
    /// It was presented before, or there is no room to remember it.
    pub(crate) fn use_up(&self, identity: &Identity, now: UnixTime) -> Result<(), Unbelieved> {
        let Some(replay) = &self.once else { return Ok(()) };
        let claims = identity.claims();
        let missing = || Unbelieved::Refused(Refusal::ClaimMissing("jti".into()));
        let id = claims.token_id().ok_or_else(missing)?;
        let life = self.tokens.expected().lifetime(claims).unwrap_or(Lifetime::UNENDING);
        match replay.first_use(identity.subject(), Name::Token(id), life, now) {
            Seen::First => Ok(()),
            Seen::Again => Err(Unbelieved::Refused(Refusal::Replayed)),
            Seen::Full => Err(Unbelieved::Unavailable),
        }
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Issuer")
            .field("tokens", &self.tokens)
            .finish_non_exhaustive()
    }
}
