use proptest::prelude::*;

use super::multipart::parser::{Event, Parser};
use super::multipart::{Bounds, Multipart};
use super::object::Object;
use super::*;
use crate::conform::contract::{Contract, compile};
use crate::conform::media_type::{Content, boundary};
use crate::document::{Fetch, load};

struct One(String);

impl Fetch for One {
    fn fetch(&mut self, _: &str) -> Result<Vec<u8>, String> {
        Ok(self.0.clone().into_bytes())
    }
}

const URLENCODED: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data; boundary=b";

/// A contract whose only operation takes both kinds of form with this schema and this encoding.
fn contract(schema: &str, encoding: &str) -> Contract {
    let media_type = format!("{{\"schema\": {schema}, \"encoding\": {encoding}}}");
    let text = format!(
        "{{\"openapi\": \"3.1.0\", \"info\": {{\"title\": \"t\", \"version\": \"1\"}}, \"paths\": {{\"/a\": {{\"post\": {{\
         \"requestBody\": {{\"content\": {{\"{URLENCODED}\": {media_type}, \"multipart/form-data\": {media_type}}}}}, \
         \"responses\": {{\"204\": {{\"description\": \"\"}}}}}}}}}}}}"
    );
    let document = load("api.json", &mut One(text)).unwrap();
    let compiled = compile(&document);
    assert_eq!(compiled.problems, [], "{schema} {encoding}");
    compiled.contract
}

/// The object of a body, or why there is none.
fn object(contract: &Contract, content_type: &str, body: &[u8], level: Undeclared) -> Result<Object, Unfit> {
    let contents = &contract.operations[0].body.as_ref().unwrap().contents;
    let (Content::Form(id) | Content::Multipart(id)) = contents.find(content_type) else {
        panic!("{content_type} is no form");
    };
    let mut reading = Reading {
        program: &contract.program,
        fields: contents.fields(id).unwrap(),
        level,
        scratch: &mut HeadScratch::default(),
    };
    let bounds = Bounds {
        held_bytes_max: 1000,
        file_bytes_max: 1000,
    };
    match boundary(content_type) {
        Some(boundary) => multipart::read(body, boundary, bounds, &mut reading),
        None => form::read(body, &mut reading),
    }
}

/// The JSON of a body that conforms, or where it breaks what; what is left of the form if something is cut.
fn judged(contract: &Contract, content_type: &str, body: &str, level: Undeclared) -> (String, Option<String>) {
    let object = match object(contract, content_type, body.as_bytes(), level) {
        Ok(object) => object,
        Err(Unfit::Violation(violation)) => {
            return (format!("{} at {}", violation.code.name(), violation.pointer), None);
        }
        Err(Unfit::MediaType { pointer }) => return (format!("media type at {pointer}"), None),
        Err(Unfit::TooLarge) => return ("too large".to_owned(), None),
    };
    let contents = &contract.operations[0].body.as_ref().unwrap().contents;
    let schema = contents.entries()[0].schema;
    let mut scratch = HeadScratch::default();
    match contract
        .program
        .judge(schema, &object.json, level, &limits(), &mut scratch.json)
    {
        Err(violation) => (format!("{} at {}", violation.code.name(), violation.pointer), None),
        Ok(cuts) if cuts.is_empty() => (String::from_utf8(object.json).unwrap(), None),
        Ok(cuts) => {
            let kept = object
                .without(&cuts, body.as_bytes())
                .map(|kept| String::from_utf8(kept).unwrap());
            (String::from_utf8(cuts.apply(&object.json)).unwrap(), kept)
        }
    }
}

#[track_caller]
fn check_forms(schema: &str, encoding: &str, cases: &[(&str, &str)]) {
    let contract = contract(schema, encoding);
    for (form, expected) in cases {
        let (found, _) = judged(&contract, URLENCODED, form, Undeclared::Refuse);
        assert_eq!(found, *expected, "{schema} {form}");
    }
}

/// A body of parts, each with the lines of its header behind `Content-Disposition: form-data; `.
fn parts(parts: &[(&str, &str)]) -> String {
    let part = |(head, data): &(&str, &str)| format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{data}\r\n");
    parts.iter().map(part).collect::<String>() + "--b--\r\n"
}

#[track_caller]
fn check_parts(schema: &str, encoding: &str, cases: &[(&[(&str, &str)], &str)]) {
    let contract = contract(schema, encoding);
    for (body, expected) in cases {
        let (found, _) = judged(&contract, MULTIPART, &parts(body), Undeclared::Refuse);
        assert_eq!(found, expected.replace("BYTES", STAND_IN), "{schema} {body:?}");
    }
}

const LOGIN: &str = r#"{"type": "object", "required": ["user"], "properties": {
    "user": {"type": "string", "maxLength": 8},
    "age": {"type": "integer", "minimum": 18},
    "keep": {"type": "boolean"},
    "tags": {"type": "array", "maxItems": 2, "items": {"type": "string", "pattern": "^[a-z]+$"}},
    "address": {"type": "object", "properties": {"city": {"type": "string"}}},
    "open": {}}}"#;

#[test]
fn forms_are_read_by_their_schemas() {
    check_forms(
        LOGIN,
        "{}",
        &[
            ("user=ann", r#"{"user":"ann"}"#),
            ("user=12", r#"{"user":"12"}"#),
            ("user=a+b%26%22c%C3%A9", r#"{"user":"a b&\"cé"}"#),
            ("us%65r=ann&age=18&keep=true", r#"{"user":"ann","age":18,"keep":true}"#),
            ("user=ann&tags=a", r#"{"user":"ann","tags":["a"]}"#),
            ("tags=a&user=ann&tags=b", r#"{"tags":["a","b"],"user":"ann"}"#),
            (
                "user=ann&address=%7B%22city%22%3A%22x%22%7D",
                r#"{"user":"ann","address":{"city":"x"}}"#,
            ),
            ("user=ann&open=1&open=%7B", r#"{"user":"ann","open":["1","{"]}"#),
            ("", "required at /user"),
            ("age=18", "required at /user"),
            ("user=verylongname", "length at /user"),
            ("user=ann&age=17", "range at /age"),
            ("user=ann&age=x", "type at /age"),
            ("user=ann&age=18.5", "type at /age"),
            ("user=ann&keep=1", "type at /keep"),
            ("user=ann&keep", "type at /keep"),
            ("user=ann&tags=A", "pattern at /tags/0"),
            ("user=ann&tags=a&tags=B", "pattern at /tags/1"),
            ("user=ann&tags=a&tags=b&tags=c", "count at /tags"),
            ("user=ann&is_admin=true", "undeclared at "),
            ("user=ann&address=%7B%22city%22%3A1%7D", "type at /address/city"),
            ("user=ann&address=%7B%22town%22%3A1%7D", "undeclared at /address"),
        ],
    );
}

#[test]
fn schema_6_forms_that_readers_disagree_about_are_refused() {
    let many = vec!["tags=a"; FIELDS_MAX + 1].join("&");
    check_forms(
        LOGIN,
        "{}",
        &[
            ("user=ann&user=bob", "duplicate at /user"),
            ("user=ann&us%65r=bob", "duplicate at /user"),
            ("user=ann&age=18&age=19", "duplicate at /age"),
            ("user=ann&", "syntax at "),
            ("&user=ann", "syntax at "),
            ("user=ann&&age=18", "syntax at "),
            ("=ann&user=ann", "syntax at "),
            ("user=ann;age=18", "syntax at "),
            ("user=ann\r\n", "syntax at "),
            ("user=ann\0", "syntax at "),
            ("user=%00", "encoding at /user"),
            ("user=%", "encoding at /user"),
            ("user=%4", "encoding at /user"),
            ("user=%zz", "encoding at /user"),
            ("user=%ff", "encoding at /user"),
            ("%ff=1&user=ann", "encoding at "),
            ("user[]=ann", "undeclared at "),
            ("user[x]=ann&user=ann", "undeclared at "),
            ("user=ann&address=%7B%7D%2C%22is_admin%22%3Atrue", "syntax at /address"),
            (
                "user=ann&address=%7B%22city%22%3A%22a%22%2C%22city%22%3A%22b%22%7D",
                "duplicate at /address",
            ),
            (r#"{"user":"ann"}"#, "undeclared at "),
            (&many, "count at "),
        ],
    );
    let contract = contract(LOGIN, "{}");
    let found = object(&contract, URLENCODED, b"user=\xff", Undeclared::Refuse);
    assert_eq!(found.unwrap_err(), Code::Encoding.into());
}

#[test]
fn encodings_say_how_fields_are_written() {
    check_forms(
        LOGIN,
        r#"{"tags": {"style": "form", "explode": false}, "address": {"style": "deepObject", "explode": true}}"#,
        &[
            ("user=ann&tags=a,b", r#"{"user":"ann","tags":["a","b"]}"#),
            ("user=ann&tags=a&tags=b", "duplicate at /tags"),
            ("user=ann&address[city]=x", r#"{"user":"ann","address":{"city":"x"}}"#),
            (
                "user=ann&address%5Bcity%5D=x",
                r#"{"user":"ann","address":{"city":"x"}}"#,
            ),
            ("user=ann&address[town]=x", "undeclared at /address"),
            ("user=ann&address[city][x]=x", "undeclared at "),
        ],
    );
    check_forms(
        LOGIN,
        r#"{"address": {"style": "form"}, "tags": {"style": "pipeDelimited"}}"#,
        &[
            ("user=ann&city=x", r#"{"user":"ann","address":{"city":"x"}}"#),
            ("user=ann&tags=a|b", r#"{"user":"ann","tags":["a","b"]}"#),
        ],
    );
    check_forms(
        r#"{"type": "object", "properties": {"ids": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer"}}}}}}"#,
        "{}",
        &[
            (
                "ids=%7B%22n%22:1%7D&ids=%7B%22n%22:2%7D",
                r#"{"ids":[{"n":1},{"n":2}]}"#,
            ),
            ("ids=%5B%7B%22n%22:1%7D%5D", r#"{"ids":[{"n":1}]}"#),
            ("ids=%7B%22n%22:true%7D", "type at /ids/0/n"),
        ],
    );
}

#[test]
fn schemas_that_let_anything_through_or_branch() {
    check_forms(
        "true",
        "{}",
        &[("a=1&b=x&b=y", r#"{"a":"1","b":["x","y"]}"#), ("a=%", "encoding at /*")],
    );
    check_forms(r#"{"type": "string"}"#, "{}", &[("a=1", "type at ")]);
    check_forms(
        r#"{"type": "object", "patternProperties": {"^x_": {"type": "string"}}, "additionalProperties": {"type": "integer"}}"#,
        "{}",
        &[("x_a=1&b=2", r#"{"x_a":"1","b":2}"#), ("b=x", "type at /*")],
    );
    check_forms(
        r#"{"oneOf": [
            {"type": "object", "required": ["kind", "code"], "properties": {"kind": {"const": "a"}, "code": {"type": "integer"}}},
            {"type": "object", "required": ["kind", "name"], "properties": {"kind": {"const": "b"}, "name": {"type": "string"}}}]}"#,
        "{}",
        &[
            ("kind=a&code=1", r#"{"kind":"a","code":1}"#),
            ("kind=b&name=1", r#"{"kind":"b","name":"1"}"#),
            ("kind=c&name=1", "one_of at "),
        ],
    );
}

#[test]
fn what_is_not_declared_is_left_out_of_forms() {
    let contract = contract(LOGIN, "{}");
    let check = |form: &str, json: &str, kept: Option<&str>| {
        let found = judged(&contract, URLENCODED, form, Undeclared::Strip);
        assert_eq!(found, (json.to_owned(), kept.map(str::to_owned)), "{form}");
    };
    let json = r#"{"user":"ann"}"#;
    check("user=ann", json, None);
    check("x=1&user=an%6e&y=2&x=3", json, Some("user=an%6e"));
    check("user=ann&x=1", json, Some("user=ann"));
    // Inside of a field nothing can be left out.
    let inside = "user=ann&address=%7B%22town%22%3A1%7D";
    check(inside, r#"{"user":"ann","address":{}}"#, None);
    let (found, _) = judged(&contract, URLENCODED, "user=ann&x=1", Undeclared::Allow);
    assert!(found.starts_with(r#"{"user":"ann","x":"#), "{found}");
    let body = parts(&[
        ("name=x", "1"),
        ("name=user", "ann"),
        ("name=\"y\"; filename=\"z\"", "2"),
    ]);
    let found = judged(&contract, MULTIPART, &body, Undeclared::Strip);
    assert_eq!(found, (json.to_owned(), Some(parts(&[("name=user", "ann")]))));
}

const PROFILE: &str = r#"{"type": "object", "required": ["user"], "properties": {
    "user": {"type": "string", "maxLength": 8},
    "age": {"type": "integer"},
    "meta": {"type": "object", "properties": {"n": {"type": "integer"}, "s": {"type": "string", "maxLength": 3}}},
    "tags": {"type": "array", "items": {"type": "string"}},
    "notes": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer"}}}},
    "file": {"type": "string", "format": "binary", "minLength": 2, "maxLength": 40},
    "files": {"type": "array", "maxItems": 2, "items": {"type": "string", "format": "binary"}},
    "page": {"type": "string", "contentMediaType": "application/pdf"},
    "photo": {"type": "string", "format": "binary"},
    "doc": {"type": "string"}}}"#;

const PROFILE_ENCODING: &str = r#"{"photo": {"contentType": "image/png, image/jpeg", "headers": {"X-Size": {"schema": {"type": "integer"}}}},
    "doc": {"contentType": "application/xml"}}"#;

#[test]
fn parts_are_read_by_their_schemas() {
    let json = "name=meta\r\nContent-Type: application/json; charset=utf-8";
    check_parts(
        PROFILE,
        PROFILE_ENCODING,
        &[
            (&[("name=\"user\"", "ann")], r#"{"user":"ann"}"#),
            (
                &[("name=user\r\nContent-Type: text/plain;charset=UTF-8", "a+b\r\n")],
                r#"{"user":"a+b\u000d\u000a"}"#,
            ),
            (
                &[
                    ("name=user", "a"),
                    ("name=age", "18"),
                    ("name=tags", "x"),
                    ("name=tags", "y"),
                ],
                r#"{"user":"a","age":18,"tags":["x","y"]}"#,
            ),
            (
                &[("name=user", "a"), (json, r#"{"n": 1}"#)],
                r#"{"user":"a","meta":{"n": 1}}"#,
            ),
            (
                &[
                    ("name=user", "a"),
                    ("name=meta; filename=blob\r\nContent-Type: application/json", "{}"),
                ],
                r#"{"user":"a","meta":{}}"#,
            ),
            (
                &[("name=user", "a"), ("name=meta", r#"{"n":1}"#)],
                r#"{"user":"a","meta":{"n":1}}"#,
            ),
            (
                &[
                    ("name=user", "a"),
                    ("name=notes", r#"{"n":1}"#),
                    ("name=notes", r#"{"n":2}"#),
                ],
                r#"{"user":"a","notes":[{"n":1},{"n":2}]}"#,
            ),
        ],
    );
}

#[test]
fn files_are_bytes_in_their_places() {
    check_parts(
        PROFILE,
        PROFILE_ENCODING,
        &[
            (
                &[("name=user", "a"), ("name=file; filename=f", "12")],
                r#"{"user":"a","file":"BYTES"}"#,
            ),
            (
                &[
                    ("name=user", "a"),
                    ("name=file; filename=f\r\nContent-Type: text/html", "<p>"),
                ],
                r#"{"user":"a","file":"BYTES"}"#,
            ),
            (
                &[("name=user", "a"), ("name=files; filename=f", "1")],
                r#"{"user":"a","files":["BYTES"]}"#,
            ),
            (
                &[
                    ("name=user", "a"),
                    ("name=files; filename=f", "1"),
                    ("name=files; filename=f", ""),
                ],
                r#"{"user":"a","files":["BYTES","BYTES"]}"#,
            ),
            (
                &[
                    ("name=user", "a"),
                    ("name=doc\r\nContent-Type: application/xml", "<a/>"),
                ],
                r#"{"user":"a","doc":"BYTES"}"#,
            ),
            (
                &[
                    ("name=user", "a"),
                    ("name=page; filename=f\r\nContent-Type: application/pdf", "%PDF-1"),
                ],
                r#"{"user":"a","page":"BYTES"}"#,
            ),
        ],
    );
}

#[test]
fn parts_that_break_their_schemas_are_told_by_their_places() {
    let json = "name=meta\r\nContent-Type: application/json; charset=utf-8";
    let png = "name=photo; filename=a.png\r\nContent-Type: image/png";
    check_parts(
        PROFILE,
        PROFILE_ENCODING,
        &[
            (&[], "required at /user"),
            (&[("name=user", "verylongname")], "length at /user"),
            (&[("name=user", "a"), ("name=age", "x")], "type at /age"),
            (&[("name=user", "a"), (json, r#"{"n":"1"}"#)], "type at /meta/n"),
            (&[("name=user", "a"), (json, r#"{"m":1}"#)], "undeclared at /meta"),
            (
                &[
                    ("name=user", "a"),
                    ("name=files; filename=f", ""),
                    ("name=files; filename=f", ""),
                    ("name=files; filename=f", ""),
                ],
                "count at /files",
            ),
            (&[("name=user", "a"), ("name=file; filename=f", "1")], "length at /file"),
            (
                &[("name=user", "a"), ("name=file; filename=f", &"1".repeat(41))],
                "length at /file",
            ),
            (
                &[
                    ("name=user", "a"),
                    (
                        "name=photo; filename=f\r\nContent-Type: image/png\r\nX-Size: x",
                        "\u{89}",
                    ),
                ],
                "type at /photo",
            ),
            (
                &[
                    ("name=user", "a"),
                    ("name=doc\r\nContent-Type: application/xml", "<!DOCTYPE a><a/>"),
                ],
                "forbidden at /doc",
            ),
            (&[("name=user", "a"), (png, "GIF89a")], "media type at /photo"),
        ],
    );
}

#[test]
fn schema_6_parts_that_are_not_what_they_say_are_refused() {
    let ok = ("name=user", "a");
    check_parts(
        PROFILE,
        PROFILE_ENCODING,
        &[
            (&[ok, ok], "duplicate at /user"),
            (&[ok, ("name=is_admin", "true")], "undeclared at "),
            (
                &[ok, ("name=x; filename=y\r\nContent-Type: a/b", "z")],
                "undeclared at ",
            ),
            (&[("name=user; filename=x", "a")], "type at /user"),
            (&[("name=user\r\nContent-Type: text/html", "a")], "media type at /user"),
            (
                &[("name=user\r\nContent-Type: application/json", "\"a\"")],
                "media type at /user",
            ),
            (
                &[("name=user\r\nContent-Type: text/plain; charset=utf-7", "a")],
                "media type at /user",
            ),
            (&[("name=user\r\nContent-Type: text", "a")], "media type at /user"),
            (
                &[("name=user\r\nContent-Type: multipart/mixed; boundary=c", "a")],
                "media type at /user",
            ),
            (
                &[ok, ("name=meta\r\nContent-Type: text/plain", "{}")],
                "media type at /meta",
            ),
            (&[ok, ("name=meta", "{},\"is_admin\":true")], "syntax at /meta"),
            (&[ok, ("name=meta", "{\"n\":1,\"n\":2}")], "duplicate at /meta"),
            (
                &[ok, ("name=meta", &format!("{{\"s\":\"{STAND_IN}\"}}"))],
                "encoding at /meta",
            ),
            (
                &[ok, ("name=photo; filename=f\r\nContent-Type: image/gif", "GIF89a")],
                "media type at /photo",
            ),
            (
                &[ok, ("name=photo; filename=f\r\nContent-Type: image/*", "GIF89a")],
                "media type at /photo",
            ),
            (&[ok, ("name=photo; filename=f", "x")], "media type at /photo"),
            (
                &[ok, ("name=photo; filename=f\r\nContent-Type: image/jpeg", "<?php")],
                "media type at /photo",
            ),
            (
                &[ok, ("name=page; filename=f\r\nContent-Type: application/pdf", "MZ")],
                "media type at /page",
            ),
            (
                &[ok, ("name=page; filename=f\r\nContent-Type: text/html", "x")],
                "media type at /page",
            ),
            (
                &[ok, ("name=file; filename=f\r\nX-Other: 1", "12")],
                "undeclared at /file",
            ),
            (
                &[ok, ("name=file; filename=f\r\nContent-Length: 3", "12")],
                "syntax at /file",
            ),
            (&[ok, ("name=doc", "<a/>")], r#"{"user":"a","doc":"BYTES"}"#),
            (&[ok, ("name=user\0", "a")], "syntax at "),
            (&[("name=user", "a\0")], "encoding at /user"),
            (&[("name=user", &"a".repeat(1001))], "too large"),
            (
                &[
                    ok,
                    ("name=photo; filename=f\r\nContent-Type: image/png", &"a".repeat(1001)),
                ],
                "too large",
            ),
        ],
    );
}

#[test]
fn schema_6_bodies_that_are_split_in_two_ways_are_refused() {
    let contract = contract(PROFILE, "{}");
    let head = "Content-Disposition: form-data; name=user";
    let good = format!("--b\r\n{head}\r\n\r\nann\r\n--b--\r\n");
    let ended = format!("--b\r\n{head}\r\n\r\nann\r\n--b--");
    for body in [&good, &ended] {
        let (found, _) = judged(&contract, MULTIPART, body, Undeclared::Refuse);
        assert_eq!(found, r#"{"user":"ann"}"#, "{body}");
    }
    for body in [
        String::new(),
        "--b".to_owned(),
        "--b\r\n".to_owned(),
        format!("preamble\r\n{good}"),
        format!("\r\n{good}"),
        format!("{good}epilogue"),
        format!("{good}\r\n"),
        format!("{good}{good}"),
        good.replace("--b\r\nContent", "--b \r\nContent"),
        good.replace("--b\r\nContent", "--b\t\r\nContent"),
        good.replace("--b\r\nContent", "--b\nContent"),
        good.replace("--b\r\nContent", "--bc\r\nContent"),
        good.replace("--b\r\nContent", "--B\r\nContent"),
        good.replace("\r\n", "\n"),
        good.replace("user\r\n\r\n", "user\n\n"),
        good.replace("user\r\n\r\n", "user\r\n"),
        good.replace("ann\r\n--b--", "ann\n--b--"),
        good.replace("ann\r\n--b--", "ann--b--"),
        good.replace("ann\r\n--b--", "ann\r\n--b-"),
        good.replace("ann\r\n--b--", "ann\r\n--c--"),
        good.replace("ann", "a\n--b\nn"),
        good.replace("ann", "a\r--b\rn"),
        good.replace("ann", "a--b--n"),
        good.replace("ann\r\n", ""),
        "--b\r\n\r\nann\r\n--b--\r\n".to_owned(),
        format!("--b\r\n{head}\r\nX: {}\r\n\r\nann\r\n--b--\r\n", "a".repeat(5000)),
    ] {
        let (found, _) = judged(&contract, MULTIPART, &body, Undeclared::Refuse);
        assert_eq!(found, "syntax at ", "{body:?}");
    }
    let many = parts(&vec![("name=tags", "a"); FIELDS_MAX + 1]);
    assert_eq!(judged(&contract, MULTIPART, &many, Undeclared::Refuse).0, "count at ");
}

#[test]
fn files_of_unknown_types_are_told() {
    let contract = contract(PROFILE, PROFILE_ENCODING);
    let check = |file: (&str, &str), expected: bool| {
        let body = parts(&[("name=user", "a"), file]);
        let object = object(&contract, MULTIPART, body.as_bytes(), Undeclared::Refuse).unwrap();
        assert_eq!(object.opaque, expected, "{file:?}");
    };
    check(("name=age", "1"), false);
    check(("name=file; filename=f", "12"), true);
    check(
        ("name=file; filename=f\r\nContent-Type: application/octet-stream", "12"),
        true,
    );
    check(
        ("name=page; filename=f\r\nContent-Type: application/pdf", "%PDF-1.7"),
        false,
    );
}

#[test]
fn an_encoding_of_nothing_is_told() {
    let text = r#"{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {"/a": {"post": {
        "requestBody": {"content": {"multipart/form-data": {
            "schema": {"type": "object", "properties": {"a": {"type": "string"}}},
            "encoding": {"b": {"contentType": "text/plain"}, "a": {"contenttype": "x"}}}}},
        "responses": {"204": {"description": ""}}}}}}"#;
    let document = load("api.json", &mut One(text.to_owned())).unwrap();
    let told: Vec<String> = compile(&document)
        .problems
        .iter()
        .map(|problem| problem.message.clone())
        .collect();
    assert_eq!(
        told,
        [
            "the schema has no property `b`, so this encoding says nothing",
            "`contenttype` is no member of an encoding in OpenAPI, so it says nothing"
        ]
    );
}

/// The events of a body that comes in these pieces, its data joined.
fn events<'b>(pieces: impl Iterator<Item = &'b [u8]>) -> Result<Vec<String>, Code> {
    let mut events: Vec<String> = Vec::new();
    let mut parser = Parser::new("b");
    let mut data: Vec<u8> = Vec::new();
    for piece in pieces {
        parser.push(piece, &mut |event| {
            match event {
                Event::Begin(head, at) => events.push(format!("{at} {head:?}")),
                Event::Data(bytes) => data.extend_from_slice(bytes),
                Event::End(at) => events.push(format!("{:?} {at}", std::mem::take(&mut data))),
            }
            Ok::<(), Code>(())
        })?;
    }
    parser.finish()?;
    Ok(events)
}

/// Pieces of bodies, so that random ones come close to being some.
fn fragments() -> impl Strategy<Value = Vec<u8>> {
    let fragment = prop::sample::select(vec![
        "--b",
        "\r\n",
        "\r",
        "\n",
        "-",
        "b",
        "--",
        "--b\r\n",
        "\r\n--b",
        "--b--",
        "\r\n--b--\r\n",
        "x",
        "é",
        "\0",
        ": ",
        "Content-Disposition: form-data; name=a\r\n\r\n",
        "--b\r\nContent-Disposition: form-data; name=user\r\n\r\n",
        "Content-Type: application/json\r\n",
        "; filename=\"f\"",
        "{\"n\":1}",
        "&",
        "=",
        "%41",
        "user=ann",
    ]);
    prop::collection::vec(fragment, 0..24).prop_map(|fragments| fragments.concat().into_bytes())
}

proptest! {
    #[test]
    fn how_a_body_is_cut_into_pieces_does_not_matter(body in fragments(), cuts in prop::collection::vec(1_usize..9, 1..40)) {
        let whole = events(std::iter::once(body.as_slice()));
        let mut rest = body.as_slice();
        let mut cuts = cuts.iter().cycle();
        let pieces = std::iter::from_fn(|| {
            let (piece, behind) = rest.split_at((*cuts.next()?).min(rest.len()));
            rest = behind;
            (!piece.is_empty()).then_some(piece)
        });
        prop_assert_eq!(events(pieces), whole);
    }

    #[test]
    fn nothing_panics_and_what_is_left_conforms(body in fragments()) {
        let contract = contract(PROFILE, "{}");
        let text = String::from_utf8_lossy(&body).into_owned();
        for content_type in [URLENCODED, MULTIPART] {
            if let (json, Some(kept)) = judged(&contract, content_type, &text, Undeclared::Strip) {
                prop_assert_eq!(judged(&contract, content_type, &kept, Undeclared::Refuse), (json, None));
            }
        }
    }

    #[test]
    fn every_form_that_is_written_is_read(values in prop::collection::vec("[ -~é\u{1}\r\n]{0,7}", 1..4)) {
        let contract = contract(r#"{"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string"}}}}"#, "{}");
        prop_assume!(values.iter().all(|value| !value.contains("--b")));
        let escaped = |value: &String| value.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        let form: Vec<String> = values.iter().map(|value| format!("a={}", escaped(value))).collect();
        let (json, _) = judged(&contract, URLENCODED, &form.join("&"), Undeclared::Refuse);
        let found: serde_json::Value = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(found, serde_json::json!({ "a": &values }));
        let written: Vec<(&str, &str)> = values.iter().map(|value| ("name=a", value.as_str())).collect();
        let (json, _) = judged(&contract, MULTIPART, &parts(&written), Undeclared::Refuse);
        let found: serde_json::Value = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(found, serde_json::json!({ "a": values }));
    }
}

#[test]
fn a_body_in_pieces_is_judged_like_a_whole_one() {
    let contract = contract(PROFILE, "{}");
    let contents = &contract.operations[0].body.as_ref().unwrap().contents;
    let Content::Multipart(id) = contents.find(MULTIPART) else {
        panic!()
    };
    let body = parts(&[
        ("name=file; filename=f", "12345"),
        ("name=user", "ann"),
        ("name=age", "7"),
    ]);
    let bounds = Bounds {
        held_bytes_max: 10,
        file_bytes_max: 5,
    };
    let mut reading = Reading {
        program: &contract.program,
        fields: contents.fields(id).unwrap(),
        level: Undeclared::Refuse,
        scratch: &mut HeadScratch::default(),
    };
    let mut multipart = Multipart::new("b", bounds);
    let mut in_file = 0;
    for byte in body.as_bytes() {
        multipart.push(std::slice::from_ref(byte), &mut reading).unwrap();
        in_file += usize::from(multipart.parts_up_to_file() == Some(1));
    }
    assert!(in_file > 5);
    let object = multipart.finish(body.len(), &mut reading).unwrap();
    let expected = format!(r#"{{"file":"{STAND_IN}","user":"ann","age":7}}"#);
    assert_eq!(String::from_utf8(object.json).unwrap(), expected);
}
