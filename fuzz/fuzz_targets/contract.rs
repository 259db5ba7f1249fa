//! Any bytes as a contract: loading and compiling neither panic nor hang, and every problem is located.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_contract::conform::json::{Compiler, Direction, Limits, Scratch, Undeclared};
use portcullis_contract::document::{self, Fetch};

struct Only<'b>(&'b [u8]);

impl Fetch for Only<'_> {
    fn fetch(&mut self, location: &str) -> Result<Vec<u8>, String> {
        if location == "contract" {
            Ok(self.0.to_vec())
        } else {
            Err("only one file is there".to_owned())
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let document = match document::load("contract", &mut Only(bytes)) {
        Ok(document) => document,
        Err(problems) => {
            assert!(!problems.is_empty(), "a refusal says why");
            return;
        }
    };
    let mut compiler = Compiler::new(&document);
    let schemas = document
        .root()
        .node
        .get("components")
        .and_then(|node| node.get("schemas"));
    let mut ids = Vec::new();
    for (_, node) in schemas
        .and_then(|node| node.as_object())
        .into_iter()
        .flat_map(|object| object.iter())
    {
        ids.push(compiler.schema(document.child(document.root(), node), Direction::Request));
    }
    let (program, _, problems) = compiler.finish();
    assert!(problems.iter().all(|problem| problem.span.line > 0), "{problems:?}");
    let mut scratch = Scratch::default();
    for text in [
        &br#"{"a":1,"b":[{"c":"d"}]}"#[..],
        b"[1,[2],\"x\"]",
        b"\"text\"",
        b"-1.5e3",
    ] {
        for id in ids.iter().take(8) {
            drop(program.judge(*id, text, Undeclared::Strip, &Limits::default(), &mut scratch));
        }
    }
});
