//! What asking somebody elsewhere takes: a thread with a runtime of its own, on which every question is a task; whole answers, within
//! bounds; and a secret that says who asks.
//!
//! Not the workers' own client: whoever is asked is no upstream, has no contract and no balance, and is reached under the guard of
//! everything that is fetched; and all workers share one question. Not a pool of threads either: what waits here is a socket, and as
//! many questions wait as may be open.

use std::io;
use std::path::Path;
use std::pin::Pin;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Response;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use zeroize::Zeroizing;

use crate::config::elsewhere::AskedAs;
use crate::files::{self, causes};

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The thread that asks. It ends when nobody can ask any more.
#[derive(Clone)]
pub(crate) struct Asker {
    // As many as may be open wait here at most: the gate counts them.
    tasks: UnboundedSender<Task>,
}

impl Asker {
    /// Starts it, under this name.
    ///
    /// # Errors
    /// There are no threads.
    pub(crate) fn start(name: &str) -> io::Result<Self> {
        let runtime = runtime()?;
        let (tasks, told) = mpsc::unbounded_channel();
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || runtime.block_on(run_until_the_end(told)))?;
        Ok(Self { tasks })
    }

    /// Runs it there. Where the thread has ended it is dropped.
    pub(crate) fn run(&self, task: impl Future<Output = ()> + Send + 'static) {
        let _ended = self.tasks.send(Box::pin(task));
    }
}

async fn run_until_the_end(mut told: UnboundedReceiver<Task>) {
    while let Some(task) = told.recv().await {
        tokio::spawn(task);
    }
}

/// A runtime for one thread.
///
/// # Errors
/// The system has none.
pub(crate) fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// The JSON that was answered, within its bound; the client sees to the time.
///
/// # Errors
/// It is no `application/json`, has more bytes than that, or breaks off.
pub(crate) async fn json(mut answer: Response, bytes_max: usize) -> Result<Vec<u8>, String> {
    if !is_json(&answer) {
        return Err("what it answered is no `application/json`".to_owned());
    }
    let mut octets = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| causes(&error))? {
        octets.extend_from_slice(&chunk);
        if octets.len() > bytes_max {
            return Err(format!("what it answered has more than {bytes_max} bytes"));
        }
    }
    Ok(octets)
}

fn is_json(answer: &Response) -> bool {
    let mut said = answer.headers().get_all(CONTENT_TYPE).iter();
    let (Some(said), None) = (said.next(), said.next()) else {
        return false;
    };
    let essence = said
        .to_str()
        .ok()
        .and_then(|said| said.split(';').next())
        .map(str::trim);
    essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"))
}

/// The only line of a secret's file.
///
/// # Errors
/// It cannot be read, others have rights to it, or it is not one line of text.
pub(crate) fn secret_line(file: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let octets = files::secret(file)?;
    let secret = octets.trim_ascii_end();
    if secret.is_empty() || secret.iter().any(u8::is_ascii_control) {
        return Err("it is not one line of text".to_owned());
    }
    Ok(Zeroizing::new(secret.to_vec()))
}

/// The field that says who asks.
///
/// # Errors
/// Its secret cannot be used.
pub(crate) fn authorization(credentials: &AskedAs) -> Result<(HeaderName, HeaderValue), String> {
    let secret = secret_line(&credentials.file().value)?;
    let (name, text) = match credentials {
        AskedAs::Bearer(_) => (AUTHORIZATION, [b"Bearer ", secret.as_slice()].concat()),
        AskedAs::Basic(user, _) => {
            let both = Zeroizing::new([user.as_bytes(), b":", secret.as_slice()].concat());
            (
                AUTHORIZATION,
                format!("Basic {}", STANDARD.encode(both.as_slice())).into_bytes(),
            )
        }
        AskedAs::Header(name, _) => (name.clone(), secret.to_vec()),
    };
    let text = Zeroizing::new(text);
    let mut value = HeaderValue::from_bytes(&text).map_err(|error| error.to_string())?;
    value.set_sensitive(true);
    Ok((name, value))
}
