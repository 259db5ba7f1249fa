//! The files of TLS, told of by `check` and `serve` where they are named: what cannot be used, and what would serve nobody.

use std::os::unix::fs::PermissionsExt;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use serde_json::Value;

use crate::gate::{Directory, Setup, run, until};
use crate::http::{THING, THINGS};
use crate::tls::{Authority, Issued};
use crate::upstream::Upstream;

/// An RSA key of 1024 bits, which is too weak, and its certificate. They are of these tests' own making and guard nothing.
const WEAK_CHAIN: &str = "\
-----BEGIN CERTIFICATE-----
MIICFTCCAX6gAwIBAgIUHZFZGcG1n56fWpnL9YDW5A1m43owDQYJKoZIhvcNAQEL
BQAwDzENMAsGA1UEAwwEd2VhazAgFw0yNjExMjIxODIwMTdaGA8yMTI2MTAyOTE4
MjAxN1owDzENMAsGA1UEAwwEd2VhazCBnzANBgkqhkiG9w0BAQEFAAOBjQAwgYkC
gYEAuvVWXdBqzPDNRnx4vU15ST86656tqlBmoYvfEa3mw8qbrpmyl2fy3tTXSu6A
itvQxZm0O/zBmwyrtJUKjtm/80fwoP0d8ZOkNTcowP/KxY/utcYWr0TnTbOeg2C2
YGsfFn1YV27ht7t7rm5YWrsZMrORbUahA4aA0XdyEVw8ykkCAwEAAaNsMGowHQYD
VR0OBBYEFIaSdux7Rj+aDJlmZwcJTbeQ4FHmMB8GA1UdIwQYMBaAFIaSdux7Rj+a
DJlmZwcJTbeQ4FHmMA8GA1UdEwEB/wQFMAMBAf8wFwYDVR0RBBAwDoIMd2Vhay5l
eGFtcGxlMA0GCSqGSIb3DQEBCwUAA4GBAJaJS3EacFTJ4LhPiV1ywiEWE/if8CfJ
5L6c5mF7GVMB4OC5JFXe1BaY4l3ZnRGwzm9YfSvc6IXt0rHcHA/m71hbDFIcmLUQ
IMAosMtuM+BUxeodeCU6S4DYq1uQqKorkmwnwF4ypDsfF5bebLddbaFn6otUQG5b
v4VjB4iV45XB
-----END CERTIFICATE-----
";
const WEAK_KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIICdQIBADANBgkqhkiG9w0BAQEFAASCAl8wggJbAgEAAoGBALr1Vl3QaszwzUZ8
eL1NeUk/OuuerapQZqGL3xGt5sPKm66Zspdn8t7U10rugIrb0MWZtDv8wZsMq7SV
Co7Zv/NH8KD9HfGTpDU3KMD/ysWP7rXGFq9E502znoNgtmBrHxZ9WFdu4be7e65u
WFq7GTKzkW1GoQOGgNF3chFcPMpJAgMBAAECgYB1Paj9h9eR0WhJTYFB5TWr81T1
sTpi1aymndozcgSGv6XFZmkSfYNWrc6dFNfTPGm9oNffzm9y1g1PXy+RyYeO6+uB
TqOwMWTPsjMT0BG0LGXly9diJIvuuwmuWE3zJveGyC7u4CF9qh8E1yVolMHkewVP
cpd4UQ9ZEZR7OiWnyQJBAOQjfy3rhRCWQ9Yc/iAtjkrYOh25Nj9lV+Z7U2/i/STB
bOuyfBWWl6G5ykxBSou7pcG0MdlZDReCmKaK0y2wSLcCQQDRymI3aiS414taoA++
rZjA2G2rP3+zD1nO7ciWyiwXsaGMOvw7Ot5zAJ+wD2pq393ES0VednmpwnjxtUTL
CoT/AkBla75rXKvQPu0zb7ot9fKvJUdY1XDfaB9WsHbcY83kHDVe5v8w3bzVQfJE
SjZovmgnIAOVO3iNfhp813SgeCErAkAgbVn1GtEGSTrfDTKh1I9x74I0ICKK+Op2
08ZXmHRsTSadWFi4hwbvW79TJW7bijLrLn9QdJulo8uyAMTbZYrdAkAgBkDB3OaC
pD0wMavVw1J6wtj+ap0+7rQDBqJFpNP9LCT3mSFW4SHUYqfKc2n6w6islKSYjzFQ
acANUVefYy41
-----END PRIVATE KEY-----
";

/// A gate with one listener, whose certificates are `a` and then what else is written here.
fn directory(certificates: &str) -> Directory {
    Setup::new(THINGS, "127.0.0.1:9".parse().unwrap())
        .with_api("hosts: [a.example, 127.0.0.1]")
        .listening(&format!(
            "\n  address: 127.0.0.1:0\n  tls:\n    certificates:\n      - chain: a.pem\n        key: a.key\n{certificates}"
        ))
        .written()
}

fn issued(names: &[&str]) -> Issued {
    Authority::new().issue(names)
}

/// Writes a certificate with these parameters, signed by itself, and its key.
fn write_own(directory: &Directory, edit: impl Fn(&mut CertificateParams)) {
    let mut params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
    edit(&mut params);
    let key = KeyPair::generate().unwrap();
    directory.write("a.pem", &params.self_signed(&key).unwrap().pem());
    directory.write_secret("a.key", &key.serialize_pem());
}

#[track_caller]
fn check(directory: &Directory, code: i32, expected: &[&str]) {
    let output = run(&directory.0, &["check", "-c", "gate.yaml"]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(code), "{told}");
    for words in expected {
        assert!(told.contains(words), "{words:?} in {told}");
    }
    let lines = told.lines().filter(|line| line.starts_with("gate.yaml"));
    assert_eq!(lines.count(), usize::from(!expected.is_empty()), "{told}");
}

/// What is told of these two files, at the key (which stands in line 6) or at the chain (line 5).
#[track_caller]
fn is_wrong(chain: &[u8], key: &[u8], expected: &[&str]) {
    let directory = directory("");
    std::fs::write(directory.0.join("a.pem"), chain).unwrap();
    std::fs::write(directory.0.join("a.key"), key).unwrap();
    directory.permit("a.key", 0o600);
    check(&directory, 1, expected);
    // The gate itself says the same, and does not start.
    let output = run(&directory.0, &["serve", "-c", "gate.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    let log = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["location"], "gate.yaml", "{log}");
    assert!(expected[0].ends_with(lines[0]["message"].as_str().unwrap()), "{log}");
}

const AT_CHAIN: &str = "gate.yaml:5:16: error: ";
const AT_KEY: &str = "gate.yaml:6:14: error: ";

#[track_caller]
fn chain_is_wrong(chain: &[u8], message: &str, help: &str) {
    is_wrong(
        chain,
        issued(&["a.example"]).key.as_bytes(),
        &[&format!("{AT_CHAIN}{message}"), help],
    );
}

#[track_caller]
fn key_is_wrong(key: &[u8], message: &str, help: &str) {
    let chain = issued(&["a.example"]).chain;
    is_wrong(chain.as_bytes(), key, &[&format!("{AT_KEY}{message}"), help]);
}

#[test]
fn files_that_hold_something_else_are_told_of_with_the_way_out() {
    let one = issued(&["a.example"]);
    let swapped = "are the two files swapped?";
    chain_is_wrong(
        one.key.as_bytes(),
        "`a.pem` holds a private key where a certificate is expected",
        swapped,
    );
    key_is_wrong(
        one.chain.as_bytes(),
        "`a.key` holds a certificate where a private key is expected",
        swapped,
    );
    chain_is_wrong(
        &[0x30, 0x82, 1, 10, 0x30, 0x82, 0, 0],
        "`a.pem` is DER, not PEM",
        "openssl x509 -inform der -in a.pem",
    );
    chain_is_wrong(
        &[0x30, 0x82, 1, 10, 2, 1, 3, 0x30],
        "`a.pem` is PKCS #12, not PEM",
        "openssl pkcs12 -in a.pem",
    );
    chain_is_wrong(b"nothing", "`a.pem` holds no certificate (PEM)", "");
    chain_is_wrong(
        b"-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----\n",
        "the PEM in `a.pem` is damaged",
        "write the file anew",
    );
    let encrypted = "`a.key` is an encrypted key, and nobody is there to be asked for its passphrase";
    key_is_wrong(
        b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        encrypted,
        "openssl pkey -in a.key",
    );
    key_is_wrong(
        b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n",
        encrypted,
        "openssl pkey -in a.key",
    );
    key_is_wrong(
        b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
        "`a.key` is a key in the form of OpenSSH",
        "ssh-keygen -p -m pkcs8 -f a.key",
    );
}

#[test]
fn a_chain_and_a_key_have_to_belong_together() {
    let (one, other) = (issued(&["a.example"]), issued(&["b.example"]));
    key_is_wrong(
        other.key.as_bytes(),
        "the key in `a.key` is not that of the certificate in `a.pem`",
        "openssl x509 -in a.pem -noout -pubkey",
    );
    is_wrong(
        format!("{}{}", other.chain, one.chain).as_bytes(),
        one.key.as_bytes(),
        &[&format!(
            "{AT_CHAIN}the certificate of the key in `a.key` is number 2 in `a.pem`, and has to be the first"
        )],
    );
    is_wrong(
        WEAK_CHAIN.as_bytes(),
        WEAK_KEY.as_bytes(),
        &[&format!(
            "{AT_KEY}the RSA key in `a.key` has 1024 bits, and 2048 are the least"
        )],
    );
}

#[test]
fn both_files_of_a_pair_are_told_of() {
    let directory = directory("");
    issued(&["a.example"]).write(&directory, "a");
    let (chain, key) = (directory.0.join("a.pem"), directory.0.join("a.key"));
    std::fs::rename(&chain, directory.0.join("b.pem")).unwrap();
    std::fs::rename(&key, &chain).unwrap();
    std::fs::rename(directory.0.join("b.pem"), &key).unwrap();
    let output = run(&directory.0, &["check", "-c", "gate.yaml"]);
    let told = String::from_utf8(output.stdout).unwrap();
    for expected in [
        "`a.pem` holds a private key where a certificate",
        "`a.key` holds a certificate where a private key",
    ] {
        assert!(told.contains(expected), "{expected} in {told}");
    }
}

#[test]
fn files_that_cannot_be_read_are_told_of() {
    let directory = directory("");
    issued(&["a.example"]).write(&directory, "a");
    check(&directory, 0, &[]);
    std::fs::remove_file(directory.0.join("a.key")).unwrap();
    check(
        &directory,
        1,
        &["gate.yaml:6:14: error: cannot read `a.key`: there is no such file"],
    );
    directory.write("a.key", "");
    let path = directory.0.join("a.key");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(&path).is_err() {
        check(
            &directory,
            1,
            &["gate.yaml:6:14: error: cannot read `a.key`: permission is denied"],
        );
    } else {
        println!("NOT TESTED: root reads every file");
    }
}

#[test]
fn the_user_and_what_callers_certificates_are_held_against_are_looked_up() {
    let directory =
        directory("    client_authorities: clients.pem\n    client_revocations: [gone.pem]\nprocess: {user: nosuch}");
    let one = issued(&["a.example"]);
    one.write(&directory, "a");
    directory.write("clients.pem", &one.key);
    let output = run(&directory.0, &["check", "-c", "gate.yaml"]);
    let told = String::from_utf8(output.stdout).unwrap();
    for expected in [
        "gate.yaml:7:25: error: `clients.pem` holds a private key where a certificate is expected",
        "gate.yaml:8:26: error: cannot read `gone.pem`: there is no such file",
        "gate.yaml:9:17: error: there is no user `nosuch` in /etc/passwd",
    ] {
        assert!(told.contains(expected), "{expected} in {told}");
    }
}

#[test]
fn certificates_that_serve_nobody_are_warned_of() {
    let check_own = |expected: &str, edit: &dyn Fn(&mut CertificateParams)| {
        let directory = directory("");
        write_own(&directory, edit);
        check(&directory, 0, &[expected]);
    };
    check_own(
        "gate.yaml:5:16: warning: the certificate in `a.pem` expired on 2001-02-03",
        &|params| params.not_after = date_time_ymd(2001, 2, 3),
    );
    check_own(
        "gate.yaml:5:16: warning: the certificate in `a.pem` is not valid before 2999-02-03",
        &|params| params.not_before = date_time_ymd(2999, 2, 3),
    );
    let directory = directory("      - chain: b.pem\n        key: b.key\n");
    issued(&["a.example"]).write(&directory, "a");
    issued(&["A.example"]).write(&directory, "b");
    check(
        &directory,
        0,
        &[
            "gate.yaml:7:16: warning: the certificate in `b.pem` is offered to nobody: each of its hosts is that of one before it",
        ],
    );
    // A common name is no name (RFC 9525 section 2); and then nobody has a certificate for the host.
    issued(&[]).write(&directory, "a");
    issued(&["*.example", "b.a.example"]).write(&directory, "b");
    check(
        &directory,
        0,
        &["gate.yaml:5:16: warning: the certificate in `a.pem` names no host (subjectAltName)"],
    );
    issued(&["c.example"]).write(&directory, "a");
    issued(&["*.a.example"]).write(&directory, "b");
    check(
        &directory,
        0,
        &["warning: no listener has a certificate for `a.example`: nobody reaches it"],
    );
}

#[test]
fn a_reload_warns_of_them_too() {
    let upstream = Upstream::with_json(THING);
    let tls = "{address: '127.0.0.1:0', tls: {certificates: {chain: a.pem, key: a.key}}}";
    let directory = Setup::new(THINGS, upstream.address).listening(tls).written();
    write_own(&directory, |_| ());
    let gate = crate::gate::Gate::start(directory);
    let warned = || {
        let log = gate.log();
        let lines = log.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let of_dates = |line: &Value| line["message"].as_str().is_some_and(|said| said.contains("expired on"));
        let mut of_dates = lines.filter(of_dates);
        of_dates
            .next()
            .map(|line| (line["level"].clone(), line["line"].clone()))
    };
    assert_eq!(warned(), None);
    write_own(&gate.directory, |params| params.not_after = date_time_ymd(2001, 2, 3));
    until("it is warned of", || warned() == Some(("WARN".into(), 1.into())));
}

#[test]
fn a_file_that_was_missing_is_taken_on_when_it_comes() {
    let upstream = Upstream::with_json(THING);
    let tls = "{address: '127.0.0.1:0', tls: {certificates: {chain: a.pem, key: a.key}}}";
    let directory = Setup::new(THINGS, upstream.address).listening(tls).written();
    issued(&["a.example"]).write(&directory, "a");
    let gate = crate::gate::Gate::start(directory);
    let reloads = |outcome: &str| gate.metric(&["portcullis_reloads_total", outcome]);
    let configuration = gate.directory.read("gate.yaml");
    let elsewhere = configuration.replace("a.pem", "late.pem").replace("a.key", "late.key");
    gate.directory.write("gate.yaml", &elsewhere);
    until("the files are missing", || reloads("refused") > 0.0);
    let before = reloads("applied");
    issued(&["a.example"]).write(&gate.directory, "late");
    until("they are there", || reloads("applied") > before);
}
