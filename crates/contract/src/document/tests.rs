use std::collections::HashMap;

use super::*;

/// Files in memory; remembers what was asked for.
#[derive(Default)]
pub(super) struct Files {
    files: HashMap<String, Vec<u8>>,
    asked: Vec<String>,
}

impl Fetch for Files {
    fn fetch(&mut self, location: &str) -> Result<Vec<u8>, String> {
        self.asked.push(location.to_owned());
        self.files
            .get(location)
            .cloned()
            .ok_or_else(|| "it is not allowed".to_owned())
    }
}

fn files(files: &[(&str, &str)]) -> Files {
    let files = files
        .iter()
        .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()))
        .collect();
    Files {
        files,
        asked: Vec::new(),
    }
}

#[test]
fn a_single_file_is_read_in_both_notations() {
    let yaml = "openapi: 3.1.0\npaths: {}\ncomponents:\n  schemas:\n    A: {$ref: '#/components/schemas/B~1b%20c'}\n    B/b c: {type: string}\n";
    let json = r##"{"openapi":"3.0.3","components":{"schemas":{"A":{"$ref":"#/components/schemas/B~1b%20c"},
        "B/b c":{"type":"string"}}}}"##;
    for (name, text) in [("api.yaml", yaml), ("api.json", json)] {
        let document = load(name, &mut files(&[(name, text)])).unwrap();
        let schemas = document.root().node.get("components").unwrap().get("schemas").unwrap();
        let a = document.child(document.root(), schemas.get("A").unwrap());
        let b = document
            .resolve(a, a.node.get("$ref").unwrap().as_str().unwrap())
            .unwrap();
        assert_eq!(b.node.get("type").unwrap().as_str(), Some("string"));
        assert_eq!(document.location(b.node.span.file), name);
    }
}
