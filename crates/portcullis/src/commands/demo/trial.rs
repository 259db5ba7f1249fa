//! What to try by hand: requests that people can copy, and what the gate makes of each.

use std::fmt::Write;
use std::net::SocketAddr;

use super::people::{ALICE, BOB, MALLORY, MAYA, Person};
use super::possession::{MIRROR_VARIABLE, PHONE_VARIABLE};

/// One thing to try.
#[derive(Debug)]
pub(super) struct Trial {
    /// Whose token goes with it.
    caller: Caller,
    /// What it is, in a few words.
    pub(super) what: &'static str,
    method: &'static str,
    target: &'static str,
    /// A JSON body; empty for none.
    body: &'static str,
    times: u32,
    /// Whether Natter's own answer is worth a look beside the gate's.
    compare: bool,
    /// What the (last) answer of the gate is.
    pub(super) status: u16,
    /// The refusal's code; empty when the gate lets it pass.
    pub(super) code: &'static str,
    /// What there is to see.
    pub(super) see: &'static str,
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
enum Caller {
    /// Nobody: there is no token.
    Nobody,
    /// Somebody, with the token that the page has them keep in a variable.
    Somebody(&'static Person),
    /// Somebody with an opaque token of the gate's own, from a variable as well.
    Opaque(&'static Person),
    /// Somebody with an API key, from a variable as well.
    Key(&'static Person),
    /// Somebody who logs in with this password.
    Login(&'static Person, &'static str),
    /// The service that signs.
    Signing,
    /// Whoever has the partner's certificate, over TLS.
    Certificate,
    /// The same, with a token that is bound to it.
    WithCertificate,
    /// Somebody on a phone, with a token that is bound to its key.
    WithProof,
    /// Somebody with the phone's token and without its key.
    WithoutProof,
    /// Somebody with the partner's token and without its certificate, over TLS.
    WithoutCertificate,
    /// Somebody who writes a token, as it stands here.
    Forger(&'static str),
}

/// `{"alg":"none"}`, `{"sub":"demo"}` and no signature.
const FORGED: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJkZW1vIn0.";

const fn trial(what: &'static str, method: &'static str, target: &'static str, body: &'static str) -> Trial {
    Trial {
        caller: Caller::Somebody(&ALICE),
        what,
        method,
        target,
        body,
        times: 1,
        compare: false,
        status: 200,
        code: "",
        see: "",
    }
}

impl Trial {
    const fn refused(self, status: u16, code: &'static str, see: &'static str) -> Self {
        Self {
            status,
            code,
            see,
            ..self
        }
    }

    const fn answered(self, status: u16) -> Self {
        Self { status, ..self }
    }

    const fn see(self, see: &'static str) -> Self {
        Self { see, ..self }
    }

    const fn by(self, person: &'static Person) -> Self {
        Self {
            caller: Caller::Somebody(person),
            ..self
        }
    }

    const fn by_nobody(self) -> Self {
        Self {
            caller: Caller::Nobody,
            ..self
        }
    }

    const fn forged(self) -> Self {
        Self {
            caller: Caller::Forger(FORGED),
            ..self
        }
    }

    const fn presenting(self, caller: Caller) -> Self {
        Self { caller, ..self }
    }

    const fn compare(self) -> Self {
        Self { compare: true, ..self }
    }

    const fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }

    /// The commands for a shell, with a comment where there are two to compare.
    pub(super) fn commands(&self, to: Addresses) -> Vec<String> {
        let Addresses { natter, gate, gate_tls } = to;
        let gate = if self.caller.speaks_tls() { gate_tls } else { gate };
        if self.compare {
            let (direct, gated) = (self.curl(natter), self.curl(gate));
            return vec![
                format!("{direct}   # directly"),
                format!("{gated}   # through the gate"),
            ];
        }
        vec![self.curl(gate)]
    }

    fn curl(&self, to: SocketAddr) -> String {
        let method = match (self.method, self.body) {
            ("GET", "") => String::new(),
            ("POST", body) if !body.is_empty() => String::new(),
            (method, _) => format!(" -X {method}"),
        };
        let scheme = if self.caller.speaks_tls() { "https" } else { "http" };
        let url = format!("{scheme}://{to}{}", self.target);
        let credential = self.caller.options(self.method, &url);
        let url = quoted(&url);
        let body = match self.body {
            "" => String::new(),
            body => format!(" -H 'content-type: application/json' -d '{body}'"),
        };
        let Options { before, options } = credential;
        match self.times {
            1 => format!("{before}curl -sw '\\n'{method} {url}{options}{body}"),
            times => format!(
                "for i in $(seq {times}); do curl -so /dev/null -w '%{{http_code}}\\n'{method} {url}{options}{body}; done"
            ),
        }
    }
}

/// Where everything is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addresses {
    pub(super) natter: SocketAddr,
    pub(super) gate: SocketAddr,
    pub(super) gate_tls: SocketAddr,
}

/// What a caller adds to a command.
#[derive(Debug, Default)]
struct Options {
    /// What has to be done first.
    before: String,
    /// curl's options, each with a space before it.
    options: String,
}

impl Caller {
    fn speaks_tls(self) -> bool {
        matches!(
            self,
            Self::Certificate | Self::WithCertificate | Self::WithoutCertificate
        )
    }

    /// What it adds to a request to this URL. The functions are those of [`LINES`].
    fn options(self, method: &str, url: &str) -> Options {
        let mut added = Options::default();
        let bearer = |variable: &str| format!(" -H \"authorization: Bearer ${variable}\"");
        let trusting = " --cacert <(pem CERTIFICATE $GATE_CA)";
        let certified = format!(
            "{trusting} --cert <(pem CERTIFICATE ${MIRROR_VARIABLE}_CERT) --key <(pem 'PRIVATE KEY' ${MIRROR_VARIABLE}_KEY)"
        );
        let dpop = format!(" -H \"authorization: DPoP ${PHONE_VARIABLE}_TOKEN\"");
        added.options = match self {
            Self::Nobody => String::new(),
            Self::Somebody(person) => bearer(person.variable),
            Self::Opaque(person) => bearer(&format!("{}_TOKEN", person.variable)),
            Self::Key(person) => format!(" -H \"x-api-key: ${}_KEY\"", person.variable),
            Self::Login(person, password) => format!(" -u '{}:{password}'", person.name),
            Self::Signing => {
                // Writing to a string cannot fail.
                let _ = write!(added.before, "sign {method} {} && ", quoted(url));
                " -H \"signature-input: $SIGNATURE_INPUT\" -H \"signature: $SIGNATURE\"".to_owned()
            }
            Self::Certificate => certified,
            Self::WithCertificate => certified + &bearer(&format!("{MIRROR_VARIABLE}_TOKEN")),
            Self::WithoutCertificate => trusting.to_owned() + &bearer(&format!("{MIRROR_VARIABLE}_TOKEN")),
            Self::WithProof => {
                let target = url.split('?').next().unwrap_or_default();
                format!("{dpop} -H \"dpop: $(proof {method} {target})\"")
            }
            Self::WithoutProof => dpop,
            Self::Forger(token) => format!(" -H 'authorization: Bearer {token}'"),
        };
        added
    }
}

/// What a shell (bash or zsh) needs for the commands beside what the callers have: the PEM of what is in a variable; a signature
/// by RSASSA-PSS; a request's signature (RFC 9421), which goes to two variables; a proof of possession (RFC 9449).
pub(super) const LINES: [&str; 6] = [
    r#"pem() { echo "-----BEGIN $1-----"; echo "$2" | fold -w 64; echo "-----END $1-----"; }"#,
    r#"pss() { openssl dgst -$1 -sign <(pem 'PRIVATE KEY' $2) -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest | openssl base64 -A; }"#,
    r#"url64() { tr +/ -_ | tr -d =; }"#,
    r#"sign() { local with="(\"@method\" \"@target-uri\");created=$(date +%s);keyid=\"archive\";nonce=\"$(openssl rand -hex 16)\""; SIGNATURE_INPUT="sig=$with"; SIGNATURE="sig=:$(printf '"@method": %s\n"@target-uri": %s\n"@signature-params": %s' "$1" "$2" "$with" | pss sha512 $ARCHIVE_KEY):"; }"#,
    r#"claims() { printf '{"jti":"%s","iat":%s,"htm":"%s","htu":"%s","ath":"%s"}' $(openssl rand -hex 16) $(date +%s) $1 $2 $(printf %s $PHONE_TOKEN | openssl dgst -sha256 -binary | openssl base64 -A | url64); }"#,
    r#"proof() { local input="$PHONE_HEADER.$(claims $1 $2 | openssl base64 -A | url64)"; echo "$input.$(printf %s "$input" | pss sha256 $PHONE_KEY | url64)"; }"#,
];

/// A URL for a shell; those of this file hold no `$`, backtick, backslash or double quote.
fn quoted(url: &str) -> String {
    if url.contains(['?', '\'', '(', '&']) {
        format!("\"{url}\"")
    } else {
        url.to_owned()
    }
}

/// What to try, in the order in which it is best told.
pub(super) const TRIALS: [Trial; 26] = [
    trial("an ordinary call passes", "GET", "/spaces/1/messages?limit=2", "")
        .see("what the contract declares, no more"),
    trial("without a token", "GET", "/spaces/1/messages?limit=2", "")
        .by_nobody()
        .refused(
            401,
            "authentication.required",
            "with `WWW-Authenticate`, which `curl -i` shows",
        ),
    trial("an API key", "GET", "/spaces/1/messages?limit=2", "")
        .presenting(Caller::Key(&ALICE))
        .see("made up, changed or revoked it is 401"),
    trial(
        "an opaque token, which the gate looks up",
        "GET",
        "/spaces/1/messages?limit=2",
        "",
    )
    .presenting(Caller::Opaque(&BOB))
    .see("from the same field as the access token"),
    trial("a login with a password, for a session", "POST", "/tokens", "")
        .presenting(Caller::Login(&ALICE, "correct horse battery"))
        .answered(201)
        .see("the one operation that takes passwords"),
    trial("a signed request", "GET", "/spaces/1/export", "")
        .presenting(Caller::Signing)
        .see("good for this request, once"),
    trial("a client certificate", "GET", "/spaces/1/export", "")
        .presenting(Caller::Certificate)
        .see("a partner's service, by its SPIFFE identity"),
    trial("a token that is bound to a certificate", "GET", "/users/2", "")
        .presenting(Caller::WithCertificate)
        .see("RFC 8705"),
    trial("the same token, stolen: without the certificate", "GET", "/users/2", "")
        .presenting(Caller::WithoutCertificate)
        .refused(401, "authentication.required", "it is good with it alone"),
    trial(
        "a token that is bound to a key",
        "GET",
        "/spaces/1/messages?limit=2",
        "",
    )
    .presenting(Caller::WithProof)
    .see("DPoP (RFC 9449): a proof for each request"),
    trial("the same token, stolen: without the key", "GET", "/users/2", "")
        .presenting(Caller::WithoutProof)
        .refused(401, "authentication.required", "nobody else can make a proof"),
    trial("a password where no login is", "GET", "/users/4", "")
        .presenting(Caller::Login(&ALICE, "correct horse battery"))
        .refused(401, "authentication.required", "each request would spread it"),
    trial(
        "a token that nobody signed: to be the admin",
        "GET",
        "/logs?limit=1",
        "",
    )
    .forged()
    .compare()
    .refused(401, "authentication.required", "Natter believes it, the gate does not"),
    trial(
        "a user takes away another's message",
        "DELETE",
        "/spaces/1/messages/1",
        "",
    )
    .by(&BOB)
    .refused(403, "authorization.scope", "only the moderator's token is for that"),
    trial("the moderator does", "DELETE", "/spaces/1/messages/1", "")
        .by(&MAYA)
        .answered(204)
        .see("her token has the scope `moderate`"),
    trial("alice's diary, for mallory", "GET", "/spaces/3/messages", "")
        .by(&MALLORY)
        .compare()
        .refused(403, "authorization.denied", "no policy lets her read that space"),
    trial("alice's diary, for alice", "GET", "/spaces/3/messages", "")
        .see("by the policy `readers`, which `portcullis demo --policies` shows"),
    trial("a list holds what one may read", "GET", "/spaces", "")
        .by(&MALLORY)
        .compare()
        .see("neither the diary nor bob's space is in it"),
    trial(
        "a reply to a page of the diary, which only the body names",
        "POST",
        "/spaces/1/messages",
        r#"{"content":{"type":"text","text":"I read it."},"reply_to":5}"#,
    )
    .by(&BOB)
    .refused(403, "authorization.denied", "he may not read what he answers"),
    trial("an answer that says too much is stripped", "GET", "/users/3", "")
        .compare()
        .see("the password and its hash stay behind"),
    trial(
        "mass assignment: make oneself a manager",
        "PATCH",
        "/users/4",
        r#"{"is_admin":true}"#,
    )
    .by(&MALLORY)
    .refused(400, "contract.body.undeclared", "the contract declares no `is_admin`"),
    trial(
        "SQL injection: the messages of every space, alice's diary too",
        "GET",
        "/spaces/1/messages?author=x')%20OR%201=1--",
        "",
    )
    .by(&MALLORY)
    .refused(
        400,
        "contract.query.pattern",
        "an author is a user name, and that is none",
    ),
    trial("a path that the contract does not have", "GET", "/debug/users", "").refused(
        404,
        "route.unknown",
        "Natter has it, and tells everything",
    ),
    trial("a verb that the path does not have", "PUT", "/users/4", "{}").refused(
        405,
        "route.method",
        "with `Allow`, which `curl -i` shows",
    ),
    trial(
        "a secret in the URL, where every log keeps it",
        "GET",
        "/spaces/1?access_token=natter-session-1",
        "",
    )
    .refused(400, "url.secret", "neither logged nor forwarded"),
    trial(
        "guessing bob's password",
        "POST",
        "/sessions",
        r#"{"username":"bob","password":"not-his-password"}"#,
    )
    .by_nobody()
    .times(8)
    .refused(429, "rate.exceeded", "401 five times, then 429 with Retry-After"),
];

#[cfg(test)]
mod tests {
    use super::super::client::Request;
    use super::super::credentials::basic;
    use super::super::stage::{Guarded, Over};
    use super::super::verdict::refusal_code;
    use super::*;

    #[test]
    fn each_trial_ends_as_it_says() {
        let stage = Guarded::start().unwrap();
        for trial in &TRIALS {
            let asked = format!("{} {}", trial.method, trial.target);
            let mut headers = vec![("content-type", "application/json".to_owned())];
            let mut over = Over::Tcp;
            match trial.caller {
                Caller::Nobody => {}
                Caller::Somebody(person) => {
                    headers.push((
                        "authorization",
                        format!("Bearer {}", stage.issuer.token(person).unwrap()),
                    ));
                }
                Caller::Opaque(person) => {
                    let token = stage.credentials.token(person);
                    headers.push(("authorization", format!("Bearer {token}")));
                }
                Caller::Key(person) => headers.push(("x-api-key", stage.credentials.key(person).to_owned())),
                Caller::Login(person, password) => headers.push(("authorization", basic(person.name, password))),
                Caller::Forger(token) => headers.push(("authorization", format!("Bearer {token}"))),
                Caller::Signing => headers.extend(stage.credentials.signed(&asked, "").unwrap()),
                Caller::Certificate => over = stage.over_tls(Some(&stage.certificates.mirror)).unwrap(),
                Caller::WithCertificate => {
                    over = stage.over_tls(Some(&stage.certificates.mirror)).unwrap();
                    headers.push(("authorization", format!("Bearer {}", stage.bound.mirror)));
                }
                Caller::WithoutCertificate => {
                    over = stage.over_tls(None).unwrap();
                    headers.push(("authorization", format!("Bearer {}", stage.bound.mirror)));
                }
                Caller::WithProof => headers.extend(stage.bound.fields(&asked, stage.gate).unwrap()),
                Caller::WithoutProof => headers.push(("authorization", format!("DPoP {}", stage.bound.phone))),
            }
            let request = Request {
                method: trial.method,
                target: trial.target,
                headers: &headers,
                body: trial.body.as_bytes(),
            };
            let mut answer = stage.send(&over, &request).unwrap();
            for _ in 1..trial.times {
                answer = stage.send(&over, &request).unwrap();
            }
            let code = refusal_code(&answer).unwrap_or_default();
            assert_eq!(
                (answer.status, code.as_str()),
                (trial.status, trial.code),
                "{}",
                trial.what
            );
        }
    }

    #[test]
    fn commands_are_ready_to_paste() {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let addresses = Addresses {
            natter: at(2),
            gate: at(1),
            gate_tls: at(3),
        };
        let all: Vec<String> = TRIALS.iter().flat_map(|trial| trial.commands(addresses)).collect();
        insta::assert_snapshot!("commands", all.join("\n"));
        for line in LINES {
            assert!(!line.contains('\n'), "{line}");
        }
        for trial in &TRIALS {
            assert!(!trial.target.contains(['$', '`', '\\', '"', ' ']), "{}", trial.target);
            assert!(!trial.body.contains('\''), "{}", trial.body);
        }
    }
}
