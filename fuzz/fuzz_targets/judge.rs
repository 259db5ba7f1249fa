//! Any bytes as a JSON document, judged by a few schemas: nothing panics, and the three levels of strictness agree.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use portcullis_contract::conform::json::{Compiler, Direction, Limits, Program, SchemaId, Scratch, Undeclared};
use portcullis_contract::document::{self, Fetch};

const CONTRACT: &str = include_str!("judge.openapi.json");

static COMPILED: LazyLock<(Program, Vec<SchemaId>)> = LazyLock::new(|| {
    let document = document::load("judge.openapi.json", &mut Embedded).expect("the contract of this target");
    let mut compiler = Compiler::new(&document);
    let schemas = document
        .root()
        .node
        .get("components")
        .and_then(|node| node.get("schemas"));
    let members = schemas.and_then(|node| node.as_object()).expect("schemas");
    let ids = members
        .iter()
        .map(|(_, node)| compiler.schema(document.child(document.root(), node), Direction::Request))
        .collect();
    let (program, _, problems) = compiler.finish();
    assert!(problems.is_empty(), "{problems:?}");
    (program, ids)
});

struct Embedded;

impl Fetch for Embedded {
    fn fetch(&mut self, _: &str) -> Result<Vec<u8>, String> {
        Ok(CONTRACT.as_bytes().to_vec())
    }
}

fuzz_target!(|text: &[u8]| {
    let (program, schemas) = &*COMPILED;
    let (limits, mut scratch) = (Limits::default(), Scratch::default());
    for schema in schemas {
        let mut judge = |text: &[u8], undeclared| program.judge(*schema, text, undeclared, &limits, &mut scratch);
        let (allowed, refused) = (judge(text, Undeclared::Allow), judge(text, Undeclared::Refuse));
        let stripped = judge(text, Undeclared::Strip);
        // `not`, `oneOf` and `if` may turn either way, so the schemas here have none that depends on strictness.
        if refused.is_ok() {
            assert!(allowed.is_ok(), "{allowed:?}");
            assert!(stripped.as_ref().is_ok_and(|cuts| cuts.is_empty()), "{stripped:?}");
        }
        if let Ok(cuts) = stripped
            && !cuts.is_empty()
        {
            let again = judge(&cuts.apply(text), Undeclared::Refuse);
            assert!(again.as_ref().is_ok_and(|cuts| cuts.is_empty()), "{again:?}");
        }
    }
});
