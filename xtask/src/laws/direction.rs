//! Dependencies point one way: the crates below never know the crates above, and only those that may know SQL do.

use crate::package::Package;
use crate::problem::Problem;
use crate::tree::Tree;

const LAW: &str = "direction";

/// Folder, and the packages that it never ships with. Tests may know what stands above: what identity verifies, secrets signs.
const NEVER: &[(&str, &[&str])] = &[
    (
        "crates/audit-log",
        &[
            "portcullis",
            "portcullis-contract",
            "portcullis-decision",
            "portcullis-gateway",
            "portcullis-identity",
            "portcullis-rego",
            "portcullis-secrets",
            "portcullis-store",
            "natter",
        ],
    ),
    (
        "crates/contract",
        &[
            "portcullis",
            "portcullis-audit-log",
            "portcullis-decision",
            "portcullis-gateway",
            "portcullis-identity",
            "portcullis-secrets",
            "portcullis-rego",
            "portcullis-store",
            "natter",
        ],
    ),
    (
        "crates/decision",
        &[
            "portcullis",
            "portcullis-audit-log",
            "portcullis-contract",
            "portcullis-gateway",
            "portcullis-identity",
            "portcullis-rego",
            "portcullis-secrets",
            "portcullis-store",
            "natter",
        ],
    ),
    (
        "crates/identity",
        &[
            "portcullis",
            "portcullis-audit-log",
            "portcullis-contract",
            "portcullis-decision",
            "portcullis-gateway",
            "portcullis-secrets",
            "portcullis-rego",
            "portcullis-store",
            "natter",
        ],
    ),
    (
        "crates/lint",
        &[
            "portcullis",
            "portcullis-audit-log",
            "portcullis-contract",
            "portcullis-decision",
            "portcullis-gateway",
            "portcullis-identity",
            "portcullis-rego",
            "portcullis-secrets",
            "portcullis-store",
            "natter",
        ],
    ),
    (
        "crates/rego",
        &[
            "portcullis",
            "portcullis-audit-log",
            "portcullis-contract",
            "portcullis-gateway",
            "portcullis-identity",
            "portcullis-secrets",
            "portcullis-store",
            "natter",
        ],
    ),
    (
        "crates/secrets",
        &[
            "portcullis",
            "portcullis-audit-log",
            "portcullis-contract",
            "portcullis-decision",
            "portcullis-gateway",
            "portcullis-rego",
            "portcullis-store",
            "natter",
        ],
    ),
    (
        "crates/store",
        &[
            "portcullis",
            "portcullis-contract",
            "portcullis-gateway",
            "portcullis-secrets",
            "portcullis-rego",
            "natter",
        ],
    ),
    (
        "crates/gateway",
        &["portcullis", "portcullis-rego", "portcullis-store", "natter"],
    ),
    (
        "examples/natter",
        &[
            "portcullis",
            "portcullis-audit-log",
            "portcullis-contract",
            "portcullis-decision",
            "portcullis-gateway",
            "portcullis-identity",
            "portcullis-rego",
            "portcullis-secrets",
            "portcullis-store",
        ],
    ),
];

/// Clients and engines of SQL databases.
const SQL: &[&str] = &[
    "diesel",
    "libsqlite3-sys",
    "postgres",
    "rusqlite",
    "sqlx",
    "tokio-postgres",
];

/// Where SQL may be known.
const SQL_ALLOWED: &[&str] = &["crates/store", "examples/"];

pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    tree.packages
        .iter()
        .flat_map(|package| check_one(tree, package))
        .collect()
}

fn check_one(tree: &Tree, package: &Package) -> Vec<Problem> {
    let manifest = package.manifest.as_str();
    let folder = manifest.trim_end_matches("/Cargo.toml");
    let above = NEVER
        .iter()
        .filter(|(below, _)| *below == folder)
        .flat_map(|(_, never)| never.iter());
    let sql = if SQL_ALLOWED.iter().any(|allowed| folder.starts_with(allowed)) {
        &[]
    } else {
        SQL
    };
    let forbidden = above
        .map(|name| (*name, "points upwards: turn the dependency round with a small trait"))
        .chain(sql.iter().map(|name| (*name, "is SQL, which only the store may know")));
    forbidden
        .filter(|(name, _)| package.direct.contains(*name))
        .map(|(name, why)| {
            let line = tree.file(manifest).map_or(1, |file| file.line_of(&format!("{name}.")));
            Problem::new(manifest, line, LAW, format!("`{name}` {why}"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_package(folder: &str, dependency: &str, problems: usize) {
        let mut tree = Tree::of(&[]);
        tree.packages.push(Package {
            manifest: format!("{folder}/Cargo.toml"),
            direct: [dependency.to_owned()].into(),
            ..Package::default()
        });
        assert_eq!(check(&tree).len(), problems, "{folder} on {dependency}");
    }

    #[test]
    fn nobody_looks_up() {
        check_package("crates/gateway", "portcullis-contract", 0);
        check_package("crates/gateway", "portcullis", 1);
        check_package("crates/gateway", "portcullis-store", 1);
        check_package("crates/decision", "portcullis-identity", 1);
        check_package("crates/audit-log", "portcullis-secrets", 1);
        check_package("crates/store", "portcullis-audit-log", 0);
        check_package("crates/contract", "portcullis-decision", 1);
        check_package("crates/store", "portcullis-identity", 0);
        check_package("crates/store", "portcullis-decision", 0);
        check_package("crates/decision", "portcullis-store", 1);
        check_package("crates/decision", "portcullis-rego", 1);
        check_package("crates/gateway", "portcullis-rego", 1);
        check_package("crates/rego", "portcullis-gateway", 1);
        check_package("crates/rego", "portcullis-decision", 0);
        check_package("crates/store", "portcullis-secrets", 1);
        check_package("crates/contract", "portcullis-gateway", 1);
        check_package("examples/natter", "portcullis-contract", 1);
        check_package("crates/secrets", "portcullis-identity", 0);
        check_package("crates/identity", "portcullis-secrets", 1);
    }

    #[test]
    fn sql_stays_where_it_belongs() {
        check_package("examples/natter", "rusqlite", 0);
        check_package("crates/store", "rusqlite", 0);
        check_package("crates/portcullis", "rusqlite", 1);
        check_package("crates/gateway", "tokio-postgres", 1);
    }
}
