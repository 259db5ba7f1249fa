//! What a witness is asked and answers, with a witness as the specification has one.

use portcullis_audit_log::checkpoint::{CHECKPOINT, Checkpoint};
use portcullis_audit_log::medium::Source as _;
use portcullis_audit_log::merkle::check_consistency;
use portcullis_audit_log::note::{Algorithm, NOTE_BYTES_MAX, Note};
use portcullis_audit_log::tiles::TileReader;
use portcullis_audit_log::witness::{Answer, AnswerError, Refusal, Request};
use portcullis_audit_log::writer::WriteError;

use crate::fixture::{Key, NOW, entry, key, known, log_of, log_with, open};
use crate::simulated::Simulated;

/// A witness (C2SP tlog-witness), which remembers one checkpoint.
struct Witness {
    key: Key,
    last: Option<Checkpoint>,
}

impl Witness {
    fn new() -> Self {
        Self {
            key: Key::new(9, "witness.example/w", Algorithm::Cosignature),
            last: None,
        }
    }

    fn answer(&mut self, body: &str) -> (u16, String) {
        let Some(request) = Request::parse(body) else {
            return (400, String::new());
        };
        let Ok(checkpoint) = known(&key()).verify_checkpoint(&request.checkpoint) else {
            return (403, String::new());
        };
        let (size, root) = self
            .last
            .as_ref()
            .map_or((0, checkpoint.root), |last| (last.size, last.root));
        if request.old > checkpoint.size {
            return (400, String::new());
        }
        if request.old != size || (size == checkpoint.size && root != checkpoint.root) {
            return (409, format!("{size}\n"));
        }
        if check_consistency(size, &root, checkpoint.size, &checkpoint.root, &request.proof).is_err() {
            return (422, String::new());
        }
        let cosignature = self.key.signer().signature(request.checkpoint.text(), NOW).unwrap();
        self.last = Some(checkpoint);
        (200, cosignature.to_string())
    }
}

fn ask(witness: &mut Witness, disk: &Simulated, old: u64) -> Result<Answer, AnswerError> {
    let note = Note::parse(&disk.read(CHECKPOINT, NOTE_BYTES_MAX).unwrap().unwrap()).unwrap();
    let size = Checkpoint::parse(note.text()).unwrap().size;
    let request = Request::make(&mut TileReader::new(disk, size), old, &note)
        .unwrap()
        .unwrap();
    let body = request.to_string();
    assert_eq!(Request::parse(&body).as_ref(), Some(&request));
    let (status, answer) = witness.answer(&body);
    request.answer(status, answer.as_bytes(), &[witness.key.verifier()])
}

#[test]
fn a_witness_signs_what_goes_on_from_what_it_has_seen() {
    let mut witness = Witness::new();
    let (disk, _) = log_of(300, &[300]);
    assert!(matches!(ask(&mut witness, &disk, 0).unwrap(), Answer::Cosigned(signatures) if signatures[0].1 == NOW));
    let (mut writer, _) = open(&disk, &key(), &[]).unwrap();
    for number in 300..1000 {
        writer.append(&entry(number)).unwrap();
    }
    writer.publish(NOW).unwrap();
    // From where it was is told by the witness, if it is not known.
    assert_eq!(ask(&mut witness, &disk, 0).unwrap(), Answer::Behind { size: 300 });
    let Answer::Cosigned(signatures) = ask(&mut witness, &disk, 300).unwrap() else {
        panic!("the witness does not sign");
    };
    let published = writer.published().clone();
    let cosignatures: Vec<_> = signatures.into_iter().map(|(signature, _)| signature).collect();
    let note = writer
        .add_cosignatures(&published, cosignatures.clone())
        .unwrap()
        .clone();
    assert_eq!(note.signatures().len(), 2);
    // Again it changes nothing, and for another checkpoint it is refused, after which the log goes on.
    assert_eq!(
        writer.add_cosignatures(&published, cosignatures.clone()).unwrap(),
        &note
    );
    writer.append(b"more").unwrap();
    writer.publish(NOW).unwrap();
    assert!(matches!(
        writer.add_cosignatures(&published, cosignatures),
        Err(WriteError::Foreign)
    ));
    writer.publish(NOW).unwrap();
}

#[test]
fn a_witness_notices_another_history() {
    let changed = |number: usize| {
        if number == 100 {
            b"changed".to_vec()
        } else {
            entry(number)
        }
    };
    for (size, refusal) in [(300, Refusal::Contradicted), (400, Refusal::Inconsistent)] {
        let mut witness = Witness::new();
        ask(&mut witness, &log_of(300, &[300]).0, 0).unwrap();
        let (disk, _) = log_with(size, &[size], changed);
        assert_eq!(ask(&mut witness, &disk, 300).unwrap(), Answer::Refused(refusal));
    }
}

#[test]
fn answers_that_are_none_are_refused() {
    let (disk, _) = log_of(10, &[10]);
    let note = Note::parse(&disk.read(CHECKPOINT, NOTE_BYTES_MAX).unwrap().unwrap()).unwrap();
    let request = Request {
        old: 0,
        proof: Vec::new(),
        checkpoint: note.clone(),
    };
    let (witness, stranger) = (Witness::new(), Key::new(8, "witness.example/w", Algorithm::Cosignature));
    let keys = [witness.key.verifier()];
    let good = witness.key.signer().signature(note.text(), NOW).unwrap().to_string();
    let strange = stranger.signer().signature(note.text(), NOW).unwrap().to_string();
    let other = witness.key.signer().signature("other\n", NOW).unwrap().to_string();
    // Unknown keys are passed over.
    let both = format!("{strange}{good}");
    assert!(
        matches!(request.answer(200, both.as_bytes(), &keys), Ok(Answer::Cosigned(signatures)) if signatures.len() == 1)
    );
    for body in [strange.clone(), other.clone(), format!("{good}{other}")] {
        assert_eq!(request.answer(200, body.as_bytes(), &keys), Err(AnswerError::Unsigned));
    }
    for (status, body) in [
        (200, ""),
        (200, "x"),
        (409, ""),
        (409, "1"),
        (409, "01\n"),
        (409, "-1\n"),
        (409, "x\n"),
    ] {
        assert!(
            request.answer(status, body.as_bytes(), &keys).is_err(),
            "{status} {body:?}"
        );
    }
    assert_eq!(
        request.answer(200, &vec![b'a'; 100_000], &keys),
        Err(AnswerError::TooLong)
    );
    assert_eq!(request.answer(200, b"\xff", &keys), Err(AnswerError::Form));
    for (status, refusal) in [
        (400, Refusal::Malformed),
        (403, Refusal::Key),
        (404, Refusal::Unknown),
        (500, Refusal::Other(500)),
    ] {
        assert_eq!(request.answer(status, b"", &keys), Ok(Answer::Refused(refusal)));
    }
    // A log's own kind of signature says no time, and is no cosignature.
    let plain = key().signer().signature(note.text(), NOW).unwrap().to_string();
    assert_eq!(
        request.answer(200, plain.as_bytes(), &[key().verifier()]),
        Err(AnswerError::Unsigned)
    );
}
