//! Entries are what they were when they are read again, and OCSF events when they are exported.

use serde_json::json;

use super::*;

fn whole() -> Entry<'static> {
    Entry {
        activity_id: activity("GET"),
        metadata: Metadata {
            event_code: Event::Request,
            correlation_uid: Some("00000000000000000000000001".into()),
        },
        actor: Some(Actor {
            user: Some(User {
                uid: "alice".into(),
                kind: Some("user".into()),
                domain: Some("main".into()),
                credential_uid: Some("hmac-sha256:k:abc".into()),
            }),
            app_uid: Some("web".into()),
        }),
        src_endpoint: Some(Endpoint {
            ip: Some("192.0.2.7".into()),
            ..Endpoint::default()
        }),
        api: Some(Api {
            operation: "getAccount".into(),
            service: Service { name: "bank".into() },
        }),
        http_request: Some(HttpRequest {
            http_method: "GET".into(),
            url: Url {
                path: "/accounts/\"7\"".into(),
                query_string: None,
            },
            user_agent: None,
            length: Some(0),
        }),
        http_response: Some(HttpResponse { code: 403, length: 120 }),
        action_id: Some(2),
        status_id: Some(2),
        status_code: Some("authorization.denied".into()),
        duration: Some(3),
        ..Entry::new(Event::Request, 1_700_000_000_000)
    }
}

#[test]
fn an_entry_is_read_as_it_was_written() {
    let mut octets = Vec::new();
    whole().write(&mut octets);
    assert_eq!(Entry::read(&octets).unwrap(), whole());
    assert_eq!(whole().principal(), Some("alice"));
    let mut administration = Vec::new();
    Entry::new(Event::Administration, 7).write(&mut administration);
    let text = std::str::from_utf8(&administration).unwrap();
    assert_eq!(
        text,
        r#"{"class_uid":3004,"activity_id":99,"time":7,"metadata":{"event_code":"administration"}}"#
    );
}

#[test]
fn members_of_later_versions_are_passed_over_and_what_is_no_entry_is_not_read() {
    let later =
        br#"{"class_uid":6003,"activity_id":2,"time":1,"metadata":{"event_code":"request","new":{}},"newer":[]}"#;
    assert_eq!(Entry::read(later).unwrap().activity_id, 2);
    let event = br#"{"class_uid":6003,"activity_id":2,"time":1,"metadata":{"event_code":"invented"}}"#;
    assert_eq!(Entry::read(event).unwrap().metadata.event_code, Event::Other);
    for none in ["", "{}", "[]", "null", r#"{"class_uid":6003}"#] {
        assert!(Entry::read(none.as_bytes()).is_err(), "{none}");
    }
}

#[test]
fn an_exported_entry_is_an_event_of_its_class() {
    let mut octets = Vec::new();
    whole().write(&mut octets);
    let event = ocsf(&octets, "gate.example/log", 7).unwrap();
    assert_eq!(event["category_uid"], 6);
    assert_eq!(event["type_uid"], 600_302);
    assert_eq!(event["severity_id"], 2);
    assert_eq!(event["metadata"]["sequence"], 7);
    assert_eq!(event["metadata"]["uid"], "gate.example/log#7");
    assert_eq!(event["api"]["request"]["uid"], "00000000000000000000000001");
    assert_eq!(event["actor"]["user"]["uid"], "alice");
    let mut octets = Vec::new();
    Entry::new(Event::Administration, 7).write(&mut octets);
    let event = ocsf(&octets, "gate.example/log", 8).unwrap();
    assert_eq!(event["type_uid"], 300_499);
    assert_eq!(
        event["entity"],
        json!({"type": "audit-log", "name": "gate.example/log"})
    );
}

#[test]
fn a_value_in_clear_is_never_taken_for_another_form() {
    for text in [
        "alice",
        "",
        "masked:card",
        "hmac-sha256:k:x",
        "clear:x",
        "hpke:",
        "committed:x",
    ] {
        let written = Protected::Clear(text.into()).into_text();
        assert_eq!(Protected::read(&written), Protected::Clear(text.into()), "{text}");
    }
    for form in [
        Protected::Masked("card".into()),
        Protected::Hashed("k:x".into()),
        Protected::Encrypted("k:x".into()),
        Protected::Committed("x".into()),
    ] {
        let written = form.clone().into_text();
        assert_eq!(Protected::read(&written), form);
    }
}

#[test]
fn a_commitment_holds_for_its_value_and_salt_alone() {
    let erasable = Erasable::new("alice", &[7; SALT_BYTES]);
    assert!(erasable.holds());
    let other = Erasable {
        value: "bob".into(),
        ..erasable.clone()
    };
    assert!(!other.holds());
    let salt = Erasable::new("alice", &[8; SALT_BYTES]).salt;
    assert!(!Erasable { salt, ..erasable }.holds());
}

#[track_caller]
fn check_written(entry: &Entry<'_>) {
    let mut octets = Vec::new();
    entry.write(&mut octets);
    let by_serde = serde_json::to_string(entry).unwrap();
    assert_eq!(String::from_utf8(octets).unwrap(), by_serde);
}

#[test]
fn what_is_written_by_hand_is_what_serde_writes() {
    check_written(&whole());
    for event in [
        Event::Opened,
        Event::Request,
        Event::Abandoned,
        Event::Refusals,
        Event::Administration,
        Event::Lost,
    ] {
        check_written(&Entry::new(event, u64::MAX));
    }
    let everything = Entry {
        device: Some(Device { uid: "d".into() }),
        dst_endpoint: Some(Endpoint {
            ip: None,
            hostname: Some("a.example:80".into()),
            instance_uid: Some("gate".into()),
        }),
        http_request: Some(HttpRequest {
            http_method: "GET".into(),
            url: Url {
                path: "/\u{1}\\\"\u{7f}ü\u{2028}".into(),
                query_string: Some("".into()),
            },
            user_agent: Some("\n".into()),
            length: None,
        }),
        status_detail: Some("/a/b".into()),
        count: Some(0),
        start_time: Some(9),
        end_time: Some(10),
        entity: Some(Entity {
            kind: "key".into(),
            name: Some("k".into()),
        }),
        comment: Some("made".into()),
        unmapped: Some(Unmapped {
            control: Some("rate".into()),
            determining: vec!["cedar:a".into(), "roles:b".into()],
            fields: vec![("a".into(), "1".into()), ("b".into(), "\"".into())],
            opened: Some(7),
            decisions: vec![json!({"decision": true, "n": [1.5, null]})],
        }),
        ..whole()
    };
    check_written(&everything);
}

proptest::proptest! {
    #[test]
    fn any_text_is_written_as_serde_writes_it(text in ".{0,40}", number: u64) {
        let mut entry = whole();
        entry.comment = Some(text.as_str().into());
        entry.duration = Some(number);
        check_written(&entry);
    }
}
