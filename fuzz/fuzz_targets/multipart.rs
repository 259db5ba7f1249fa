//! Any bytes as a multipart body: nothing panics, and how the body is cut into pieces does not matter. The first byte says how
//! long the pieces are.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use portcullis_contract::conform::body::{
    Reading, Unfit,
    multipart::{Bounds, Multipart},
    object::Object,
};
use portcullis_contract::conform::contract::{Contract, compile};
use portcullis_contract::conform::json::Undeclared;
use portcullis_contract::conform::media_type::Content;
use portcullis_contract::conform::parameter::HeadScratch;
use portcullis_contract::document::{self, Fetch};

const CONTRACT: &str = include_str!("forms.openapi.json");

static COMPILED: LazyLock<Contract> = LazyLock::new(|| {
    let document = document::load("forms.openapi.json", &mut Embedded).expect("the contract of this target");
    let compiled = compile(&document);
    assert!(compiled.problems.is_empty(), "{:?}", compiled.problems);
    compiled.contract
});

struct Embedded;

impl Fetch for Embedded {
    fn fetch(&mut self, _: &str) -> Result<Vec<u8>, String> {
        Ok(CONTRACT.as_bytes().to_vec())
    }
}

fn read(body: &[u8], piece_bytes: usize) -> Result<Object, Unfit> {
    let declared = COMPILED.operations[0].body.as_ref().expect("a body");
    let Content::Multipart(id) = declared.contents.find("multipart/form-data; boundary=b") else {
        panic!("a multipart body is declared");
    };
    let mut reading = Reading {
        program: &COMPILED.program,
        fields: declared.contents.fields(id).expect("fields"),
        level: Undeclared::Refuse,
        scratch: &mut HeadScratch::default(),
    };
    let bounds = Bounds {
        held_bytes_max: 4096,
        file_bytes_max: 4096,
    };
    let mut multipart = Multipart::new("b", bounds);
    for piece in body.chunks(piece_bytes) {
        multipart.push(piece, &mut reading)?;
    }
    multipart.finish(body.len(), &mut reading)
}

fuzz_target!(|bytes: &[u8]| {
    let Some((first, body)) = bytes.split_first() else {
        return;
    };
    let whole = read(body, body.len().max(1));
    let pieces = read(body, usize::from(*first).max(1));
    // Which bound or rule is met first may depend on the pieces.
    let json = |read: Result<Object, Unfit>| read.ok().map(|object| object.json);
    assert_eq!(json(whole), json(pieces));
});
