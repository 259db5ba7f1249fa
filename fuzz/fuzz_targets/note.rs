//! Any octets as what others give a log in texts: notes, checkpoints, keys, proofs, requests to witnesses and their answers. Nothing
//! panics, what is read is written as itself, and nothing passes as signed that was not.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use portcullis_audit_log::checkpoint::{Checkpoint, KnownLog, Origin};
use portcullis_audit_log::note::{Note, Signature, VerifierKey};
use portcullis_audit_log::proof::InclusionProof;
use portcullis_audit_log::witness::{Answer, Request};

/// Of the documentation of Go's `sumdb/note`. Nobody here has the private one, and no seed has what it signed.
const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
/// What a witness is asked in the seeds.
const REQUEST: &str = include_str!("../seeds/note/request");

static LOG: LazyLock<KnownLog> = LazyLock::new(|| {
    let origin = Origin::new("PeterNeumann").expect("an origin");
    KnownLog::with_key(origin, KEY.parse().expect("a key"))
});

fn check_text(text: &str) {
    if let Ok(key) = text.parse::<VerifierKey>() {
        assert_eq!(key.to_string(), text);
    }
    if let Some(checkpoint) = Checkpoint::parse(text) {
        // The line of a minimum index may stand behind others.
        assert_eq!(Checkpoint::parse(&checkpoint.text()), Some(checkpoint));
    }
    if let Ok(signatures) = Signature::parse_lines(text) {
        let written: String = signatures.iter().map(Signature::to_string).collect();
        assert_eq!(written, text);
    }
    if let Ok(proof) = InclusionProof::parse(text) {
        let written = InclusionProof::parse(&proof.to_string()).expect("a proof");
        assert_eq!(written, proof);
        assert!(proof.verify(b"entry", &LOG).is_err());
    }
    if let Some(request) = Request::parse(text) {
        assert_eq!(request.to_string(), text);
    }
}

fn check_answer(octets: &[u8]) {
    let Some((status, body)) = octets.split_first() else {
        return;
    };
    let statuses = [200, 400, 403, 404, 409, 422, 500];
    let status = statuses[usize::from(*status) % statuses.len()];
    let request = Request::parse(REQUEST).expect("a request");
    let key: VerifierKey = KEY.parse().expect("a key");
    assert!(!matches!(request.answer(status, body, &[key]), Ok(Answer::Cosigned(_))));
}

fuzz_target!(|octets: &[u8]| {
    if let Ok(note) = Note::parse(octets) {
        assert_eq!(note.to_string().as_bytes(), octets);
        assert!(LOG.verify_checkpoint(&note).is_err());
        check_text(note.text());
    }
    if let Ok(text) = std::str::from_utf8(octets) {
        check_text(text);
    }
    check_answer(octets);
});
