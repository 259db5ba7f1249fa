use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use super::*;
use crate::assemble::Running;
use crate::config;
use crate::config::checked::Configuration;
use crate::observations::Recorder;

const NATTER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/natter/natter.openapi.yaml");

/// What the service answers, by the beginning of the request line: the head, and the body.
const ANSWERS: [(&str, &str, &str); 3] = [
    (
        "POST /users",
        "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nLocation: /users/1\r\n",
        r#"{"id": 1, "username": "jane", "created_at": "2026-01-01T00:00:00Z", "password_hash": "x", "note": {"a": 1}}"#,
    ),
    (
        "GET /users?",
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n",
        "[]",
    ),
    ("GET /spaces", "HTTP/1.1 202 Accepted\r\n", ""),
];

/// What is sent, and what of it the contract does not permit.
fn requests() -> Vec<String> {
    let post = |target: &str, kind: &str, body: &str| {
        let length = body.len();
        format!(
            "POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}"
        )
    };
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    vec![
        post(
            "/users?debug=1",
            "application/json",
            r#"{"username": "jane", "password": "correct horse battery staple", "is_admin": true, "id": 7}"#,
        ),
        post(
            "/users",
            "application/json",
            r#"{"username": "jane", "password": "short"}"#,
        ),
        post("/users", "application/json", r#"{"username": "jane"}"#),
        post("/users", "application/vnd.natter+json", "{}"),
        get("/users?limit=100000&page=2"),
        get("/spaces"),
    ]
}

/// A service that gives the same answers for ever.
fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

fn serve(mut stream: TcpStream) {
    let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        seen.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&seen).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() < length.unwrap_or(0) {
            continue;
        }
        let (_, head, body) = ANSWERS.iter().find(|(line, ..)| text.starts_with(line)).unwrap();
        write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        seen.clear();
    }
}

fn configuration(contract: &str, mode: &str, upstream: SocketAddr, directory: &Path) -> Configuration {
    let text = format!(
        "listen: 127.0.0.1:0\nworkers: 1\nobserve: {{file: {}/seen.jsonl}}\napis:\n  - contract: {contract}\n    name: natter\n    \
         upstream: http://{upstream}\n    dangerous_unverified_schemes: true\n    policy:\n      modes: {{contract_in: {mode}, contract_out: {mode}}}\n",
        directory.display()
    );
    config::read("gate.yaml", text.as_bytes()).usable().unwrap().0
}

/// Serves until every request is answered; gives the statuses.
fn exchange(configuration: Configuration) -> Vec<u16> {
    let apis = contracts::load_all(&configuration, "gate.yaml").unwrap();
    let observe = configuration.observe.clone().unwrap();
    let running = Running::start(configuration, apis).unwrap();
    let recorder = Recorder::start(observe, running.observations());
    let address = running.addresses()[0];
    let statuses = requests().into_iter().map(|request| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    });
    let statuses = statuses.collect();
    drop(recorder);
    running.stop().unwrap();
    statuses
}

#[test]
fn the_overlay_permits_what_was_seen() {
    let directory = std::env::temp_dir().join(format!("portcullis-observe-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let upstream = upstream();
    assert_eq!(
        exchange(configuration(NATTER, "enforce", upstream, &directory)),
        [400, 400, 400, 415, 400, 502],
        "all of it is refused"
    );
    let observing = configuration(NATTER, "observe", upstream, &directory);
    let apis = contracts::load_all(&observing, "gate.yaml").unwrap();
    assert_eq!(
        exchange(observing),
        [201, 201, 201, 201, 200, 202],
        "observing refuses nothing"
    );
    let lines = observations::read(&directory.join("seen.jsonl")).unwrap();
    let causes = causes(&apis, lines);
    let told = anstream::adapter::strip_str(&tell::text(&causes)).to_string();
    insta::assert_snapshot!("report", told.replace(NATTER, "natter.openapi.yaml"));
    let overlay = overlay::yaml("natter", causes.iter());
    insta::assert_snapshot!("overlay", overlay);

    let written = directory.join("overlay.yaml");
    std::fs::write(&written, overlay).unwrap();
    let mut permitting = configuration(NATTER, "enforce", upstream, &directory);
    permitting.apis[0].overlays.push(written);
    let statuses = exchange(permitting);
    std::fs::remove_dir_all(&directory).unwrap();
    assert_eq!(statuses, [201, 201, 201, 201, 200, 202], "the overlay permits it all");
}
