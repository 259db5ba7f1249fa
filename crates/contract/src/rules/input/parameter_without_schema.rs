//! A parameter has no schema
//!
//! The contract names a parameter, and does not say what its value may be.
//!
//! # Why
//!
//! A parameter goes straight into queries, file names, log lines and other requests. Where nothing says that it is a
//! number, a date or one of three words, a caller may put anything into it, of any length, and only the code behind it
//! decides what happens.
//!
//! # Incident
//!
//! The nearest is Log4Shell (CVE-2021-44228) in 2021: any text that a program wrote to its log could make it load code from
//! elsewhere, and callers sent that text in whatever parameter or header was taken as it came.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       parameters:
//!         - {name: day, in: query} # <-
//!         - name: filter # <-
//!           in: query
//!           content: {application/json: {}}
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! components:
//!   parameters:
//!     day: {name: day, in: query, schema: {type: string, format: date}}
//! paths:
//!   /orders:
//!     get:
//!       parameters:
//!         - {$ref: '#/components/parameters/day'}
//!         - name: filter
//!           in: query
//!           content: {application/json: {schema: {type: object, properties: {size: {type: integer}}}}}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Give the parameter a `schema` with a type, and with a length, a range, a pattern or a list of values.
//!
//! # At the gate
//!
//! The gate takes a parameter without a schema as it is. The size of the whole URL (`target_bytes_max`) and of the header
//! is bounded all the same.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::{Operation, Parameter, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold, Part};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "parameter-without-schema",
        category: "input",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[8],
            cwe: &[20],
            asvs: &["2.1.1", "2.2.1"],
            nist: &[],
        },
        text: include_str!("parameter_without_schema.rs"),
    },
    cost: Cost::Part(Part::Request, 100),
    fold: Fold::Cause,
    check: Check::Parameter(check),
};

fn check<'d>(_: &Survey<'d>, operation: &Operation<'d>, parameter: &Parameter<'d>, found: &mut Found<'d>) {
    if parameter.schema.is_none() {
        let message = format!("`{}` has no schema", parameter.name);
        found.parameter(operation, parameter, parameter.at, message);
    }
}
