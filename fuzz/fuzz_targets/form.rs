//! Any bytes as a form: nothing panics, and what is left of one after cutting conforms without cutting.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use portcullis_contract::conform::body::{Reading, form, limits, object::Object};
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

fn read(form: &[u8], level: Undeclared, scratch: &mut HeadScratch) -> Option<Object> {
    let body = COMPILED.operations[0].body.as_ref().expect("a body");
    let Content::Form(id) = body.contents.find("application/x-www-form-urlencoded") else {
        panic!("a form is declared");
    };
    let mut reading = Reading {
        program: &COMPILED.program,
        fields: body.contents.fields(id).expect("fields"),
        level,
        scratch,
    };
    form::read(form, &mut reading).ok()
}

fuzz_target!(|bytes: &[u8]| {
    let mut scratch = HeadScratch::default();
    let schema = COMPILED.operations[0].body.as_ref().expect("a body").contents.entries()[0].schema;
    let mut judged = |form: &[u8], level| {
        let object = read(form, level, &mut scratch)?;
        let cuts = COMPILED
            .program
            .judge(schema, &object.json, level, &limits(), &mut scratch.json)
            .ok()?;
        Some((object, cuts))
    };
    if let Some((object, cuts)) = judged(bytes, Undeclared::Strip)
        && let Some(kept) = object.without(&cuts, bytes)
    {
        let (again, _) = judged(&kept, Undeclared::Refuse).expect("what is left conforms");
        assert_eq!(again.json, cuts.apply(&object.json));
    }
});
