//! API keys, passwords and signatures that are not what they seem, or not where they belong. Natter looks at none of them, and lets everybody in.

use natter::{Exploit, Proof, StoppedBy};

use super::credentials::{Credentials, HOST, basic, forged_signature, made_up_key, password};
use super::people::{ALICE, BOB, DEMO};

const EVERYBODY: &str = "GET /users";
const EXPORT: &str = "GET /spaces/3/export";
const POST: &str = "POST /spaces/1/messages";
const SIGNED: &str = r#"{"content":{"type":"text","text":"all is well"}}"#;
const CHANGED: &str = r#"{"content":{"type":"text","text":"all is lost"}}"#;
/// More guesses than one address has for one user.
const GUESSES: u32 = 12;

const UNAUTHENTICATED: StoppedBy = StoppedBy::Refused("authentication.required");

/// Every attack with a credential other than an access token.
///
/// # Errors
/// The system gives no random numbers, or a request cannot be signed.
pub(super) fn exploits(credentials: &Credentials) -> Result<Vec<Exploit>, String> {
    let families = [
        ("API keys", of_keys(credentials)?),
        ("passwords", of_passwords()),
        ("signatures of requests", of_signatures(credentials)?),
    ];
    let named = |(family, exploits): (&'static str, Vec<Exploit>)| {
        exploits.into_iter().map(move |exploit| Exploit { family, ..exploit })
    };
    Ok(families.into_iter().flat_map(named).collect())
}

fn open(gain: &'static str, request: &str, proof: Proof) -> Exploit {
    Exploit::new("any-caller", gain, request, proof, UNAUTHENTICATED)
}

fn of_keys(credentials: &Credentials) -> Result<Vec<Exploit>, String> {
    let read = |gain, key: String| open(gain, EVERYBODY, Proof::Body("mallory")).header("x-api-key", key);
    let key = credentials.key(&ALICE);
    let with_key = format!("{EVERYBODY}?api_key={key}");
    Ok(vec![
        read("a key with the right checksum, made up", made_up_key()?),
        read("a key of alice's that was revoked", credentials.revoked.clone()),
        read("a key with its last character changed", changed(key)),
        read("a bearer token in place of a key", credentials.token(&ALICE).to_owned()),
        open("a good key, but in the query", &with_key, Proof::Body("mallory")),
    ])
}

fn changed(key: &str) -> String {
    let mut letters: Vec<char> = key.chars().collect();
    if let Some(last) = letters.last_mut() {
        *last = if *last == 'a' { 'b' } else { 'a' };
    }
    letters.into_iter().collect()
}

fn of_passwords() -> Vec<Exploit> {
    let login = |gain, guess| {
        let proof = Proof::Status(201);
        Exploit::new("unverified-password", gain, "POST /tokens", proof, UNAUTHENTICATED)
            .header("authorization", basic(DEMO.name, guess))
    };
    vec![
        login("the admin, with a wrong password", "guessed"),
        Exploit {
            times: GUESSES,
            stopped_by: StoppedBy::Refused("rate.exceeded"),
            ..login("guessing the admin's password", "demo-password-2")
        },
        open("a good password beside the login", EVERYBODY, Proof::Body("mallory"))
            .header("authorization", basic(BOB.name, password(&BOB))),
    ]
}

fn of_signatures(credentials: &Credentials) -> Result<Vec<Exploit>, String> {
    let with = |exploit: Exploit, fields: Vec<(&'static str, String)>| {
        let fields = fields.into_iter();
        fields.fold(exploit, |exploit, (name, value)| exploit.header(name, value))
    };
    let diary = |gain| open(gain, EXPORT, Proof::Status(200));
    let signed_post = credentials.signed(POST, SIGNED)?;
    let changed = Exploit {
        body: CHANGED.into(),
        ..open("other content under a good signature", POST, Proof::Status(201))
    };
    Ok(vec![
        Exploit {
            times: 2,
            ..with(diary("a good signature, sent again"), credentials.signed(EXPORT, "")?)
        },
        with(
            diary("a good signature for another target"),
            credentials.signed("GET /spaces/1/export", "")?,
        ),
        with(
            diary("one's own key under the service's name"),
            forged_signature(EXPORT)?,
        ),
        with(changed, signed_post),
        diary("a signature of nothing")
            .header("host", HOST)
            .header("signature-input", "sig=();created=1")
            .header("signature", "sig=:AAAA:"),
    ])
}
