//! Security requirements by name, and where their schemes look (OpenAPI 3.1 §4.8.27, §4.8.30). Nothing is verified here.

use http::{HeaderName, header};

use super::Builder;
use crate::conform::operation::SecurityNames;
use crate::document::{Node, Place, Version};

impl<'d> Builder<'d> {
    /// The requirements of an operation, or those of the root where it has none of its own.
    pub(super) fn security(&mut self, root: Place<'d>, operation: Place<'d>) -> (Vec<Vec<Box<str>>>, SecurityNames) {
        let said = self
            .member(operation, "security")
            .or_else(|| self.member(root, "security"));
        let mut names = SecurityNames::default();
        let mut requirements = Vec::new();
        for alternative in self.items(said) {
            let schemes = self.entries(alternative);
            for (scheme, place) in &schemes {
                self.scheme(root, scheme, *place, &mut names);
            }
            requirements.push(schemes.iter().map(|(name, _)| (*name).into()).collect());
        }
        (requirements, names)
    }

    fn scheme(&mut self, root: Place<'d>, name: &str, place: Place<'d>, names: &mut SecurityNames) {
        let components = self.member(root, "components");
        let schemes = components.and_then(|components| self.member(components, "securitySchemes"));
        let Some(scheme) = schemes.and_then(|schemes| self.member(schemes, name)) else {
            let declared_in = match self.document.version() {
                Version::V2_0 => "securityDefinitions",
                Version::V3_0 | Version::V3_1 => "components",
            };
            self.warn(
                place.node,
                format!("no security scheme is called `{name}`; declare it in `{declared_in}`"),
            );
            return;
        };
        let Some(scheme) = self.follow(scheme) else { return };
        let text = |member: &str| scheme.node.get(member).and_then(Node::as_str);
        match (text("type"), text("in"), text("name")) {
            (Some("apiKey"), Some("query"), Some(key)) => names.query.push(key.into()),
            (Some("apiKey"), Some("cookie"), Some(key)) => names.cookie.push(key.into()),
            (Some("apiKey"), Some("header"), Some(key)) => match HeaderName::from_bytes(key.as_bytes()) {
                Ok(key) => names.header.push(key),
                Err(_) => self.error(scheme.node, format!("`{key}` is not the name of a header field")),
            },
            (Some("http" | "oauth2" | "openIdConnect"), ..) => names.header.push(header::AUTHORIZATION),
            (Some("mutualTLS"), ..) => {}
            _ => self.warn(
                scheme.node,
                format!("the security scheme `{name}` is incomplete; see OpenAPI 3.1 §4.8.27"),
            ),
        }
    }
}
