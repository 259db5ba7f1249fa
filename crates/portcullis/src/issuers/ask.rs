//! Asks issuers about tokens (RFC 7662), on a thread of its own.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_contract::document::Problem;
use portcullis_gateway::issuer::{Ask, Reply};
use portcullis_identity::introspection::ANSWER_BYTES_MAX;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, StatusCode, Url};
use zeroize::Zeroizing;

use crate::asking::{self, Asker};
use crate::config::introspection::Introspection as Configured;
use crate::files::{self, causes};
use crate::outage::Outage;

/// Where one issuer is asked.
pub(super) struct Endpoint {
    /// What it is called here.
    name: Arc<str>,
    url: Url,
    authorization: HeaderValue,
    client: Client,
    outage: Outage,
}

/// One issuer, asked by the thread; by nobody where there is none.
pub(super) struct Asked {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) asker: Option<Asker>,
}

impl Ask for Asked {
    fn ask(&self, token: &str, reply: Reply) {
        // Where nobody takes it, it is dropped, and with it the reply: there is no answer then.
        let Some(asker) = &self.asker else { return };
        let (endpoint, token) = (Arc::clone(&self.endpoint), token.to_owned());
        asker.run(async move {
            let said = endpoint.ask(&token).await;
            let said = said.and_then(|octets| reply.answer(&octets).map_err(|unreadable| unreadable.to_string()));
            endpoint.tell(said.err());
        });
    }
}

impl Endpoint {
    /// Where an issuer is asked, with the secret for it.
    ///
    /// # Errors
    /// The secret cannot be read, or the URL not be asked.
    pub(super) fn new(name: &Arc<str>, configured: &Configured, location: &str) -> Result<Self, Box<Problem>> {
        let file = &configured.client_secret;
        let problem = |message: String| Box::new(Problem::error(location, file.span, message));
        let authorization = authorization(configured)
            .map_err(|error| problem(format!("cannot use the secret `{}`: {error}", file.value.display())))?;
        let client = files::client_of(
            &configured.url,
            configured.private_address,
            configured.bounds.wait_time_max,
        );
        let client = client.map_err(|error| problem(format!("`{}` cannot be asked: {error}", configured.url)))?;
        Ok(Self {
            name: Arc::clone(name),
            url: configured.url.clone(),
            authorization,
            client,
            outage: Outage::default(),
        })
    }

    /// Whether it is the same place, asked with the same secret.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        self.url == other.url && self.authorization == other.authorization
    }

    /// What the issuer answers about one token, for whoever asks once and waits.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(super) fn ask_now(&self, token: &str) -> Result<Vec<u8>, String> {
        let runtime = asking::runtime().map_err(|error| error.to_string())?;
        runtime.block_on(self.ask(token))
    }

    async fn ask(&self, token: &str) -> Result<Vec<u8>, String> {
        let form = format!("token={}&token_type_hint=access_token", form_encoded(token.as_bytes()));
        let request = self
            .client
            .post(self.url.clone())
            .header(AUTHORIZATION, self.authorization.clone())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form);
        let answer = request.send().await.map_err(|error| causes(&error))?;
        if answer.status() != StatusCode::OK {
            return Err(format!("it answered {}", answer.status()));
        }
        asking::json(answer, ANSWER_BYTES_MAX).await
    }

    /// Tells operators that an issuer does not answer, and that it answers again; once each.
    fn tell(&self, error: Option<String>) {
        match error {
            Some(error) if self.outage.begins() => tracing::error!(
                issuer = &*self.name,
                "it cannot be asked about tokens, which are refused: {error}"
            ),
            None if self.outage.ends() => tracing::info!(issuer = &*self.name, "it can be asked about tokens again"),
            Some(_) | None => {}
        }
    }
}

/// `client_secret_basic`: name and secret are encoded as in a form first (RFC 6749 §2.3.1).
fn authorization(configured: &Configured) -> Result<HeaderValue, String> {
    let secret = asking::secret_line(&configured.client_secret.value)?;
    let name = form_encoded(configured.client_id.as_bytes());
    let both = Zeroizing::new(format!("{name}:{}", form_encoded(&secret)));
    let value = Zeroizing::new(format!("Basic {}", STANDARD.encode(both.as_bytes())));
    let mut value = HeaderValue::from_str(&value).map_err(|error| error.to_string())?;
    value.set_sensitive(true);
    Ok(value)
}

/// One value of `application/x-www-form-urlencoded` (WHATWG URL §5.2).
fn form_encoded(octets: &[u8]) -> String {
    let mut encoded = String::with_capacity(octets.len());
    for octet in octets {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => encoded.push(char::from(*octet)),
            _ => encoded.push_str(&format!("%{octet:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_a_form_is_one_value() {
        for (value, expected) in [
            ("abc-._*", "abc-._*"),
            ("a&token=b", "a%26token%3Db"),
            ("a+b/c==", "a%2Bb%2Fc%3D%3D"),
            ("a b:c%\u{e9}", "a%20b%3Ac%25%C3%A9"),
        ] {
            assert_eq!(form_encoded(value.as_bytes()), expected, "{value}");
        }
    }
}
