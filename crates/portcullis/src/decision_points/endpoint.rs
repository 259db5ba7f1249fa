//! One endpoint that is asked when something is decided: by `GET` about a resource, or by `POST` with a question.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portcullis_contract::document::Problem;
use portcullis_decision::{attributes, elsewhere};
use portcullis_gateway::decisions::questions::{Answered, Ask, Matter, Reply};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Client, RequestBuilder, StatusCode, Url};

use crate::asking::{self, Asker};
use crate::config::elsewhere::{Asked as Configured, Template};
use crate::files::{self, causes};
use crate::outage::Outage;

/// How large an answer may be, in bytes.
const ANSWER_BYTES_MAX: usize = {
    assert!(
        attributes::ANSWER_BYTES_MAX == elsewhere::ANSWER_BYTES_MAX,
        "one bound for both"
    );
    elsewhere::ANSWER_BYTES_MAX
};
/// How often it is told at most why somebody is denied.
const REMARK_EVERY: Duration = Duration::from_secs(1);

/// Where somebody is asked.
pub(super) struct Endpoint {
    api: Box<str>,
    /// What it is called here.
    name: Box<str>,
    way: Way,
    credentials: Option<(HeaderName, HeaderValue)>,
    client: Client,
    outage: Outage,
    remarked: Mutex<Option<Instant>>,
}

/// How a question is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// As the id of what is asked about.
    Get(Template),
    /// As JSON.
    Post(Url),
}

/// An endpoint, asked on the thread for that; by nobody where there is none.
pub(super) struct Asked {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) asker: Option<Asker>,
}

/// What came of a question.
enum Said {
    Json(Vec<u8>),
    /// Whoever is asked answers, but not this question: there is no such thing.
    Rejected,
}

impl<M: Matter> Ask<M> for Asked {
    fn ask(&self, question: &Arc<str>, reply: Reply<M>) {
        // Where nobody takes it, it is dropped, and with it the reply: there is no answer then.
        let Some(asker) = &self.asker else { return };
        let (endpoint, question) = (Arc::clone(&self.endpoint), Arc::clone(question));
        asker.run(async move {
            let said = endpoint.ask(&question).await;
            let answer = |answered| reply.answer(answered).map_err(|unreadable| unreadable.to_string());
            match said {
                Ok(Said::Json(octets)) => endpoint.tell(answer(Answered::Json(&octets))),
                // Which tells nothing of whether they answer other questions.
                Ok(Said::Rejected) => drop(answer(Answered::Rejected)),
                Err(error) => endpoint.tell(Err(error)),
            }
        });
    }
}

impl Endpoint {
    /// Where somebody is asked, with the secret that says who asks.
    ///
    /// # Errors
    /// The secret cannot be read, or the URL not be asked.
    pub(super) fn new(
        api: &str,
        name: &str,
        way: Way,
        configured: &Configured,
        location: &str,
    ) -> Result<Self, Box<Problem>> {
        let credentials = configured.credentials.as_ref().map(|credentials| {
            let file = credentials.file();
            asking::authorization(credentials).map_err(|error| {
                let message = format!("cannot use the secret `{}`: {error}", file.value.display());
                Box::new(Problem::error(location, file.span, message))
            })
        });
        let url = &configured.url;
        let client = files::client_of(&url.value, configured.private_address, configured.bounds.wait_time_max);
        let client = client.map_err(|error| {
            let host = url.value.host_str().unwrap_or_default();
            Box::new(Problem::error(
                location,
                url.span,
                format!("`{host}` cannot be asked: {error}"),
            ))
        })?;
        Ok(Self {
            api: api.into(),
            name: name.into(),
            way,
            credentials: credentials.transpose()?,
            client,
            outage: Outage::default(),
            remarked: Mutex::default(),
        })
    }

    /// Whether it is the same place, asked with the same secret.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        self.way == other.way && self.credentials == other.credentials
    }

    async fn ask(&self, question: &str) -> Result<Said, String> {
        let Some(request) = self.request(question) else {
            return Ok(Said::Rejected);
        };
        let answer = request.send().await.map_err(|error| causes(&error))?;
        match answer.status() {
            StatusCode::OK => asking::json(answer, ANSWER_BYTES_MAX).await.map(Said::Json),
            // What a caller names must not look like a failure of whoever is asked about it.
            StatusCode::BAD_REQUEST
            | StatusCode::NOT_FOUND
            | StatusCode::GONE
            | StatusCode::URI_TOO_LONG
            | StatusCode::UNPROCESSABLE_ENTITY => Ok(Said::Rejected),
            other => Err(format!("it answered {other}")),
        }
    }

    /// None where nothing can be called so.
    fn request(&self, question: &str) -> Option<RequestBuilder> {
        let request = match &self.way {
            Way::Get(template) => self.client.get(template.url(question)?),
            Way::Post(url) => {
                let request = self.client.post(url.clone());
                request
                    .header(CONTENT_TYPE, "application/json")
                    .body(question.to_owned())
            }
        };
        let request = request.header(ACCEPT, "application/json");
        Some(match &self.credentials {
            Some((name, value)) => request.header(name, value.clone()),
            None => request,
        })
    }

    /// Tells operators that somebody does not answer, and that they answer again, once each; and now and then why they deny.
    fn tell(&self, said: Result<Option<Box<str>>, String>) {
        let (api, asked) = (&*self.api, &*self.name);
        match said {
            Err(error) if self.outage.begins() => {
                tracing::error!(
                    api,
                    asked,
                    "it cannot be asked what callers may do, which is denied: {error}"
                );
            }
            Err(_) => {}
            Ok(remark) => {
                if self.outage.ends() {
                    tracing::info!(api, asked, "it can be asked what callers may do again");
                }
                if let Some(reason) = remark.filter(|_| self.may_remark()) {
                    tracing::info!(api, asked, reason = &*reason, "denied elsewhere");
                }
            }
        }
    }

    fn may_remark(&self) -> bool {
        // Whoever holds it remarks just now.
        let Ok(mut last) = self.remarked.try_lock() else {
            return false;
        };
        let may = last.is_none_or(|last| last.elapsed() >= REMARK_EVERY);
        if may {
            *last = Some(Instant::now());
        }
        may
    }
}
