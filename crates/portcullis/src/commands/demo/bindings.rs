//! Certificates that name somebody else or nobody, and tokens without what they are bound to: stolen, replayed, or with a proof for
//! something else. Natter looks at none of it, and lets everybody in.

use natter::{Exploit, Proof as Shows, StoppedBy};
use portcullis_gateway::listen::unix_time;
use portcullis_identity::jose::encode_base64url;
use portcullis_secrets::{MacKey, SecretBytes};
use serde_json::{Value, json};

use super::attacks::Shot;
use super::certificates::Certified;
use super::keys::told;
use super::people::MALLORY;
use super::possession::{Proof, by_another, hash};
use super::stage::{Guarded, Over};

const EVERYBODY: &str = "GET /users";

/// Every attack on certificates and on what is bound to them or to a key.
///
/// # Errors
/// The library makes no key or certificate, or does not sign.
pub(super) fn shots(stage: &Guarded) -> Result<Vec<Shot>, String> {
    let families = [
        ("client certificates", certificates(stage)?),
        ("tokens bound to a certificate", bound_to_certificate(stage)?),
        ("tokens bound to a key (DPoP)", bound_to_key(stage)?),
    ];
    let named = |(family, shots): (&'static str, Vec<Shot>)| {
        let shots = shots.into_iter();
        shots.map(move |(exploit, over)| (Exploit { family, ..exploit }, over))
    };
    Ok(families.into_iter().flat_map(named).collect())
}

fn attack(gain: &'static str) -> Exploit {
    let refused = StoppedBy::Refused("authentication.required");
    Exploit::new("any-caller", gain, EVERYBODY, Shows::Body("mallory"), refused)
}

fn certificates(stage: &Guarded) -> Result<Vec<Shot>, String> {
    let hostile = stage.certificates.hostile()?;
    let presented = |gain, certified: &Certified| Ok::<Shot, String>((attack(gain), stage.over_tls(Some(certified))?));
    let ended = |gain, alert, certified: &Certified| {
        let stopped_by = StoppedBy::Disconnected(alert);
        let exploit = Exploit {
            stopped_by,
            ..attack(gain)
        };
        Ok::<Shot, String>((exploit, stage.over_tls(Some(certified))?))
    };
    let mirror = &stage.certificates.mirror;
    let forwarded = |gain, over| (attack(gain).header("client-cert", mirror.forwarded()), over);
    Ok(vec![
        (attack("TLS, and no certificate"), stage.over_tls(None)?),
        ended(
            "the partner's name, by a stranger's CA",
            "unknown_ca",
            &hostile.of_stranger,
        )?,
        ended(
            "the same, by a CA of the right name",
            "decrypt_error",
            &hostile.of_namesake,
        )?,
        ended("the partner's, expired", "certificate_expired", &hostile.expired)?,
        presented("a good one of somebody unknown", &hostile.unknown)?,
        presented("one with a second name in it", &hostile.ambiguous)?,
        forwarded("the partner's, forwarded by no proxy", Over::Tcp),
        forwarded("the same over TLS", stage.over_tls(None)?),
        (
            attack("the partner's, as Envoy forwards it").header(
                "x-forwarded-client-cert",
                format!(
                    "Hash={};URI=spiffe://natter.example/partner/mirror",
                    mirror.thumbprint()
                ),
            ),
            Over::Tcp,
        ),
    ])
}

fn bound_to_certificate(stage: &Guarded) -> Result<Vec<Shot>, String> {
    let (token, certificates) = (&stage.bound.mirror, &stage.certificates);
    let with = |gain, token: &str| attack(gain).header("authorization", format!("Bearer {token}"));
    let own = json!({"x5t#S256": certificates.kiosk.thumbprint()});
    let unknown = json!({"x5t": certificates.kiosk.thumbprint()});
    let of_unknown = stage.issuer.bound(&MALLORY, &unknown).map_err(told)?;
    let kiosk = || stage.over_tls(Some(&certificates.kiosk));
    Ok(vec![
        (with("stolen, without the certificate", token), stage.over_tls(None)?),
        (with("stolen, and no TLS at all", token), Over::Tcp),
        (with("stolen, with another's certificate", token), kiosk()?),
        (
            with("stolen, the certificate in a field", token).header("client-cert", certificates.mirror.forwarded()),
            Over::Tcp,
        ),
        (
            with("one's own thumbprint written into it", &rebound(token, Some(own))?),
            kiosk()?,
        ),
        (with("the binding taken out of it", &rebound(token, None)?), Over::Tcp),
        (with("bound by SHA-1, which nobody checks", &of_unknown), kiosk()?),
    ])
}

/// A token with another `cnf`, or without one, under its old signature.
fn rebound(token: &str, to: Option<Value>) -> Result<String, String> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts.as_slice() else {
        return Err("a token has not three parts".to_owned());
    };
    let claims = portcullis_identity::jose::decode_base64url(claims).ok_or("claims are not base64url")?;
    let mut claims: serde_json::Map<String, Value> = serde_json::from_slice(&claims).map_err(told)?;
    match to {
        Some(to) => claims.insert("cnf".to_owned(), to),
        None => claims.remove("cnf"),
    };
    let claims = encode_base64url(Value::Object(claims).to_string().as_bytes());
    Ok(format!("{header}.{claims}.{signature}"))
}

/// Of the phone's token, each with what comes beside it; the last with a token of one's own.
fn bound_to_key(stage: &Guarded) -> Result<Vec<Shot>, String> {
    let (bound, gate) = (&stage.bound, stage.gate);
    let proof = || bound.proof(EVERYBODY, gate);
    let now = unix_time().seconds();
    let dpop = |gain, proof: String| with_scheme("DPoP", gain, &bound.phone).header("dpop", proof);
    let signed = |gain, proof: Proof| Ok::<Exploit, String>(dpop(gain, bound.signed(&proof)?));
    let good = bound.signed(&proof()?)?;
    let own = stage.issuer.token(&MALLORY).map_err(told)?;
    let without_signature = proof()?.header("alg", json!("none"));
    let exploits = vec![
        with_scheme("DPoP", "stolen, without a proof", &bound.phone),
        with_scheme("Bearer", "stolen, as a bearer token", &bound.phone),
        with_scheme("Bearer", "a proof beside a bearer token", &bound.phone).header("dpop", bound.signed(&proof()?)?),
        signed("a proof for another method", proof()?.claim("htm", json!("POST")))?,
        signed(
            "a proof for another path",
            proof()?.claim("htu", json!(format!("http://{gate}/spaces"))),
        )?,
        signed(
            "a proof for another host",
            proof()?.claim("htu", json!("http://api.natter.example/users")),
        )?,
        Exploit {
            times: 2,
            ..dpop("a good proof, sent again", bound.signed(&proof()?)?)
        },
        dpop("a good proof, twice in one request", good.clone()).header("dpop", good),
        dpop("a proof of one's own key", by_another(proof()?)?),
        dpop("one's own signature, under the phone's", forged(proof()?)?),
        signed("an old proof", proof()?.claim("iat", json!(now.saturating_sub(3600))))?,
        signed(
            "a proof made tomorrow",
            proof()?.claim("iat", json!(now.saturating_add(86_400))),
        )?,
        signed("a proof for another token", proof()?.claim("ath", json!(hash(&own))))?,
        signed("a proof for no token", proof()?.claim("ath", Value::Null))?,
        signed("a proof without a name", proof()?.claim("jti", Value::Null))?,
        signed("a proof of another type", proof()?.header("typ", json!("JWT")))?,
        dpop("a proof that nothing signs (`none`)", without_signature.with(b"")),
        dpop(
            "HS256 with the public key as the secret",
            by_public_key(stage, proof()?)?,
        ),
        with_scheme("DPoP", "a token that is not bound, with a proof", &own)
            .header("dpop", bound.signed(&proof()?.claim("ath", json!(hash(&own))))?),
    ];
    Ok(exploits.into_iter().map(|exploit| (exploit, Over::Tcp)).collect())
}

fn with_scheme(scheme: &str, gain: &'static str, token: &str) -> Exploit {
    attack(gain).header("authorization", format!("{scheme} {token}"))
}

/// A proof that names the phone's key, and another signs.
fn forged(proof: Proof) -> Result<String, String> {
    let own = super::keys::RsaKey::generate()?;
    Ok(proof.with(&own.sign_ps256(proof.input().as_bytes())?))
}

fn by_public_key(stage: &Guarded, proof: Proof) -> Result<String, String> {
    let public = Value::Object(stage.bound.key().public_jwk()).to_string();
    let key = MacKey::new(&SecretBytes::new(public.into_bytes()), None).map_err(told)?;
    let proof = proof.header("alg", json!("HS256"));
    Ok(proof.with(&key.sign(proof.input().as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::super::client::Request;
    use super::*;

    /// What the attacks are made of is good as long as nothing is changed: it is the change that is refused.
    #[test]
    fn what_is_not_changed_passes() {
        let stage = Guarded::start().unwrap();
        let send = |over: &Over, headers: &[(&'static str, String)]| {
            let request = Request {
                method: "GET",
                target: "/users",
                headers,
                body: b"",
            };
            stage.send(over, &request).unwrap().status
        };
        let token = vec![("authorization", format!("Bearer {}", stage.bound.mirror))];
        for certified in [&stage.certificates.mirror, &stage.certificates.kiosk] {
            assert_eq!(send(&stage.over_tls(Some(certified)).unwrap(), &[]), 200);
        }
        let mirror = stage.over_tls(Some(&stage.certificates.mirror)).unwrap();
        assert_eq!(send(&mirror, &token), 200);
        let proved = stage.bound.fields(EVERYBODY, stage.gate).unwrap();
        assert_eq!(send(&Over::Tcp, &proved), 200);
        let proof = stage.bound.proof(EVERYBODY, stage.gate).unwrap();
        let of_own_key = by_another(proof).unwrap();
        let refused = [proved.first().unwrap().clone(), ("dpop", of_own_key)];
        assert_eq!(send(&Over::Tcp, &refused), 401);
    }

    #[test]
    fn no_two_are_the_same() {
        let shots = shots(&Guarded::start().unwrap()).unwrap();
        let mut gains: Vec<_> = shots
            .iter()
            .map(|(exploit, _)| (exploit.family, exploit.gain))
            .collect();
        gains.sort_unstable();
        gains.dedup();
        assert_eq!(gains.len(), shots.len());
        assert!(shots.len() >= 30, "{}", shots.len());
    }
}
