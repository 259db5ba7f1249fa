//! `host`, `basePath` and `schemes` as servers, and `securityDefinitions` as security schemes.

use super::spot::Spot;
use super::{Lowering, Node, Object, Value, made, put, text};

impl<'d> Lowering<'d, '_> {
    /// One server for each scheme; none where nothing is said of them.
    pub(super) fn servers(&mut self, root: &Spot<'d>) -> Option<Node> {
        let host = self.string(root, "host");
        let base = self.string(root, "basePath");
        let said = host.or(base)?;
        let mut path = base.and_then(Node::as_str).unwrap_or_default().to_owned();
        if let Some(base) = base
            && !path.starts_with('/')
        {
            self.warn(
                base.span,
                format!("`{path}` does not begin with a slash, so `/{path}` is served"),
                "write it so",
            );
            path.insert(0, '/');
        }
        let schemes = root.node.get("schemes").and_then(Node::as_array).unwrap_or_default();
        let urls: Vec<String> = match host.and_then(Node::as_str) {
            None => vec![path],
            Some(host) if schemes.is_empty() => vec![format!("//{host}{path}")],
            Some(host) => {
                let names = schemes.iter().filter_map(Node::as_str);
                names.map(|scheme| format!("{scheme}://{host}{path}")).collect()
            }
        };
        let servers = urls
            .iter()
            .map(|url| self.object(said.span, [("url", text(url, said.span))]));
        Some(made(Value::Array(servers.collect()), said.span))
    }

    fn string(&mut self, root: &Spot<'d>, name: &str) -> Option<&'d Node> {
        let node = root.node.get(name)?;
        if node.as_str().is_none() {
            self.error(node.span, format!("`{name}` is {}, not a string", node.kind()), "");
            return None;
        }
        Some(node)
    }

    pub(super) fn security_schemes(&mut self, definitions: &Spot<'d>) -> Node {
        let mut lowered = Object::default();
        for (name, _, scheme) in definitions.entries() {
            if let Some(scheme) = self.follow(scheme) {
                let scheme = self.security_scheme(&scheme);
                put(&mut lowered, name, scheme);
            }
        }
        self.finish(definitions.node.span, lowered)
    }

    /// A scheme; one of an unknown type stays as it is, for whoever reads it to say so.
    fn security_scheme(&mut self, scheme: &Spot<'d>) -> Node {
        let span = scheme.node.span;
        let mut lowered = Object::default();
        match scheme.word("type") {
            Some("basic") => {
                self.keep(scheme, &["description"], &mut lowered);
                put(&mut lowered, "type", text("http", span));
                put(&mut lowered, "scheme", text("basic", span));
            }
            Some("oauth2") => {
                self.keep(scheme, &["type", "description"], &mut lowered);
                let mut flow = Object::default();
                self.keep(scheme, &["authorizationUrl", "tokenUrl", "scopes"], &mut flow);
                let flow = self.finish(span, flow);
                let name = match scheme.word("flow") {
                    Some("application") => "clientCredentials",
                    Some("accessCode") => "authorizationCode",
                    Some(other) => other,
                    None => "implicit",
                };
                let flows = self.object(span, [(name, flow)]);
                put(&mut lowered, "flows", flows);
            }
            _ => self.keep(scheme, &["type", "description", "name", "in"], &mut lowered),
        }
        self.finish(span, lowered)
    }
}
