//! The examples of RFC 9449, and every check of its §4.3 made to fail alone.

use aws_lc_rs::digest::{SHA256, digest};
use portcullis_identity::dpop::{Proved, Request, Target, Unproved, Window, algorithms, check};
use portcullis_identity::jose::object::Object;
use portcullis_identity::jose::{Refusal, encode_base64url};
use portcullis_identity::thumbprint::Thumbprint;
use portcullis_secrets::{Signer, SigningAlgorithm};
use serde_json::{Value, json};

use crate::making::{at, token};

/// What every proof says of itself.
const TYP: &str = "dpop+jwt";

/// RFC 9449 §4.1, figure 2: a proof for the token endpoint, which is no proof for a resource.
const OF_TOKEN_REQUEST: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXp\
Da0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM\
0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-Fd\
WP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
/// RFC 9449 §7.1, figure 12: a proof for a resource.
const OF_RESOURCE_REQUEST: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZ\
OXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlM\
WozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCw\
iYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6F\
y1dqd-jfxSYoMxhAJpLjA";
/// The token that it is for.
const RFC_TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
/// RFC 9449 §6.1, figure 9: what that token is bound to.
const RFC_KEY: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

const NOW: u64 = 1_700_000_000;
const WINDOW: Window = Window {
    age_seconds_max: 60,
    ahead_seconds_max: 10,
};
const REQUEST: Request<'static> = Request {
    method: "GET",
    target: Target {
        scheme: "https",
        authority: "resource.example.org",
        path: "/protectedresource",
    },
    token: RFC_TOKEN,
};

#[test]
fn oauth_15_the_examples_of_rfc_9449() {
    let proved = check(OF_RESOURCE_REQUEST, &REQUEST, &WINDOW, at(1_562_262_620)).unwrap();
    assert_eq!(proved.key.to_string(), RFC_KEY);
    assert_eq!(
        (&*proved.id, proved.issued_at, proved.nonce),
        ("e1j3V_bKic8-LAEB", at(1_562_262_618), None)
    );
    assert_eq!(
        check(OF_RESOURCE_REQUEST, &REQUEST, &WINDOW, at(NOW)),
        Err(Unproved::TooOld)
    );
    assert_eq!(
        check(OF_TOKEN_REQUEST, &REQUEST, &WINDOW, at(1_562_262_620)),
        Err(Unproved::Method)
    );
    let of_tokens = Request {
        method: "POST",
        target: Target {
            scheme: "https",
            authority: "server.example.com",
            path: "/token",
        },
        ..REQUEST
    };
    // It is signed well, for another target: the first thing that a resource misses is the token.
    assert_eq!(
        check(OF_TOKEN_REQUEST, &of_tokens, &WINDOW, at(1_562_262_620)),
        Err(Unproved::Token(Refusal::ClaimMissing("ath".into())))
    );
}

fn signer() -> Signer {
    Signer::generate(SigningAlgorithm::Es256, None).unwrap()
}

/// A proof with its own key in its header.
fn proof(signer: &Signer, typ: &str, claims: &Object) -> String {
    let header = json!({"alg": "ES256", "typ": typ, "jwk": signer.public_jwk()}).to_string();
    token(signer, &header, &serde_json::to_vec(claims).unwrap())
}

fn claims(more: Value) -> Object {
    let ath = encode_base64url(digest(&SHA256, RFC_TOKEN.as_bytes()).as_ref());
    let usual = json!({
        "jti": "one", "htm": "GET", "htu": "https://resource.example.org/protectedresource", "iat": NOW, "ath": ath,
    });
    let (Value::Object(mut claims), Value::Object(more)) = (usual, more) else {
        panic!("not objects");
    };
    claims.extend(more);
    claims
}

/// What becomes of a proof with these claims in the place of the usual ones; one that is null is left out.
fn checked(more: Value) -> Result<Proved, Unproved> {
    let mut claims = claims(more);
    claims.retain(|_, value| !value.is_null());
    let proof = proof(&signer(), TYP, &claims);
    check(&proof, &REQUEST, &WINDOW, at(NOW))
}

#[test]
fn oauth_15_a_proof_says_for_what_it_is() {
    let invalid = |name| Unproved::Token(Refusal::ClaimInvalid(name));
    let missing = |name: &'static str| Unproved::Token(Refusal::ClaimMissing(name.into()));
    assert!(checked(json!({})).is_ok());
    assert_eq!(checked(json!({"nonce": "n"})).unwrap().nonce.as_deref(), Some("n"));
    for (claims, expected) in [
        (json!({"jti": null}), missing("jti")),
        (json!({"jti": ""}), missing("jti")),
        (json!({"jti": 7}), invalid("jti")),
        (json!({"htm": null}), missing("htm")),
        (json!({"htm": "POST"}), Unproved::Method),
        (json!({"htm": "get"}), Unproved::Method),
        (json!({"htm": ["GET"]}), invalid("htm")),
        (json!({"htu": null}), missing("htu")),
        (json!({"htu": "https://resource.example.org/other"}), Unproved::Target),
        (
            json!({"htu": "http://resource.example.org/protectedresource"}),
            Unproved::Target,
        ),
        (
            json!({"htu": "https://evil.example/protectedresource"}),
            Unproved::Target,
        ),
        (
            json!({"htu": ["https://resource.example.org/protectedresource"]}),
            invalid("htu"),
        ),
        (json!({"ath": null}), missing("ath")),
        (
            json!({"ath": "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEO"}),
            Unproved::AccessToken,
        ),
        (json!({"ath": RFC_TOKEN}), Unproved::AccessToken),
        (json!({"iat": null}), missing("iat")),
        (json!({"iat": "1700000000"}), invalid("iat")),
        (json!({"iat": -1}), invalid("iat")),
        (json!({"iat": NOW - 61}), Unproved::TooOld),
        (json!({"iat": NOW + 11}), Unproved::InFuture),
        (json!({"nonce": 1}), invalid("nonce")),
    ] {
        assert_eq!(checked(claims.clone()), Err(expected), "{claims}");
    }
    for good in [
        json!({"iat": NOW - 60}),
        json!({"iat": NOW + 10}),
        json!({"iat": 1_700_000_000.5}),
        json!({"htu": "https://resource.example.org:443/protectedresource?q#f"}),
        json!({"other": {"more": 1}}),
    ] {
        assert!(checked(good.clone()).is_ok(), "{good}");
    }
}

#[test]
fn oauth_15_a_proof_is_signed_with_its_own_public_key() {
    let (signer, claims) = (signer(), claims(json!({})));
    let check = |proof: &str| check(proof, &REQUEST, &WINDOW, at(NOW));
    let refused = |proof: &str| match check(proof) {
        Err(Unproved::Token(refusal)) => refusal.code(),
        other => panic!("{other:?}"),
    };
    let good = proof(&signer, TYP, &claims);
    let proved = check(&good).unwrap();
    assert_eq!(Some(proved.key), Thumbprint::of_jwk(&signer.public_jwk()));
    assert_eq!(refused(&proof(&signer, "JWT", &claims)), "type-mismatch");
    assert_eq!(refused(&proof(&signer, "at+jwt", &claims)), "type-mismatch");
    assert_eq!(
        refused(&signer.sign_compact(TYP, &claims).unwrap()),
        "header-parameter-invalid"
    );
    let (head, rest) = good.split_once('.').unwrap();
    let (payload, signature) = rest.split_once('.').unwrap();
    let other = signature_of_another(&claims);
    assert_eq!(refused(&format!("{head}.{payload}.{other}")), "signature-invalid");
    assert_eq!(refused(&format!("{head}.{payload}.")), "signature-invalid");
    let header = |alg: &str, jwk: Value| {
        let header = json!({"typ": TYP, "alg": alg, "jwk": jwk});
        format!(
            "{}.{payload}.{signature}",
            encode_base64url(header.to_string().as_bytes())
        )
    };
    let public: Value = signer.public_jwk().into();
    assert_eq!(refused(&header("none", public.clone())), "algorithm-none");
    assert_eq!(refused(&header("HS256", public.clone())), "algorithm-not-of-key");
    assert_eq!(refused(&header("ES384", public)), "algorithm-not-of-key");
    assert_eq!(
        refused(&header("HS256", json!({"kty": "oct", "k": "AAAA"}))),
        "embedded-key-refused"
    );
}

/// The signature of somebody else.
fn signature_of_another(claims: &Object) -> String {
    let proof = proof(&signer(), TYP, claims);
    proof.rsplit_once('.').unwrap().1.to_owned()
}

#[test]
fn only_public_algorithms_are_told() {
    assert_eq!(algorithms(), "ES256 ES384 RS256 RS384 RS512 PS256 PS512 Ed25519 EdDSA");
}
