//! The file that names the process that serves.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process;

/// A file with the id of this process. It goes when this is dropped, unless another process has written its own into it.
#[derive(Debug)]
pub(crate) struct PidFile(PathBuf);

impl PidFile {
    /// Writes it: whole or not at all.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub(crate) fn write(path: PathBuf) -> io::Result<Self> {
        let mut new = path.clone().into_os_string();
        new.push(".new");
        fs::write(&new, format!("{}\n", process::id()))?;
        fs::rename(&new, &path)?;
        Ok(Self(path))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        let ours = fs::read_to_string(&self.0).is_ok_and(|text| text.trim() == process::id().to_string());
        if ours {
            // Nobody can be told at the end, and the id in it is no longer anybody's.
            let _ = fs::remove_file(&self.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_removed_by_its_own_process_only() {
        let path = std::env::temp_dir().join(format!("portcullis-pid-{}", process::id()));
        for (text, stays) in [(None, false), (Some("1\n"), true)] {
            let file = PidFile::write(path.clone()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", process::id()));
            if let Some(text) = text {
                fs::write(&path, text).unwrap();
            }
            drop(file);
            assert_eq!(path.exists(), stays, "{text:?}");
        }
        fs::remove_file(&path).unwrap();
    }
}
