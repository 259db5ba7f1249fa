//! The secret that credentials are kept under: a file that its owner alone may read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use portcullis_identity::jose::handle::Mac as _;
use portcullis_identity::jose::key::Kid;
use portcullis_secrets::{MacKey, NewMacKey};
use zeroize::Zeroizing;

use super::draw;
use crate::files;

/// What tells one secret from another without being it: the names of the keys, and a MAC of nothing that each of them makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Digest(Vec<(String, Vec<u8>)>);

/// Reads every key of the file, the one for new credentials first.
///
/// # Errors
/// It cannot be read, everybody may read it, or it is no set of MAC keys.
pub(crate) fn read(path: &Path) -> Result<(Vec<MacKey>, Digest), String> {
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => error.to_string(),
    })?;
    let mode = metadata.mode() & 0o777;
    if mode & 0o007 != 0 {
        return Err(format!("everybody may read it (mode {mode:o}): `chmod o= FILE`"));
    }
    let octets = Zeroizing::new(files::local(path)?);
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
    place(path, set.as_bytes()).map_err(|error| error.to_string())
}

/// Puts a file where there is none, whole or not at all: half a secret would be there for good. Whether it did.
fn place(path: &Path, octets: &[u8]) -> io::Result<bool> {
    let written = path.with_extension(format!("new-{}", std::process::id()));
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(&written)?;
    file.write_all(octets)?;
    file.sync_all()?;
    let placed = fs::hard_link(&written, path);
    fs::remove_file(&written)?;
    match placed {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
        Ok(()) => {
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
            Ok(true)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

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
