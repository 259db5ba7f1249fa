//! An archive may be uploaded
//!
//! An operation takes a zip file, a tar file or another archive.
//!
//! # Why
//!
//! An archive is small until it is unpacked: a few kilobytes become gigabytes. Names inside it may lead out of the folder it
//! is unpacked into, and links inside it may lead anywhere. A limit on the upload bounds neither.
//!
//! # Incident
//!
//! In 2018 Snyk published Zip Slip: code in thousands of projects, among them those of large companies, wrote files of an
//! archive wherever the names inside it said, and so over programs and settings.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /imports:
//!     post:
//!       requestBody:
//!         content:
//!           application/zip: # <-
//!             schema: {type: string, format: binary, maxLength: 1000000}
//!       responses: {}
//!     put:
//!       requestBody:
//!         content:
//!           multipart/form-data: # <-
//!             schema: {type: object, properties: {files: {type: string, format: binary, maxLength: 1000000}}}
//!             encoding: {files: {contentType: application/x-tar}}
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /imports:
//!     post:
//!       requestBody:
//!         content:
//!           text/csv:
//!             schema: {type: string, maxLength: 1000000}
//!       responses:
//!         '200':
//!           description: An archive that is only answered.
//!           content: {application/zip: {schema: {type: string, format: binary}}}
//! ```
//!
//! # Fix
//!
//! Take files one by one where that will do. Otherwise bound the unpacked size and the number of files while unpacking,
//! refuse links and names that leave the folder, and suppress this finding with that reason.
//!
//! # At the gate
//!
//! The gate bounds the size of what is sent. It does not look into archives.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::document::Node;
use crate::rules::found::Found;
use crate::rules::survey::{Operation, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "archive-upload",
        category: "input",
        severity: Severity::Low,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[4],
            owasp_2019: &[4],
            cwe: &[409, 22],
            asvs: &["5.2.3", "5.3.3"],
            nist: &[],
        },
        text: include_str!("archive_upload.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Operation(check),
};

fn check<'d>(_: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    for content in operation.body.iter().flat_map(|body| &body.contents) {
        let encodings = content.place.node.get("encoding").and_then(Node::as_object);
        let encodings = encodings.into_iter().flat_map(|all| all.iter());
        let mut parts = encodings.filter_map(|(_, one)| one.get("contentType")?.as_str());
        let of_part = parts.find(|said| said.split(',').any(is_archive));
        if let Some(archive) = is_archive(content.media_type).then_some(content.media_type).or(of_part) {
            let message = format!("`{}` takes an archive (`{archive}`)", operation.name());
            found.operation(operation, content.at, message);
        }
    }
}

fn is_archive(media_type: &str) -> bool {
    const ARCHIVES: [&str; 12] = [
        "application/zip",
        "application/x-zip",
        "application/x-zip-compressed",
        "application/x-tar",
        "application/tar",
        "application/tar+gzip",
        "application/gzip",
        "application/x-gzip",
        "application/x-7z-compressed",
        "application/vnd.rar",
        "application/x-rar-compressed",
        "application/java-archive",
    ];
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    ARCHIVES.iter().any(|archive| archive.eq_ignore_ascii_case(essence))
}
