//! New credentials: drawn, tagged, and told once.

use portcullis_identity::credentials::{
    ApiKey, CredentialId, ID_BYTES, Kind, OpaqueToken, Prefix, SECRET_BYTES, Tag, message,
};
use portcullis_secrets::MacKey;
use zeroize::Zeroizing;

use super::secret;

/// A credential that nobody has yet, and what is to be kept of it.
pub(crate) struct New {
    /// What is handed over, and forgotten here.
    pub(crate) text: Zeroizing<String>,
    /// What is kept.
    pub(crate) tag: Tag,
}

/// A name from the system's random numbers.
///
/// # Errors
/// The system gives none.
pub(crate) fn id() -> Result<CredentialId, String> {
    octets::<ID_BYTES>().map(|octets| CredentialId::of(*octets))
}

/// A secret of this name, tagged under this key.
///
/// # Errors
/// The system gives no random numbers.
pub(crate) fn credential(kind: Kind, id: CredentialId, prefix: &Prefix, key: &MacKey) -> Result<New, String> {
    let secret = octets::<SECRET_BYTES>()?;
    let text = Zeroizing::new(match kind {
        Kind::ApiKey => ApiKey::compose(prefix, id, &secret),
        Kind::Token => {
            let untagged = OpaqueToken::compose(prefix, id, &secret);
            let tag = mac(key, OpaqueToken::TAG_PURPOSE, untagged.text())?;
            untagged.with_tag(&tag)
        }
    });
    let tag = Tag {
        key: secret::name(key).into(),
        mac: mac(key, kind.purpose(), &text)?,
    };
    Ok(New { text, tag })
}

fn mac(key: &MacKey, what: &str, text: &str) -> Result<[u8; 32], String> {
    let made = key.sign(&Zeroizing::new(message(what, text)));
    made.try_into().map_err(|_| "a MAC has not its length".to_owned())
}

fn octets<const N: usize>() -> Result<Zeroizing<[u8; N]>, String> {
    let mut octets = Zeroizing::new([0; N]);
    getrandom::fill(&mut *octets).map_err(|error| format!("the system gives no random numbers: {error}"))?;
    Ok(octets)
}
