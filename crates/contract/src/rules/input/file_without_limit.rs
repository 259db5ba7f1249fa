//! A file may be of any size
//!
//! An operation takes a file, and nothing says how large it may be.
//!
//! # Why
//!
//! Files are held in memory, written to a disk, scanned, resized and kept. A caller with a fast line sends files until one
//! of these is full, and pays nothing for it. Every file in a form needs its own limit, and so does a body of bytes.
//!
//! # Incident
//!
//! In 2023 Apache mended CVE-2023-24998 in Commons FileUpload, which Tomcat uses: nothing bounded how many parts a form
//! might have, so that one upload could keep a server busy. That is the number and not the size, and the nearest.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /avatars:
//!     post:
//!       requestBody:
//!         content:
//!           multipart/form-data:
//!             schema:
//!               type: object
//!               properties:
//!                 picture: {type: string, format: binary} # <-
//!                 more:
//!                   type: array
//!                   items: {type: string, format: binary} # <-
//!       responses: {}
//!     put:
//!       requestBody:
//!         content:
//!           application/octet-stream: {} # <-
//!       responses: {}
//! ```
//!
//! ```yaml
//! swagger: '2.0'
//! info: {title: Example, version: 1.0.0}
//! host: api.example.com
//! consumes: [multipart/form-data]
//! paths:
//!   /avatars:
//!     post:
//!       parameters:
//!         - {name: picture, in: formData, type: file} # <-
//!       responses: {'200': {description: Done.}}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /avatars:
//!     post:
//!       requestBody:
//!         content:
//!           multipart/form-data:
//!             schema:
//!               type: object
//!               properties:
//!                 picture: {type: string, format: binary, maxLength: 1000000}
//!                 name: {type: string, maxLength: 40}
//!       responses: {}
//!     put:
//!       requestBody:
//!         content:
//!           image/png: {schema: {type: string, format: binary, maxLength: 1000000}}
//!       responses: {}
//!     patch:
//!       x-portcullis: {body_bytes_max: 1MiB}
//!       requestBody:
//!         content:
//!           application/octet-stream: {}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Add `maxLength`, in bytes, to the schema of the file; or, where the version of OpenAPI cannot say it, `x-portcullis:
//! {body_bytes_max: 1MiB}` to the operation.
//!
//! # At the gate
//!
//! A request's body is at most `body_bytes_max` (1 MiB unless you say otherwise), and its files come on top only as far as
//! `file_bytes_max` allows. `maxLength` of a file in a form is enforced in bytes.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::keyword::Keyword;
use crate::rules::survey::{Operation, Role, Survey, Value};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "file-without-limit",
        category: "input",
        severity: Severity::Medium,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[4],
            owasp_2019: &[4],
            cwe: &[400, 770],
            asvs: &["5.1.1", "5.2.1"],
            nist: &[],
        },
        text: include_str!("file_without_limit.rs"),
    },
    cost: Cost::Data(40),
    fold: Fold::Cause,
    check: Check::Operation(check),
};

fn check<'d>(survey: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    if ["body_bytes_max", "file_bytes_max"]
        .iter()
        .any(|name| survey.extension(operation, name).is_some())
    {
        return;
    }
    for content in operation.body.iter().flat_map(|body| &body.contents) {
        let essence = content.essence();
        match content.schema.map(|id| survey.value(id)) {
            Some(schema) if essence.starts_with("multipart/") => parts(&schema, found),
            Some(schema) => file(&schema, found),
            None if is_bytes(&essence) => {
                let message = format!("the body as `{}` may be of any size", content.media_type);
                found.operation(operation, content.at, message);
            }
            None => {}
        }
    }
}

/// The files of a form: each property that is one, or is an array of them.
fn parts<'d>(form: &Value<'_, 'd>, found: &mut Found<'d>) {
    for (_, part) in form.properties() {
        file(&part, found);
        for item in part.children(Role::Items) {
            file(&item, found);
        }
    }
}

fn file<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    let is_file = value.text(Keyword::Format) == Some("binary");
    if is_file && !value.has(Keyword::MaxLength) && !value.is_closed() {
        found.value(value, format!("{} is a file of any size", value.label()));
    }
}

/// Whether a media type is one of bytes that a schema need not describe.
fn is_bytes(essence: &str) -> bool {
    const BYTES: [&str; 5] = [
        "application/octet-stream",
        "application/pdf",
        "application/zip",
        "application/gzip",
        "application/x-tar",
    ];
    const KINDS: [&str; 3] = ["image/", "audio/", "video/"];
    BYTES.contains(&essence) || KINDS.iter().any(|kind| essence.starts_with(kind))
}
