//! The Natter API: an example with no security of its own, on purpose.
//!
//! Natter is a small social network: users, spaces, messages, members, sharing, moderation, a request log and link
//! previews. It is what a gate is tested against. Every weakness is deliberate, marked `Weakness` where it stands,
//! listed in `WEAKNESSES.md` and proved by an exploit in [`exploits`].
//!
//! Never run it anywhere but on a loopback address, and never copy its handlers: it trusts whatever a client says.
//! It never authenticates, authorizes or validates; those are the gate's: it reads who calls from a token that it does not verify, as
//! is right behind a gate that did, and wrong anywhere else.

mod answer;
mod caller;
mod database;
mod events;
mod exploit;
mod failure;
mod fetch;
mod input;
mod link_preview;
mod logs;
mod members;
mod messages;
mod moderation;
mod password;
mod rewrite;
mod routes;
mod seed;
mod serve;
mod sharing;
mod spaces;
mod users;

pub use database::Database;
pub use exploit::{Exploit, Level, Proof, StoppedBy, exploits};
pub use link_preview::{LinkPreview, LinkPreviewOptions};
pub use seed::{SPACE_NAMES, USERS};
pub use serve::{Error, Running};

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// The contract of the API (OpenAPI 3.1, YAML), for those who embed Natter.
pub const CONTRACT: &str = include_str!("../natter.openapi.yaml");

/// Which objects its operations are about (OpenAPI Overlay 1.1), for those who decide what callers may do.
pub const OVERLAY: &str = include_str!("../natter.overlay.yaml");

/// What callers may do with them: policies (Cedar).
pub const POLICIES: &str = include_str!("../natter.cedar");

/// What belongs to whom in a fresh Natter: entities (Cedar's JSON).
pub const ENTITIES: &str = include_str!("../natter.entities.json");

/// What [`Natter::start`] needs.
#[derive(Debug)]
pub struct Options {
    /// Where to serve. Keep it on a loopback address.
    pub listener: TcpListener,
    /// Where users, spaces and messages live.
    pub database: Database,
    /// The link preview service. Without one, messages that are links have no preview.
    pub link_preview: Option<SocketAddr>,
    /// Whether an empty database is filled with [`USERS`], [`SPACE_NAMES`] and a few messages.
    pub seed: bool,
}

impl Options {
    /// A free loopback port, a seeded database in memory, no link previews.
    ///
    /// # Errors
    /// When no loopback port can be bound.
    pub fn on_loopback() -> Result<Self, Error> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::Listen)?;
        Ok(Self {
            listener,
            database: Database::Memory,
            link_preview: None,
            seed: true,
        })
    }
}

/// The API itself; see [`Natter::start`].
#[derive(Debug)]
pub struct Natter;

impl Natter {
    /// Starts to serve and returns at once. It must be called within a tokio runtime with I/O and time enabled, of
    /// either flavour; it serves as long as that runtime runs, or until [`Running::shutdown`].
    ///
    /// # Errors
    /// When the database cannot be opened or filled, or the listener cannot be used.
    pub async fn start(options: Options) -> Result<Running, Error> {
        let store = database::Store::open(&options.database).map_err(Error::Database)?;
        if options.seed {
            seed::fill(&store).map_err(Error::Database)?;
        }
        let events = events::Hub::default();
        let app = routes::App::new(store, events.clone(), options.link_preview);
        serve::run(options.listener, routes::natter(app), move || events.close())
    }
}
