//! A caller may name any file
//!
//! A value of a request is a file name, a path or a template by its name, and may be any text.
//!
//! # Why
//!
//! `../../etc/passwd` is a file name. Where the text becomes a part of a path, a caller reads what the service can read, or
//! writes over what it can write. Encodings and absolute paths get around checks that look for two dots.
//!
//! # Incident
//!
//! In 2021 Grafana mended CVE-2021-43798: the name of a plugin and the path behind it in a URL could lead out of the folder
//! of plugins, so that anybody could read any file of the server.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /reports:
//!     get:
//!       parameters:
//!         - {name: file_name, in: query, schema: {type: string, maxLength: 200}} # <-
//!       responses: {}
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema: {type: object, properties: {templatePath: {type: string}}} # <-
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /reports:
//!     get:
//!       parameters:
//!         - {name: file_name, in: query, schema: {type: string, pattern: '^[a-z0-9]{1,40}[.]pdf$'}}
//!         - {name: path, in: query, schema: {type: boolean}}
//!       responses: {}
//!     post:
//!       requestBody:
//!         content:
//!           multipart/form-data:
//!             schema: {type: object, properties: {file: {type: string, format: binary, maxLength: 9000}}}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Let callers name things by an identifier that is looked up. Where it has to be a name, add a `pattern` that allows
//! letters, digits and one dot, and no slashes.
//!
//! # At the gate
//!
//! A `pattern` is enforced. Paths of URLs with dot segments, encoded slashes or double encoding are refused as such
//! (`http.path`); values of queries and bodies are not looked into beyond their schema.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{called, is_free_text};
use crate::rules::found::Found;
use crate::rules::survey::Value;
use crate::rules::survey::keyword::Keyword;
use crate::rules::words::plain;
use crate::rules::{Check, ContractRule, Cost, Fold, Travels};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "path-from-caller",
        category: "input",
        severity: Severity::Low,
        confidence: Confidence::Low,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[8],
            cwe: &[22, 73],
            asvs: &["5.3.2"],
            nist: &[],
        },
        text: include_str!("path_from_caller.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Value(Travels::InRequests, check),
};

/// Names of values that become paths.
const NAMES: [&str; 19] = [
    "filename",
    "filepath",
    "pathname",
    "directory",
    "dir",
    "dirname",
    "folderpath",
    "templatepath",
    "templatefile",
    "logfile",
    "configfile",
    "basepath",
    "rootpath",
    "targetpath",
    "sourcepath",
    "destinationpath",
    "localpath",
    "remotepath",
    "outputpath",
];

fn check<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    let name = called(value);
    if name.len() > 20 || !value.in_request() || !is_free_text(value) || value.has(Keyword::Format) {
        return;
    }
    // A `path` in a body is as often one of a URL, or of a shape.
    let is_path = name == "path" && value.parameter().is_some_and(|(_, whole)| whole == name);
    if is_path || NAMES.contains(&&*plain(name)) {
        found.value(value, format!("`{name}` may name any file"));
    }
}
