//! Credentials of every kind that are good, presented for what belongs to others. Natter looks at none of them, and gives it to everybody.

use natter::{Exploit, Proof, StoppedBy};

use super::attacks::Shot;
use super::people::{BOB, MALLORY};
use super::stage::{Guarded, Over};

const DENIED: StoppedBy = StoppedBy::Refused("authorization.denied");
const REDUCED: StoppedBy = StoppedBy::Cleaned("the list is reduced to what its caller may read");
const EXPORT: &str = "GET /spaces/3/export";
const POST: &str = "POST /spaces/1/messages";
const HELLO: &str = r#"{"content":{"type":"text","text":"hello"}}"#;
const NAMED: &str = r#"{"display_name":"Mallory"}"#;

/// Every attack on what belongs to others, by kinds of credentials.
///
/// # Errors
/// A request cannot be signed, or a certificate not be presented.
pub(super) fn shots(stage: &Guarded) -> Result<Vec<Shot>, String> {
    let families = [
        ("good keys and tokens, others' objects", by_own_credentials(stage)),
        ("good signatures, others' objects", by_signature(stage)?),
        ("good certificates, others' objects", by_certificate(stage)?),
        ("bound tokens, others' objects", by_bound_tokens(stage)?),
    ];
    let named = |(family, shots): (&'static str, Vec<Shot>)| {
        let shots = shots.into_iter();
        shots.map(move |(exploit, over)| (Exploit { family, ..exploit }, over))
    };
    Ok(families.into_iter().flat_map(named).collect())
}

/// With this status Natter gives it to anybody.
fn given(gain: &'static str, request: &str, status: u16) -> Exploit {
    Exploit::new("any-object", gain, request, Proof::Status(status), DENIED)
}

fn listed(gain: &'static str) -> Exploit {
    Exploit::new("any-object", gain, "GET /spaces", Proof::Body("alice's diary"), REDUCED)
}

fn by_own_credentials(stage: &Guarded) -> Vec<Shot> {
    let key = |exploit: Exploit, person| exploit.header("x-api-key", stage.credentials.key(person));
    let bearer = format!("Bearer {}", stage.credentials.token(&MALLORY));
    let logs = Exploit::new(
        "role-header",
        "an API key, and the log of every request",
        "GET /logs?limit=5",
        Proof::Status(200),
        StoppedBy::Refused("authorization.scope"),
    );
    let exploits = vec![
        key(given("an API key, and the diary", EXPORT, 200), &MALLORY),
        key(
            given("an API key, and another's record", "PATCH /users/2", 200).json(NAMED),
            &BOB,
        ),
        key(listed("an API key, and all spaces"), &BOB),
        key(logs.header("x-natter-role", "manager"), &BOB),
        given("an opaque token, and the diary", EXPORT, 200).header("authorization", bearer),
    ];
    exploits.into_iter().map(|exploit| (exploit, Over::Tcp)).collect()
}

fn by_signature(stage: &Guarded) -> Result<Vec<Shot>, String> {
    let signed = |gain, request, body: &str, status| {
        let fields = stage.credentials.signed(request, body)?.into_iter();
        let exploit = Exploit {
            body: body.into(),
            ..given(gain, request, status)
        };
        let exploit = fields.fold(exploit, |exploit, (name, value)| exploit.header(name, value));
        Ok::<Shot, String>((exploit, Over::Tcp))
    };
    Ok(vec![
        signed("the archive keeps the diary too", EXPORT, "", 200)?,
        signed("the archive posts", POST, HELLO, 201)?,
        signed("the archive looks who is there", "GET /spaces/1/members", "", 200)?,
    ])
}

fn by_certificate(stage: &Guarded) -> Result<Vec<Shot>, String> {
    let mirror = || stage.over_tls(Some(&stage.certificates.mirror));
    let kiosk = || stage.over_tls(Some(&stage.certificates.kiosk));
    let member = given("the kiosk lets mallory write", "PUT /spaces/1/members/mallory", 200);
    Ok(vec![
        (given("the mirror shows the diary too", EXPORT, 200), mirror()?),
        (
            given("the kiosk shows bob's space", "GET /spaces/2/messages", 200),
            kiosk()?,
        ),
        (member.json(r#"{"permissions":["read","write"]}"#), kiosk()?),
        (listed("the kiosk lists all spaces"), kiosk()?),
    ])
}

/// alice's, who is no member of bob's space.
fn by_bound_tokens(stage: &Guarded) -> Result<Vec<Shot>, String> {
    let trains = "GET /spaces/2/messages";
    let fields = stage.bound.fields(trains, stage.gate)?.into_iter();
    let phone = given("alice's phone reads bob's space", trains, 200);
    let renamed = given("the mirror renames bob, with alice's token", "PATCH /users/3", 200).json(NAMED);
    Ok(vec![
        (
            fields.fold(phone, |exploit, (name, value)| exploit.header(name, value)),
            Over::Tcp,
        ),
        (
            renamed.header("authorization", format!("Bearer {}", stage.bound.mirror)),
            stage.over_tls(Some(&stage.certificates.mirror))?,
        ),
    ])
}
