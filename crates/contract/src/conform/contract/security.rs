//! Reads security requirements and the schemes that they name (OpenAPI 3.1 §4.8.27, §4.8.30).

use http::{HeaderName, header};

use super::Builder;
use crate::conform::operation::SecurityNames;
use crate::conform::security::{Alternative, KeyPlace, Requirement, SchemeId, SchemeKind, SecurityScheme};
use crate::document::{Node, Place, Version};

/// Where a signature of a request stands, and what it says of the content (RFC 9421 §4, RFC 9530 §2).
const SIGNATURE_FIELDS: [HeaderName; 3] = [
    HeaderName::from_static("signature"),
    HeaderName::from_static("signature-input"),
    HeaderName::from_static("content-digest"),
];

impl<'d> Builder<'d> {
    /// The requirements of an operation, or those of the root where it has none of its own; none where neither says
    /// anything.
    pub(super) fn security(&mut self, root: Place<'d>, operation: Place<'d>) -> Option<Vec<Alternative>> {
        let own = self.member(operation, "security");
        let said = own.or_else(|| self.member(root, "security"))?;
        let alternatives = self.items(Some(said));
        Some(
            alternatives
                .into_iter()
                .map(|one| self.alternative(root, one))
                .collect(),
        )
    }

    fn alternative(&mut self, root: Place<'d>, alternative: Place<'d>) -> Alternative {
        let schemes = self.entries(alternative);
        let requirement = |(name, scopes): (&'d str, Place<'d>)| Requirement {
            scheme: self.scheme_id(root, name, scopes),
            scopes: self.scopes(scopes),
        };
        schemes.into_iter().map(requirement).collect()
    }

    fn scopes(&mut self, scopes: Place<'d>) -> Vec<Box<str>> {
        let items = self.items(Some(scopes));
        let named = items.iter().filter_map(|scope| scope.node.as_str());
        named.map(Into::into).collect()
    }

    /// The scheme's index; it is read when it is named first.
    fn scheme_id(&mut self, root: Place<'d>, name: &'d str, asked: Place<'d>) -> SchemeId {
        let known = self.security_schemes.iter().position(|scheme| &*scheme.name == name);
        let index = known.unwrap_or_else(|| {
            let scheme = self.scheme(root, name, asked);
            self.security_schemes.push(scheme);
            self.security_schemes.len() - 1
        });
        SchemeId(u32::try_from(index).unwrap_or(u32::MAX))
    }

    fn scheme(&mut self, root: Place<'d>, name: &str, asked: Place<'d>) -> SecurityScheme {
        let components = self.member(root, "components");
        let schemes = components.and_then(|components| self.member(components, "securitySchemes"));
        let declared = schemes.and_then(|schemes| self.member(schemes, name));
        let (kind, node) = match declared {
            None => {
                let declared_in = match self.document.version() {
                    Version::V2_0 => "securityDefinitions",
                    Version::V3_0 | Version::V3_1 => "components",
                };
                let message = format!("no security scheme is called `{name}`; declare it in `{declared_in}`");
                self.warn(asked.node, message);
                (SchemeKind::Unknown, asked.node)
            }
            Some(scheme) => match self.follow(scheme) {
                Some(scheme) => (self.kind(name, scheme.node), scheme.node),
                None => (SchemeKind::Unknown, scheme.node),
            },
        };
        SecurityScheme {
            name: name.into(),
            kind,
            span: node.span,
        }
    }

    fn kind(&mut self, name: &str, scheme: &'d Node) -> SchemeKind {
        let text = |member: &str| scheme.get(member).and_then(Node::as_str);
        match (text("type"), text("in"), text("name")) {
            (Some("apiKey"), Some("query"), Some(key)) => SchemeKind::ApiKey(KeyPlace::Query(key.into())),
            (Some("apiKey"), Some("cookie"), Some(key)) => SchemeKind::ApiKey(KeyPlace::Cookie(key.into())),
            (Some("apiKey"), Some("header"), Some(key)) => match HeaderName::from_bytes(key.as_bytes()) {
                Ok(key) => SchemeKind::ApiKey(KeyPlace::Header(key)),
                Err(_) => {
                    self.error(scheme, format!("`{key}` is not the name of a header field"));
                    SchemeKind::Unknown
                }
            },
            (Some("http"), ..) => match text("scheme").map(str::to_ascii_lowercase).as_deref() {
                Some("basic") => SchemeKind::Basic,
                Some("bearer") => SchemeKind::Bearer,
                Some(other) => SchemeKind::Http(other.into()),
                None => self.incomplete(name, scheme),
            },
            (Some("oauth2"), ..) => SchemeKind::OAuth2,
            (Some("openIdConnect"), ..) => match text("openIdConnectUrl") {
                Some(url) => SchemeKind::OpenIdConnect(url.into()),
                None => self.incomplete(name, scheme),
            },
            (Some("mutualTLS"), ..) => SchemeKind::MutualTls,
            _ => self.incomplete(name, scheme),
        }
    }

    fn incomplete(&mut self, name: &str, scheme: &'d Node) -> SchemeKind {
        let message = format!("the security scheme `{name}` is incomplete; see OpenAPI 3.1 §4.8.27");
        self.warn(scheme, message);
        SchemeKind::Unknown
    }

    /// Where the schemes of these requirements look.
    pub(super) fn names(&self, security: Option<&[Alternative]>) -> SecurityNames {
        let mut names = SecurityNames::default();
        for requirement in security.into_iter().flatten().flatten() {
            let SchemeId(index) = requirement.scheme;
            let scheme = usize::try_from(index)
                .ok()
                .and_then(|index| self.security_schemes.get(index));
            if let Some(SchemeKind::Http(name)) = scheme.map(|scheme| &scheme.kind)
                && **name == *"signature"
            {
                names.header.extend(SIGNATURE_FIELDS);
            }
            match scheme.map(|scheme| &scheme.kind) {
                Some(SchemeKind::ApiKey(KeyPlace::Query(key))) => names.query.push(key.clone()),
                Some(SchemeKind::ApiKey(KeyPlace::Cookie(key))) => names.cookie.push(key.clone()),
                Some(SchemeKind::ApiKey(KeyPlace::Header(key))) => names.header.push(key.clone()),
                Some(SchemeKind::MutualTls | SchemeKind::Unknown) | None => {}
                Some(_) => names.header.push(header::AUTHORIZATION),
            }
        }
        names
    }
}
