//! `natter`: Natter and its link preview service on two loopback ports, until interrupted.
//!
//! It never listens beyond the loopback interface: it has no security of its own, on purpose.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;

use natter::{Database, Error, LinkPreview, LinkPreviewOptions, Natter, Options};

/// Where Natter listens when `NATTER_PORT` does not say.
const PORT: u16 = 8081;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let preview = LinkPreview::start(LinkPreviewOptions::on_loopback()?).await?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port())).map_err(Error::Listen)?;
    let options = Options {
        listener,
        database: database(),
        link_preview: Some(preview.address),
        seed: true,
    };
    let natter = Natter::start(options).await?;
    println!(
        "natter: http://{} (link previews: http://{}); Ctrl-C ends it",
        natter.address, preview.address
    );
    tokio::signal::ctrl_c().await.map_err(Error::Listen)?;
    natter.shutdown().await;
    preview.shutdown().await;
    Ok(())
}

fn port() -> u16 {
    std::env::var("NATTER_PORT")
        .ok()
        .and_then(|port| port.parse().ok())
        .unwrap_or(PORT)
}

/// The file that the first argument names, or none. An option is no file.
fn database() -> Database {
    let Some(file) = std::env::args_os().nth(1) else {
        return Database::Memory;
    };
    if file.as_encoded_bytes().starts_with(b"-") {
        eprintln!("usage: natter [FILE]; without a file the database is in memory; NATTER_PORT is the port");
        std::process::exit(2);
    }
    Database::File(PathBuf::from(file))
}
