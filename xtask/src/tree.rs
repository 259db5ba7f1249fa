//! The files of the workspace and its packages, read once. Never follows a link, never writes.

use std::fs;
use std::path::Path;

use crate::code;
use crate::package::{self, Package};

/// Names of files and folders that hold no source of ours, wherever they stand.
const SKIPPED_NAMES: &[&str] = &[".git", "__pycache__", "node_modules"];

/// Folders that builds fill.
const SKIPPED_PATHS: &[&str] = &["target", "fuzz/target", "fuzz/corpus", "fuzz/artifacts"];

pub(crate) struct Tree {
    /// In the order of their paths.
    pub(crate) files: Vec<File>,
    /// Our own packages.
    pub(crate) packages: Vec<Package>,
}

pub(crate) struct File {
    /// Relative to the workspace, with `/` between the parts.
    pub(crate) path: String,
    pub(crate) text: String,
    /// A Rust file's text without comments and literals; empty for others.
    pub(crate) bare: String,
}

impl Tree {
    /// Reads the tree below `root` and asks `cargo metadata` for the packages.
    pub(crate) fn read(root: &Path) -> Result<Self, String> {
        let mut files = Vec::new();
        read_folder(root, "", &mut files)?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self {
            files,
            packages: package::read(root)?,
        })
    }

    pub(crate) fn rust_files(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.is_rust())
    }

    pub(crate) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let files = files
            .iter()
            .map(|(path, text)| File::new((*path).to_owned(), (*text).to_owned()))
            .collect();
        Self {
            files,
            packages: Vec::new(),
        }
    }
}

impl File {
    fn new(path: String, text: String) -> Self {
        let bare = if path.ends_with(".rs") {
            code::bare(&text)
        } else {
            String::new()
        };
        Self { path, text, bare }
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The bare lines that ship, with their numbers: nothing of a test file, nothing from the unit tests on.
    pub(crate) fn shipped_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let count = if code::is_test_path(&self.path) {
            0
        } else {
            code::lines_outside_tests(&self.bare)
        };
        (1..).zip(self.bare.lines()).take(count)
    }

    /// The first line that holds `needle`, or the first of the file.
    pub(crate) fn line_of(&self, needle: &str) -> usize {
        (1..)
            .zip(self.text.lines())
            .find(|(_, line)| line.contains(needle))
            .map_or(1, |(number, _)| number)
    }
}

fn read_folder(root: &Path, inside: &str, files: &mut Vec<File>) -> Result<(), String> {
    let folder = root.join(inside);
    let entries = fs::read_dir(&folder).map_err(|error| format!("`{}`: {error}", folder.display()))?;
    for entry in entries {
        let entry = entry.map_err(|error| format!("`{}`: {error}", folder.display()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if inside.is_empty() {
            name.clone()
        } else {
            format!("{inside}/{name}")
        };
        if SKIPPED_NAMES.contains(&name.as_str()) || SKIPPED_PATHS.contains(&path.as_str()) {
            continue;
        }
        let kind = entry.file_type().map_err(|error| format!("`{path}`: {error}"))?;
        if kind.is_dir() {
            read_folder(root, &path, files)?;
        } else if kind.is_file() {
            let bytes = fs::read(entry.path()).map_err(|error| format!("`{path}`: {error}"))?;
            files.push(File::new(path, String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_lines_end_where_tests_begin() {
        let tree = Tree::of(&[
            ("src/a.rs", "one\n// two\n#[cfg(test)]\nmod tests {}\n"),
            ("tests/b.rs", "three\n"),
        ]);
        let lines = |path: &str| {
            tree.file(path)
                .unwrap()
                .shipped_lines()
                .map(|(n, _)| n)
                .collect::<Vec<_>>()
        };
        assert_eq!(lines("src/a.rs"), [1, 2]);
        assert_eq!(lines("tests/b.rs"), [0_usize; 0]);
    }
}
