//! The secret that credentials are kept under: a file that its owner alone may read.

use std::path::Path;

use portcullis_identity::jose::handle::Mac as _;
use portcullis_identity::jose::key::Kid;
use portcullis_secrets::{MacKey, NewMacKey};
use zeroize::Zeroizing;

use super::draw;
use crate::files::{self, place};

/// What tells one secret from another without being it: the names of the keys, and a MAC of nothing that each of them makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Digest(Vec<(String, Vec<u8>)>);

/// Reads every key of the file, the one for new credentials first.
///
/// # Errors
/// It cannot be read, others have rights to it, or it is no set of MAC keys.
pub(crate) fn read(path: &Path) -> Result<(Vec<MacKey>, Digest), String> {
    let octets = files::secret(path)?;
    let keys = MacKey::from_jwks(&octets).map_err(|error| error.to_string())?;
    let digest = keys.iter().map(|key| (name(key), key.sign(b"portcullis digest")));
    let digest = Digest(digest.collect());
    Ok((keys, digest))
}

/// What a key is called; the one for new credentials is named in what is kept of them.
pub(crate) fn name(key: &MacKey) -> String {
    key.kid().map_or_else(String::new, |kid| kid.as_str().to_owned())
}

/// Makes the file with a new key where there is none; whether it did.
///
/// # Errors
/// It cannot be made, or the system gives no random numbers.
pub(crate) fn make(path: &Path) -> Result<bool, String> {
    let kid = Kid::new(draw::id()?.as_str()).ok_or("the name of the key is none")?;
    let key = NewMacKey::draw(&kid).map_err(|_| "the system gives no random numbers")?;
    let set = Zeroizing::new(format!("{{\"keys\":[{}]}}\n", key.jwk()));
    place::create(path, set.as_bytes()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    use super::*;

    #[test]
    fn a_secret_is_made_once_and_for_its_owner() {
        let directory = std::env::temp_dir().join(format!("portcullis-secret-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let path = directory.join("secret.jwks");
        assert_eq!(read(&path).err().as_deref(), Some("there is no such file"));
        assert_eq!((make(&path), make(&path)), (Ok(true), Ok(false)));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
        let (keys, digest) = read(&path).unwrap();
        assert_eq!(keys.len(), 1);
        assert_eq!(read(&path).unwrap().1, digest);
        fs::set_permissions(&path, Permissions::from_mode(0o604)).unwrap();
        let exposed = read(&path).err().unwrap();
        fs::remove_dir_all(&directory).unwrap();
        assert!(exposed.contains("mode 604"), "{exposed}");
        assert!(!format!("{keys:?}{digest:?}").contains("oct"));
    }
}
