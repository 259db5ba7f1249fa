//! The examples of RFC 7515, 7516, 7517, 7519 and 8037. RFC 7518's key agreement is tested beside its code.

use portcullis_identity::jose::Refusal;
use portcullis_identity::jose::jwe::Encrypted;
use portcullis_identity::jose::key::{JwkRules, KeyRefusal};
use portcullis_identity::jose::key_set::{KeySet, KeySetRefusal};
use portcullis_secrets::{DecryptionKey, LoadError, MacKey, Signer};
use serde_json::{Value, json};

use crate::making::{mac_set, read_set, verify};

const PAYLOAD: &[u8] = b"{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";

fn check_verifies(token: &str, key: Value) {
    let verified = verify(token, &read_set(&json!({ "keys": [key] }))).unwrap();
    assert_eq!(verified.payload(), PAYLOAD);
}

/// Also RFC 7519 §3.1.
#[test]
fn rfc_7515_a_1_hs256() {
    let token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let key = br#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#;
    let keys = KeySet::from_macs([std::sync::Arc::new(MacKey::from_jwk(key).unwrap()) as _]).unwrap();
    let claims = verify(token, &keys).unwrap().claims().unwrap();
    assert_eq!(claims.issuer(), Some("joe"));
    assert_eq!(claims.expires().map(|time| time.seconds()), Some(1_300_819_380));
    assert_eq!(claims.get("http://example.com/is_root"), Some(&Value::Bool(true)));
}

#[test]
fn rfc_7515_a_2_rs256() {
    check_verifies(
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
        json!({ "kty": "RSA", "e": "AQAB", "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ" }),
    );
}

#[test]
fn rfc_7515_a_3_es256() {
    check_verifies(
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        json!({ "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" }),
    );
}

/// ES512 is not supported: nobody asked for it, and P-521 would be one more curve to be wrong about.
#[test]
fn rfc_7515_a_4_es512() {
    let token = "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn";
    let keys = mac_set(&[7; 32], None);
    assert_eq!(verify(token, &keys).err(), Some(Refusal::AlgorithmUnsupported));
}

/// Also RFC 7519 §6.1.
#[test]
fn rfc_7515_a_5_unsecured() {
    let token = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.";
    let keys = mac_set(&[7; 32], None);
    assert_eq!(verify(token, &keys).err(), Some(Refusal::AlgorithmNone));
}

/// The flattened serialization; A.6 has the general one.
#[test]
fn rfc_7515_a_7_json_serialization() {
    let token = r#"{"payload":"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ","protected":"eyJhbGciOiJFUzI1NiJ9","header":{"kid":"e9bc097a-ce51-4036-9562-d2ade882db0d"},"signature":"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"}"#;
    let keys = mac_set(&[7; 32], None);
    assert_eq!(verify(token, &keys).err(), Some(Refusal::ForeignCharacter));
}

/// The header of RFC 7515 §E: an extension that must be understood.
#[test]
fn rfc_7515_e_critical_extension() {
    let token = "eyJhbGciOiJub25lIiwNCiAiY3JpdCI6WyJodHRwOi8vZXhhbXBsZS5jb20vVU5ERUZJTkVEIl0sDQogImh0dHA6Ly9leGFtcGxlLmNvbS9VTkRFRklORUQiOnRydWUNCn0.RkFJTA.";
    let keys = mac_set(&[7; 32], None);
    assert_eq!(verify(token, &keys).err(), Some(Refusal::AlgorithmNone));
}

/// RSA-OAEP with SHA-1, RSA1_5 and A128KW: none of the examples has an algorithm that is supported.
#[test]
fn rfc_7516_a_and_rfc_7519_a_1_encrypted() {
    for (example, token) in ENCRYPTED {
        let refusal = Encrypted::parse(token).err();
        assert_eq!(refusal, Some(Refusal::AlgorithmUnsupported), "{example}");
    }
}

/// The first key is for encryption, the second has no `alg`.
#[test]
fn rfc_7517_a_1_public_keys() {
    let set = json!({ "keys": [
        { "kty": "EC", "crv": "P-256", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM", "use": "enc", "kid": "1" },
        { "kty": "RSA", "n": N, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29" },
    ] });
    let (keys, left_out) = KeySet::from_jwks(set.to_string().as_bytes(), &JwkRules::default()).unwrap();
    assert_eq!(keys.len(), 1);
    assert_eq!(left_out[0].refusal, KeyRefusal::NotForSignatures);
}

/// A set of private keys is nothing to publish.
#[test]
fn rfc_7517_a_2_private_keys() {
    let set = json!({ "keys": [
        { "kty": "EC", "crv": "P-256", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM", "d": "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE", "use": "enc", "kid": "1" },
    ] });
    let refusal = KeySet::from_jwks(set.to_string().as_bytes(), &JwkRules::default()).err();
    assert!(matches!(refusal, Some(KeySetRefusal::ExposedSecret(_))), "{refusal:?}");
    let key = set["keys"][0].to_string();
    assert!(DecryptionKey::from_jwk(key.as_bytes(), Some("ECDH-ES")).is_ok());
    assert_eq!(Signer::from_jwk(key.as_bytes()).err(), Some(LoadError::Purpose));
}

/// A key for A128KW, which is not supported, and one for HMAC without `alg`.
#[test]
fn rfc_7517_a_3_symmetric_keys() {
    let wrapping = br#"{"kty":"oct","alg":"A128KW","k":"GawgguFyGrWKav7AX4VKUg"}"#;
    assert_eq!(MacKey::from_jwk(wrapping).err(), Some(LoadError::Algorithm));
    assert_eq!(
        DecryptionKey::from_jwk(wrapping, None).err(),
        Some(LoadError::Algorithm)
    );
    let mac = br#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow","kid":"HMAC key used in JWS spec Appendix A.1 example"}"#;
    assert!(MacKey::from_jwk(mac).is_ok());
    let set = format!(r#"{{"keys":[{}]}}"#, String::from_utf8_lossy(mac));
    let refusal = KeySet::from_jwks(set.as_bytes(), &JwkRules::default()).err();
    assert!(matches!(refusal, Some(KeySetRefusal::ExposedSecret(_))), "{refusal:?}");
}

/// RFC 8037 §A.4 and A.5, with either name of the algorithm.
#[test]
fn rfc_8037_a_4_ed25519() {
    let key = |alg: &str| {
        read_set(
            &json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "alg": alg, "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }] }),
        )
    };
    let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    for alg in ["EdDSA", "Ed25519"] {
        let verified = verify(token, &key(alg)).unwrap();
        assert_eq!(verified.payload(), b"Example of Ed25519 signing");
    }
}

const N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

const ENCRYPTED: &[(&str, &str)] = &[
    (
        "RFC 7516 A.1",
        "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.OKOawDo13gRp2ojaHV7LFpZcgV7T6DVZKTyKOMTYUmKoTCVJRgckCL9kiMT03JGeipsEdY3mx_etLbbWSrFr05kLzcSr4qKAq7YN7e9jwQRb23nfa6c9d-StnImGyFDbSv04uVuxIp5Zms1gNxKKK2Da14B8S4rzVRltdYwam_lDp5XnZAYpQdb76FdIKLaVmqgfwX7XWRxv2322i-vDxRfqNzo_tETKzpVLzfiwQyeyPGLBIO56YJ7eObdv0je81860ppamavo35UgoRdbYaBcoh9QcfylQr66oc6vFWXRcZ_ZT2LawVCWTIy3brGPi6UklfCpIMfIjf7iGdXKHzg.48V1_ALb6US04U3b.5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6jiSdiwkIr3ajwQzaBtQD_A.XFBoMYUZodetZdvTiFvSkQ",
    ),
    (
        "RFC 7516 A.2",
        "eyJhbGciOiJSU0ExXzUiLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0.UGhIOguC7IuEvf_NPVaXsGMoLOmwvc1GyqlIKOK1nN94nHPoltGRhWhw7Zx0-kFm1NJn8LE9XShH59_i8J0PH5ZZyNfGy2xGdULU7sHNF6Gp2vPLgNZ__deLKxGHZ7PcHALUzoOegEI-8E66jX2E4zyJKx-YxzZIItRzC5hlRirb6Y5Cl_p-ko3YvkkysZIFNPccxRU7qve1WYPxqbb2Yw8kZqa2rMWI5ng8OtvzlV7elprCbuPhcCdZ6XDP0_F8rkXds2vE4X-ncOIM8hAYHHi29NX0mcKiRaD0-D-ljQTP-cFPgwCp6X-nZZd9OHBv-B3oWh2TbqmScqXMR4gp_A.AxY8DCtDaGlsbGljb3RoZQ.KDlTtXchhZTGufMYmOYGS4HffxPSUrfmqCHXaI9wOGY.9hH0vgRfYgPnAHOd8stkvw",
    ),
    (
        "RFC 7519 A.1",
        "eyJhbGciOiJSU0ExXzUiLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0.QR1Owv2ug2WyPBnbQrRARTeEk9kDO2w8qDcjiHnSJflSdv1iNqhWXaKH4MqAkQtMoNfABIPJaZm0HaA415sv3aeuBWnD8J-Ui7Ah6cWafs3ZwwFKDFUUsWHSK-IPKxLGTkND09XyjORj_CHAgOPJ-Sd8ONQRnJvWn_hXV1BNMHzUjPyYwEsRhDhzjAD26imasOTsgruobpYGoQcXUwFDn7moXPRfDE8-NoQX7N7ZYMmpUDkR-Cx9obNGwJQ3nM52YCitxoQVPzjbl7WBuB7AohdBoZOdZ24WlN1lVIeh8v1K4krB8xgKvRU8kgFrEn_a1rZgN5TiysnmzTROF869lQ.AxY8DCtDaGlsbGljb3RoZQ.MKOle7UQrG6nSxTLX6Mqwt0orbHvAKeWnDYvpIAeZ72deHxz3roJDXQyhxx0wKaMHDjUEOKIwrtkHthpqEanSBNYHZgmNOV7sln1Eu9g3J8.fiK51VwhsxJ-siBMR-YFiA",
    ),
    (
        "RFC 7516 A.3",
        "eyJhbGciOiJBMTI4S1ciLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0.6KB707dM9YTIgHtLvtgWQ8mKwboJW3of9locizkDTHzBC2IlrT1oOQ.AxY8DCtDaGlsbGljb3RoZQ.KDlTtXchhZTGufMYmOYGS4HffxPSUrfmqCHXaI9wOGY.U0m_YmjN04DJvceFICbCVQ",
    ),
];
