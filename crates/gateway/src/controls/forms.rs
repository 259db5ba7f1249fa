//! Forms of requests as the objects that they spell: for the gate, which refuses or leaves out, and for trials, which tell.

use http::StatusCode;
use portcullis_contract::conform::body::fields::Fields;
use portcullis_contract::conform::body::multipart::{self, Bounds};
use portcullis_contract::conform::body::object::Object;
use portcullis_contract::conform::body::{self, Reading, Unfit, form};
use portcullis_contract::conform::json::{Undeclared, Violation};
use portcullis_contract::conform::media_type::{self, Content, FieldsId};
use portcullis_contract::conform::parameter::HeadScratch;
use portcullis_contract::document::Span;

use crate::codes::{self, Place};
use crate::refusal::Refusal;
use crate::routes::Route;

/// A form without what nobody declared.
pub(crate) struct Kept {
    /// The form.
    pub(crate) form: Vec<u8>,
    /// The object that it spells now.
    pub(crate) json: Vec<u8>,
}

/// What a form is read by: its fields, and the boundary of its parts if it has some. Nothing for what is no form.
pub(crate) fn of(content: Content, content_type: Option<&str>) -> Option<(FieldsId, Option<&str>)> {
    match content {
        Content::Form(id) => Some((id, None)),
        Content::Multipart(id) => Some((id, Some(media_type::boundary(content_type?)?))),
        _ => None,
    }
}

/// Reads a whole form; one with parts comes with their boundary.
///
/// # Errors
/// [`Unfit`]: it cannot be judged as an object.
pub(crate) fn read(
    form: &[u8],
    boundary: Option<&str>,
    fields: &Fields,
    route: &Route<'_>,
    scratch: &mut HeadScratch,
) -> Result<Object, Unfit> {
    let policy = &route.operation.policy;
    let mut reading = Reading {
        program: &route.api.contract.program,
        fields,
        level: policy.undeclared.body,
        scratch,
    };
    let bounds = Bounds {
        held_bytes_max: policy.body_bytes_max,
        file_bytes_max: policy.file_bytes_max.unwrap_or(policy.body_bytes_max as u64),
    };
    match boundary {
        Some(boundary) => multipart::read(form, boundary, bounds, &mut reading),
        None => form::read(form, &mut reading),
    }
}

/// Judges the object of a form. Gives what is left of both where something is to be left out.
///
/// # Errors
/// The first violation. What is undeclared inside of a field is one: a field cannot be cut.
pub(crate) fn judge(
    object: &Object,
    form: &[u8],
    fields: &Fields,
    route: &Route<'_>,
    scratch: &mut HeadScratch,
) -> Result<Option<Kept>, Violation> {
    let program = &route.api.contract.program;
    let level = route.operation.policy.undeclared.body;
    let mut judge = |level| program.judge(fields.schema, &object.json, level, &body::limits(), &mut scratch.json);
    let cuts = judge(level)?;
    if cuts.is_empty() {
        return Ok(None);
    }
    let Some(kept) = object.without(&cuts, form) else {
        judge(Undeclared::Refuse)?;
        return Ok(None);
    };
    Ok(Some(Kept {
        form: kept,
        json: cuts.apply(&object.json),
    }))
}

/// The refusal of a form that cannot be judged, and what it breaks.
pub(crate) fn refusal(unfit: Unfit) -> (Refusal, Span) {
    let contract = |code, status, pointer: String| Refusal::Contract {
        code,
        status,
        pointer: Some(pointer),
        parameter: None,
    };
    match unfit {
        Unfit::Violation(Violation {
            code, pointer, schema, ..
        }) => (
            contract(codes::code(Place::Body, code), StatusCode::BAD_REQUEST, pointer),
            schema,
        ),
        Unfit::MediaType { pointer } => {
            let (code, status) = ("contract.body.media_type", StatusCode::UNSUPPORTED_MEDIA_TYPE);
            (contract(code, status, pointer), Span::default())
        }
        Unfit::TooLarge => (Refusal::BodyTooLarge, Span::default()),
    }
}
