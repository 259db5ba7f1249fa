//! The files of address lists: one network a line, `#` for what is meant for people. Each is read whole or not at all, so
//! that a broken line never makes a list shorter than it was meant to be.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use portcullis_contract::document::{Problem, Span};
use portcullis_gateway::networks::{AddressList, Networks};

use crate::config::address_list::{AddressList as Configured, Source};
use crate::config::checked::Configuration;
use crate::config::network;
use crate::files;

/// The most lines of one file that are told of.
const PROBLEMS_MAX: usize = 20;

/// The networks of every file that a configuration names.
#[derive(Default)]
pub(crate) struct AddressFiles(HashMap<PathBuf, Vec<IpNet>>);

impl AddressFiles {
    /// Reads every file that the configuration names.
    ///
    /// # Errors
    /// Every file that cannot be read, every line that is no network, and every list that would let nobody in.
    pub(crate) fn read(configuration: &Configuration) -> Result<Self, Vec<Problem>> {
        let (mut read, mut problems) = (HashMap::new(), Vec::new());
        for path in configuration.address_files() {
            if read.contains_key(path) {
                continue;
            }
            match networks(path) {
                Ok(networks) => drop(read.insert(path.to_owned(), networks)),
                Err(found) => {
                    problems.extend(found);
                    read.insert(path.to_owned(), Vec::new());
                }
            }
        }
        if problems.is_empty() {
            Ok(Self(read))
        } else {
            Err(problems)
        }
    }

    /// The list, with what its files say.
    pub(crate) fn list(&self, configured: &Configured) -> AddressList {
        let allow = configured.allow.as_ref().map(|source| self.networks(source));
        AddressList::new(allow, self.networks(&configured.deny))
    }

    fn networks(&self, source: &Source) -> Networks {
        let of_file = source.file.as_ref().and_then(|file| self.0.get(file));
        source
            .networks
            .iter()
            .chain(of_file.into_iter().flatten())
            .copied()
            .collect()
    }
}

fn networks(path: &Path) -> Result<Vec<IpNet>, Vec<Problem>> {
    let location = path.to_string_lossy();
    let at = |line: usize, message: String, help: &str| {
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        let span = Span {
            line,
            column: 1,
            ..Span::default()
        };
        Problem::error(&*location, span, message).help(help)
    };
    let text = files::local(path).and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned()));
    let text = text.map_err(|error| {
        vec![at(
            1,
            format!("cannot read the list of addresses `{location}`: {error}"),
            "",
        )]
    })?;
    let (mut networks, mut problems) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate() {
        let written = line.split('#').next().unwrap_or_default().trim();
        if written.is_empty() {
            continue;
        }
        match network(written) {
            Ok(network) => networks.push(network),
            Err(message) if problems.len() < PROBLEMS_MAX => {
                let help = "write one address or network a line, such as `10.0.0.0/8` or `2001:db8::/32`";
                problems.push(at(index + 1, message, help));
            }
            Err(_) => {}
        }
    }
    if problems.is_empty() && networks.is_empty() {
        let message = "the list of addresses holds none".to_owned();
        problems.push(at(
            1,
            message,
            "add a network, or take the file out of the configuration",
        ));
    }
    if problems.is_empty() {
        Ok(networks)
    } else {
        Err(problems)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Result<Vec<String>, Vec<String>> {
        let number = text.len();
        let path = std::env::temp_dir().join(format!("portcullis-addresses-{}-{number}.txt", std::process::id()));
        std::fs::write(&path, text).unwrap();
        let read = networks(&path);
        std::fs::remove_file(&path).unwrap();
        match read {
            Ok(networks) => Ok(networks.iter().map(ToString::to_string).collect()),
            Err(problems) => Err(problems
                .iter()
                .map(|problem| format!("{}: {}", problem.span.line, problem.message))
                .collect()),
        }
    }

    #[test]
    fn a_file_is_read_line_by_line() {
        assert_eq!(
            told("# the office\n10.0.0.0/8\n\n  192.0.2.1  # the printer\r\n2001:db8::/32").unwrap(),
            ["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32"]
        );
    }

    #[test]
    fn a_broken_file_is_no_list() {
        for (text, expected) in [
            (
                "10.0.0.0/8\n10.0.0.1/8\nany\n",
                vec![
                    "2: `10.0.0.1/8` has bits set after its prefix: the network is `10.0.0.0/8`",
                    "3: `any` is not a network",
                ],
            ),
            ("", vec!["1: the list of addresses holds none"]),
            ("# nobody\n", vec!["1: the list of addresses holds none"]),
            (
                "10.0.0.0/8, 11.0.0.0/8",
                vec!["1: `10.0.0.0/8, 11.0.0.0/8` is not a network"],
            ),
        ] {
            assert_eq!(told(text).unwrap_err(), expected, "{text:?}");
        }
        assert_eq!(told(&"x\n".repeat(100)).unwrap_err().len(), PROBLEMS_MAX);
        assert!(networks(Path::new("/there/is/none")).is_err());
    }
}
