//! The texts of policies, roles and entities, wherever they are.

use std::path::Path;

use portcullis_contract::document::Problem;
use portcullis_decision::engines::cedar::Text;

use super::authorization::Compiling;
use crate::config::authorization::Rules;
use crate::config::spanned::NamedFile;
use crate::files;

/// A text that was read.
pub(super) struct Written {
    /// What it is called in problems.
    pub(super) name: String,
    pub(super) text: String,
}

impl Written {
    /// For the engine.
    pub(super) fn text(&self) -> Text<'_> {
        Text {
            name: &self.name,
            text: &self.text,
        }
    }
}

impl Compiling<'_> {
    /// The text of some rules; none where it cannot be read, which is a problem then.
    pub(super) fn rules(self, rules: &Rules, problems: &mut Vec<Problem>) -> Option<Written> {
        match rules {
            Rules::File(file) => self.read(file, problems),
            Rules::InMemory { name, text } => Some(Written {
                name: (*name).to_owned(),
                text: (*text).to_owned(),
            }),
        }
    }

    /// Reads a file; none where it cannot be, which is a problem then.
    pub(super) fn read(self, file: &NamedFile, problems: &mut Vec<Problem>) -> Option<Written> {
        let read = files::local(&file.value);
        let text = read.and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned()));
        match text {
            Ok(text) => Some(Written {
                name: file.value.to_string_lossy().into_owned(),
                text,
            }),
            Err(error) => {
                let message = format!("cannot read `{}`: {error}", Path::display(&file.value));
                problems.push(Problem::error(self.location, file.span, message));
                None
            }
        }
    }
}
