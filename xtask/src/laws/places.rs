//! The tree holds no path of anybody's machine and no host of a package registry: it builds anywhere, from any mirror.

use crate::problem::Problem;
use crate::tree::{File, Tree};

const LAW: &str = "places";

/// Written in pieces, so that this file keeps its own law.
const PATHS: &[&str] = &[
    concat!("/", "work/"),
    concat!("/", "root/."),
    concat!("/", "home/"),
    concat!("/", "Users/"),
    concat!("..", "/shared/"),
];

const HOSTS: &[&str] = &[
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("pypi", ".org"),
    concat!("python", "hosted.org"),
    concat!("registry.", "npmjs"),
    concat!("npmjs", ".com"),
    concat!("proxy.", "golang.org"),
    concat!("maven", ".org"),
    concat!("maven.", "apache.org"),
    concat!("deb.", "debian.org"),
    concat!("security.", "debian.org"),
];

pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    tree.files.iter().flat_map(check_one).collect()
}

fn check_one(file: &File) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (number, line) in (1..).zip(file.text.lines()) {
        if let Some(path) = PATHS.iter().find(|path| starts_a_path(line, path)) {
            let message = format!("`{path}` is a place on one machine: make it relative or an argument");
            problems.push(Problem::new(&file.path, number, LAW, message));
        }
        if let Some(host) = HOSTS.iter().find(|host| line.contains(**host)) {
            let message = format!("`{host}` is a registry's host: name the package, the client knows the host");
            problems.push(Problem::new(&file.path, number, LAW, message));
        }
    }
    problems
}

/// A path starts here and is not the rest of a longer one, such as a URL's.
fn starts_a_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '}'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_text(text: &str, problems: usize) {
        assert_eq!(check(&Tree::of(&[("a.txt", text)])).len(), problems, "{text}");
    }

    #[test]
    fn machines_and_registries_are_found() {
        check_text("cd target/tools\n", 0);
        check_text(concat!("cd /", "work/main\n"), 1);
        check_text(concat!("see `/", "home/jane/notes`\n"), 1);
        check_text("/v1/homework/1 and https://api.example/home/1\n", 0);
        check_text(concat!("https://", "pypi", ".org/simple\n"), 1);
        check_text("pip download jsonschema\n", 0);
    }
}
