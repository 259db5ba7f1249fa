//! JSON objects that may be wrong: names and values as they are written, in order, twice where somebody wants it so.

/// Members as JSON texts, the names with their quotes.
#[derive(Clone)]
pub(crate) struct Members(Vec<(String, String)>);

impl Members {
    pub(crate) fn new(members: &[(&str, &str)]) -> Self {
        Self(
            members
                .iter()
                .map(|(name, value)| (quoted(name), (*value).to_owned()))
                .collect(),
        )
    }

    /// Replaces a member where it stands, or adds it.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        let name = quoted(name);
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value.to_owned(),
            None => self.0.push((name, value.to_owned())),
        }
    }

    /// Adds a member whose name is written as it is given, whether there is one or not.
    pub(crate) fn add_written(&mut self, name: &str, value: &str) {
        self.0.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn add_first(&mut self, name: &str, value: &str) {
        self.0.insert(0, (quoted(name), value.to_owned()));
    }

    pub(crate) fn remove(&mut self, name: &str) {
        let name = quoted(name);
        self.0.retain(|(known, _)| *known != name);
    }

    /// Writes the name of a member in another way.
    pub(crate) fn rename_written(&mut self, name: &str, written: &str) {
        let name = quoted(name);
        self.0
            .iter_mut()
            .filter(|(known, _)| *known == name)
            .for_each(|(known, _)| *known = written.to_owned());
    }

    /// A member's value, if it is there.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let name = quoted(name);
        let found = self.0.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        let members: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}:{value}")).collect();
        format!("{{{}}}", members.join(","))
    }
}

pub(crate) fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}
