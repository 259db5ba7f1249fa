//! What `ARCHITECTURE.md` names is there: every path of its map, and every path of ours between backticks.

use crate::problem::Problem;
use crate::tree::{File, Tree};

const LAW: &str = "map";
const PAGE: &str = "ARCHITECTURE.md";

/// The names by which the page calls the crates in running text.
const CRATES: &[&str] = &[
    "audit-log",
    "contract",
    "decision",
    "identity",
    "rego",
    "secrets",
    "store",
    "gateway",
    "portcullis",
];

pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    let Some(page) = tree.file(PAGE) else { return Vec::new() };
    let missing = |number: usize, path: &str| {
        let message = format!("`{path}` is not there: name what is");
        Problem::new(PAGE, number, LAW, message)
    };
    let mapped = mapped(page).into_iter();
    let mapped = mapped.filter(|(_, path)| !leads_somewhere(tree, path));
    let quoted = quoted(page).into_iter().filter(|(_, path)| !is_there(tree, path));
    mapped
        .chain(quoted)
        .map(|(number, path)| missing(number, &path))
        .collect()
}

/// Every path of the map, with its line: a folder's entries stand below it, two spaces further in.
fn mapped(page: &File) -> Vec<(usize, String)> {
    let mut folders: Vec<(usize, String)> = Vec::new();
    let mut paths = Vec::new();
    let lines = (1..).zip(page.text.lines());
    let map = lines
        .skip_while(|(_, line)| *line != "## The map")
        .skip(1)
        .take_while(|(_, line)| !line.starts_with("## "));
    for (number, line) in map {
        let Some(entry) = line.strip_prefix("    ") else {
            continue;
        };
        let indent = entry.len() - entry.trim_start().len();
        folders.retain(|(outer, _)| *outer < indent);
        let folder = folders.last().map_or(String::new(), |(_, folder)| folder.clone());
        for name in names(entry) {
            let path = format!("{folder}{name}");
            if name.ends_with('/') {
                folders.push((indent, path.clone()));
            }
            paths.push((number, path));
        }
    }
    paths
}

/// The names at the start of an entry, which commas divide.
fn names(entry: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for word in entry.split_whitespace() {
        names.push(word.trim_end_matches(','));
        if !word.ends_with(',') {
            break;
        }
    }
    names
}

/// Whether an entry is there. A crate's entries stand for what is in its sources, and modules are named without their ending.
fn leads_somewhere(tree: &Tree, path: &str) -> bool {
    let mut parts = path.splitn(3, '/');
    let inside = match (parts.next(), parts.next(), parts.next()) {
        (Some("crates"), Some(name), Some(rest)) if !rest.is_empty() => Some(format!("crates/{name}/src/{rest}")),
        _ => None,
    };
    inside.is_some_and(|path| is_there(tree, &path)) || is_there(tree, path)
}

/// Whether there is such a file, folder or module; of `<name>` anything is one.
fn is_there(tree: &Tree, path: &str) -> bool {
    let path = path.split('<').next().unwrap_or(path).trim_end_matches('/');
    let (module, folder) = (format!("{path}.rs"), format!("{path}/"));
    let is = |file: &File| file.path == path || file.path == module || file.path.starts_with(&folder);
    tree.files.iter().any(is)
}

/// Every path of ours between backticks, with its line: of a crate by its short name, or of a folder at the top.
fn quoted(page: &File) -> Vec<(usize, String)> {
    let lines = (1..).zip(page.text.lines());
    let words = lines.flat_map(|(number, line)| line.split('`').skip(1).step_by(2).map(move |word| (number, word)));
    let path = |(number, word): (usize, &str)| {
        let (first, rest) = word.split_once('/')?;
        if word.contains(char::is_whitespace) {
            return None;
        }
        let top = [
            "bench", "crates", "deploy", "docs", "examples", "fuzz", "scripts", "xtask",
        ];
        match first {
            _ if CRATES.contains(&first) => Some((number, format!("crates/{first}/src/{rest}"))),
            _ if top.contains(&first) => Some((number, word.to_owned())),
            _ => None,
        }
    };
    words.filter_map(path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: &[&str] = &[
        "crates/gateway/src/lib.rs",
        "crates/gateway/src/listen/tls.rs",
        "crates/gateway/src/listen/http2/mod.rs",
        "crates/portcullis/tests/it/main.rs",
        "docs/http2.md",
    ];

    fn missing(page: &str) -> Vec<(usize, String)> {
        let mut files: Vec<_> = FILES.iter().map(|path| (*path, "")).collect();
        files.push((PAGE, page));
        let problems = check(&Tree::of(&files));
        problems
            .into_iter()
            .map(|problem| (problem.line, problem.message))
            .collect()
    }

    #[test]
    fn what_the_map_names_is_there() {
        let map = "## The map\n\n    crates/gateway/     the gate\n      listen/, lib.rs   sockets\n        tls, http2/   \
                   both\n      lib.rs \"no\"\n    crates/portcullis/  the program\n      tests/it/   tests\n    docs/\n";
        assert_eq!(missing(map), []);
        let stale = "## The map\n    crates/gateway/  the gate\n      listen/   sockets\n        tls, http1/  both\n      tls.rs\n";
        let lines: Vec<_> = missing(stale).into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, [4, 5]);
    }

    #[test]
    fn what_is_quoted_is_there() {
        assert_eq!(
            missing("see `gateway/listen/tls.rs`, `docs/http2.md`, `optional/format`, `a/b`\n"),
            []
        );
        assert_eq!(missing("add `gateway/listen/<name>.rs`\n"), []);
        assert_eq!(missing("see `gateway/listen/http3` and `docs/http3.md`\n").len(), 2);
    }
}
