//! API keys: `prefix_id_secret_checksum`.

use super::{CREDENTIAL_BYTES_MAX, CredentialId, Prefix, SECRET_BYTES, SECRET_DIGITS, base62, checksum};

/// A text in the form of an API key, with the checksum of what stands in it. Whether there is such a key is another matter.
#[derive(Clone, Copy, Debug)]
pub struct ApiKey<'r> {
    text: &'r str,
    id: CredentialId,
}

/// A text that is no API key of the house.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoKey {
    /// It has not the form.
    Form,
    /// It has the form, and another checksum: it was mistyped or cut.
    Checksum,
}

impl<'r> ApiKey<'r> {
    /// Reads a key strictly: four words, each of its length, and nothing around them.
    ///
    /// # Errors
    ///
    /// [`NoKey`].
    pub fn parse(text: &'r str) -> Result<Self, NoKey> {
        if text.len() > CREDENTIAL_BYTES_MAX {
            return Err(NoKey::Form);
        }
        let (summed, sum) = text.rsplit_once('_').ok_or(NoKey::Form)?;
        let mut words = summed.split('_');
        let (Some(prefix), Some(id), Some(secret), None) = (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(NoKey::Form);
        };
        let has_form = Prefix::parse(prefix).is_some()
            && secret.len() == SECRET_DIGITS
            && base62::is_word(secret.as_bytes())
            && sum.len() == checksum::DIGITS
            && base62::is_word(sum.as_bytes());
        let id = CredentialId::parse(id).filter(|_| has_form).ok_or(NoKey::Form)?;
        if checksum::digits(summed.as_bytes()) != *sum.as_bytes() {
            return Err(NoKey::Checksum);
        }
        Ok(Self { text, id })
    }

    /// The name that it has.
    pub fn id(&self) -> CredentialId {
        self.id
    }

    /// All of it.
    pub(super) fn text(&self) -> &'r str {
        self.text
    }

    /// Writes a key. This text is the secret: whoever makes it shows it once and forgets it.
    pub fn compose(prefix: &Prefix, id: CredentialId, secret: &[u8; SECRET_BYTES]) -> String {
        let secret = base62::encode::<SECRET_DIGITS>(secret);
        let mut text = format!("{}_{id}_{}", prefix.as_str(), String::from_utf8_lossy(&secret));
        let sum = checksum::digits(text.as_bytes());
        text.push('_');
        text.push_str(&String::from_utf8_lossy(&sum));
        text
    }
}
