//! From a path and a method to an operation (OpenAPI 3.1 §4.8.8): the tree of a contract's path templates.
//!
//! Segments are compared one by one, so a capture never crosses `/` and never is empty. A segment without templates is
//! preferred to one with, one with more literal text to one with less. The path alone chooses: where it fits, but not
//! the method, the answer is "method not allowed", also if a less specific template had the method.
//!
//! Paths arrive as they were sent, without query, already refused upstream if they are not canonical: dot segments,
//! empty segments, backslashes and escapes of unreserved characters (RFC 3986 §6.2.2) never come here. Literal text of
//! templates is brought into that form when they are compiled. A segment that only decodes to a literal is found nowhere.
//! Captures keep the bytes as sent. Time is proportional to the path and to the templates that share its beginning.

mod template;

use std::collections::BTreeMap;
use std::ops::Range;

use http::Method;
use smallvec::SmallVec;
use thiserror::Error;

use super::percent::decoded;
use template::Segment;
pub use template::TemplateError;

/// A compiled table of routes.
#[derive(Debug, Default)]
pub struct Router {
    root: Branch,
}

/// Where the captures of a path stand, in the order of the template.
pub type Captures = SmallVec<[Range<u32>; 4]>;

/// The outcome of routing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Routed<'r> {
    /// The index that was given with the route, and the captures of its template.
    Found {
        /// As given to [`Router::insert`].
        operation: u32,
        /// Byte ranges of the path.
        captures: Captures,
    },
    /// The path is known, the method is not.
    MethodNotAllowed {
        /// The value of the header `Allow` (RFC 9110 §10.2.1).
        allow: &'r str,
    },
    /// No template fits the path.
    NotFound,
}

/// Why a route cannot be added.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RouteError {
    /// The template cannot be used.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The method has been added for the same path.
    #[error("`{method} {template}` is the same operation as `{method} {existing}`; leave one of them out")]
    Ambiguous {
        /// The method.
        method: Method,
        /// The template that cannot be added.
        template: String,
        /// The template that was there before.
        existing: String,
    },
}

/// The segments that may follow a beginning.
#[derive(Debug, Default)]
struct Branch {
    literal: BTreeMap<Box<[u8]>, Branch>,
    /// Most literal text first.
    templated: BTreeMap<Segment, Branch>,
    leaf: Option<Leaf>,
}

/// The methods of one path.
#[derive(Debug, Default)]
struct Leaf {
    methods: Vec<(Method, u32, Box<str>)>,
    allow: String,
}

impl Router {
    /// Adds an operation and gives the names of its template's parameters, in the order of their captures.
    ///
    /// # Errors
    /// If the template cannot be used, or the same path has this method already, whatever its parameters are called.
    pub fn insert(&mut self, template: &str, method: Method, operation: u32) -> Result<Vec<String>, RouteError> {
        let (segments, names) = template::parse(template)?;
        let mut branch = &mut self.root;
        for segment in segments {
            branch = branch.below(segment);
        }
        let leaf = branch.leaf.get_or_insert_default();
        if let Some((_, _, existing)) = leaf.methods.iter().find(|(other, ..)| *other == method) {
            let existing = existing.to_string();
            return Err(RouteError::Ambiguous {
                method,
                template: template.to_owned(),
                existing,
            });
        }
        leaf.methods.push((method, operation, template.into()));
        let mut allow: Vec<_> = leaf.methods.iter().map(|(method, ..)| method.as_str()).collect();
        allow.sort_unstable();
        leaf.allow = allow.join(", ");
        Ok(names)
    }

    /// Finds the operation of a path, which begins with `/` and is below the server's base path.
    pub fn find(&self, path: &str, method: &Method) -> Routed<'_> {
        let mut captures = Captures::new();
        let Some(leaf) = self.leaf(path, &mut captures) else {
            return Routed::NotFound;
        };
        match leaf.methods.iter().find(|(known, ..)| known == method) {
            Some((_, operation, _)) => Routed::Found {
                operation: *operation,
                captures,
            },
            None => Routed::MethodNotAllowed { allow: &leaf.allow },
        }
    }

    /// Every operation of a path, whatever its method.
    pub fn operations(&self, path: &str) -> impl Iterator<Item = u32> {
        let leaf = self.leaf(path, &mut Captures::new());
        let methods = leaf.into_iter().flat_map(|leaf| &leaf.methods);
        methods.map(|(_, operation, _)| *operation)
    }

    fn leaf(&self, path: &str, captures: &mut Captures) -> Option<&Leaf> {
        let rest = path.strip_prefix('/')?;
        self.root.find(rest.as_bytes(), 1, captures)
    }
}

impl Branch {
    fn below(&mut self, segment: Segment) -> &mut Self {
        match segment.literal() {
            Some(text) => self.literal.entry(text.into()).or_default(),
            None => self.templated.entry(segment).or_default(),
        }
    }

    /// `rest` is what follows a `/`; `offset` is where it stands in the path. Every branch is looked at once at most,
    /// for it has one parent and one depth.
    fn find(&self, rest: &[u8], offset: u32, captures: &mut Captures) -> Option<&Leaf> {
        let (segment, behind) = match memchr::memchr(b'/', rest) {
            Some(at) => (rest.get(..at)?, rest.get(at + 1..)),
            None => (rest, None),
        };
        let next = u32::try_from(segment.len()).ok()?.checked_add(offset)?.checked_add(1)?;
        let literal = self
            .literal
            .get(segment)
            .and_then(|branch| branch.follow(behind, next, captures));
        if literal.is_some() || self.is_disguised(segment) {
            return literal;
        }
        for (template, branch) in &self.templated {
            let mark = captures.len();
            if template.capture(segment, offset, captures)
                && let Some(leaf) = branch.follow(behind, next, captures)
            {
                return Some(leaf);
            }
            captures.truncate(mark);
        }
        None
    }

    /// Whether an upstream that decodes before it routes would read a literal segment here where we read none:
    /// `%40me` for `@me`. Such a path is found nowhere, for two operations could be meant.
    fn is_disguised(&self, segment: &[u8]) -> bool {
        let escaped = memchr::memchr(b'%', segment).is_some();
        escaped && self.literal.keys().any(|literal| decoded(literal) == decoded(segment))
    }

    fn follow(&self, behind: Option<&[u8]>, offset: u32, captures: &mut Captures) -> Option<&Leaf> {
        match behind {
            Some(rest) => self.find(rest, offset, captures),
            None => self.leaf.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn router(templates: &[(&str, &str)]) -> Router {
        let mut router = Router::default();
        for (index, (method, template)) in templates.iter().enumerate() {
            router
                .insert(template, method.parse().unwrap(), u32::try_from(index).unwrap())
                .unwrap();
        }
        router
    }

    /// The operation and captures of `GET path`.
    fn check(router: &Router, path: &str, expected: Option<(u32, &[&str])>) {
        let found = match router.find(path, &Method::GET) {
            Routed::Found { operation, captures } => {
                let texts = captures
                    .iter()
                    .map(|range| path.get(range.start as usize..range.end as usize).unwrap())
                    .collect();
                Some((operation, texts))
            }
            _ => None,
        };
        assert_eq!(
            found,
            expected.map(|(operation, texts)| (operation, texts.to_vec())),
            "{path}"
        );
    }

    #[test]
    fn templates_of_every_form_capture() {
        let forms = [
            "/a/{b}",
            "/x/{a}-{b}",
            "/users({id})",
            "/report.{format}",
            "/{Ü $<*>}/z",
            "/",
            "/a/",
            "/{a}/{b}/{c}",
        ];
        let router = router(&forms.map(|form| ("GET", form)));
        check(&router, "/a/1", Some((0, &["1"])));
        check(&router, "/a/1%2F2", Some((0, &["1%2F2"])));
        check(&router, "/x/1-2-3", Some((1, &["1", "2-3"])));
        check(&router, "/x/--", None);
        check(&router, "/x/---", Some((1, &["-", "-"])));
        check(&router, "/users(7)", Some((2, &["7"])));
        check(&router, "/users()", None);
        check(&router, "/users(7", None);
        check(&router, "/report.json", Some((3, &["json"])));
        check(&router, "/report.", None);
        check(&router, "/y/z", Some((4, &["y"])));
        check(&router, "/", Some((5, &[])));
        check(&router, "/a/", Some((6, &[])));
        check(&router, "/a", None);
        check(&router, "/a/b/c", Some((7, &["a", "b", "c"])));
        check(&router, "//b/c", None);
        check(&router, "", None);
        check(&router, "*", None);
    }

    #[test]
    fn literal_text_is_preferred() {
        let router = router(&[
            ("GET", "/{a}"),
            ("GET", "/me"),
            ("GET", "/v{a}"),
            ("GET", "/v{a}.json"),
            ("GET", "/me/{x}/end"),
            ("GET", "/{a}/b/c"),
        ]);
        check(&router, "/me", Some((1, &[])));
        check(&router, "/v1", Some((2, &["1"])));
        check(&router, "/v1.json", Some((3, &["1"])));
        check(&router, "/other", Some((0, &["other"])));
        check(&router, "/me/b/c", Some((5, &["me"])));
    }

    #[test]
    fn a_disguised_literal_is_found_nowhere() {
        let router = router(&[("GET", "/users/{name}"), ("GET", "/users/@me"), ("GET", "/café/{x}")]);
        check(&router, "/users/@me", Some((1, &[])));
        check(&router, "/users/%40me", None);
        check(&router, "/users/%40you", Some((0, &["%40you"])));
        check(&router, "/caf%c3%a9/1", None);
    }

    #[test]
    fn the_path_chooses_before_the_method() {
        let router = router(&[("GET", "/me"), ("POST", "/me"), ("DELETE", "/{id}")]);
        assert_eq!(
            router.find("/me", &Method::DELETE),
            Routed::MethodNotAllowed { allow: "GET, POST" }
        );
        assert_eq!(
            router.find("/me", &Method::HEAD),
            Routed::MethodNotAllowed { allow: "GET, POST" }
        );
        assert_eq!(
            router.find("/x", &Method::GET),
            Routed::MethodNotAllowed { allow: "DELETE" }
        );
        assert_eq!(router.find("/x/y", &Method::GET), Routed::NotFound);
    }

    #[test]
    fn a_path_tells_its_operations() {
        let router = router(&[("GET", "/me"), ("POST", "/me"), ("DELETE", "/{id}")]);
        for (path, expected) in [
            ("/me", vec![0, 1]),
            ("/you", vec![2]),
            ("/me/too", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(router.operations(path).collect::<Vec<_>>(), expected, "{path}");
        }
    }

    #[test]
    fn literal_text_is_compared_in_canonical_form() {
        let router = router(&[("GET", "/caf\u{e9} b/%7euser/%2f")]);
        check(&router, "/caf%C3%A9%20b/~user/%2F", Some((0, &[])));
        check(&router, "/caf%C3%A9%20b/%7Euser/%2F", None);
    }

    #[test]
    fn templates_that_cannot_be_told_apart_are_refused() {
        let mut router = router(&[("GET", "/a/{x}")]);
        assert!(matches!(
            router.insert("/a/{y}", Method::GET, 1),
            Err(RouteError::Ambiguous { .. })
        ));
        assert_eq!(router.insert("/a/{y}", Method::POST, 1), Ok(vec!["y".to_owned()]));
        for template in [
            "", "a", "/{a}{b}", "/{a", "/a}", "/{}", "/{a}/{a}", "/a?b", "/a#b", "/{a/b}", "/%zz",
        ] {
            assert!(
                matches!(router.insert(template, Method::GET, 2), Err(RouteError::Template(_))),
                "{template}"
            );
        }
    }

    #[test]
    fn time_is_bounded_by_the_path() {
        let router = router(&[("GET", "/{a}-{b}-{c}-{d}-{e}-{f}!")]);
        check(&router, &format!("/{}", "-".repeat(60_000)), None);
    }
}
