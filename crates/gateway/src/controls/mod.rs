//! The controls, one to a file. Each makes the stage type that says it was passed, and nothing else can make it.

pub mod address_list;
pub mod audit_log;
pub mod authenticate;
pub mod authorize;
pub mod contract_in;
pub mod contract_out;
pub mod cors;
pub(crate) mod decide;
pub(crate) mod forms;
pub mod forward;
pub(crate) mod grounds;
pub mod learn_relations;
pub mod rate_limit;
pub(crate) mod request_body;
pub(crate) mod response_headers;
pub(crate) mod response_tokens;
pub mod route;
pub(crate) mod security_headers;
pub mod signed_content;
pub(crate) mod stack_traces;
pub mod tenure;
pub mod upload;
pub mod url_secrets;
pub(crate) mod violations;

use http::header::{self, HeaderMap, HeaderName};
use portcullis_contract::conform::json::{Code, Limits, Program, SchemaId, Scratch, Undeclared, Violation};

/// Takes out the fields that speak of the bytes of a body, which are other ones now.
pub(crate) fn forget_bytes(headers: &mut HeaderMap) {
    const OF_THE_BYTES: [HeaderName; 7] = [
        header::CONTENT_LENGTH,
        header::CONTENT_ENCODING,
        header::ETAG,
        HeaderName::from_static("content-digest"),
        HeaderName::from_static("repr-digest"),
        HeaderName::from_static("digest"),
        HeaderName::from_static("content-md5"),
    ];
    for name in &OF_THE_BYTES {
        headers.remove(name);
    }
}

/// Judges a text body as the string that it is.
///
/// # Errors
/// The violation; a body that is not UTF-8 is one.
pub(crate) fn judge_text(
    program: &Program,
    schema: SchemaId,
    text: &[u8],
    scratch: &mut Scratch,
) -> Result<(), Violation> {
    let unreadable = || Violation {
        code: Code::Encoding,
        pointer: String::new(),
        offset: 0,
        schema: program.span(schema),
    };
    let text = std::str::from_utf8(text).map_err(|_| unreadable())?;
    if program.is_any(schema) {
        return Ok(());
    }
    let json = serde_json::to_vec(text).map_err(|_| unreadable())?;
    program
        .judge(schema, &json, Undeclared::Allow, &Limits::default(), scratch)
        .map(drop)
}

/// The name of the undeclared property that a violation is about, which stands right before the place where judging
/// stopped. For observations; no refusal tells it.
pub(crate) fn undeclared_name(violation: &Violation, body: &[u8]) -> Option<String> {
    if violation.code != Code::Undeclared {
        return None;
    }
    let before = body
        .get(..violation.offset)?
        .trim_ascii_end()
        .strip_suffix(b":")?
        .trim_ascii_end();
    let name = before.strip_suffix(b"\"")?;
    let start = memchr::memrchr(b'"', name)? + 1;
    std::str::from_utf8(name.get(start..)?).ok().map(str::to_owned)
}
