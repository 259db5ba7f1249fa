//! Signed notes and checkpoints: what the specifications' examples say, and what hostile ones do.

use std::cell::Cell;

use portcullis_audit_log::checkpoint::{Checkpoint, CheckpointError};
use portcullis_audit_log::note::{
    Algorithm, KEY_NAME_BYTES_MAX, KeyName, Note, NoteError, Signature, Signer, VerifierKey,
};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::fixture::{Key, NOW, ORIGIN, key, known};

/// The example of C2SP tlog-cosignature, of a log and a witness whose keys are not told.
const EXAMPLE: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
    \u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
    \u{2014} witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";

#[test]
fn the_examples_are_read_as_they_are_written() {
    let note = Note::parse(EXAMPLE.as_bytes()).unwrap();
    assert_eq!(note.to_string(), EXAMPLE);
    let signatures: Vec<(&str, usize)> = note
        .signatures()
        .iter()
        .map(|signature| (signature.name.as_str(), signature.octets.len()))
        .collect();
    assert_eq!(
        signatures,
        [("example.com/behind-the-sofa", 64), ("witness.example.com/w1", 72)]
    );
    assert_eq!(Checkpoint::parse(note.text()).unwrap().size, 20_852_163);
    // A text can have empty lines; the last one ends it.
    let note = Note::parse(EXAMPLE.replacen("\n20852163", "\n\n20852163", 1).as_bytes()).unwrap();
    assert_eq!(Checkpoint::parse(note.text()), None);
}

#[test]
fn what_is_no_note_is_refused() {
    let line = EXAMPLE.lines().nth(4).unwrap();
    let many = format!("text\n\n{}", format!("{line}\n").repeat(65));
    let cases = [
        (String::new(), NoteError::Form),
        ("text\n".to_owned(), NoteError::Form),
        ("text\n\n".to_owned(), NoteError::Form),
        (format!("\n\n{line}\n"), NoteError::Form),
        (format!("text\n\n{line}"), NoteError::Form),
        (format!("text\n\n{line}\nmore\n"), NoteError::Signature(2)),
        (
            format!("text\n\n{}\n", line.replace('\u{2014}', "-")),
            NoteError::Signature(1),
        ),
        (
            format!("text\n\n{}\n", line.replace("sofa A", "sofa  A")),
            NoteError::Signature(1),
        ),
        (
            format!("text\n\n{}\n", line.trim_end_matches('=')),
            NoteError::Signature(1),
        ),
        ("text\n\n\u{2014} name AAAAAA==\n".to_owned(), NoteError::Signature(1)),
        (format!("te\rxt\n\n{line}\n"), NoteError::Characters),
        (many, NoteError::TooMany),
        ("x".repeat(300_000), NoteError::TooLong),
    ];
    for (text, expected) in cases {
        assert_eq!(
            Note::parse(text.as_bytes()),
            Err(expected),
            "{}",
            text.chars().take(100).collect::<String>()
        );
    }
    assert_eq!(Note::parse(b"\xff\n\n"), Err(NoteError::Characters));
}

fn check(note: &Note, expected: Result<(), &str>) {
    let read = known(&key()).verify_checkpoint(note);
    assert_eq!(
        read.map(|_| ()).map_err(|error| error.to_string()),
        expected.map_err(str::to_owned)
    );
}

#[test]
fn a_checkpoint_counts_by_the_signatures_of_known_keys_alone() {
    let key = key();
    let root = portcullis_audit_log::merkle::leaf_hash(b"a");
    let origin = known(&key).origin;
    let checkpoint = Checkpoint {
        origin,
        size: 1,
        root,
        minimum_index: 0,
        extensions: Vec::new(),
    };
    let stranger = Key::new(2, ORIGIN, Algorithm::Ed25519);
    let witness = Key::new(3, "witness.example/w", Algorithm::Cosignature);
    let both = checkpoint
        .signed([&stranger.signer(), &key.signer(), &witness.signer()], NOW)
        .unwrap();
    check(&both, Ok(()));
    let strange = checkpoint.signed([&stranger.signer(), &witness.signer()], NOW).unwrap();
    check(&strange, Err("no key that the log has at 1 entries has signed it"));
    // One wrong signature of a known key condemns the note, though another one is right.
    let other = Signer::note([&key.signer()], "another text\n".to_owned(), NOW).unwrap();
    let mut signatures = both.signatures().to_vec();
    signatures.push(other.signatures()[0].clone());
    let note = Note::new(both.text().to_owned(), signatures).unwrap();
    let id = key.verifier().id();
    check(
        &note,
        Err(&format!("the signature of `{ORIGIN}+{id}` is of something else")),
    );
    // Another log's.
    let elsewhere = Signer::note([&key.signer()], both.text().replacen(ORIGIN, "another", 1), NOW).unwrap();
    check(&elsewhere, Err("it is of the log `another`"));
    let none = Signer::note([&key.signer()], "text\n".to_owned(), NOW).unwrap();
    check(&none, Err(&CheckpointError::Form.to_string()));
}

#[test]
fn a_cosignature_says_when() {
    let witness = Key::new(3, "witness.example/w", Algorithm::Cosignature);
    let verifier: VerifierKey = witness.verifier().to_string().parse().unwrap();
    let signature = witness.signer().signature("text\n", NOW).unwrap();
    assert_eq!(
        witness.signed.lock().unwrap().as_slice(),
        ["cosignature/v1\ntime 1800000000\ntext\n"]
    );
    assert_eq!(verifier.verify("text\n", &signature.octets), Ok(Some(NOW)));
    assert!(verifier.verify("texts\n", &signature.octets).is_err());
    for place in [0, 7, 8, 71] {
        let mut octets = signature.octets.clone();
        octets[place] ^= 1;
        assert!(verifier.verify("text\n", &octets).is_err(), "{place}");
    }
    assert!(verifier.verify("text\n", &signature.octets[..8]).is_err());
    assert!(verifier.verify("text\n", &signature.octets[..7]).is_err());
    // "It MUST NOT exceed 2^63 - 1".
    assert!(
        verifier
            .verify("text\n", &witness.signer().signature("text\n", 1 << 62).unwrap().octets)
            .is_ok()
    );
    assert!(witness.signer().signature("text\n", 1 << 63).is_err());
    // The same key of the other algorithm is another key.
    assert_ne!(
        Key::new(3, "witness.example/w", Algorithm::Ed25519).verifier().id(),
        verifier.id()
    );
}

#[test]
fn who_signs_wrongly_does_not_sign() {
    let key = key();
    let wrong = Signer::new(key.verifier(), Box::new(|_: &[u8]| Ok([7; 64])));
    assert!(wrong.signature("text\n", NOW).is_err());
    assert!(Signer::note([&key.signer()], "no line feed".to_owned(), NOW).is_err());
    assert!(Signer::note([], "text\n".to_owned(), NOW).is_err());
}

#[test]
fn keys_are_called_what_they_can_be() {
    let (longest, too_long) = ("a".repeat(KEY_NAME_BYTES_MAX), "a".repeat(KEY_NAME_BYTES_MAX + 1));
    for name in ["", "a b", "a+b", "a\u{a0}b", "a\nb", "a\u{2003}b", "\u{0}", &too_long] {
        assert!(KeyName::new(name).is_err(), "{name:?}");
    }
    for name in ["a", "example.com/log", "\u{e9}\u{4e00}", &longest] {
        assert!(KeyName::new(name).is_ok(), "{name:?}");
    }
}

/// Tries `read` with many inputs: it says whether one was read, and fails where it has another spelling. A share of them has to be read,
/// and a share not, or nothing was tested.
fn check_spellings<S: Strategy>(inputs: &S, read: impl Fn(S::Value) -> Result<bool, TestCaseError>) {
    let (were_read, were_not) = (Cell::new(0), Cell::new(0));
    let failure_persistence = None;
    let config = ProptestConfig {
        failure_persistence,
        ..ProptestConfig::default()
    };
    TestRunner::new(config)
        .run(inputs, |input| {
            let count = if read(input)? { &were_read } else { &were_not };
            count.set(count.get() + 1);
            Ok(())
        })
        .unwrap();
    assert!(
        were_read.get() > 20 && were_not.get() > 20,
        "{} were read and {} were not",
        were_read.get(),
        were_not.get()
    );
}

/// Whatever is read is written as it was, so nothing has two readings.
#[test]
fn a_note_has_one_spelling() {
    let put_in = prop_oneof!["[ -~\n]{0,8}", "[A-Za-z0-9+/=]{0,4}", "\u{2014} ?\n{0,2}", ".{0,3}"];
    let altered = (put_in, 0..EXAMPLE.len(), 0..4_usize);
    check_spellings(&altered, |(put_in, place, taken_out)| {
        let mut whole = EXAMPLE.as_bytes().to_vec();
        whole.splice(place..(place + taken_out).min(EXAMPLE.len()), put_in.bytes());
        let note = Note::parse(&whole);
        if let Ok(note) = &note {
            prop_assert_eq!(note.to_string().into_bytes(), whole);
        }
        Ok(note.is_ok())
    });
}

#[test]
fn lines_of_signatures_have_one_spelling() {
    // Four characters are three octets; what stands at the end may have bits that belong to no octet.
    let lines = "\u{2014} ([a-z]|[a-z+ ]{0,2}) ([A-Za-z0-9+/]{4}){2,3}([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIM]=)?\n";
    check_spellings(&lines, |line| {
        let signatures = Signature::parse_lines(&line);
        if let Ok(signatures) = &signatures {
            prop_assert_eq!(signatures[0].to_string(), line);
        }
        Ok(signatures.is_ok())
    });
}
