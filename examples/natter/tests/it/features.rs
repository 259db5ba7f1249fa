//! What Natter is for works: whoever behaves is served.

use http_body_util::BodyExt;
use serde_json::json;

use crate::client::{Stage, send};

#[tokio::test]
async fn users_register_log_in_and_change() {
    let stage = Stage::set().await;
    let body = r#"{"username":"carol","password":"carols-secret-1","display_name":"Carol"}"#;
    let registered = stage.send("POST", "/users", &[], body).await;
    assert_eq!(
        (registered.status, &registered.json()["username"]),
        (201, &json!("carol"))
    );
    assert_eq!(registered.headers["location"], "/users/6");
    assert_eq!(stage.send("POST", "/users", &[], body).await.status, 409);
    let body = r#"{"username":"carol","password":"carols-secret-1"}"#;
    let session = stage.send("POST", "/sessions", &[], body).await;
    assert_eq!((session.status, &session.json()["username"]), (201, &json!("carol")));
    let changed = stage.send("PATCH", "/users/6", &[], r#"{"display_name":"C."}"#).await;
    assert_eq!(changed.json()["display_name"], "C.");
    assert_eq!(stage.get("/users?limit=2").await.json().as_array().unwrap().len(), 2);
    assert_eq!(stage.get("/users/99").await.status, 404);
}

#[tokio::test]
async fn spaces_and_members() {
    let stage = Stage::set().await;
    stage
        .send(
            "POST",
            "/sessions",
            &[],
            r#"{"username":"bob","password":"bob-loves-trains"}"#,
        )
        .await;
    let as_bob = [("authorization", "Bearer natter-session-1")];
    let created = stage.send("POST", "/spaces", &as_bob, r#"{"name":"maps"}"#).await;
    assert_eq!((created.status, &created.json()["owner"]), (201, &json!("bob")));
    assert_eq!(created.headers["location"], "/spaces/4");
    let found = stage.get("/spaces?filter[owner]=bob&filter[name]=maps").await.json();
    assert_eq!((found.as_array().unwrap().len(), &found[0]["id"]), (1, &json!(4)));
    stage
        .send(
            "PUT",
            "/spaces/4/members/alice",
            &[],
            r#"{"permissions":["read","write"]}"#,
        )
        .await;
    let members = stage.get("/spaces/4/members").await.json();
    assert_eq!(
        members[0],
        json!({ "space_id": 4, "username": "alice", "permissions": ["read", "write"] })
    );
    assert_eq!(
        stage.send("DELETE", "/spaces/4/members/alice", &[], "").await.status,
        204
    );
    assert_eq!(
        stage.send("DELETE", "/spaces/4/members/alice", &[], "").await.status,
        404
    );
}

#[tokio::test]
async fn messages_are_posted_listed_exported_and_moderated() {
    let stage = Stage::set().await;
    let body = r#"{"content":{"type":"text","text":"one"},"reply_to":1}"#;
    let key = [("idempotency-key", "11111111-aaaa")];
    let first = stage.send("POST", "/spaces/1/messages", &key, body).await;
    let again = stage.send("POST", "/spaces/1/messages", &key, body).await;
    assert_eq!(
        (first.status, first.json()["id"].clone()),
        (201, again.json()["id"].clone())
    );
    assert_eq!(first.headers["location"], "/spaces/1/messages/6");
    assert_eq!(stage.get("/spaces/1/messages/6").await.json()["content"]["text"], "one");
    assert_eq!(
        stage
            .get("/spaces/1/messages?since=2000-01-01T00:00:00Z")
            .await
            .json()
            .as_array()
            .unwrap()
            .len(),
        4
    );
    assert_eq!(
        stage.get("/spaces/1/messages?since=2999-01-01T00:00:00Z").await.json(),
        json!([])
    );
    let by = stage
        .get("/spaces/1/messages?author=bob&author=alice&order=desc")
        .await
        .json();
    assert_eq!((&by[0]["author"], &by[1]["author"]), (&json!("bob"), &json!("alice")));
    let export = stage.get("/spaces/1/export").await;
    assert!(export.text().contains("alice: Hello, everyone!\n"), "{}", export.text());
    assert_eq!(stage.send("DELETE", "/spaces/1/messages/6", &[], "").await.status, 204);
    assert_eq!(stage.get("/spaces/1/messages/6").await.status, 404);
}

#[tokio::test]
async fn links_get_a_preview() {
    let stage = Stage::set().await;
    let post = |url: &str| format!(r#"{{"content":{{"type":"link","url":"{url}"}}}}"#);
    let message = stage
        .send("POST", "/spaces/1/messages", &[], &post("http://news.example/example"))
        .await;
    assert_eq!(message.json()["content"]["preview"]["title"], "News of the day");
    let none = stage
        .send("POST", "/spaces/1/messages", &[], &post("https://nowhere.invalid/"))
        .await;
    assert_eq!((none.status, &none.json()["content"]["preview"]), (201, &json!(null)));
}

#[tokio::test]
async fn shares_open() {
    let stage = Stage::set().await;
    let body = r#"{"message_id":5,"permissions":["read"]}"#;
    let share = stage.send("POST", "/spaces/3/shares", &[], body).await;
    assert_eq!(share.status, 201);
    let token = share.json()["token"].to_string();
    let opened = stage
        .send("POST", "/shares/open", &[], &format!(r#"{{"token":{token}}}"#))
        .await
        .json();
    assert_eq!(
        (&opened["space"]["id"], opened["messages"].as_array().unwrap().len()),
        (&json!(3), 1)
    );
}

#[tokio::test]
async fn managers_read_the_log() {
    let stage = Stage::set().await;
    stage
        .send(
            "POST",
            "/sessions",
            &[],
            r#"{"username":"demo","password":"demo-password-1"}"#,
        )
        .await;
    stage.get("/spaces/1").await;
    assert_eq!(stage.get("/logs").await.status, 403);
    let as_demo = [("authorization", "Bearer natter-session-1")];
    let log = stage
        .send("GET", "/logs?method=POST,DELETE&limit=5", &as_demo, "")
        .await
        .json();
    assert_eq!(
        (log.as_array().unwrap().len(), &log[0]["target"]),
        (1, &json!("/sessions"))
    );
}

#[tokio::test]
async fn new_messages_are_streamed_and_missed_ones_replayed() {
    let stage = Stage::set().await;
    let headers = [("last-event-id", "2".to_owned())];
    let response = send(stage.natter.address, "GET", "/spaces/1/events", &headers, b"").await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut stream = response.into_body();
    stage
        .send(
            "POST",
            "/spaces/1/messages",
            &[],
            r#"{"content":{"type":"text","text":"news"}}"#,
        )
        .await;
    let mut text = String::new();
    while !text.contains("id: 6\n") {
        let frame = stream.frame().await.unwrap().unwrap();
        text.push_str(&String::from_utf8_lossy(frame.data_ref().unwrap()));
    }
    assert!(
        text.starts_with(": open\n\n") && text.contains("id: 3\n") && text.contains(r#""text":"news""#),
        "{text}"
    );
    let shutdown = tokio::spawn(stage.natter.shutdown());
    assert!(stream.frame().await.is_none(), "a shutdown ends the stream");
    shutdown.await.unwrap();
}

#[test]
fn it_runs_on_a_thread_of_its_own_and_frees_its_port() {
    let address = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let stage = Stage::set().await;
            assert_eq!(stage.get("/spaces").await.status, 200);
            let address = stage.natter.address;
            stage.natter.shutdown().await;
            stage.preview.shutdown().await;
            address
        })
    });
    std::net::TcpListener::bind(address.join().unwrap()).unwrap();
}
