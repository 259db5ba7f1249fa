//! Tokens of issuers: signed, encrypted, or such as only their issuer knows.

use portcullis_identity::access_token::Wrapping;
use portcullis_identity::introspection::Introspected;
use portcullis_identity::jose::Refusal;
use portcullis_identity::jose::compact::Form;
use portcullis_identity::jose::jwe::{Decrypted, Encrypted};
use portcullis_identity::jose::jws::Unverified;
use portcullis_identity::principal::Identity;

use super::report::{Report, Sides};
use super::{Looking, claims};
use crate::config::introspection::Introspection;
use crate::config::issuer::{Authority, Issuer};
use crate::issuers;

/// Walks the way of a token; none where it ends before anybody is known.
pub(super) fn look(token: &str, form: Form, looking: &Looking<'_>, report: &mut Report) -> Option<Identity> {
    let issuers = &looking.configuration.issuers;
    match form {
        Form::Opaque => {
            report.form("an opaque token, if it is one");
            let why = match token.matches('.').count() {
                2 | 4 => {
                    "it has the parts of a JWT, of which the first is no JSON object in base64url: it is none, or was cut"
                }
                _ => "it is no JWT by its form",
            };
            ask_whoever_is(token, why, looking, report)
        }
        Form::Signed => {
            report.form("a signed token (JWS)");
            let signed = report.note("form and header", Unverified::parse(token))?;
            verify(signed, token, None, looking, report)
        }
        Form::Encrypted => {
            report.form("an encrypted token (JWE)");
            let encrypted = report.note("form and header of the encrypted token", Encrypted::parse(token))?;
            let Some((by, decrypted)) = decrypt(&encrypted, issuers) else {
                return ask_whoever_is(token, "no issuer has a key for it", looking, report);
            };
            let decrypted = report.note("decryption", decrypted)?;
            let signed = report.note("form and header of the token in it", decrypted.nested())?;
            let text = String::from_utf8_lossy(decrypted.plaintext());
            verify(signed, &text, Some((by, &encrypted)), looking, report)
        }
    }
}

/// The issuer that is asked about what nobody here can read.
pub(super) fn asked(issuers: &[Issuer]) -> Option<(&Issuer, &Introspection)> {
    issuers.iter().find_map(|issuer| match &issuer.authority {
        Authority::Keys(_) => None,
        Authority::Introspection(asked) => Some((issuer, asked)),
    })
}

/// Verifies a signed token. `sealed` is the issuer whose key it was encrypted to, and what it came in.
fn verify(
    token: Unverified<'_>,
    text: &str,
    sealed: Option<(&Issuer, &Encrypted<'_>)>,
    looking: &Looking<'_>,
    report: &mut Report,
) -> Option<Identity> {
    let issuer = name_issuer(&token, &looking.configuration.issuers, report)?;
    let encrypted = issuer.decryption.as_ref().map(|decryption| decryption.required);
    let (check, wrapping) = match sealed {
        None => ("encrypted, if it has to be", Wrapping::Jws),
        Some(_) => ("of an issuer that encrypts", Wrapping::Jwe),
    };
    report.note(check, wrapping.check(encrypted))?;
    if let Some((by, sealed)) = sealed.filter(|(by, _)| by.name != issuer.name) {
        let reads = decrypt(sealed, std::slice::from_ref(issuer)).is_some_and(|(_, decrypted)| decrypted.is_ok());
        let why = format!(
            "it is encrypted to a key of `{}`, which says nothing of who carried it",
            by.name
        );
        report.note("encrypted to the issuer that it names", reads.then_some(()).ok_or(why))?;
    }
    let keys = match &issuer.authority {
        Authority::Keys(keys) => report.note("keys of the issuer", issuers::keys(issuer, keys))?,
        Authority::Introspection(asked) => return ask(issuer, asked, text, looking, report),
    };
    let header = token.header();
    let (kid, algorithm) = (header.kid(), header.algorithm());
    let found = match kid {
        Some(kid) => format!("`{}`, {}", kid.as_str(), algorithm.name()),
        None => format!("no name, {}", algorithm.name()),
    };
    let sides = Sides {
        found: Some(found),
        expected: None,
    };
    report.compare("key", keys.find(kid, algorithm).map(|_| ()), sides)?;
    let verified = report.note("signature", token.verify(&keys))?;
    let said = report.note("claims of the right type", verified.claims())?;
    claims::check(issuer, said, looking.now, report)
}

/// The issuer that a token says it has.
fn name_issuer<'i>(token: &Unverified<'_>, issuers: &'i [Issuer], report: &mut Report) -> Option<&'i Issuer> {
    let claimed = token.claimed_issuer();
    let known = issuers
        .iter()
        .find(|issuer| Some(issuer.expected.issuer()) == claimed.as_deref());
    let why = match (claimed.is_some(), issuers.is_empty()) {
        (_, true) => "the configuration has no `issuers`",
        (false, _) => "the claim `iss` is missing or no string",
        (true, _) => "no issuer is called so",
    };
    let names = issuers.iter().map(|issuer| issuer.expected.issuer());
    let sides = Sides {
        expected: (!issuers.is_empty()).then(|| claims::any_of(names)),
        found: claimed.as_deref().map(|claimed| format!("`{claimed}`")),
    };
    report.compare("issuer", known.ok_or(why), sides)
}

/// Decrypts with the key that the token names, and says whose it is; none where nobody here has it.
fn decrypt<'i>(token: &Encrypted<'_>, issuers: &'i [Issuer]) -> Option<(&'i Issuer, Result<Decrypted, String>)> {
    issuers.iter().find_map(|issuer| match issuers::decryption(issuer) {
        Err(why) => Some((issuer, Err(why))),
        Ok(None) => None,
        Ok(Some(decryption)) => token.is_for(&decryption.keys).then(|| {
            let decrypted = token.clone().decrypt(&decryption.keys);
            (issuer, decrypted.map_err(|refusal| refusal.to_string()))
        }),
    })
}

/// What nobody here can read is for the issuer that is asked.
fn ask_whoever_is(token: &str, why: &str, looking: &Looking<'_>, report: &mut Report) -> Option<Identity> {
    let asked = asked(&looking.configuration.issuers);
    let nobody = || format!("{why}, and no issuer has `introspection`");
    let (issuer, asked) = report.note("issuer that knows it", asked.ok_or_else(nobody))?;
    ask(issuer, asked, token, looking, report)
}

fn ask(
    issuer: &Issuer,
    asked: &Introspection,
    token: &str,
    looking: &Looking<'_>,
    report: &mut Report,
) -> Option<Identity> {
    let said = if looking.introspect {
        issuers::introspect(issuer, asked, token)
    } else {
        let issuer = issuer.expected.issuer();
        Err(format!("only `{issuer}` knows, and is asked with `--introspect`"))
    };
    let active = match report.note("answer of the issuer", said)? {
        Introspected::Active(active) => Ok(active),
        Introspected::Inactive => Err(Refusal::Inactive),
    };
    let active = report.note("active", active)?;
    let said = report.note("an access token, with claims of the right type", active.into_claims())?;
    claims::check(issuer, said, looking.now, report)
}
