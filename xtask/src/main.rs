//! The house's own checks: `cargo xtask tidy` holds the tree against the laws of ARCHITECTURE.md.
//!
//! It reads the tree and `cargo metadata`, and never changes a file.

mod code;
mod laws;
mod package;
mod problem;
mod threats;
mod tree;

use std::path::PathBuf;
use std::process::ExitCode;

use tree::Tree;

const USAGE: &str = "usage: cargo xtask tidy";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["tidy"] => tidy(),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Prints every problem, not only the first, and fails when there is one.
fn tidy() -> ExitCode {
    let tree = match Tree::read(&root()) {
        Ok(tree) => tree,
        Err(error) => {
            eprintln!("tidy: {error}");
            return ExitCode::from(2);
        }
    };
    let problems = laws::check(&tree);
    for problem in &problems {
        println!("{problem}");
    }
    if problems.is_empty() {
        println!("tidy: {} files keep {} laws", tree.files.len(), laws::LAWS.len());
        ExitCode::SUCCESS
    } else {
        println!("tidy: {} problems", problems.len());
        ExitCode::FAILURE
    }
}

/// The workspace's folder: the parent of this crate's, where cargo says it is now.
fn root() -> PathBuf {
    let own = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    own.parent().unwrap_or(&own).to_path_buf()
}
