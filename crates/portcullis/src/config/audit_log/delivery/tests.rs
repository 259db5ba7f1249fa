use std::path::PathBuf;

use super::*;
use crate::config::audit_log::checkpoints::GitBranch;
use crate::config::audit_log::exports::ExportFormat;
use crate::config::{Reading, read};

const WITNESS: &str = "witness.example/w+b9eb7b1f+BHbc7GPDBvMvRoRCne30EmPcEaCEV8oCZSt46TCEVTV+";
/// The same key, for notes.
const OF_NOTES: &str = "witness.example/w+b65af14e+AXbc7GPDBvMvRoRCne30EmPcEaCEV8oCZSt46TCEVTV+";

fn reading(settings: &str) -> Reading {
    let text = format!(
        "listen: 127.0.0.1:8080\napis: [{{contract: a.yaml, upstream: 'http://127.0.0.1:9000'}}]\naudit_log: {{path: log, \
         name: gate.example/log, keys: [log.pem], {settings}}}\n"
    );
    read("/etc/gate/gate.yaml", text.as_bytes())
}

fn settled(settings: &str) -> AuditLogDelivery {
    let (configuration, _) = reading(settings).usable().unwrap();
    configuration.audit_log.unwrap().delivery
}

#[test]
fn exports_are_settled() {
    let delivery = settled(
        "exports: [{name: file, file: {path: out/audit.jsonl, format: ocsf, file_bytes_max: 1MiB, files_max: 3}}, \
         {name: siem, syslog: {address: siem.example, tls: {ca: ca.pem, certificate: c.pem, key: c.key}}}, \
         {name: v6, syslog: {address: '[2001:db8::1]', dangerous_plain: true, dangerous_unconfirmed: true}}, \
         {name: otel, otlp: {url: 'https://c.example/v1/logs', credentials: {bearer_file: token}}}]",
    );
    let names: Vec<&str> = delivery.exports.iter().map(|export| &*export.name).collect();
    assert_eq!(names, ["file", "siem", "v6", "otel"]);
    let [file, siem, v6, otel] = &delivery.exports[..] else {
        panic!()
    };
    let ExportTo::File(file) = &file.to else { panic!() };
    assert_eq!(file.path, PathBuf::from("/etc/gate/out/audit.jsonl"));
    assert_eq!(
        (file.format, file.file_bytes_max, file.files_max),
        (ExportFormat::Ocsf, 1 << 20, Some(3))
    );
    let ExportTo::Syslog(siem) = &siem.to else { panic!() };
    assert_eq!((&*siem.host, siem.port, siem.confirms), ("siem.example", 6514, true));
    assert!(siem.tls.is_some());
    let ExportTo::Syslog(v6) = &v6.to else { panic!() };
    assert_eq!((&*v6.host, v6.port, v6.confirms), ("2001:db8::1", 601, false));
    assert!(v6.tls.is_none());
    let ExportTo::Otlp(otel) = &otel.to else { panic!() };
    assert_eq!(
        (otel.url.value.as_str(), otel.wait_time_max.as_secs()),
        ("https://c.example/v1/logs", 5)
    );
    let files: Vec<&Path> = delivery.files().collect();
    let expected = ["ca.pem", "c.pem", "c.key", "token"].map(|file| PathBuf::from("/etc/gate").join(file));
    assert_eq!(files, expected);
}

#[test]
fn places_of_checkpoints_are_settled() {
    let delivery = settled(&format!(
        "checkpoints: {{seconds: 2, places: [{{name: disk, file: ../held/checkpoint}}, {{name: w, witness: {{endpoint: \
         {{url: 'https://w.example/prefix/'}}, keys: '{WITNESS}'}}}}, {{name: g, git: {{remote: 'git@host.example:audit.git'}}}}]}}"
    ));
    assert_eq!(delivery.every, Duration::from_secs(2));
    let [disk, witness, git] = &delivery.places[..] else {
        panic!()
    };
    let CheckpointTo::File(disk) = &disk.to else { panic!() };
    assert_eq!(disk.value, PathBuf::from("/etc/gate/../held/checkpoint"));
    let CheckpointTo::Witness(witness) = &witness.to else {
        panic!()
    };
    assert_eq!(
        witness.endpoint.url.value.as_str(),
        "https://w.example/prefix/add-checkpoint"
    );
    let expected = GitBranch {
        remote: "git@host.example:audit.git".to_owned(),
        branch: "main".to_owned(),
        file: "checkpoint".to_owned(),
    };
    assert_eq!(git.to, CheckpointTo::Git(expected));
}

#[test]
fn what_cannot_be_delivered_to_is_reported() {
    let place = |place: &str| format!("checkpoints: {{places: [{{name: a, {place}}}]}}");
    let export = |export: &str| format!("exports: [{{name: a, {export}}}]");
    let witness = |key: &str| {
        place(&format!(
            "witness: {{endpoint: {{url: 'https://w.example'}}, keys: ['{key}']}}"
        ))
    };
    let git = |remote: &str| place(&format!("git: {{remote: '{remote}'}}"));
    for (settings, expected) in [
        ("exports: [{name: a}]".to_owned(), "entries go to one of"),
        (
            export("file: {path: a}, otlp: {url: 'https://a.example/'}"),
            "entries go to one of",
        ),
        (
            "exports: [{name: a, file: {path: a}}, {name: a, file: {path: b}}]".to_owned(),
            "`a` is there twice",
        ),
        (export("otlp: {url: 'http://a.example/'}"), "is one of `http`"),
        (export("otlp: {url: 'https://u:p@a.example/'}"), "is no URL of https"),
        (export("otlp: {url: a}"), "is no URL of https"),
        (
            export("otlp: {url: 'https://a.example/', wait_seconds_max: 31}"),
            "longer than 30 seconds",
        ),
        (
            export("syslog: {address: a.example, dangerous_plain: true, tls: {ca: a}}"),
            "two ways to send",
        ),
        (place(""), "checkpoints go to one of"),
        (place("file: log/held/checkpoint"), "is held where the log is"),
        (place("file: x/../log/checkpoint"), "is held where the log is"),
        (witness("x"), "is no key of a witness"),
        (witness(OF_NOTES), "not of cosignatures"),
        (git("ext::sh -c true"), "is no repository that is pushed to"),
        (git("audit.git"), "is no repository that is pushed to"),
        (git("-x@host:y"), "is no repository that is pushed to"),
        (
            git("https://u:p@host.example/audit.git"),
            "is no repository that is pushed to",
        ),
        (
            place("git: {remote: /srv/a.git, branch: a..b}"),
            "is no name in a Git repository",
        ),
        (
            place("git: {remote: /srv/a.git, file: .git}"),
            "is no name in a Git repository",
        ),
    ] {
        let problems = reading(&settings).problems;
        let messages: Vec<&str> = problems.iter().map(|problem| &*problem.message).collect();
        assert!(
            messages.len() == 1 && messages[0].contains(expected),
            "{settings}: {messages:?}"
        );
    }
}
