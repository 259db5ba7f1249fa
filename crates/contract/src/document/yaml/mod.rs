//! YAML 1.2 as a way to write JSON: the core schema, names as strings, anchors, aliases and merge keys expanded within
//! a bound. What JSON cannot hold (`.inf`, binaries, custom tags, lists as names, several documents) is refused.

mod anchors;
mod scalar;

use granit_parser::{Event, Parser, ScalarStyle, StrInput, Tag};

use self::anchors::Anchors;
use super::bounds::{Budget, DEPTH_MAX};
use super::node::{Member, Node, Object, Value};
use super::problem::{Problem, Span};
use super::source::{Source, bounded, shown};

/// Reads a whole text as one YAML document.
pub(super) fn read(source: Source<'_>, budget: &mut Budget) -> Result<Node, Problem> {
    let options = granit_parser::options! {
        flow_nesting_limit: usize::from(DEPTH_MAX),
        block_nesting_limit: usize::from(DEPTH_MAX),
        emit_comments: false,
    };
    let mut parser: Parser<'_, StrInput<'_>> = Parser::new_from_str_with_options(source.text, options);
    let mut builder = Builder {
        source,
        budget,
        open: Vec::new(),
        anchors: Anchors::default(),
        root: None,
        documents: 0,
    };
    while let Some(next) = parser.next_event() {
        let (event, place) = next.map_err(|error| scan_problem(source, &error))?;
        builder.take(event, span(source, place.start))?;
    }
    let start = Span {
        file: source.file,
        line: 1,
        column: 1,
    };
    builder.root.ok_or_else(|| source.problem(start, "the file is empty"))
}

/// A collection that has begun and not ended.
struct Open {
    span: Span,
    /// The number of its anchor; 0 where it has none.
    anchor: usize,
    content: Content,
}

enum Content {
    Array(Vec<Node>),
    Object {
        object: Object,
        name: Option<Name>,
        merged: Vec<Node>,
    },
}

struct Name {
    text: Box<str>,
    span: Span,
    /// A plain `<<`, whose value is merged and not kept.
    merge: bool,
}

struct Builder<'a, 'b> {
    source: Source<'a>,
    budget: &'b mut Budget,
    open: Vec<Open>,
    anchors: Anchors,
    root: Option<Node>,
    documents: u32,
}

impl Builder<'_, '_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Problem> {
        match event {
            Event::DocumentStart(..) => self.begin_document(span),
            Event::Scalar(text, style, anchor, tag) => self.scalar(&text, style, anchor, tag.as_deref(), span),
            Event::SequenceStart(_, anchor, tag) => {
                self.check_collection_tag(tag.as_deref(), "seq", span)?;
                self.begin(Open {
                    span,
                    anchor,
                    content: Content::Array(Vec::new()),
                })
            }
            Event::MappingStart(_, anchor, tag) => {
                self.check_collection_tag(tag.as_deref(), "map", span)?;
                let content = Content::Object {
                    object: Object::default(),
                    name: None,
                    merged: Vec::new(),
                };
                self.begin(Open { span, anchor, content })
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => self.alias(anchor, span),
            Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            // Comments and the names of anchors, which the options leave out.
            _ => Ok(()),
        }
    }

    fn begin_document(&mut self, span: Span) -> Result<(), Problem> {
        self.documents += 1;
        if self.documents == 1 {
            return Ok(());
        }
        let message = "a second YAML document begins here";
        Err(self
            .source
            .problem(span, message)
            .help("keep one document in each file"))
    }

    fn begin(&mut self, open: Open) -> Result<(), Problem> {
        self.take_node(open.span)?;
        if self.wants_name() {
            let message = "a list or an object cannot be a member name";
            return Err(self
                .source
                .problem(open.span, message)
                .help("write the name as a string"));
        }
        if self.open.len() >= usize::from(DEPTH_MAX) {
            return Err(self.source.too_deep(open.span));
        }
        self.open.push(open);
        Ok(())
    }

    fn end(&mut self) -> Result<(), Problem> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let value = match open.content {
            Content::Array(items) => Value::Array(items),
            Content::Object { mut object, merged, .. } => {
                merge(&mut object, merged);
                Value::Object(object)
            }
        };
        self.finish(Node { value, span: open.span }, open.anchor)
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        span: Span,
    ) -> Result<(), Problem> {
        if self.wants_name() {
            if text.is_empty() && style == ScalarStyle::Plain {
                return Err(self.source.problem(span, "a member without a name"));
            }
            let merge = text == "<<" && style == ScalarStyle::Plain;
            self.anchors.keep(
                self.source,
                anchor,
                &Node {
                    value: Value::String(text.into()),
                    span,
                },
            )?;
            return self.name(Name {
                text: text.into(),
                span,
                merge,
            });
        }
        self.take_node(span)?;
        let value = scalar::value(text, style, tag).map_err(|message| self.source.problem(span, message))?;
        self.finish(Node { value, span }, anchor)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Problem> {
        let copy = self.anchors.copy(self.source, anchor, span)?;
        if usize::from(copy.depth) + self.open.len() > usize::from(DEPTH_MAX) {
            return Err(self.source.too_deep(span));
        }
        if !self.budget.take_nodes(copy.nodes) {
            return Err(self.source.too_many_nodes(span));
        }
        if !self.wants_name() {
            return self.place(copy.node);
        }
        match copy.node.value {
            Value::String(text) => self.name(Name {
                text,
                span,
                merge: false,
            }),
            _ => Err(self
                .source
                .problem(span, "this alias stands for no string, so it cannot be a member name")),
        }
    }

    /// A value is complete: kept for its aliases, then put where it belongs.
    fn finish(&mut self, node: Node, anchor: usize) -> Result<(), Problem> {
        self.anchors.keep(self.source, anchor, &node)?;
        self.place(node)
    }

    fn place(&mut self, node: Node) -> Result<(), Problem> {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.content {
            Content::Array(items) => items.push(node),
            Content::Object { object, name, merged } => {
                let Some(name) = name.take() else { return Ok(()) };
                if name.merge {
                    return add_merged(self.source, merged, node);
                }
                self.source.insert(
                    object,
                    name.text,
                    Member {
                        name_span: name.span,
                        value: node,
                    },
                )?;
            }
        }
        Ok(())
    }

    fn name(&mut self, new: Name) -> Result<(), Problem> {
        if let Some(Open {
            content: Content::Object { name, merged, .. },
            ..
        }) = self.open.last_mut()
        {
            if new.merge && !merged.is_empty() {
                let message = "`<<` is written twice in one object";
                return Err(self
                    .source
                    .problem(new.span, message)
                    .help("merge a list of aliases: `<<: [*a, *b]`"));
            }
            *name = Some(new);
        }
        Ok(())
    }

    /// Whether the next value is the name of a member.
    fn wants_name(&self) -> bool {
        matches!(
            self.open.last(),
            Some(Open {
                content: Content::Object { name: None, .. },
                ..
            })
        )
    }

    fn take_node(&mut self, span: Span) -> Result<(), Problem> {
        if self.budget.take_nodes(1) {
            Ok(())
        } else {
            Err(self.source.too_many_nodes(span))
        }
    }

    fn check_collection_tag(&self, tag: Option<&Tag>, expected: &str, span: Span) -> Result<(), Problem> {
        match tag {
            Some(tag) if tag.core_suffix() != Some(expected) => {
                let message = format!("the tag `{}` has no meaning in a contract", shown(&tag.original()));
                Err(self.source.problem(span, message).help("remove the tag"))
            }
            _ => Ok(()),
        }
    }
}

/// Notes what a merge key brings: an object, or a list of them.
fn add_merged(source: Source<'_>, merged: &mut Vec<Node>, node: Node) -> Result<(), Problem> {
    let span = node.span;
    let objects = match node.value {
        Value::Array(items) => items,
        value => vec![Node { value, span }],
    };
    if let Some(other) = objects.iter().find(|node| node.as_object().is_none()) {
        let message = format!("`<<` merges objects, but this is {}", other.kind());
        return Err(source.problem(other.span, message));
    }
    merged.extend(objects);
    Ok(())
}

/// Adds the members that the object does not have itself; of several merged objects the earlier wins.
fn merge(object: &mut Object, merged: Vec<Node>) {
    for node in merged {
        let Value::Object(from) = node.value else { continue };
        for (name, member) in from.members {
            object.members.entry(name).or_insert(member);
        }
    }
}

fn span(source: Source<'_>, marker: granit_parser::Marker) -> Span {
    Span {
        file: source.file,
        line: bounded(marker.line()),
        column: bounded(marker.col().saturating_add(1)),
    }
}

fn scan_problem(source: Source<'_>, error: &granit_parser::ScanError) -> Problem {
    use granit_parser::ErrorKind as Kind;
    let place = span(source, *error.marker());
    match error.kind() {
        Kind::TabNotAllowed | Kind::TabInBlockIndentation | Kind::TabInIndentation | Kind::TabAtBlockScalarStart => {
            source
                .problem(place, "a tab where YAML wants spaces")
                .help("indent with spaces")
        }
        Kind::UnknownAnchor => {
            let message = "this alias has no anchor before it";
            source
                .problem(place, message)
                .help("write `&name` before the value it stands for")
        }
        Kind::RecursionLimitExceeded => source.too_deep(place),
        _ => source.problem(place, format!("this is no YAML: {}", error.info())),
    }
}
