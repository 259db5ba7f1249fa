//! An upstream: a URL alone, or an object with bounds.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserializer, MapAccess, Visitor};

use super::spanned::Spanned;
use super::text::{Seconds, UpstreamUrl};
use super::upstream_tls::UpstreamTls;

/// An upstream as it is written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Upstream {
    /// Where it listens, such as `http://127.0.0.1:9000` or `https://orders.internal`.
    pub(crate) url: UpstreamUrl,
    /// How long connecting may take. Default: 2.
    pub(crate) connect_seconds_max: Option<Seconds>,
    /// How long it may take until its answer begins. Default: 30.
    pub(crate) first_byte_seconds_max: Option<Seconds>,
    /// How long it may take until its answer has ended; event streams are exempt. Default: 60.
    pub(crate) total_seconds_max: Option<Seconds>,
    /// How many connections a worker opens to it. Default: 512.
    #[schemars(range(min = 1, max = 65_535))]
    pub(crate) connections_max: Option<u32>,
    /// How many connections a worker keeps open while nothing is asked. Default: 64.
    #[schemars(range(min = 0, max = 65_535))]
    pub(crate) idle_max: Option<u32>,
    /// How long a connection is kept while nothing is asked. Default: 30.
    pub(crate) idle_seconds_max: Option<Seconds>,
    /// Whether it gets the caller's `Host` rather than its own name. Default: false.
    pub(crate) preserve_host: Option<bool>,
    /// TLS to it; only where `url` begins with `https`.
    pub(crate) tls: Option<Spanned<UpstreamTls>>,
}

/// A URL or an object.
#[derive(Clone, Debug)]
pub(crate) struct UpstreamWritten(pub(crate) Upstream);

impl<'de> Deserialize<'de> for UpstreamWritten {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UpstreamVisitor).map(Self)
    }
}

struct UpstreamVisitor;

impl<'de> Visitor<'de> for UpstreamVisitor {
    type Value = Upstream;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a URL or an object")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Upstream, E> {
        UpstreamUrl::deserialize(StrDeserializer::new(text)).map(Upstream::from)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Upstream, A::Error> {
        Upstream::deserialize(MapAccessDeserializer::new(map))
    }
}

impl From<UpstreamUrl> for Upstream {
    fn from(url: UpstreamUrl) -> Self {
        Self {
            url,
            connect_seconds_max: None,
            first_byte_seconds_max: None,
            total_seconds_max: None,
            connections_max: None,
            idle_max: None,
            idle_seconds_max: None,
            preserve_host: None,
            tls: None,
        }
    }
}

impl JsonSchema for UpstreamWritten {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "UpstreamWritten".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let url = generator.subschema_for::<UpstreamUrl>();
        let object = generator.subschema_for::<Upstream>();
        json_schema!({ "anyOf": [url, object] })
    }
}
