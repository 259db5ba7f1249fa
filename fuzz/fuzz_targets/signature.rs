//! Any lines as the header fields of a request: nothing panics, what is read is written as itself, and nothing passes as signed
//! that was not signed with the key at hand.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use portcullis_identity::content_digest::ContentDigest;
use portcullis_identity::jose::key::{Kid, VerificationKey};
use portcullis_identity::principal::{Scopes, Subject, SubjectKind};
use portcullis_identity::signatures::{Demands, Fields, Presented, Request, Signer, Signers};
use portcullis_identity::structured;
use portcullis_identity::time::UnixTime;
use portcullis_secrets::{MacKey, SecretBytes};

/// The fields of a request, one a line, `name: value`.
struct Lines<'l>(Vec<(&'l [u8], &'l [u8])>);

impl Fields for Lines<'_> {
    fn values<'f>(&'f self, name: &str) -> Vec<&'f [u8]> {
        let named = self.0.iter().filter(|(known, _)| *known == name.as_bytes());
        named.map(|(_, value)| *value).collect()
    }
}

static SIGNERS: LazyLock<Signers> = LazyLock::new(|| {
    let mac = MacKey::new(&SecretBytes::new(vec![7; 32]), None).expect("a key");
    let key = VerificationKey::from_mac(Arc::new(mac));
    let subject = Subject::new("fuzz".into(), SubjectKind::Client, "caller");
    let demands = Demands {
        components: Vec::new(),
        ..Demands::default()
    };
    let mut signers = Signers::new("fuzz".into(), demands);
    let signer = Signer::new(key, subject, Scopes::default(), false).expect("an algorithm that signs");
    signers.insert(Kid::new("k").expect("a name"), signer).expect("the first");
    signers
});

fuzz_target!(|bytes: &[u8]| {
    if let Ok(dictionary) = structured::dictionary(bytes) {
        let written = dictionary.to_string();
        assert_eq!(structured::dictionary(written.as_bytes()), Ok(dictionary));
    }
    let _ = structured::list(bytes);
    let _ = structured::item(bytes);
    let _ = ContentDigest::read(bytes);
    let (first, rest) = bytes.split_at(bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len()));
    let lines = rest.split(|byte| *byte == b'\n').filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        Some((&line[..colon], line[colon + 1..].trim_ascii()))
    });
    let fields = Lines(lines.collect());
    let target = std::str::from_utf8(first).unwrap_or_default();
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let request = Request {
        method: "POST",
        scheme: "https",
        authority: "Example.com:443",
        path,
        query,
        target: Some(target),
        has_content: true,
        fields: &fields,
    };
    let now = UnixTime::from_seconds(1000).expect("a time");
    if let Ok(Some(presented)) = Presented::read(&request) {
        // Without the secret nobody makes a MAC, and the seeds hold none.
        assert!(!matches!(SIGNERS.verify(&presented, &request, now), Ok(Some(_))));
    }
});
