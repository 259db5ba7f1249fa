use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use portcullis_contract::document::{self, Fetch, Node, Value as Tree};
use serde_json::Value;

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
         upstream: http://{upstream}\n    policy:\n      modes: {{contract_in: {mode}, contract_out: {mode}}}\n",
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

    let contract = directory.join("permitting.json");
    std::fs::write(&contract, applied(&overlay).to_string()).unwrap();
    let permitting = configuration(contract.to_str().unwrap(), "enforce", upstream, &directory);
    let statuses = exchange(permitting);
    std::fs::remove_dir_all(&directory).unwrap();
    assert_eq!(statuses, [201, 201, 201, 201, 200, 202], "the overlay permits it all");
}

/// Natter's contract with an overlay applied.
fn applied(overlay: &str) -> Value {
    struct One(Vec<u8>);
    impl Fetch for One {
        fn fetch(&mut self, _: &str) -> Result<Vec<u8>, String> {
            Ok(self.0.clone())
        }
    }
    let contract = document::load("natter.yaml", &mut One(std::fs::read(NATTER).unwrap())).unwrap();
    let mut contract = plain(contract.root().node);
    let overlay = plain(&document::parse("overlay.yaml", overlay.as_bytes()).unwrap());
    for action in overlay["actions"].as_array().unwrap() {
        let target = action["target"].as_str().unwrap();
        match action.get("update") {
            Some(update) => {
                let target = contract
                    .pointer_mut(&pointer(target))
                    .unwrap_or_else(|| panic!("{target} is there"));
                match target {
                    Value::Array(items) => items.push(update.clone()),
                    object => merged(object, update),
                }
            }
            None => remove(&mut contract, target),
        }
    }
    contract
}

fn remove(contract: &mut Value, target: &str) {
    if let Some((array, text)) = target.split_once("[?@ == '") {
        let text = text.trim_end_matches("']");
        contract
            .pointer_mut(&pointer(array))
            .unwrap()
            .as_array_mut()
            .unwrap()
            .retain(|item| item != text);
        return;
    }
    let pointer = pointer(target);
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    contract
        .pointer_mut(parent)
        .unwrap()
        .as_object_mut()
        .unwrap()
        .shift_remove(name)
        .unwrap();
}

fn merged(into: &mut Value, update: &Value) {
    match (into, update) {
        (Value::Object(into), Value::Object(update)) => {
            for (name, value) in update {
                merged(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, update) => *into = update.clone(),
    }
}

/// A path of names and indexes as an RFC 6901 pointer.
fn pointer(path: &str) -> String {
    let (mut pointer, mut rest) = (String::new(), path.strip_prefix('$').unwrap());
    while !rest.is_empty() {
        let (name, after) = if let Some(quoted) = rest.strip_prefix("['") {
            quoted.split_once("']").unwrap()
        } else if let Some(index) = rest.strip_prefix('[') {
            index.split_once(']').unwrap()
        } else {
            let name = rest.strip_prefix('.').unwrap();
            name.split_at(name.find(['.', '[']).unwrap_or(name.len()))
        };
        pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
        rest = after;
    }
    pointer
}

fn plain(node: &Node) -> Value {
    match &node.value {
        Tree::Null => Value::Null,
        Tree::Bool(truth) => Value::from(*truth),
        Tree::Number(spelling) => serde_json::from_str(spelling).unwrap(),
        Tree::String(text) => Value::from(&**text),
        Tree::Array(items) => items.iter().map(plain).collect(),
        Tree::Object(object) => object
            .iter()
            .map(|(name, value)| (name.to_owned(), plain(value)))
            .collect(),
    }
}
