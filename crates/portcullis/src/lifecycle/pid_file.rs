//! The file that names the process that serves.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process;

/// A file with the id of this process. It is emptied when this is dropped, unless another process has written its own into it. It
/// stays where it is all the time, because the sandbox allows the file and not its directory.
#[derive(Debug)]
pub(crate) struct PidFile(PathBuf);

impl PidFile {
    /// Writes it. Whoever reads it at that moment finds it empty, and never half an id.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn write(path: PathBuf) -> io::Result<Self> {
        replace_text(&path, &format!("{}\n", process::id()))?;
        Ok(Self(path))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        let ours = fs::read_to_string(&self.0).is_ok_and(|text| text.trim() == process::id().to_string());
        if ours {
            // Nobody can be told at the end, and the id in it is no longer anybody's.
            let _ = replace_text(&self.0, "");
        }
    }
}

fn replace_text(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    // Once: what is written in pieces is read in pieces.
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_emptied_by_its_own_process_only() {
        let path = std::env::temp_dir().join(format!("portcullis-pid-{}", process::id()));
        for (text, left) in [(None, ""), (Some("1\n"), "1\n"), (None, "")] {
            let file = PidFile::write(path.clone()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", process::id()));
            if let Some(text) = text {
                fs::write(&path, text).unwrap();
            }
            drop(file);
            assert_eq!(fs::read_to_string(&path).unwrap(), left, "{text:?}");
        }
        fs::remove_file(&path).unwrap();
    }
}
