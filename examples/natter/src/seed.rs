//! The users, spaces and messages that a fresh Natter holds.

use rusqlite::params;

use crate::database::Store;
use crate::password;

/// The seeded users: name and password. `demo` is the manager, `maya` moderates.
pub const USERS: [(&str, &str); 5] = [
    ("demo", "demo-password-1"),
    ("alice", "correct horse battery"),
    ("bob", "bob-loves-trains"),
    ("mallory", "mallory-was-here"),
    ("maya", "maya-keeps-order"),
];

/// The seeded spaces, ids 1 to 3 in this order.
pub const SPACE_NAMES: [&str; 3] = ["general", "trains", "alice's diary"];

/// Fills the database when it holds no user.
pub(crate) fn fill(store: &Store) -> Result<(), rusqlite::Error> {
    if !store.rows("SELECT id FROM users LIMIT 1", [])?.is_empty() {
        return Ok(());
    }
    users(store)?;
    spaces(store)?;
    members(store)?;
    messages(store)
}

fn users(store: &Store) -> Result<(), rusqlite::Error> {
    for (name, password) in USERS {
        store.rows(
            "INSERT INTO users (username, display_name, email, password, password_hash, is_admin)
             VALUES (?1, ?1, ?1 || '@natter.example', ?2, ?3, ?1 = 'demo')",
            params![name, password, password::hash(password)],
        )?;
    }
    Ok(())
}

fn spaces(store: &Store) -> Result<(), rusqlite::Error> {
    for (name, owner) in SPACE_NAMES.into_iter().zip(["demo", "bob", "alice"]) {
        store.rows(
            "INSERT INTO spaces (name, owner, internal_note) VALUES (?1, ?2, 'reviewed by demo, plan: free')",
            params![name, owner],
        )?;
    }
    Ok(())
}

fn members(store: &Store) -> Result<(), rusqlite::Error> {
    let members = [
        (1, "demo", r#"["read","write","delete"]"#),
        (1, "alice", r#"["read","write"]"#),
        (1, "bob", r#"["read","write"]"#),
        (1, "mallory", r#"["read"]"#),
        (1, "maya", r#"["read","write","delete"]"#),
        (2, "bob", r#"["read","write","delete"]"#),
        (3, "alice", r#"["read","write","delete"]"#),
    ];
    for (space, name, permissions) in members {
        store.rows(
            "INSERT INTO members VALUES (?1, ?2, ?3)",
            params![space, name, permissions],
        )?;
    }
    Ok(())
}

fn messages(store: &Store) -> Result<(), rusqlite::Error> {
    let messages = [
        (1, "demo", r#"{"type":"text","text":"Welcome to Natter."}"#),
        (1, "alice", r#"{"type":"text","text":"Hello, everyone!"}"#),
        (
            1,
            "bob",
            r#"{"type":"link","url":"http://news.example/example","preview":null}"#,
        ),
        (2, "bob", r#"{"type":"text","text":"The 8:14 is late again."}"#),
        (
            3,
            "alice",
            r#"{"type":"text","text":"Nobody else must ever read this."}"#,
        ),
    ];
    for (space, author, content) in messages {
        store.rows(
            "INSERT INTO messages (space_id, author, content, author_address) VALUES (?1, ?2, ?3, '10.1.2.3')",
            params![space, author, content],
        )?;
    }
    Ok(())
}
