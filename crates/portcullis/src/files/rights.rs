//! Files whose rights matter: secrets, and what decides who gets in.
//!
//! Each is opened once, and the rights are those of the file that is read, whatever has its name by then.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use zeroize::Zeroizing;

use super::{open, read, reason};

/// What nobody may do with a secret: others anything, its group writing. A group may read, which a mounted secret needs.
const OF_SECRETS: u32 = 0o027;
/// What nobody may do with what decides who gets in.
const WRITABLE_BY_ALL: u32 = 0o002;
const READABLE_BY_ALL: u32 = 0o004;

/// What a file holds, and who may have written or read that.
pub(crate) struct Held {
    pub(crate) octets: Zeroizing<Vec<u8>>,
    mode: u32,
}

impl Held {
    /// Whether everybody on this machine can read it.
    pub(crate) fn is_readable_by_all(&self) -> bool {
        self.mode & READABLE_BY_ALL != 0
    }

    /// What is wrong with the rights of a secret, and the way out.
    pub(crate) fn exposure(&self, path: &Path) -> Option<String> {
        let Self { mode, .. } = self;
        (mode & OF_SECRETS != 0).then(|| {
            let path = path.display();
            format!("others on this machine can get at it (mode {mode:03o}): run `chmod g-w,o= {path}`")
        })
    }
}

/// Reads a private or shared key, or a password of the gate's own.
///
/// # Errors
/// It cannot be read, or others have rights to it.
pub(crate) fn secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let held = held(path)?;
    match held.exposure(path) {
        Some(exposed) => Err(exposed),
        None => Ok(held.octets),
    }
}

/// Reads what decides who gets in, and may be known: public keys, certificates of authorities, users.
///
/// # Errors
/// It cannot be read, or everybody can write it.
pub(crate) fn trusted(path: &Path) -> Result<Held, String> {
    let held = held(path)?;
    if held.mode & WRITABLE_BY_ALL != 0 {
        let (mode, path) = (held.mode, path.display());
        return Err(format!(
            "everybody on this machine can write it, and so let themselves in (mode {mode:03o}): run `chmod o-w {path}`"
        ));
    }
    Ok(held)
}

fn held(path: &Path) -> Result<Held, String> {
    let file = open(path)?;
    let mode = file.metadata().map_err(|error| reason(&error))?.mode() & 0o777;
    Ok(Held {
        octets: Zeroizing::new(read(file)?),
        mode,
    })
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn rights_of_others_are_an_error_with_the_way_out() {
        let path = std::env::temp_dir().join(format!("portcullis-rights-{}", std::process::id()));
        fs::write(&path, "x").unwrap();
        let check = |mode: u32, is_secret: bool, is_trusted: bool| {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let (secret, trusted) = (secret(&path).map(drop), trusted(&path).map(drop));
            assert_eq!((secret.is_ok(), trusted.is_ok()), (is_secret, is_trusted), "{mode:o}");
            for error in [secret, trusted].into_iter().filter_map(Result::err) {
                assert!(error.contains(&format!("mode {mode:03o}")), "{error}");
                assert!(error.ends_with(&format!(" {}`", path.display())), "{error}");
            }
        };
        check(0o600, true, true);
        check(0o400, true, true);
        check(0o640, true, true);
        check(0o440, true, true);
        check(0o660, false, true);
        check(0o604, false, true);
        check(0o644, false, true);
        check(0o601, false, true);
        check(0o646, false, false);
        check(0o602, false, false);
        fs::remove_file(&path).unwrap();
        assert_eq!(secret(&path).err().as_deref(), Some("there is no such file"));
    }
}
