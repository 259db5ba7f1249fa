//! Where the servers are (OpenAPI 3.1 §4.8.5).

use super::{Builder, Server};
use crate::document::{Node, Place, Problem, Severity};

impl<'d> Builder<'d> {
    /// The servers of the root; `/` where none are said.
    pub(super) fn servers(&mut self, root: Place<'d>) -> Vec<Server> {
        let mut servers = Vec::new();
        for place in self.items(self.member(root, "servers")) {
            match place.node.get("url").and_then(Node::as_str) {
                Some(url) => {
                    let url = self.replace_variables(place, url);
                    let server = read(&url);
                    if let Some((message, help)) = misread(&url, &server) {
                        let node = place.node.get("url").unwrap_or(place.node);
                        self.problems.push(Problem {
                            severity: Severity::Warning,
                            help,
                            ..self.document.problem(node.span, message)
                        });
                    }
                    servers.push(server);
                }
                None => self.error(place.node, "this server has no `url`; add one, such as `/v1`"),
            }
        }
        if servers.is_empty() {
            servers.push(Server {
                host: None,
                base: String::new(),
            });
        }
        servers
    }

    fn replace_variables(&mut self, server: Place<'d>, url: &str) -> String {
        let mut url = url.to_owned();
        for (name, variable) in self
            .member(server, "variables")
            .map(|variables| self.entries(variables))
            .unwrap_or_default()
        {
            match variable.node.get("default").and_then(Node::as_str) {
                Some(default) => url = url.replace(&format!("{{{name}}}"), default),
                None => self.warn(
                    variable.node,
                    format!("the server variable `{name}` has no `default`; add one"),
                ),
            }
            if variable.node.get("enum").is_some() {
                self.note(
                    variable.node,
                    format!("of the server variable `{name}` only the default is served"),
                );
            }
        }
        url
    }
}

/// Reads an absolute or relative URL; query and fragment are left out.
fn read(url: &str) -> Server {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let (host, path) = match url.split_once("//") {
        Some((scheme, rest)) if scheme.is_empty() || scheme.ends_with(':') => {
            let (authority, path) = rest
                .split_at_checked(rest.find('/').unwrap_or(rest.len()))
                .unwrap_or((rest, ""));
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            (Some(host.to_ascii_lowercase()), path)
        }
        _ => (None, url),
    };
    let path = path.trim_matches('/');
    let base = if path.is_empty() || path == "." {
        String::new()
    } else {
        format!("/{}", path.trim_start_matches("./"))
    };
    Server { host, base }
}

/// What to say of a URL that is neither absolute nor a path from the root, such as a host without its scheme: it is a path
/// beside the document (RFC 3986 §5.2.3), and a gate does not know where that is published.
fn misread(url: &str, server: &Server) -> Option<(String, String)> {
    if server.host.is_some() || url.is_empty() || url.starts_with(['/', '.', '?', '#']) {
        return None;
    }
    let message = format!(
        "the server `{url}` names no host, so paths are served below `{}`",
        server.base
    );
    let first = url.split('/').next().unwrap_or_default();
    let help = match first.contains([':', '.']) || first == "localhost" {
        true => format!("if it is a host, write `https://{url}`"),
        false => format!("write `{}` if that is meant, or a whole URL", server.base),
    };
    Some((message, help))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_without_a_scheme_are_told() {
        let check = |url: &str, expected: Option<&str>| {
            let told = misread(url, &read(url)).map(|(_, help)| help);
            assert_eq!(told.as_deref(), expected, "{url}");
        };
        check(
            "localhost:9100/v1",
            Some("if it is a host, write `https://localhost:9100/v1`"),
        );
        check(
            "api.example.com",
            Some("if it is a host, write `https://api.example.com`"),
        );
        check("v1", Some("write `/v1` if that is meant, or a whole URL"));
        for right in ["/v1", "./v1", "https://a/v1", "//a/v1", "", "/"] {
            check(right, None);
        }
    }

    #[test]
    fn urls_are_read() {
        let check = |url: &str, host: Option<&str>, base: &str| {
            assert_eq!(
                read(url),
                Server {
                    host: host.map(str::to_owned),
                    base: base.to_owned()
                },
                "{url}"
            );
        };
        check("https://API.example.com:8443/v1/", Some("api.example.com:8443"), "/v1");
        check("https://api.example.com", Some("api.example.com"), "");
        check("//api.example.com/a/b", Some("api.example.com"), "/a/b");
        check("/v1", None, "/v1");
        check("/", None, "");
        check("./v1", None, "/v1");
        check("v1?x#y", None, "/v1");
    }
}
