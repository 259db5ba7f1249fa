//! Secrets by their form: how those of known issuers begin, how long they are, and their checksums where they have one.
//!
//! Time is linear in the text: a character that none of them begins with costs one look into a table.

use memchr::memmem;

use super::noise::{is_drawn, is_placeholder};

/// What was found in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Secret {
    /// In words, with the article.
    pub(super) what: &'static str,
    pub(super) certainty: Certainty,
    /// How it begins; never more than four characters that its form does not give away.
    pub(super) begins: &'static str,
}

/// How sure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Certainty {
    /// It proves that somebody was let in for a while, or names an account.
    Trace,
    /// It has the form and looks drawn by lot.
    Form,
    /// Its checksum is right.
    Checked,
}

/// How a kind of token goes on behind its beginning.
#[derive(Clone, Copy)]
enum Rest {
    /// So many letters and digits at least, and at most.
    Drawn(usize, usize),
    /// The same with `-`, `_` and `.`.
    Text(usize, usize),
    /// So many hexadecimal digits.
    Hex(usize),
    /// So many letters in upper case and digits of RFC 4648 §6.
    Base32(usize),
    /// Thirty letters and digits, and six that are their CRC-32 in base 62.
    Checked,
}

/// How tokens and keys of known issuers begin, and how they go on.
const KINDS: [(&str, Rest, &str, Certainty); 31] = [
    (
        "AKIA",
        Rest::Base32(16),
        "the id of an AWS access key",
        Certainty::Trace,
    ),
    (
        "ASIA",
        Rest::Base32(16),
        "the id of a temporary AWS access key",
        Certainty::Trace,
    ),
    ("AIza", Rest::Text(35, 35), "a Google API key", Certainty::Form),
    ("GOCSPX-", Rest::Text(28, 28), "a Google client secret", Certainty::Form),
    ("ghp_", Rest::Checked, "a GitHub token", Certainty::Checked),
    ("gho_", Rest::Checked, "a GitHub token", Certainty::Checked),
    ("ghu_", Rest::Checked, "a GitHub token", Certainty::Checked),
    ("ghs_", Rest::Checked, "a GitHub token", Certainty::Checked),
    ("ghr_", Rest::Checked, "a GitHub token", Certainty::Checked),
    ("github_pat_", Rest::Text(82, 82), "a GitHub token", Certainty::Form),
    ("npm_", Rest::Checked, "an npm token", Certainty::Checked),
    ("glpat-", Rest::Text(20, 64), "a GitLab token", Certainty::Form),
    ("xoxb-", Rest::Text(40, 120), "a Slack token", Certainty::Form),
    ("xoxp-", Rest::Text(40, 120), "a Slack token", Certainty::Form),
    ("xoxa-", Rest::Text(40, 120), "a Slack token", Certainty::Form),
    ("xoxr-", Rest::Text(40, 120), "a Slack token", Certainty::Form),
    ("xapp-", Rest::Text(60, 160), "a Slack token", Certainty::Form),
    ("sk_live_", Rest::Drawn(24, 120), "a live Stripe key", Certainty::Form),
    ("rk_live_", Rest::Drawn(24, 120), "a live Stripe key", Certainty::Form),
    (
        "whsec_",
        Rest::Drawn(32, 64),
        "a Stripe webhook secret",
        Certainty::Form,
    ),
    ("SG.", Rest::Text(66, 66), "a SendGrid key", Certainty::Form),
    ("key-", Rest::Hex(32), "a Mailgun key", Certainty::Form),
    ("shpat_", Rest::Hex(32), "a Shopify token", Certainty::Form),
    ("dop_v1_", Rest::Hex(64), "a DigitalOcean token", Certainty::Form),
    ("hf_", Rest::Drawn(34, 34), "a Hugging Face token", Certainty::Form),
    (
        "pypi-AgEIcHlwaS5vcmc",
        Rest::Text(50, 400),
        "a PyPI token",
        Certainty::Form,
    ),
    ("sk-proj-", Rest::Text(80, 200), "an OpenAI key", Certainty::Form),
    ("sk-ant-api03-", Rest::Text(95, 95), "an Anthropic key", Certainty::Form),
    ("sq0csp-", Rest::Text(43, 43), "a Square secret", Certainty::Form),
    ("dckr_pat_", Rest::Text(27, 27), "a Docker token", Certainty::Form),
    ("PMAK-", Rest::Text(59, 59), "a Postman key", Certainty::Form),
];

/// Whether a known form begins with this byte.
#[expect(clippy::indexing_slicing, reason = "a table made while compiling")]
const BEGINS: [bool; 256] = {
    let mut table = [false; 256];
    let mut index = 0;
    while index < KINDS.len() {
        table[KINDS[index].0.as_bytes()[0] as usize] = true;
        index += 1;
    }
    // Private keys, and what is in URLs.
    table[b'-' as usize] = true;
    table[b':' as usize] = true;
    table[b'e' as usize] = true;
    table
};

/// As far is looked behind a beginning, so that a text full of beginnings costs no more than its length. Keys of 16384 bits
/// are shorter.
const RUN_MAX: usize = 16 << 10;

/// The shortest text that is worth a look.
const BYTES_MIN: usize = 16;

/// The surest secret in a text.
pub(super) fn find(text: &str) -> Option<Secret> {
    let bytes = text.as_bytes();
    if bytes.len() < BYTES_MIN {
        return None;
    }
    let mut best: Option<Secret> = None;
    let mut is_inside = false;
    for (at, byte) in bytes.iter().enumerate() {
        let may_begin = BEGINS.get(usize::from(*byte)).copied().unwrap_or_default();
        if may_begin && (!is_inside || *byte == b':' || *byte == b'-') {
            let found = text.get(at..).and_then(|rest| begins(rest, *byte, text, at));
            if found.is_some_and(|found| best.is_none_or(|best| found.certainty > best.certainty)) {
                best = found;
            }
        }
        is_inside = byte.is_ascii_alphanumeric() || *byte == b'_';
    }
    best
}

fn begins(rest: &str, first: u8, text: &str, at: usize) -> Option<Secret> {
    match first {
        b'-' => private_key(rest),
        b':' => credentials(rest, text.get(..at)?),
        b'e' => token(rest),
        _ => KINDS.iter().find_map(|kind| issued(rest, kind)),
    }
}

fn issued(
    rest: &str,
    (begins, form, what, certainty): &(&'static str, Rest, &'static str, Certainty),
) -> Option<Secret> {
    let behind = rest.strip_prefix(begins)?;
    let is_text = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let run = |is: &dyn Fn(u8) -> bool| behind.bytes().take(RUN_MAX).take_while(|byte| is(*byte)).count();
    let (run, least, most) = match *form {
        Rest::Drawn(least, most) => (run(&|byte| byte.is_ascii_alphanumeric()), least, most),
        Rest::Text(least, most) => (run(&is_text), least, most),
        Rest::Hex(length) => (run(&|byte| byte.is_ascii_hexdigit()), length, length),
        Rest::Base32(length) => (
            run(&|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()),
            length,
            length,
        ),
        Rest::Checked => (run(&|byte| byte.is_ascii_alphanumeric()), 36, 36),
    };
    // The full stop of a sentence is none of its characters.
    let body = behind.get(..run)?.trim_end_matches('.');
    let fits = (least..=most).contains(&body.len()) && is_drawn(body) && !is_placeholder(body);
    let holds = match form {
        Rest::Base32(_) => body
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || (b'2'..=b'7').contains(&byte)),
        Rest::Checked => is_checked(body),
        _ => true,
    };
    (fits && holds).then_some(Secret {
        what,
        certainty: *certainty,
        begins,
    })
}

/// Whether the last six characters are the CRC-32 of the thirty before in base 62, as GitHub and npm make them.
fn is_checked(body: &str) -> bool {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let Some((drawn, check)) = body.split_at_checked(30) else {
        return false;
    };
    let digit = |byte: u8| DIGITS.iter().position(|known| *known == byte);
    let said = check.bytes().try_fold(0_u64, |said, byte| {
        let digit = u64::try_from(digit(byte)?).ok()?;
        Some(said * 62 + digit)
    });
    said == Some(u64::from(crc32(drawn.as_bytes())))
}

/// CRC-32 of ISO-HDLC, bit by bit: it is asked for what has the form of a token only.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| {
        if crc & 1 == 1 {
            (crc >> 1) ^ 0xedb8_8320
        } else {
            crc >> 1
        }
    };
    let all = bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc))
    });
    !all
}

/// A private key with all of its lines (RFC 7468 §10, §11).
fn private_key(rest: &str) -> Option<Secret> {
    const LABEL_MAX: usize = 40;
    /// Of an Ed25519 key, the shortest in use.
    const BASE64_MIN: usize = 60;
    let label = rest.strip_prefix("-----BEGIN ")?;
    let (label, behind) = label
        .split_once("-----")
        .filter(|(label, _)| label.len() <= LABEL_MAX)?;
    if !label.ends_with("PRIVATE KEY") {
        return None;
    }
    let near = behind.as_bytes().get(..RUN_MAX).unwrap_or(behind.as_bytes());
    let body = behind.get(..memmem::find(near, b"-----END ")?)?;
    // Line ends that are escaped once more are in texts of programs.
    let body: String = body.replace("\\n", "").replace("\\r", "").split_whitespace().collect();
    let is_key = body.len() >= BASE64_MIN
        && body
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='));
    (is_key && is_drawn(&body)).then_some(Secret {
        what: "a private key",
        certainty: Certainty::Form,
        begins: "-----BEGIN",
    })
}

/// `user:password@` in a URL (RFC 3986 §3.2.1), but for hosts that are only examples (RFC 2606).
fn credentials(rest: &str, before: &str) -> Option<Secret> {
    let authority = rest.strip_prefix("://")?;
    let ends = |c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'' | '<' | '>' | '`');
    let authority = authority.split(ends).next()?;
    let (user, host) = authority.rsplit_once('@')?;
    let (name, password) = user.split_once(':')?;
    let is_scheme = before
        .bytes()
        .next_back()
        .is_some_and(|byte| byte.is_ascii_alphanumeric());
    let host = host.split(':').next().unwrap_or_default();
    let is_example = ["example.com", "example.org", "example.net", "localhost", "127.0.0.1"]
        .iter()
        .any(|known| host == *known || host.ends_with(&format!(".{known}")));
    let is_word = password
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte == b'-');
    let is_secret = password.len() >= 8 && password != name && !is_word && !is_placeholder(password);
    (is_scheme && !is_example && is_secret && !host.is_empty()).then_some(Secret {
        what: "a password in a URL",
        certainty: Certainty::Form,
        begins: "://",
    })
}

/// A JWT with a signature (RFC 7519, RFC 7515 §7.1); not the one that jwt.io shows to everybody.
fn token(rest: &str) -> Option<Secret> {
    /// Of an HMAC of 256 bits in base64url.
    const SIGNATURE_MIN: usize = 43;
    if !rest.starts_with("eyJ") {
        return None;
    }
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(*byte, b'-' | b'_' | b'.');
    let length = rest.bytes().take(RUN_MAX).take_while(is_part).count();
    let mut parts = rest.get(..length)?.split('.');
    let (header, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
    let header = decoded(header)?;
    let payload = decoded(payload)?;
    let is_sample = payload.contains("1234567890") || payload.contains("John Doe") || payload.contains("example");
    let is_whole =
        header.contains("\"alg\"") && header.ends_with('}') && payload.starts_with('{') && payload.ends_with('}');
    let is_signed = signature.len() >= SIGNATURE_MIN && is_drawn(signature);
    (is_whole && is_signed && !is_sample).then_some(Secret {
        what: "a signed token (JWT)",
        certainty: Certainty::Trace,
        begins: "eyJ",
    })
}

/// Text in base64url without padding (RFC 4648 §5).
fn decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 2);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in text.bytes() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        held = (held << 6 | u32::from(digit)) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from(held >> bits & 0xff).ok()?);
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWN: &str = "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ";

    #[test]
    fn checksums_tell_tokens_from_samples() {
        let right = format!("use ghp_{DRAWN}0mLq17 here");
        assert_eq!(find(&right).map(|found| found.certainty), Some(Certainty::Checked));
        assert_eq!(find(&format!("use ghp_{DRAWN}0mLq18 here")), None);
        assert_eq!(find("ghu_16C7e42F292c6912E7710c838347Ae178B4a"), None);
        assert_eq!(find(&format!("xghp_{DRAWN}0mLq17")), None);
    }

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(find(text).map(|found| found.what), expected, "{text}");
    }

    #[test]
    fn known_forms_are_found_and_samples_are_not() {
        let drawn = "9fK2mQ7xLw4Rt8Zb3Hn6Vc1Yd5Jg0Ps";
        check(&format!("sk_{}_{drawn}", "live"), Some("a live Stripe key"));
        check(&format!("sk_{}_{}", "live", "x".repeat(30)), None);
        check(&format!("sk_{}_your_key_goes_here_0000", "live"), None);
        check("AKIAIOSFODNN7EXAMPLE", None);
        check(
            &format!("id {}IP77Y7MMX3ITZMFB.", "AKIA"),
            Some("the id of an AWS access key"),
        );
        check("AKIA1234567890ABCDEF", None);
        check("xoxb-not-a-real-token-this-will-not-work-at-all", None);
        check("https://x-token-auth:{access_token}@bitbucket.org", None);
        check("postgres://user:password@db.internal/a", None);
        check(
            "postgres://shop:9hTz3qLw7Rk2@db.internal:5432/a",
            Some("a password in a URL"),
        );
        check("postgres://shop:9hTz3qLw7Rk2@db.example.com/a", None);
        check("see https://host:8080/path and mail me@example.com", None);
    }

    #[test]
    fn private_keys_are_found_where_they_are_whole() {
        let body = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v+VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g";
        let key = |label: &str, body: &str| format!("-----BEGIN {label}-----\\n{body}\n-----END {label}-----");
        check(&key("PRIVATE KEY", body), Some("a private key"));
        check(&key("PUBLIC KEY", body), None);
        check(&key("PRIVATE KEY", "..."), None);
        check(&key("PRIVATE KEY", "PRIVATE_KEY_INFORMATION"), None);
    }

    #[test]
    fn signed_tokens_are_found() {
        let signature = "c2lnbmF0dXJlLXNpZ25hdHVyZQ9fK2mQ7xLw4Rt8Zb3Hn6";
        check(
            &format!("Bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJqZWFuIn0.{signature}"),
            Some("a signed token (JWT)"),
        );
        check("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJqZWFuIn0.short", None);
    }
}
