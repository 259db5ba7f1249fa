//! Loading: the root, then every file that a reference reaches, transitively and each once. All problems are collected.

use std::collections::HashSet;

use super::bounds::{Budget, FILES_MAX, HOPS_MAX, PROBLEMS_MAX};
use super::grammar::Kind;
use super::node::Node;
use super::problem::{FileId, Problem, Severity, Span};
use super::resources::{File, Miss};
use super::scan::{Findings, Reference};
use super::source::{self, shown};
use super::{BaseId, Dialect, Document, Fetch, Place, Version, openapi_2, overlay, uri, version};

/// Loads an OpenAPI document and every file that its references reach, in whatever mixture of JSON and YAML.
///
/// `location` is the path or URL of the root; `fetch` opens it and the others, or refuses. Nothing is opened in any
/// other way. References of examples and links are not followed, because nothing is judged by them.
///
/// # Errors
///
/// All problems of all files, in the order of their places; never an empty list. What is larger than
/// [`bounds`](super::bounds) allow is a problem too.
pub fn load(location: &str, fetch: &mut dyn Fetch) -> Result<Document, Vec<Problem>> {
    load_overlaid(location, &[], fetch)
}

/// Loads an OpenAPI document as these overlays (OpenAPI Overlay 1.0 and 1.1) change its root, one after the other.
///
/// # Errors
///
/// As [`load`]; and what is wrong with an overlay, at its own places.
pub fn load_overlaid(location: &str, overlays: &[&str], fetch: &mut dyn Fetch) -> Result<Document, Vec<Problem>> {
    let mut loader = Loader::new(fetch);
    let mut root = loader.open_root(location)?;
    for overlay in overlays {
        loader.overlay(&mut root, location, overlay)?;
    }
    let version = version::recognise(location, &root).map_err(|problem| vec![problem])?;
    loader.dialect = version.dialect();
    loader.run(location, root, Kind::OpenApi, version)
}

/// Loads a bare JSON Schema and everything its references reach.
///
/// The [`version`](Document::version) of such a document is the OpenAPI version whose dialect is nearest: 3.0 for draft
/// 4, 3.1 for 2020-12.
///
/// # Errors
///
/// As [`load`].
pub fn load_schema(location: &str, dialect: Dialect, fetch: &mut dyn Fetch) -> Result<Document, Vec<Problem>> {
    let mut loader = Loader::new(fetch);
    let root = loader.open_root(location)?;
    loader.dialect = dialect;
    let version = if dialect == Dialect::Draft202012 {
        Version::V3_1
    } else {
        Version::V3_0
    };
    loader.run(location, root, Kind::Schema, version)
}

/// Reads one file of JSON or YAML that refers to no other, as a configuration is.
///
/// # Errors
///
/// The first place where it is not well-formed, is ambiguous or is larger than [`bounds`](super::bounds) allow.
pub fn parse(location: &str, bytes: &[u8]) -> Result<Node, Problem> {
    source::read(location, FileId(0), bytes, &mut Budget::default())
}

struct Loader<'f> {
    fetch: &'f mut dyn Fetch,
    budget: Budget,
    dialect: Dialect,
    files: Vec<File>,
    /// Overlays that were applied: where they are, and what they say.
    overlays: Vec<(String, Node)>,
    findings: Findings,
    /// References whose resource or anchor is not known yet.
    waiting: Vec<(Reference, Miss)>,
    /// References that lead to a reference.
    chained: Vec<Reference>,
    /// URIs of files that could not be read.
    failed: HashSet<String>,
}

impl<'f> Loader<'f> {
    fn new(fetch: &'f mut dyn Fetch) -> Self {
        Self {
            fetch,
            budget: Budget::default(),
            dialect: Dialect::Draft202012,
            files: Vec::new(),
            overlays: Vec::new(),
            findings: Findings::default(),
            waiting: Vec::new(),
            failed: HashSet::new(),
            chained: Vec::new(),
        }
    }

    fn open_root(&mut self, location: &str) -> Result<Node, Vec<Problem>> {
        let bytes = self.fetch.fetch(location).map_err(|reason| {
            vec![Problem::error(
                location,
                Span::default(),
                format!("cannot be read: {reason}"),
            )]
        })?;
        source::read(location, FileId(0), &bytes, &mut self.budget).map_err(|problem| vec![problem])
    }

    /// Changes the root by an overlay, which becomes the next file.
    fn overlay(&mut self, root: &mut Node, document: &str, overlay: &str) -> Result<(), Vec<Problem>> {
        let unusable = |message: String| vec![Problem::error(overlay, Span::default(), message)];
        let number = u16::try_from(self.overlays.len() + 1).ok();
        let Some(file) = number.filter(|number| usize::from(*number) < FILES_MAX) else {
            return Err(unusable(format!(
                "it is one overlay too many: at most {FILES_MAX} files are read"
            )));
        };
        let bytes = self
            .fetch
            .fetch(overlay)
            .map_err(|reason| unusable(format!("cannot be read: {reason}")))?;
        let tree = source::read(overlay, FileId(file), &bytes, &mut self.budget).map_err(|problem| vec![problem])?;
        let at = overlay::Location { overlay, document };
        let problems = overlay::apply(root, &tree, at, &mut self.budget);
        if problems.iter().any(|problem| problem.severity == Severity::Error) {
            return Err(problems);
        }
        self.findings.problems.extend(problems);
        self.overlays.push((overlay.to_owned(), tree));
        Ok(())
    }

    fn run(mut self, location: &str, root: Node, kind: Kind, version: Version) -> Result<Document, Vec<Problem>> {
        let base = self.add_file(location, uri::normalise(location), root);
        for (location, root) in std::mem::take(&mut self.overlays) {
            self.findings.resources.add_guest(base);
            self.files.push(File { location, root, base });
        }
        self.walk_file(FileId(0), kind);
        self.follow_all();
        self.check_chains();
        let lowered = self.lower(version);
        let mut problems = self.findings.problems;
        if problems.iter().any(|problem| problem.severity == Severity::Error) {
            problems.sort_by_key(|problem| problem.span);
            problems.dedup();
            problems.truncate(PROBLEMS_MAX);
            return Err(problems);
        }
        let Self { files, dialect, .. } = self;
        Ok(Document {
            version,
            dialect,
            files,
            resources: self.findings.resources,
            base,
            lowered,
            warnings: problems,
        })
    }

    /// The root in the form of OpenAPI 3.0, where it is written in 2.0. What has errors is not looked at.
    fn lower(&mut self, version: Version) -> Option<Node> {
        let is_error = |problem: &Problem| problem.severity == Severity::Error;
        if version != Version::V2_0 || self.findings.problems.iter().any(is_error) {
            return None;
        }
        let written = openapi_2::Written {
            files: &self.files,
            resources: &self.findings.resources,
        };
        let (lowered, problems) = openapi_2::lower(written, &mut self.budget);
        self.findings.problems.extend(problems);
        Some(lowered)
    }

    fn add_file(&mut self, location: &str, uri: String, root: Node) -> BaseId {
        let base = self.findings.resources.add_file(uri, &root);
        self.files.push(File {
            location: location.to_owned(),
            root,
            base,
        });
        base
    }

    fn walk_file(&mut self, file: FileId, kind: Kind) {
        let Some(File { root, base, .. }) = self.files.get(usize::from(file.0)) else {
            return;
        };
        self.findings.walk(
            &self.files,
            Place {
                node: root,
                base: *base,
            },
            Vec::new(),
            kind,
            self.dialect,
        );
    }

    /// Follows references until there are none left. A file is fetched only when nothing else is left to do, because
    /// what is being looked for may yet turn up in the files that are there.
    fn follow_all(&mut self) {
        loop {
            while !self.findings.references.is_empty() && self.findings.problems.len() < PROBLEMS_MAX {
                for reference in std::mem::take(&mut self.findings.references) {
                    self.follow(reference);
                }
            }
            if self.waiting.is_empty() || self.findings.problems.len() >= PROBLEMS_MAX {
                return;
            }
            for (reference, miss) in std::mem::take(&mut self.waiting) {
                self.supply(reference, miss);
            }
        }
    }

    fn follow(&mut self, reference: Reference) {
        let found = self
            .findings
            .resources
            .resolve(&self.files, reference.base, &reference.text, self.dialect);
        match found {
            Ok(found) => {
                self.findings
                    .walk(&self.files, found.place, found.path, reference.kind, self.dialect);
                if reference_of(found.place.node).is_some() {
                    self.chained.push(reference);
                }
            }
            Err(miss @ Miss::Resource(_)) => self.waiting.push((reference, miss)),
            Err(miss @ Miss::Anchor(_)) if !reference.retried => self.waiting.push((reference, miss)),
            Err(miss) => {
                let location = self.location_of(reference.span);
                self.findings
                    .problems
                    .push(dangling(location, reference.span, &reference.text, &miss));
            }
        }
    }

    /// Makes what a waiting reference looks for known, and has it followed again.
    fn supply(&mut self, mut reference: Reference, miss: Miss) {
        if let Miss::Resource(uri) = miss {
            if self.failed.contains(&uri) {
                return;
            }
            if self.findings.resources.by_uri(&uri).is_none()
                && let Err(problem) = self.read(&reference, &uri)
            {
                self.failed.insert(uri);
                self.findings.problems.push(*problem);
                return;
            }
        } else {
            reference.retried = true;
        }
        self.findings.references.push(reference);
    }

    fn read(&mut self, reference: &Reference, uri: &str) -> Result<(), Box<Problem>> {
        let from = self.location_of(reference.span).to_owned();
        let error = |message: String| Problem::error(&*from, reference.span, message);
        let file = u16::try_from(self.files.len())
            .ok()
            .filter(|_| self.files.len() < FILES_MAX);
        let Some(file) = file.map(FileId) else {
            let message = format!(
                "`{}` is one file too many: at most {FILES_MAX} are read",
                shown(&reference.text)
            );
            return Err(Box::new(error(message).help("bundle the contract into fewer files")));
        };
        let bytes = self.fetch.fetch(uri).map_err(|reason| {
            let message = format!("`{}` cannot be read: {reason}", shown(&reference.text));
            Box::new(error(message).help(refused_help(uri)))
        })?;
        let root = source::read(uri, file, &bytes, &mut self.budget).map_err(Box::new)?;
        let kind = self.root_kind(reference, &root);
        self.add_file(uri, uri.to_owned(), root);
        if let Some(kind) = kind {
            self.walk_file(file, kind);
        }
        Ok(())
    }

    /// What a newly read file is as a whole, seen from the first reference into it. A file that is reached by a pointer
    /// can be anything that has the target somewhere inside, so only a target is walked then, unless the file shows
    /// that it is a schema: then its identifiers count.
    fn root_kind(&self, reference: &Reference, root: &Node) -> Option<Kind> {
        let fragment = uri::split(&reference.text).1.unwrap_or_default();
        if fragment.is_empty() {
            return Some(reference.kind);
        }
        if matches!(self.dialect, Dialect::OpenApi20 | Dialect::OpenApi30) || reference.kind != Kind::Schema {
            return None;
        }
        let is_bare = !matches!(self.files.first(), Some(file) if file.root.get("openapi").is_some());
        let marks = ["$schema", "$id", "$defs", "$anchor", "$dynamicAnchor"];
        let is_schema = is_bare || !fragment.starts_with('/') || marks.iter().any(|mark| root.get(mark).is_some());
        is_schema.then_some(Kind::Schema)
    }

    /// Finds references that only ever lead to references: nothing could be judged by them.
    fn check_chains(&mut self) {
        let mut problems = Vec::new();
        for reference in self.chained.iter().filter(|reference| !self.chain_ends(reference)) {
            let message = format!(
                "the reference `{}` leads only to references, in a circle or more than {HOPS_MAX} times in a row",
                shown(&reference.text)
            );
            let problem = Problem::error(self.location_of(reference.span), reference.span, message);
            problems.push(problem.help("let one of them lead to a value"));
        }
        self.findings.problems.append(&mut problems);
    }

    fn chain_ends(&self, reference: &Reference) -> bool {
        let (mut base, mut text) = (reference.base, &*reference.text);
        for _ in 0..HOPS_MAX {
            // A reference that leads nowhere has its own problem.
            let Ok(found) = self.findings.resources.resolve(&self.files, base, text, self.dialect) else {
                return true;
            };
            let Some(next) = reference_of(found.place.node) else {
                return true;
            };
            (base, text) = (found.place.base, next);
        }
        false
    }

    fn location_of(&self, span: Span) -> &str {
        self.files
            .get(usize::from(span.file.0))
            .map(|file| &*file.location)
            .unwrap_or_default()
    }
}

/// The problem of a reference that leads nowhere.
pub(super) fn dangling(location: &str, span: Span, reference: &str, miss: &Miss) -> Problem {
    let reference = shown(reference);
    let reason = match miss {
        Miss::Resource(uri) => format!("`{}` was not loaded", shown(uri)),
        Miss::Anchor(name) => format!("no schema there has the anchor `{}`", shown(name)),
        Miss::Pointer(reason) => reason.clone(),
    };
    Problem::error(
        location,
        span,
        format!("the reference `{reference}` leads nowhere: {reason}"),
    )
    .help("correct the reference, or add what it names")
}

fn reference_of(node: &Node) -> Option<&str> {
    node.get("$ref").and_then(Node::as_str)
}

fn refused_help(uri: &str) -> &'static str {
    if uri::has_scheme(uri) {
        "allow its origin, or keep a copy beside the contract and refer to that"
    } else {
        "correct the path, which is relative to the file with the reference"
    }
}
