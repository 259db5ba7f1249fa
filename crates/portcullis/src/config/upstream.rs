//! An upstream: a URL alone, or an object with endpoints and bounds; as it is written.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserializer, MapAccess, Visitor};

use super::balance::{Breaker, Canary, Health, Mirror, Resolve, Retries, Sticky};
use super::spanned::Spanned;
use super::text::{Seconds, UpstreamUrl};
use super::upstream_tls::UpstreamTls;

/// An upstream as it is written.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Upstream {
    /// Where it listens, such as `http://127.0.0.1:9000` or `https://orders.internal`. Either this or `endpoints`.
    pub(crate) url: Option<UpstreamUrl>,
    /// Where several listen that stand in for each other: URLs, or objects with weights.
    #[schemars(length(min = 1, max = 256))]
    pub(crate) endpoints: Option<Vec<UrlOr<Endpoint>>>,
    /// How long connecting may take. Default: 2.
    pub(crate) connect_seconds_max: Option<Seconds>,
    /// How long it may take until its answer begins. Default: 30.
    pub(crate) first_byte_seconds_max: Option<Seconds>,
    /// How long it may take until its answer has ended; event streams are exempt. Default: 60.
    pub(crate) total_seconds_max: Option<Seconds>,
    /// How many connections a worker opens to an endpoint. Default: 512.
    #[schemars(range(min = 1, max = 65_535))]
    pub(crate) connections_max: Option<u32>,
    /// How many connections a worker keeps open to an endpoint while nothing is asked. Default: all that it opened.
    #[schemars(range(min = 0, max = 65_535))]
    pub(crate) idle_max: Option<u32>,
    /// How long a connection is kept while nothing is asked. Default: 30.
    pub(crate) idle_seconds_max: Option<Seconds>,
    /// How many requests an endpoint gets at once, from all workers. Default: as many as there are connections.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) requests_max: Option<u32>,
    /// How many requests wait in a worker for a connection to an endpoint. Default: 1024.
    #[schemars(range(min = 0, max = 65_535))]
    pub(crate) waiting_max: Option<u32>,
    /// Whether it gets the caller's `Host` rather than its own name. Default: false.
    pub(crate) preserve_host: Option<bool>,
    /// Whether it is spoken to in HTTP/2: always (in the clear by prior knowledge), or never. Default: as it chooses in the
    /// handshake of TLS, and never in the clear.
    pub(crate) http2: Option<bool>,
    /// TLS to it; only where a URL begins with `https`.
    pub(crate) tls: Option<Spanned<UpstreamTls>>,
    /// What the addresses of a name are. Default: first.
    pub(crate) resolve: Option<Resolve>,
    /// How long addresses are used before their name is looked up again. Default: 10.
    pub(crate) resolve_seconds_max: Option<Seconds>,
    /// How long an endpoint that is new or back gets less than its share. Default: none, it has its share at once.
    pub(crate) slow_start_seconds: Option<Seconds>,
    /// By which value of a request it is sent to the same endpoint as others with that value. Default: none.
    pub(crate) sticky: Option<Sticky>,
    /// When an endpoint is left out.
    pub(crate) health: Option<Health>,
    /// When requests are sent once more, to another endpoint. Default: with several endpoints, once after a broken
    /// connection.
    pub(crate) retries: Option<Retries>,
    /// When nothing is sent to an endpoint for a while. Default: never.
    pub(crate) breaker: Option<Breaker>,
    /// Other endpoints that a share of the requests goes to.
    pub(crate) canary: Option<Canary>,
    /// A second upstream that gets copies of a share of the requests; its answers are thrown away.
    pub(crate) mirror: Option<Mirror>,
}

/// One of several endpoints.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Endpoint {
    /// Where it listens.
    pub(crate) url: UpstreamUrl,
    /// Its share of the requests, against the weights of the others. Default: 1.
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) weight: Option<u32>,
}

/// A URL, or an object of which the URL is the short form.
#[derive(Clone, Debug)]
pub(crate) struct UrlOr<T>(pub(crate) T);

impl<'de, T: Deserialize<'de> + From<UpstreamUrl>> Deserialize<'de> for UrlOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UrlVisitor(PhantomData)).map(Self)
    }
}

struct UrlVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + From<UpstreamUrl>> Visitor<'de> for UrlVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a URL or an object")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        UpstreamUrl::deserialize(StrDeserializer::new(text)).map(T::from)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

impl From<UpstreamUrl> for Upstream {
    fn from(url: UpstreamUrl) -> Self {
        Self {
            url: Some(url),
            ..Self::default()
        }
    }
}

impl From<UpstreamUrl> for Endpoint {
    fn from(url: UpstreamUrl) -> Self {
        Self { url, weight: None }
    }
}

impl<T: JsonSchema> JsonSchema for UrlOr<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("UrlOr{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let url = generator.subschema_for::<UpstreamUrl>();
        let object = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [url, object] })
    }
}
