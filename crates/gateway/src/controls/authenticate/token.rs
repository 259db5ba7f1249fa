//! Access tokens: of the gate's own, told by their form; the others remembered, verified with the keys of the issuer that they name,
//! or asked about.

use std::sync::Arc;

use portcullis_identity::access_token::{Knower, Wrapping};
use portcullis_identity::jose::Refusal;
use portcullis_identity::jose::compact::Form;
use portcullis_identity::jose::jwe::{Decrypted, Encrypted};
use portcullis_identity::jose::jws::Unverified;
use portcullis_identity::principal::Identity;

use super::{Attempting, Unproven};
use crate::access::Access;
use crate::issuer::{self, Generation, Issuer, TokenDigest, Unbelieved};
use crate::metrics::Event;

/// A token that was verified, and by whose word.
struct Believed<'i> {
    identity: Arc<Identity>,
    issuer: &'i Arc<Issuer>,
    /// None where it is not to be remembered.
    generation: Option<Generation>,
}

/// A token that was decrypted, and with whose key.
struct Opened<'i> {
    decrypted: Decrypted,
    by: &'i Arc<Issuer>,
    /// From before it was: its keys may change meanwhile.
    generation: Option<Generation>,
}

/// Whom a token speaks of. One that is remembered costs little and is counted nowhere.
pub(super) async fn verify(token: &str, attempting: Attempting<'_>) -> Result<Arc<Identity>, Unproven> {
    if let Knower::House(keyring) = Knower::of(token, attempting.access.own_tokens()) {
        let taken = keyring.token(token, attempting.now).await;
        return attempting.taken(taken).await;
    }
    // Before anything is read of it: what is remembered was read when it was verified.
    let digest = TokenDigest::of(token);
    if let Some(digest) = &digest
        && let Some(identity) = remembered(digest, attempting)
    {
        return Ok(identity);
    }
    let form = Form::of(token);
    // What is asked about is remembered with the answers.
    if form != Form::Opaque && digest.is_some() {
        attempting.gate.worker().count(Event::TokenNotRemembered);
    }
    let costs_decryption = costs_decryption(token, attempting.access);
    let attempt = match digest {
        Some(digest) if attempting.access.is_no_guess(digest) => attempting.no_guess(),
        _ if costs_decryption => attempting.decryption().await?,
        _ => attempting.attempt().await?,
    };
    let believed = believe(token, form, digest, attempting).await;
    let believed = believed.map_err(|unbelieved| match unbelieved {
        Unbelieved::Unavailable => Unproven::Unavailable,
        Unbelieved::Refused(refusal) => Unproven::Rejected(attempting.access.refused_as(token, &refusal)),
    });
    if let (true, Ok(identity)) = (costs_decryption, &believed) {
        // Where they are too many, this one counts as failed.
        attempting.decrypted(identity.subject()).await?;
    }
    attempt.settle(believed).await
}

/// Whom a token speaks of that is none of the gate's own, nor remembered. Which issuer is to know it, see [`Knower::Issuer`].
async fn believe(
    token: &str,
    form: Form,
    digest: Option<TokenDigest>,
    attempting: Attempting<'_>,
) -> Result<Arc<Identity>, Unbelieved> {
    let believed = match form {
        Form::Opaque => return ask(token, attempting).await,
        Form::Signed => {
            let signed = Unverified::parse(token).map_err(Unbelieved::Refused)?;
            verify_signed(signed, token, Wrapping::Jws, attempting).await?
        }
        Form::Encrypted => {
            let encrypted = Encrypted::parse(token).map_err(Unbelieved::Refused)?;
            match decrypt(&encrypted, attempting.access).map_err(Unbelieved::Refused)? {
                Some(opened) => verify_nested(&opened, &encrypted, attempting).await?,
                None => return ask(token, attempting).await,
            }
        }
    };
    if let (Some(digest), Some(generation)) = (digest, believed.generation) {
        remember(digest, generation, &believed, attempting);
    }
    Ok(believed.identity)
}

/// Which issuer's word counts for a token, it may say itself; that it is that issuer's, only the issuer or its keys show.
async fn verify_signed<'p>(
    signed: Unverified<'_>,
    text: &str,
    wrapping: Wrapping,
    attempting: Attempting<'p>,
) -> Result<Believed<'p>, Unbelieved> {
    let claimed = signed.claimed_issuer();
    let named = |issuer: &&Arc<Issuer>| Some(issuer.tokens().expected().issuer()) == claimed.as_deref();
    let issuer = attempting.access.issuers().find(named);
    let issuer = issuer.ok_or(Unbelieved::Refused(Refusal::IssuerMismatch))?;
    let generation = issuer.remembers();
    Ok(Believed {
        identity: issuer.verify(signed, text, wrapping, attempting.now).await?,
        issuer,
        generation,
    })
}

/// The issuer that is named has to be one that could read the token: another's key says nothing of who carried it.
async fn verify_nested<'p>(
    opened: &Opened<'_>,
    encrypted: &Encrypted<'_>,
    attempting: Attempting<'p>,
) -> Result<Believed<'p>, Unbelieved> {
    let signed = opened.decrypted.nested().map_err(Unbelieved::Refused)?;
    let text = std::str::from_utf8(opened.decrypted.plaintext()).unwrap_or_default();
    let mut believed = verify_signed(signed, text, Wrapping::Jwe, attempting).await?;
    if Arc::ptr_eq(believed.issuer, opened.by) {
        believed.generation = opened.generation;
        return Ok(believed);
    }
    let reads = |issuer: &Issuer| issuer.decrypt(encrypted).is_some_and(|decrypted| decrypted.is_ok());
    if !reads(believed.issuer) {
        return Err(Unbelieved::Refused(Refusal::Decryption));
    }
    Ok(believed)
}

/// Whether a token costs the use of a private RSA key that somebody has here.
pub(super) fn costs_decryption(token: &str, access: &Access) -> bool {
    if Form::of(token) != Form::Encrypted {
        return false;
    }
    let is_readable = |token: &Encrypted<'_>| access.issuers().any(|issuer| issuer.has_key_for(token));
    Encrypted::parse(token).is_ok_and(|token| issuer::is_costly(&token) && is_readable(&token))
}

/// Decrypts with the key that the token names; none where nobody here has it. Of two issuers with keys of one name the first one's
/// is used, so that a token costs one decryption at most.
fn decrypt<'p>(token: &Encrypted<'_>, access: &'p Access) -> Result<Option<Opened<'p>>, Refusal> {
    let with_keys_of = |by: &'p Arc<Issuer>| {
        let generation = by.remembers();
        let decrypted = by.decrypt(token)?;
        Some(decrypted.map(|decrypted| Opened {
            decrypted,
            by,
            generation,
        }))
    };
    access.issuers().find_map(with_keys_of).transpose()
}

/// What nobody here can read is for the issuer that is asked, of which there is one at most.
async fn ask(token: &str, attempting: Attempting<'_>) -> Result<Arc<Identity>, Unbelieved> {
    let mut issuers = attempting.access.issuers();
    match issuers.find_map(|issuer| issuer.introspection()) {
        Some(introspection) => introspection.identity(token, attempting.now).await,
        None => {
            let refusal = Unverified::parse(token).err();
            Err(Unbelieved::Refused(refusal.unwrap_or(Refusal::PartCount)))
        }
    }
}

fn remembered(digest: &TokenDigest, attempting: Attempting<'_>) -> Option<Arc<Identity>> {
    let Attempting { access, gate, now, .. } = attempting;
    let mut tokens = gate.tokens.borrow_mut();
    let identity = tokens.get(digest, access.issuers(), now);
    gate.worker().tokens_remembered(tokens.len() as u64);
    if identity.is_some() {
        gate.worker().count(Event::TokenRemembered);
    }
    identity
}

fn remember(digest: TokenDigest, generation: Generation, believed: &Believed<'_>, attempting: Attempting<'_>) {
    let Attempting { gate, now, .. } = attempting;
    let mut tokens = gate.tokens.borrow_mut();
    tokens.put(digest, &believed.identity, believed.issuer, generation, now);
    gate.worker().tokens_remembered(tokens.len() as u64);
}
