//! Sends a body to a URL that the operator named, on the thread that asks for it: within bounds of size and time, without redirects.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Client, Response, Url};
use tokio::runtime::Runtime;

use crate::asking;
use crate::config::audit_log::delivery::Endpoint;
use crate::files::{self, causes};

/// Sends to one URL.
pub(super) struct Sender {
    runtime: Runtime,
    client: Client,
    url: Url,
    credentials: Option<(HeaderName, HeaderValue)>,
}

/// What was answered.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Sender {
    /// Reads what it takes, and sends nothing yet.
    ///
    /// # Errors
    /// The secret cannot be read, or the URL not be asked.
    pub(super) fn open(endpoint: &Endpoint) -> Result<Self, String> {
        let credentials = endpoint.credentials.as_ref().map(|credentials| {
            let file = credentials.file().value.display();
            asking::authorization(credentials).map_err(|error| format!("cannot use the secret `{file}`: {error}"))
        });
        let url = endpoint.url.value.clone();
        Ok(Self {
            runtime: asking::runtime().map_err(|error| error.to_string())?,
            client: files::client_of(&url, endpoint.private_address, endpoint.wait_time_max)?,
            url,
            credentials: credentials.transpose()?,
        })
    }

    /// Sends a body, and waits for the answer no longer than that.
    ///
    /// # Errors
    /// There is none in time, or it has more than `bytes_max`.
    pub(super) fn post(
        &self,
        kind: &'static str,
        body: Vec<u8>,
        bytes_max: usize,
        time_max: Duration,
    ) -> Result<Answer, String> {
        let mut request = self.client.post(self.url.clone()).header(CONTENT_TYPE, kind).body(body);
        if let Some((name, value)) = &self.credentials {
            request = request.header(name, value.clone());
        }
        let exchange = async move {
            let answer = request.send().await.map_err(|error| causes(&error))?;
            let status = answer.status().as_u16();
            let body = within(answer, bytes_max).await?;
            Ok(Answer { status, body })
        };
        // Its timer is the runtime's, so it is made on it.
        let within_time = async { tokio::time::timeout(time_max, exchange).await };
        let answered = self.runtime.block_on(within_time);
        answered.unwrap_or_else(|_| Err("no answer in time".to_owned()))
    }
}

async fn within(mut answer: Response, bytes_max: usize) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| causes(&error))? {
        body.extend_from_slice(&chunk);
        if body.len() > bytes_max {
            return Err(format!("what it answered has more than {bytes_max} bytes"));
        }
    }
    Ok(body)
}
