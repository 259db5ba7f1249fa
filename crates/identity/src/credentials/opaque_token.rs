//! Opaque bearer tokens: `prefix_token_tag`. The tag is a MAC of what stands before it, so a token that nobody issued is
//! refused without being looked for.

use super::{CREDENTIAL_BYTES_MAX, CredentialId, ID_DIGITS, MAC_BYTES, Prefix, SECRET_BYTES, SECRET_DIGITS, base62};

const TAG_DIGITS: usize = 43;

/// A text in the form of an opaque token.
#[derive(Clone, Copy, Debug)]
pub struct OpaqueToken<'r> {
    text: &'r str,
    tagged: &'r str,
    tag: [u8; MAC_BYTES],
    id: CredentialId,
}

/// A token whose tag is still to be made: what is to be tagged is its text.
#[derive(Clone)]
pub struct Untagged(String);

impl<'r> OpaqueToken<'r> {
    /// Reads a token strictly: three words, each of its length, and nothing around them. `None` for anything else: a JWT has
    /// dots, an API key four words.
    pub fn parse(text: &'r str) -> Option<Self> {
        if text.len() > CREDENTIAL_BYTES_MAX {
            return None;
        }
        let (tagged, tag) = text.rsplit_once('_')?;
        let (prefix, token) = tagged.split_once('_')?;
        let (id, secret) = token.split_at_checked(ID_DIGITS)?;
        Prefix::parse(prefix)?;
        let is_secret = secret.len() == SECRET_DIGITS && base62::is_word(secret.as_bytes());
        let tag = Some(tag).filter(|tag| tag.len() == TAG_DIGITS && is_secret)?;
        Some(Self {
            text,
            tagged,
            tag: base62::decode(tag.as_bytes())?,
            id: CredentialId::parse(id)?,
        })
    }

    /// The name that it has: the first digits of the token.
    pub fn id(&self) -> CredentialId {
        self.id
    }

    /// All of it.
    pub(super) fn text(&self) -> &'r str {
        self.text
    }

    /// What the tag is made of.
    pub(super) fn tagged(&self) -> &'r str {
        self.tagged
    }

    /// The tag that it has.
    pub(super) fn tag(&self) -> &[u8; MAC_BYTES] {
        &self.tag
    }

    /// Begins a token. This text is the secret: whoever makes it shows it once and forgets it.
    pub fn compose(prefix: &Prefix, id: CredentialId, secret: &[u8; SECRET_BYTES]) -> Untagged {
        let secret = base62::encode::<SECRET_DIGITS>(secret);
        Untagged(format!("{}_{id}{}", prefix.as_str(), String::from_utf8_lossy(&secret)))
    }
}

impl Untagged {
    /// What the tag is made of.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The whole token.
    pub fn with_tag(self, tag: &[u8; MAC_BYTES]) -> String {
        let tag = base62::encode::<TAG_DIGITS>(tag);
        format!("{}_{}", self.0, String::from_utf8_lossy(&tag))
    }
}
