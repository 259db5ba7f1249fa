//! Entries to those who read them elsewhere: nothing is left out, whatever breaks.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use portcullis_audit_log::journal::SEGMENT_ENTRIES;
use serde_json::Value;

use super::peers::{Authority, Manner, Receiver, Web};
use super::*;
use crate::config::audit_log::exports::{ExportFile, ExportFormat, Syslog};
use crate::config::upstream_tls::{Tls, Trust};

fn file(log: &Log, format: ExportFormat, file_bytes_max: u64, files_max: Option<usize>) -> ExportFile {
    fs::create_dir_all(log.directory.join("out")).unwrap();
    ExportFile {
        path: log.directory.join("out/audit.jsonl"),
        format,
        file_bytes_max,
        files_max,
    }
}

/// The lines of the file and of the full ones, those first that were written first.
fn lines(log: &Log) -> Vec<String> {
    let mut paths: Vec<PathBuf> = fs::read_dir(log.directory.join("out"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    // The one that has no index yet is the last.
    paths.sort_by_key(|path| (path.extension().is_some_and(|end| end == "jsonl"), path.clone()));
    let texts = paths.iter().map(|path| read(path));
    texts
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

fn index_of(line: &str) -> u64 {
    let line: Value = serde_json::from_str(line).unwrap();
    let index = line.get("index").or_else(|| line.pointer("/metadata/sequence"));
    index.and_then(Value::as_u64).unwrap()
}

fn sent(log: &Log, size: u64) -> bool {
    log.metric("portcullis_audit_log_export_lag_entries{export=\"there\"}") == Some(0)
        && read(&log.folder().join("cursors/there.next")) == format!("{size}\n")
}

#[test]
fn a_line_is_the_entry_octet_for_octet() {
    let mut log = Log::new("lines");
    log.grow(300);
    let delivery = log.exports(ExportTo::File(file(&log, ExportFormat::Entry, u64::MAX, None)));
    until("all is sent", || sent(&log, 300));
    log.grow(400);
    delivery.published(700);
    until("the rest is sent", || sent(&log, 700));
    assert_eq!(delivery.exported(), Some(700));
    let expected = (0..700).map(|index| {
        let entry = String::from_utf8(entry(index)).unwrap();
        format!("{{\"index\":{index},\"entry\":{entry}}}")
    });
    assert!(lines(&log).into_iter().eq(expected));
    drop(delivery);
    log.is_whole();
}

#[test]
fn a_full_file_gives_way_to_another_and_the_oldest_go() {
    let mut log = Log::new("rotation");
    log.grow(5000);
    let settings = file(&log, ExportFormat::Ocsf, 400_000, None);
    let delivery = log.exports(ExportTo::File(settings.clone()));
    until("all is sent", || sent(&log, 5000));
    let indices: Vec<u64> = lines(&log).iter().map(|line| index_of(line)).collect();
    assert!(indices.into_iter().eq(0..5000), "in order, and once each");
    let out = log.directory.join("out");
    let count = || fs::read_dir(&out).unwrap().count();
    assert!(count() > 3, "{}", count());
    drop(delivery);
    log.grow(5000);
    let settings = ExportFile {
        files_max: Some(2),
        ..settings
    };
    let _delivery = log.exports(ExportTo::File(settings));
    until("all is sent", || sent(&log, 10_000));
    assert_eq!(count(), 3, "the file, and two full ones");
    assert_eq!(lines(&log).last().map(|line| index_of(line)), Some(9999));
}

#[test]
fn what_a_crash_left_of_a_line_is_cut_off_and_sent_again() {
    let mut log = Log::new("torn");
    log.grow(10);
    let settings = ExportTo::File(file(&log, ExportFormat::Entry, u64::MAX, None));
    drop(log.exports(settings.clone()));
    let path = log.directory.join("out/audit.jsonl");
    let (whole, cursor) = (read(&path), log.folder().join("cursors/there.next"));
    assert_eq!(whole.lines().count(), 10);
    fs::write(&path, &whole.as_bytes()[..whole.len() - 20]).unwrap();
    fs::write(&cursor, "9\n").unwrap();
    drop(log.exports(settings.clone()));
    assert_eq!(read(&path), whole);
    // What is no line of ours is not cut off.
    fs::write(&path, "something else").unwrap();
    fs::write(&cursor, "0\n").unwrap();
    drop(log.exports(settings));
    assert_eq!(read(&path), "something else");
    assert_eq!(read(&cursor), "0\n");
}

/// Settings for a receiver, with a client certificate.
fn syslog(log: &Log, authority: &Authority, address: SocketAddr) -> Syslog {
    let (certificate, key) = authority.issue("gate");
    let write = |name: &str, text: &str| {
        use std::os::unix::fs::PermissionsExt as _;
        let path = log.directory.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        placed(path)
    };
    let identity = (
        write("gate.pem", &certificate.pem()),
        write("gate.key", &key.serialize_pem()),
    );
    let tls = Tls {
        trust: Trust::File(write("ca.pem", &authority.certificate)),
        name: "localhost".try_into().unwrap(),
        identity: Some(identity),
        tls_1_2: false,
        span: Span::default(),
    };
    Syslog {
        host: address.ip().to_string(),
        port: address.port(),
        tls: Some(tls),
        confirms: true,
        wait_time_max: Duration::from_secs(2),
    }
}

fn index_of_message(message: &str) -> u64 {
    let (_, rest) = message.split_once(" index=\"").unwrap();
    rest.split_once('"').unwrap().0.parse().unwrap()
}

#[test]
fn syslog_loses_nothing_with_connections_that_break() {
    let (mut log, authority) = (Log::new("syslog"), Authority::new());
    log.grow(3000);
    let reserved = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = reserved.local_addr().unwrap();
    drop(reserved);
    // Nobody listens yet.
    let delivery = log.exports(ExportTo::Syslog(syslog(&log, &authority, address)));
    let failures = "portcullis_audit_log_deliveries_failed_total{kind=\"export\",to=\"there\"}";
    until("it fails", || log.metric(failures) >= Some(1));
    let manners = vec![
        Manner::BreaksAfter(10_000),
        Manner::EndsInSilence,
        Manner::BreaksAfter(1),
    ];
    let receiver = Receiver::start(TcpListener::bind(address).unwrap(), &authority, manners);
    until("all is sent", || sent(&log, 3000));
    let messages = receiver.messages();
    assert!(all_of(3000, messages.iter().map(|message| index_of_message(message))));
    assert!(
        messages[0].starts_with("<110>1 2027-01-15T08:00:00.000Z "),
        "{}",
        messages[0]
    );
    assert!(log.metric(failures) >= Some(4), "{}", log.metrics());
    drop(delivery);
}

#[test]
fn a_receiver_that_ends_in_silence_is_not_believed() {
    let (mut log, authority) = (Log::new("silence"), Authority::new());
    log.grow(10);
    let manners = vec![Manner::EndsInSilence; 100];
    let receiver = Receiver::start(TcpListener::bind("127.0.0.1:0").unwrap(), &authority, manners);
    let settings = syslog(&log, &authority, receiver.address);
    let delivery = log.exports(ExportTo::Syslog(settings.clone()));
    let failures = "portcullis_audit_log_deliveries_failed_total{kind=\"export\",to=\"there\"}";
    until("it fails again", || log.metric(failures) >= Some(2));
    assert!(!sent(&log, 10));
    drop(delivery);
    // Unless it is said that it need not confirm.
    let settings = Syslog {
        confirms: false,
        ..settings
    };
    let _delivery = log.exports(ExportTo::Syslog(settings));
    until("all is sent", || sent(&log, 10));
}

#[test]
fn a_receiver_that_nobody_vouches_for_gets_nothing() {
    let (mut log, authority) = (Log::new("vouched"), Authority::new());
    log.grow(10);
    let receiver = Receiver::start(TcpListener::bind("127.0.0.1:0").unwrap(), &Authority::new(), Vec::new());
    let settings = syslog(&log, &authority, receiver.address);
    drop(log.exports(ExportTo::Syslog(settings)));
    assert_eq!(receiver.messages(), Vec::<String>::new());
    assert_eq!(read(&log.folder().join("cursors/there.next")), "");
}

/// The indices of the records of a request to a collector.
fn indices_of_records(body: &[u8]) -> Vec<u64> {
    let body: Value = serde_json::from_slice(body).unwrap();
    let records = body.pointer("/resourceLogs/0/scopeLogs/0/logRecords").unwrap();
    let records = records.as_array().unwrap().iter();
    let index = |record: &Value| {
        let attributes = record.get("attributes").unwrap().as_array().unwrap();
        let named = attributes
            .iter()
            .find(|attribute| attribute["key"] == "portcullis.audit_log.index");
        named.unwrap()["value"]["intValue"].as_str().unwrap().parse().unwrap()
    };
    records.map(index).collect()
}

#[test]
fn a_collector_that_fails_is_sent_everything_after_a_restart_too() {
    let mut log = Log::new("collector");
    log.grow(1200);
    let taken: Arc<Mutex<Vec<u64>>> = Arc::default();
    let (told, asked) = (Arc::clone(&taken), AtomicUsize::new(0));
    // The second, the third and the fourth request fail, and so does every one of more than 200 records.
    let collector = Web::answering(move |path, body| {
        assert_eq!(path, "/v1/logs");
        let number = asked.fetch_add(1, Ordering::Relaxed);
        let indices = indices_of_records(body);
        if (1..4).contains(&number) {
            return (503, Vec::new());
        }
        if indices.len() > 200 {
            return (413, Vec::new());
        }
        told.lock().unwrap().extend(indices);
        (200, b"{}".to_vec())
    });
    let settings = ExportTo::Otlp(endpoint(&collector.url("/v1/logs")));
    let delivery = log.exports(settings.clone());
    until("some are sent", || !taken.lock().unwrap().is_empty());
    drop(delivery);
    log.grow(300);
    let delivery = log.exports(settings);
    until("all is sent", || sent(&log, 1500));
    assert!(all_of(1500, taken.lock().unwrap().iter().copied()));
    drop(delivery);
}

#[test]
fn who_takes_nothing_holds_up_nobody_and_not_the_end() {
    let mut log = Log::new("slow");
    log.grow(10);
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let silent = Web::answering(move |_, _| {
        // Until the test ends.
        let _ended = released.lock().unwrap().recv();
        (200, Vec::new())
    });
    let slow = Endpoint {
        wait_time_max: Duration::from_secs(30),
        ..endpoint(&silent.url("/v1/logs"))
    };
    let settings = exporting(vec![
        ("slow", ExportTo::Otlp(slow)),
        ("there", ExportTo::File(file(&log, ExportFormat::Entry, u64::MAX, None))),
    ]);
    let delivery = log.deliver(&settings);
    until("the other one has all", || sent(&log, 10));
    let begun = Instant::now();
    log.grow(10);
    delivery.published(20);
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "whoever publishes does not wait"
    );
    until("the other one has all", || sent(&log, 20));
    assert_eq!(
        log.metric("portcullis_audit_log_export_lag_entries{export=\"slow\"}"),
        Some(20)
    );
    assert_eq!(delivery.exported(), Some(0), "nothing is removed that it needs");
    let begun = Instant::now();
    drop(delivery);
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    drop(release);
}

#[test]
fn a_log_that_was_rolled_back_is_not_sent_as_if_it_were_new() {
    let mut log = Log::new("rolled-back");
    log.grow(10);
    let settings = ExportTo::File(file(&log, ExportFormat::Entry, u64::MAX, None));
    fs::create_dir_all(log.folder().join("cursors")).unwrap();
    fs::write(log.folder().join("cursors/there.next"), "11\n").unwrap();
    let delivery = log.exports(settings.clone());
    let failures = "portcullis_audit_log_deliveries_failed_total{kind=\"export\",to=\"there\"}";
    until("it fails", || log.metric(failures) >= Some(1));
    drop(delivery);
    assert_eq!(lines(&log), Vec::<String>::new());
    // And what is no number is no beginning.
    fs::write(log.folder().join("cursors/there.next"), "x\n").unwrap();
    let cosigned: Cosigned = Arc::new(|_, _| {});
    let settings = exporting(vec![("there", settings)]);
    assert!(Delivery::start(&settings, &log.folder(), known(), &log.registry, &cosigned).is_err());
}

#[test]
fn what_was_removed_before_it_was_sent_is_left_out_and_counted() {
    let mut log = Log::new("removed");
    log.grow(SEGMENT_ENTRIES + 10);
    log.writer.prune(SEGMENT_ENTRIES, NOW).unwrap();
    let _delivery = log.exports(ExportTo::File(file(&log, ExportFormat::Entry, u64::MAX, None)));
    until("all is sent", || sent(&log, SEGMENT_ENTRIES + 10));
    let indices: BTreeSet<u64> = lines(&log).iter().map(|line| index_of(line)).collect();
    assert!(indices.into_iter().eq(SEGMENT_ENTRIES..SEGMENT_ENTRIES + 10));
    let failures = "portcullis_audit_log_deliveries_failed_total{kind=\"export\",to=\"there\"}";
    assert_eq!(log.metric(failures), Some(1));
}
