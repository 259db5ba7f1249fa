//! A longest length bounds nothing
//!
//! `maxLength` is more than a million characters: as much as a whole request may have.
//!
//! # Why
//!
//! A bound that no request reaches is none. It is written to satisfy a tool, and hides from readers that the real
//! bound was never looked for. What costs time per character still gets a million of them.
//!
//! # Incident
//!
//! In 2014 WordPress closed CVE-2014-9034: passwords could be as long as a request, and hashing a very long one kept
//! a server busy.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 text:
//!                   type: string
//!                   maxLength: 2147483647 # <-
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 text: {type: string, maxLength: 4000}
//!                 data: {type: string, format: binary, maxLength: 10485760}
//!                 day: {type: string, format: date}
//!                 note: {allOf: [{$ref: '#/components/schemas/Text'}], maxLength: 200}
//!       responses: {}
//! components:
//!   schemas:
//!     Text: {type: string, maxLength: 1000000}
//! ```
//!
//! # Fix
//!
//! Set `maxLength` to the longest value that the API can use.
//!
//! # At the gate
//!
//! The gate enforces `maxLength` as it stands. The gate bounds the whole body (`body_bytes_max`, 1 MiB unless said
//! otherwise), the URL and the headers.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::Value;
use crate::rules::survey::keyword::{Keyword, Type};
use crate::rules::{Check, ContractRule, Cost, Fold, Travels};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "max-length-vacuous",
        category: "input",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[4],
            owasp_2019: &[4],
            cwe: &[770, 1284],
            asvs: &["2.2.1"],
            nist: &[],
        },
        text: include_str!("max_length_vacuous.rs"),
    },
    cost: Cost::Data(35),
    fold: Fold::Cause,
    check: Check::Value(Travels::InRequests, check),
};

/// As many as nobody writes by hand, and about what a whole body may have.
const SENSIBLE_MAX: f64 = 1_000_000.0;

fn check<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    if !value.has(Keyword::MaxLength) || !value.is(Type::String) || value.is_closed() {
        return;
    }
    let format = value.text(Keyword::Format).unwrap_or_default();
    // Files, whole or in base64, are as large as they are.
    let is_file = matches!(format, "binary" | "byte" | "base64url") || value.has(Keyword::ContentEncoding);
    if !is_file && let Some(most) = value.smallest(Keyword::MaxLength).filter(|most| *most > SENSIBLE_MAX) {
        let message = format!("{} may have {most} characters", value.label());
        found.keyword(value, Keyword::MaxLength, message);
    }
}
