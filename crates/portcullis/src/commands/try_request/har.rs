//! HAR files (HTTP Archive 1.2), which browsers and proxies save. Each entry becomes the request that HTTP/1.1 would have
//! carried; what the archive keeps decoded is judged decoded.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{StatusCode, Uri};
use serde_json::Value;

/// An entry.
#[derive(Debug)]
pub(super) struct Entry {
    /// The request as HTTP/1.1.
    pub(super) request: Vec<u8>,
    /// The answer, if there was one.
    pub(super) answer: Option<Answer>,
}

/// A saved answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Decoded; none where it was not saved.
    pub(super) body: Option<Vec<u8>>,
}

/// Whether a file is meant as JSON.
pub(super) fn looks_like(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    bytes.trim_ascii_start().first() == Some(&b'{')
}

/// The entries of an archive.
///
/// # Errors
/// What is missing or wrong, and where.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Entry>, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let archive: Value = serde_json::from_slice(bytes).map_err(|error| format!("this is no HAR file: {error}"))?;
    let entries = archive.pointer("/log/entries").and_then(Value::as_array);
    let entries = entries.ok_or("this is no HAR file: `log.entries` is no array")?;
    let numbered = entries.iter().enumerate();
    numbered
        .map(|(index, value)| entry(value).map_err(|problem| format!("`log.entries[{index}]`: {problem}")))
        .collect()
}

fn entry(entry: &Value) -> Result<Entry, String> {
    let request = entry.get("request").ok_or("`request` is missing")?;
    Ok(Entry {
        request: request_bytes(request)?,
        answer: entry.get("response").map(answer).transpose()?.flatten(),
    })
}

fn request_bytes(request: &Value) -> Result<Vec<u8>, String> {
    let url = text(request, "url")?;
    let uri: Uri = url
        .split('#')
        .next()
        .unwrap_or(url)
        .parse()
        .map_err(|error| format!("`request.url` is no URL: {error}"))?;
    let authority = uri.authority().ok_or("`request.url` has no host")?;
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let mut head = format!("{} {target} HTTP/1.1\r\n", text(request, "method")?);
    let headers = headers(request, "request.headers")?;
    let mut hosted = false;
    for (name, value) in headers {
        // HTTP/2 has fields of its own in the place of the request line; lengths are those of another framing.
        let of_framing = [
            CONTENT_LENGTH.as_str(),
            TRANSFER_ENCODING.as_str(),
            CONTENT_ENCODING.as_str(),
        ];
        if name.starts_with(':') || of_framing.iter().any(|other| name.eq_ignore_ascii_case(other)) {
            continue;
        }
        hosted |= name.eq_ignore_ascii_case("host");
        // Writing to a string cannot fail.
        let _ = write!(head, "{name}: {value}\r\n");
    }
    if !hosted {
        let _ = write!(head, "host: {authority}\r\n");
    }
    let body = request.get("postData").map(post_data).unwrap_or_default();
    if !body.is_empty() {
        let _ = write!(head, "content-length: {}\r\n", body.len());
    }
    head.push_str("\r\n");
    Ok([head.into_bytes(), body.into_bytes()].concat())
}

/// The body, or the form that it was made of.
fn post_data(data: &Value) -> String {
    let text = data.get("text").and_then(Value::as_str).unwrap_or_default();
    if !text.is_empty() {
        return text.to_owned();
    }
    let params = data
        .get("params")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let of = |param: &Value, name: &str| param.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let pairs: Vec<String> = params
        .iter()
        .map(|param| format!("{}={}", of(param, "name"), of(param, "value")))
        .collect();
    pairs.join("&")
}

/// The answer; none where the request got none, which archives tell by the status 0.
fn answer(response: &Value) -> Result<Option<Answer>, String> {
    let status = response.get("status").and_then(Value::as_u64);
    let status = status.ok_or("`response.status` is no number")?;
    if status == 0 {
        return Ok(None);
    }
    let status = u16::try_from(status)
        .ok()
        .and_then(|status| StatusCode::from_u16(status).ok());
    let mut fields = HeaderMap::new();
    for (name, value) in headers(response, "response.headers")? {
        let field = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_bytes(value.as_bytes()),
        );
        if let (Ok(name), Ok(value)) = field {
            fields.append(name, value);
        } else if !name.starts_with(':') {
            return Err(format!(
                "`response.headers`: `{}` is no header field",
                name.escape_debug()
            ));
        }
    }
    fields.remove(CONTENT_ENCODING);
    Ok(Some(Answer {
        status: status.ok_or("`response.status` is no status")?,
        headers: fields,
        body: content(response)?,
    }))
}

fn content(response: &Value) -> Result<Option<Vec<u8>>, String> {
    let Some(content) = response.get("content") else {
        return Ok(None);
    };
    let Some(text) = content.get("text").and_then(Value::as_str) else {
        let nothing = content.get("size").and_then(Value::as_i64) == Some(0);
        return Ok(nothing.then(Vec::new));
    };
    match content.get("encoding").and_then(Value::as_str) {
        None | Some("") => Ok(Some(text.as_bytes().to_vec())),
        Some("base64") => STANDARD
            .decode(text)
            .map(Some)
            .map_err(|error| format!("`response.content.text` is not base64: {error}")),
        Some(other) => Err(format!(
            "`response.content.encoding` is `{}`, not base64",
            other.escape_debug()
        )),
    }
}

/// Names and values.
fn headers<'v>(message: &'v Value, what: &str) -> Result<Vec<(&'v str, &'v str)>, String> {
    let Some(list) = message.get("headers") else {
        return Ok(Vec::new());
    };
    let list = list.as_array().ok_or_else(|| format!("`{what}` is no array"))?;
    let field = |field: &'v Value| {
        let of = |name| field.get(name).and_then(Value::as_str);
        Some((of("name")?, of("value")?))
    };
    let fields: Option<Vec<_>> = list.iter().map(field).collect();
    fields.ok_or_else(|| format!("`{what}` holds something without `name` and `value`"))
}

fn text<'v>(request: &'v Value, name: &str) -> Result<&'v str, String> {
    let text = request.get(name).and_then(Value::as_str);
    text.ok_or_else(|| format!("`request.{name}` is no text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let request = read(text.as_bytes()).map(|entries| String::from_utf8_lossy(&entries[0].request).into_owned());
        assert_eq!(request, expected.map(str::to_owned).map_err(str::to_owned), "{text}");
    }

    #[test]
    fn entries_become_requests() {
        check(
            r#"{"log": {"entries": [{"request": {"method": "POST", "url": "https://a.example/b?c=1#d", "headers": [
              {"name": ":authority", "value": "a.example"}, {"name": "content-length", "value": "99"},
              {"name": "content-type", "value": "application/json"}], "postData": {"text": "{}"}}}]}}"#,
            Ok(
                "POST /b?c=1 HTTP/1.1\r\ncontent-type: application/json\r\nhost: a.example\r\ncontent-length: 2\r\n\r\n{}",
            ),
        );
    }

    #[test]
    fn what_is_no_archive() {
        check("{}", Err("this is no HAR file: `log.entries` is no array"));
        check(
            "{",
            Err("this is no HAR file: EOF while parsing an object at line 1 column 1"),
        );
        check(
            r#"{"log": {"entries": [{}]}}"#,
            Err("`log.entries[0]`: `request` is missing"),
        );
        check(
            r#"{"log": {"entries": [{"request": {"method": "GET", "url": "/a"}}]}}"#,
            Err("`log.entries[0]`: `request.url` has no host"),
        );
    }
}
