//! Those whose signatures count: their keys, who they are, and what is demanded of them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::Arc;

use super::demands::Demands;
use super::presented::{Labelled, Presented};
use super::refusal::Refusal;
use super::request::{Request, joined};
use crate::content_digest::ContentDigest;
use crate::jose::algorithm::SignatureAlgorithm;
use crate::jose::key::{Kid, VerificationKey};
use crate::principal::{Credential, Identity, Scopes, Subject};
use crate::time::{Lifetime, UnixTime};

/// Callers who sign their requests, under one name and with the same demands.
#[derive(Clone, Debug)]
pub struct Signers {
    authority: Arc<str>,
    demands: Demands,
    keys: HashMap<Kid, Signer>,
}

/// A key, and who has it.
#[derive(Clone, Debug)]
pub struct Signer {
    key: VerificationKey,
    algorithm: &'static str,
    identity: Arc<Identity>,
}

/// The key is for an algorithm that does not sign messages here (RFC 9421 §3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlgorithmRefused(pub SignatureAlgorithm);

/// What the signatures of a request prove.
#[derive(Clone, Debug)]
pub struct Verified {
    /// Who signed.
    pub identity: Arc<Identity>,
    /// What may be used only once: refused where it was used before.
    pub uses: Vec<OneUse>,
    /// What the content has to be, where a signature covers its digest. Until it is held against that, the content is not
    /// verified.
    pub digest: Option<ContentDigest>,
}

/// A nonce (RFC 9421 §7.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneUse {
    /// Whose key it was signed with.
    pub keyid: Kid,
    /// What must not come again.
    pub nonce: Box<str>,
    /// For how long the signature is good.
    pub life: Lifetime,
}

impl Signer {
    /// Whoever has this key. RSASSA-PKCS1-v1_5 is only taken where `rsa_v1_5` says so.
    ///
    /// # Errors
    ///
    /// [`AlgorithmRefused`].
    pub fn new(
        key: VerificationKey,
        subject: Subject,
        scopes: Scopes,
        rsa_v1_5: bool,
    ) -> Result<Self, AlgorithmRefused> {
        let algorithm = key.algorithm();
        let name = registered(algorithm).filter(|_| rsa_v1_5 || algorithm != SignatureAlgorithm::Rs256);
        Ok(Self {
            algorithm: name.ok_or(AlgorithmRefused(algorithm))?,
            key,
            identity: Arc::new(Identity::new(Credential::Signature, subject).with_scopes(scopes)),
        })
    }
}

/// The name of an algorithm in the registry of RFC 9421 §6.2.2.
fn registered(algorithm: SignatureAlgorithm) -> Option<&'static str> {
    match algorithm {
        SignatureAlgorithm::Ed25519 => Some("ed25519"),
        SignatureAlgorithm::Es256 => Some("ecdsa-p256-sha256"),
        SignatureAlgorithm::Es384 => Some("ecdsa-p384-sha384"),
        SignatureAlgorithm::Ps512 => Some("rsa-pss-sha512"),
        SignatureAlgorithm::Rs256 => Some("rsa-v1_5-sha256"),
        SignatureAlgorithm::Hs256 => Some("hmac-sha256"),
        SignatureAlgorithm::Rs384 | SignatureAlgorithm::Rs512 | SignatureAlgorithm::Ps256 => None,
    }
}

impl fmt::Display for AlgorithmRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            SignatureAlgorithm::Rs256 => f.write_str("the key is for RSASSA-PKCS1-v1_5 (RS256)"),
            other => write!(
                f,
                "the key is for {}, which signs no messages (RFC 9421 §3.3)",
                other.name()
            ),
        }
    }
}

impl std::error::Error for AlgorithmRefused {}

impl Signers {
    /// Nobody yet. `authority` is what they are called here as a whole.
    pub fn new(authority: Arc<str>, demands: Demands) -> Self {
        Self {
            authority,
            demands,
            keys: HashMap::new(),
        }
    }

    /// One more of them, by the name that a signature calls the key (`keyid`).
    ///
    /// # Errors
    ///
    /// The name, where there is one of it already.
    pub fn insert(&mut self, keyid: Kid, signer: Signer) -> Result<(), Kid> {
        match self.keys.entry(keyid) {
            Entry::Occupied(taken) => Err(taken.key().clone()),
            Entry::Vacant(free) => {
                free.insert(signer);
                Ok(())
            }
        }
    }

    /// What they are called here.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Whom the signatures of a request prove; none where no signature that is meant for this is by a key that is known here.
    ///
    /// Signatures by other keys, or with another `tag`, are passed over: anybody may add one on the way. All that are left have
    /// to be good, cover what is demanded and be of one caller.
    ///
    /// # Errors
    ///
    /// The first signature that does not count.
    pub fn verify(
        &self,
        presented: &Presented,
        request: &Request<'_>,
        now: UnixTime,
    ) -> Result<Option<Verified>, Refusal> {
        let mut verified: Option<Verified> = None;
        for signature in presented.iter() {
            let Some((keyid, signer)) = self.signer(signature) else {
                continue;
            };
            let life = self.one(signature, signer, request, now)?;
            let verified = verified.get_or_insert_with(|| Verified {
                identity: Arc::clone(&signer.identity),
                uses: Vec::new(),
                digest: None,
            });
            if verified.identity.subject() != signer.identity.subject() {
                return Err(Refusal::Ambiguous);
            }
            verified.note(keyid, signature, request, life)?;
        }
        Ok(verified)
    }

    /// The names of the keys that are known here and that signatures which are meant for this say to be by.
    pub fn known<'k>(&'k self, presented: &'k Presented) -> impl Iterator<Item = &'k Kid> {
        presented.iter().filter_map(|signature| Some(self.signer(signature)?.0))
    }

    /// Who is said to have made a signature that is meant for this.
    fn signer(&self, signature: &Labelled) -> Option<(&Kid, &Signer)> {
        if !self.demands.is_meant(&signature.parameters) {
            return None;
        }
        let keyid = Kid::new(signature.parameters.keyid.as_deref()?)?;
        self.keys.get_key_value(&keyid)
    }

    /// Verifies one signature: for how long it is good.
    fn one(
        &self,
        signature: &Labelled,
        signer: &Signer,
        request: &Request<'_>,
        now: UnixTime,
    ) -> Result<Lifetime, Refusal> {
        let alg = signature.parameters.alg.as_deref();
        if alg.is_some_and(|alg| alg != signer.algorithm) {
            return Err(Refusal::AlgorithmNotOfKey);
        }
        let life = self.demands.hold(signature, request, now)?;
        let base = signature.base(request)?;
        signer
            .key
            .verify(base.as_bytes(), &signature.signature)
            .map_err(|_| Refusal::Signature)?;
        Ok(life)
    }
}

impl Verified {
    /// Notes what else follows from a signature that is good.
    fn note(
        &mut self,
        keyid: &Kid,
        signature: &Labelled,
        request: &Request<'_>,
        life: Lifetime,
    ) -> Result<(), Refusal> {
        if let Some(nonce) = &signature.parameters.nonce {
            self.uses.push(OneUse {
                keyid: keyid.clone(),
                nonce: nonce.clone(),
                life,
            });
        }
        if self.digest.is_none()
            && signature
                .components
                .iter()
                .any(|component| component.is_of("content-digest"))
        {
            let digest = ContentDigest::read(&joined(&request.fields.values("content-digest")));
            self.digest = Some(digest.map_err(|_| Refusal::DigestUnknown)?);
        }
        Ok(())
    }
}
