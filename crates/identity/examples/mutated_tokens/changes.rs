//! What is done to tokens, each with a name that the explanations of disagreements use.

use crate::chance::Chance;
use crate::der;
use crate::members::{Members, quoted};
use crate::signing::{Signer, mac};
use crate::values;

/// One way to change a token.
pub(crate) struct Change {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
}

/// What is changed, and so whether the signature is made before or after.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// The header, before it is signed or sealed.
    Header(fn(&mut Members, &mut Chance)),
    /// The header, before it is signed, with somebody's keys.
    HeaderWithKeys(fn(&mut Members, &Signing<'_>, &mut Chance)),
    /// The header of the envelope, before it is sealed.
    Envelope(fn(&mut Members, &mut Chance)),
    /// The claims, before they are signed.
    Claims(fn(&mut Members, &mut Chance)),
    /// The octets of the header, before they are signed or sealed.
    HeaderOctets(fn(Vec<u8>, &mut Chance) -> Vec<u8>),
    /// The octets of the claims, before they are signed.
    ClaimsOctets(fn(Vec<u8>, &mut Chance) -> Vec<u8>),
    /// The signature.
    Signature(fn(&Signing<'_>, &[u8], &mut Chance) -> Vec<u8>),
    /// The text of the whole token, beside that of another good one.
    Text(fn(&str, &str, &mut Chance) -> String),
}

/// Whose keys sign: the issuer's key, a stranger's of the same name and algorithm, and another of the issuer's.
pub(crate) struct Signing<'a> {
    pub(crate) own: &'a Signer,
    pub(crate) stranger: &'a Signer,
    pub(crate) other: &'a Signer,
}

const fn change(name: &'static str, kind: Kind) -> Change {
    Change { name, kind }
}

/// Every change, in no order that matters.
pub(crate) const CHANGES: &[Change] = &[
    change("header-alg", Kind::Header(alg)),
    change("header-duplicate", Kind::Header(duplicate_parameter)),
    change("header-crit", Kind::Header(crit)),
    change("header-b64", Kind::Header(b64)),
    change("header-zip", Kind::Header(zip)),
    change("header-enc", Kind::Header(enc)),
    change("header-jwk", Kind::HeaderWithKeys(jwk)),
    change("header-places", Kind::Header(places)),
    change("header-kid", Kind::HeaderWithKeys(kid)),
    change("header-typ", Kind::Header(typ)),
    change("header-cty", Kind::Header(cty)),
    change("header-unknown", Kind::Header(unknown)),
    change("header-escaped-name", Kind::Header(escaped_parameter)),
    change("header-space", Kind::HeaderOctets(space)),
    change("header-not-json", Kind::HeaderOctets(not_json)),
    change("claims-exp", Kind::Claims(|claims, chance| date("exp", claims, chance))),
    change("claims-nbf", Kind::Claims(|claims, chance| date("nbf", claims, chance))),
    change("claims-iat", Kind::Claims(|claims, chance| date("iat", claims, chance))),
    change(
        "claims-iss",
        Kind::Claims(|claims, chance| set(claims, "iss", values::ISSUERS, chance)),
    ),
    change(
        "claims-aud",
        Kind::Claims(|claims, chance| set(claims, "aud", values::AUDIENCES, chance)),
    ),
    change(
        "claims-sub",
        Kind::Claims(|claims, chance| set(claims, "sub", values::TEXTS, chance)),
    ),
    change(
        "claims-jti",
        Kind::Claims(|claims, chance| set(claims, "jti", values::TEXTS, chance)),
    ),
    change(
        "claims-scope",
        Kind::Claims(|claims, chance| set(claims, "scope", values::TEXTS, chance)),
    ),
    change(
        "claims-client",
        Kind::Claims(|claims, chance| set(claims, "client_id", values::TEXTS, chance)),
    ),
    change("claims-duplicate", Kind::Claims(duplicate_claim)),
    change("claims-unknown", Kind::Claims(unknown)),
    change("claims-escaped-name", Kind::Claims(escaped_claim)),
    change("claims-space", Kind::ClaimsOctets(space)),
    change("claims-not-json", Kind::ClaimsOctets(not_json)),
    change(
        "signature-of-a-stranger",
        Kind::Signature(|keys, input, _| keys.stranger.sign(input)),
    ),
    change(
        "signature-of-another-key",
        Kind::Signature(|keys, input, _| keys.other.sign(input)),
    ),
    change("signature-by-another-algorithm", Kind::Signature(by_another_algorithm)),
    change("signature-mac-of-public-key", Kind::Signature(mac_of_public_key)),
    change("signature-none", Kind::Signature(|_, _, _| Vec::new())),
    change(
        "signature-zero",
        Kind::Signature(|keys, input, _| vec![0; keys.own.sign(input).len()]),
    ),
    change(
        "signature-der",
        Kind::Signature(|keys, input, _| der::ecdsa_signature(&keys.own.sign(input))),
    ),
    change(
        "signature-negated",
        Kind::Signature(|keys, input, _| keys.own.sign_negated(input)),
    ),
    change("signature-length", Kind::Signature(length)),
    change("signature-of-other-octets", Kind::Signature(of_other_octets)),
    change("signature-bit", Kind::Signature(bit)),
    change("envelope-alg", Kind::Envelope(alg)),
    change(
        "envelope-enc",
        Kind::Envelope(|header, chance| set(header, "enc", values::ENCRYPTIONS, chance)),
    ),
    change("envelope-cty", Kind::Envelope(cty)),
    change("envelope-zip", Kind::Envelope(zip)),
    change("envelope-crit", Kind::Envelope(crit)),
    change("envelope-duplicate", Kind::Envelope(duplicate_parameter)),
    change("envelope-party", Kind::Envelope(party)),
    change("envelope-epk", Kind::Envelope(epk)),
    change("text-character", Kind::Text(character)),
    change("text-inserted", Kind::Text(inserted)),
    change("text-removed", Kind::Text(removed)),
    change("text-swapped", Kind::Text(swapped)),
    change(
        "text-truncated",
        Kind::Text(|text, _, chance| text[..chance.below(text.len())].to_owned()),
    ),
    change("text-trailing-bits", Kind::Text(trailing_bits)),
    change(
        "text-padded",
        Kind::Text(|text, _, chance| at_end_of_a_part(text, chance.some(&["=", "==", "===", "%3D"]), chance)),
    ),
    change(
        "text-space",
        Kind::Text(|text, _, chance| at_end_of_a_part(text, chance.some(&[" ", "\n", "\t", "\r\n", "\u{a0}"]), chance)),
    ),
    change(
        "text-foreign",
        Kind::Text(|text, _, chance| {
            at_end_of_a_part(text, chance.some(&["\0", "é", "*", "!", "\u{feff}", "~"]), chance)
        }),
    ),
    change(
        "text-alphabet",
        Kind::Text(|text, _, _| text.replace('-', "+").replace('_', "/")),
    ),
    change("text-parts", Kind::Text(parts)),
    change("text-part-of-another", Kind::Text(part_of_another)),
    change("text-json", Kind::Text(json_serialization)),
];

fn set(members: &mut Members, name: &str, values: &[&str], chance: &mut Chance) {
    match chance.some(values) {
        "" => members.remove(name),
        value => members.set(name, value),
    }
}

fn alg(header: &mut Members, chance: &mut Chance) {
    set(header, "alg", values::ALGORITHMS, chance);
}

/// A member that is there already, once more: the same, or something else; its name written plainly or not.
fn duplicate(members: &mut Members, names: &[&str], others: &[&str], chance: &mut Chance) {
    let name = chance.some(names);
    let value = match members.get(name) {
        Some(value) if chance.once_in(3) => value.to_owned(),
        _ => chance.some(others).to_owned(),
    };
    match chance.below(3) {
        0 => members.add_first(name, &value),
        1 => members.add_written(&quoted(name), &value),
        _ => members.add_written(&escaped(name), &value),
    }
}

fn duplicate_parameter(header: &mut Members, chance: &mut Chance) {
    duplicate(
        header,
        &["alg", "typ", "kid", "cty"],
        &["\"none\"", "\"HS256\"", "\"JWT\"", "1"],
        chance,
    );
}

fn duplicate_claim(claims: &mut Members, chance: &mut Chance) {
    let others = ["\"mallory\"", "\"https://api.example\"", "4102444800", "1", "null"];
    duplicate(claims, &["sub", "aud", "exp", "iss", "scope"], &others, chance);
}

fn crit(header: &mut Members, chance: &mut Chance) {
    header.set("crit", chance.some(values::CRITICAL));
    if chance.once_in(2) {
        header.set("http://example.com/extension", "true");
    }
}

fn b64(header: &mut Members, chance: &mut Chance) {
    header.set("b64", chance.some(&["true", "false", "\"false\"", "null"]));
    if chance.once_in(2) {
        header.set("crit", "[\"b64\"]");
    }
}

fn zip(header: &mut Members, chance: &mut Chance) {
    header.set("zip", chance.some(&["\"DEF\"", "\"GZ\"", "\"\"", "null", "1"]));
}

fn enc(header: &mut Members, chance: &mut Chance) {
    set(header, "enc", values::ENCRYPTIONS, chance);
}

fn jwk(header: &mut Members, keys: &Signing<'_>, chance: &mut Chance) {
    let key = match chance.below(4) {
        0 => keys.stranger.jwk().to_string(),
        1 => keys.own.jwk().to_string(),
        2 => "null".to_owned(),
        _ => "\"key\"".to_owned(),
    };
    header.set("jwk", &key);
}

/// Places of keys and certificates, which nobody must go to.
fn places(header: &mut Members, chance: &mut Chance) {
    let (name, value) = chance.some(values::PLACES);
    header.set(name, value);
}

fn kid(header: &mut Members, keys: &Signing<'_>, chance: &mut Chance) {
    match chance.below(3) {
        0 => header.set("kid", &quoted(keys.other.kid)),
        // The same name in other words.
        1 => header.set("kid", &escaped(keys.own.kid)),
        _ => set(header, "kid", values::KEY_NAMES, chance),
    }
}

fn typ(header: &mut Members, chance: &mut Chance) {
    set(header, "typ", values::TYPES, chance);
}

fn cty(header: &mut Members, chance: &mut Chance) {
    set(header, "cty", values::CONTENT_TYPES, chance);
}

fn unknown(members: &mut Members, chance: &mut Chance) {
    let deep = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let value = match chance.below(4) {
        0 => deep(1 + chance.below(40)),
        1 => deep(2000),
        _ => chance.some(values::ODDITIES).to_owned(),
    };
    members.set("x", &value);
}

fn escaped_parameter(header: &mut Members, chance: &mut Chance) {
    let name = chance.some(&["alg", "kid", "typ"]);
    header.rename_written(name, &escaped(name));
}

fn escaped_claim(claims: &mut Members, chance: &mut Chance) {
    let name = chance.some(&["iss", "aud", "sub", "exp"]);
    claims.rename_written(name, &escaped(name));
}

/// A JSON string with its first letter written as a number.
fn escaped(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(u32::from).unwrap_or_default();
    format!("\"\\u{first:04x}{}\"", letters.as_str())
}

fn space(octets: Vec<u8>, chance: &mut Chance) -> Vec<u8> {
    let space: &[u8] = chance.some(&[
        &b" "[..],
        b"\n",
        b"\t",
        b"\r\n ",
        b"\x0b",
        b"\xc2\xa0",
        b"\xef\xbb\xbf",
        b"\0",
    ]);
    match chance.below(3) {
        0 => [space, &octets].concat(),
        1 => [&octets, space].concat(),
        _ => String::from_utf8_lossy(&octets)
            .replace(':', &format!(":{}", String::from_utf8_lossy(space)))
            .into_bytes(),
    }
}

fn not_json(octets: Vec<u8>, chance: &mut Chance) -> Vec<u8> {
    let inner = octets.get(1..octets.len().saturating_sub(1)).unwrap_or_default();
    match chance.below(10) {
        0 => Vec::new(),
        1 => [b"[", inner, b"]"].concat(),
        2 => [b"[", octets.as_slice(), b"]"].concat(),
        3 => [b"{", inner, b",}"].concat(),
        4 => [octets.as_slice(), b"{}"].concat(),
        5 => [octets.as_slice(), b"x"].concat(),
        6 => String::from_utf8_lossy(&octets).replace('"', "'").into_bytes(),
        7 => [b"{/**/", inner, b"}"].concat(),
        8 => [b"{", inner, b",\"x\":\"\xff\xfe\"}"].concat(),
        _ => String::from_utf8_lossy(&octets)
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect(),
    }
}

/// `nbf` is not there as a rule; to take it away changes nothing.
fn date(name: &str, claims: &mut Members, chance: &mut Chance) {
    set(claims, name, values::DATES, chance);
}

fn by_another_algorithm(keys: &Signing<'_>, input: &[u8], chance: &mut Chance) -> Vec<u8> {
    let others: Vec<&str> = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
        .into_iter()
        .filter(|alg| *alg != keys.own.alg)
        .collect();
    keys.own.sign_as(chance.some(&others), input)
}

/// What was published, taken for a shared secret.
fn mac_of_public_key(keys: &Signing<'_>, input: &[u8], chance: &mut Chance) -> Vec<u8> {
    let jwk = keys.own.jwk();
    let member = ["n", "x"]
        .into_iter()
        .find_map(|name| jwk[name].as_str())
        .unwrap_or_default();
    let secret = if chance.once_in(2) {
        jwk.to_string()
    } else {
        member.to_owned()
    };
    mac(secret.as_bytes(), input)
}

fn length(keys: &Signing<'_>, input: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut signature = keys.own.sign(input);
    match chance.below(4) {
        0 => signature.push(0),
        1 => signature.insert(0, 0),
        2 => signature.truncate(signature.len() / 2),
        _ => drop(signature.pop()),
    }
    signature
}

fn of_other_octets(keys: &Signing<'_>, input: &[u8], chance: &mut Chance) -> Vec<u8> {
    let payload = input.split(|octet| *octet == b'.').next_back().unwrap_or_default();
    keys.own.sign(if chance.once_in(2) { payload } else { b"" })
}

fn bit(keys: &Signing<'_>, input: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut signature = keys.own.sign(input);
    let at = chance.below(signature.len());
    signature[at] ^= 1 << chance.below(8);
    signature
}

fn party(header: &mut Members, chance: &mut Chance) {
    let name = chance.some(&["apu", "apv"]);
    header.set(
        name,
        chance.some(&["\"QWxpY2U\"", "\"\"", "\"A\"", "\"QWxpY2V\"", "\"QQ==\"", "1", "null"]),
    );
}

fn epk(header: &mut Members, chance: &mut Chance) {
    set(header, "epk", values::EPHEMERAL, chance);
}

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";

fn letter(chance: &mut Chance) -> char {
    char::from(chance.some(LETTERS))
}

fn character(text: &str, _: &str, chance: &mut Chance) -> String {
    let at = chance.below(text.len());
    format!("{}{}{}", &text[..at], letter(chance), &text[at + 1..])
}

fn inserted(text: &str, _: &str, chance: &mut Chance) -> String {
    let at = chance.below(text.len());
    format!("{}{}{}", &text[..at], letter(chance), &text[at..])
}

fn removed(text: &str, _: &str, chance: &mut Chance) -> String {
    let at = chance.below(text.len());
    format!("{}{}", &text[..at], &text[at + 1..])
}

fn swapped(text: &str, _: &str, chance: &mut Chance) -> String {
    let mut octets = text.as_bytes().to_vec();
    let (a, b) = (chance.below(octets.len()), chance.below(octets.len()));
    octets.swap(a, b);
    String::from_utf8(octets).expect("ASCII")
}

/// Another last character of a part, for the same octets: only bits that no octet uses differ.
fn trailing_bits(text: &str, _: &str, chance: &mut Chance) -> String {
    change_a_part(text, chance, |part, chance| {
        let unused = match part.len() % 4 {
            2 => 16,
            3 => 4,
            _ => return part.to_owned(),
        };
        let place = |letter: u8| LETTERS.iter().position(|known| *known == letter);
        let Some(value) = part.bytes().next_back().and_then(place) else {
            return part.to_owned();
        };
        let other = value / unused * unused + (value + 1 + chance.below(unused - 1)) % unused;
        format!("{}{}", &part[..part.len() - 1], char::from(LETTERS[other]))
    })
}

fn at_end_of_a_part(text: &str, added: &str, chance: &mut Chance) -> String {
    match chance.below(4) {
        0 => format!("{added}{text}"),
        _ => change_a_part(text, chance, |part, _| format!("{part}{added}")),
    }
}

fn change_a_part(text: &str, chance: &mut Chance, change: impl Fn(&str, &mut Chance) -> String) -> String {
    let parts: Vec<&str> = text.split('.').collect();
    let at = chance.below(parts.len());
    let changed = parts.iter().enumerate().map(|(place, part)| {
        if place == at {
            change(part, chance)
        } else {
            (*part).to_owned()
        }
    });
    changed.collect::<Vec<_>>().join(".")
}

fn parts(text: &str, _: &str, chance: &mut Chance) -> String {
    let mut parts: Vec<&str> = text.split('.').collect();
    let (a, b) = (chance.below(parts.len()), chance.below(parts.len()));
    match chance.below(4) {
        0 => drop(parts.remove(a)),
        1 => parts.insert(a, ""),
        2 => parts[a] = "",
        _ => parts.swap(a, b),
    }
    parts.join(".")
}

fn part_of_another(text: &str, other: &str, chance: &mut Chance) -> String {
    let mut parts: Vec<&str> = text.split('.').collect();
    let at = chance.below(parts.len());
    parts[at] = other.split('.').nth(at).unwrap_or_default();
    parts.join(".")
}

/// RFC 7515 §7.2, of either syntax.
fn json_serialization(text: &str, _: &str, chance: &mut Chance) -> String {
    let parts: Vec<&str> = text.split('.').collect();
    let part = |at: usize| parts.get(at).copied().unwrap_or_default();
    if chance.once_in(2) {
        return format!(
            r#"{{"payload":"{}","protected":"{}","signature":"{}"}}"#,
            part(1),
            part(0),
            part(2)
        );
    }
    format!(
        r#"{{"payload":"{}","signatures":[{{"protected":"{}","signature":"{}"}}]}}"#,
        part(1),
        part(0),
        part(2)
    )
}
