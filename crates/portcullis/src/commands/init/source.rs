//! Where the contract of a draft comes from: a file that was named, the only one in the directory, or a running service.

use std::path::{Component, Path, PathBuf};

use portcullis_contract::conform::contract::{Contract, compile};
use portcullis_contract::document::{self, Document, Fetch};

use super::save::Unsaved;
use super::{Arguments, Failure, draft, service};
use crate::config::api::References;
use crate::files::Files;

/// How many names of a directory are looked at.
const NAMES_MAX: usize = 10_000;

/// A contract, loaded.
pub(super) struct Source {
    /// Its path as the configuration names it, relative to that where it can be.
    pub(super) path: String,
    /// Its files.
    pub(super) document: Document,
    /// Compiled, perhaps with problems, which are told when the draft is checked.
    pub(super) contract: Contract,
    /// What is to be saved before the draft can be used.
    pub(super) unsaved: Option<Unsaved>,
    /// Where the running service is that published it.
    pub(super) origin: Option<String>,
    /// Further contracts that the service published.
    pub(super) also: Vec<String>,
}

impl Source {
    /// The first of the contract's servers that is on this machine: most likely the service itself.
    pub(super) fn loopback_server(&self) -> Option<&str> {
        let hosts = self.contract.servers.iter().filter_map(|server| server.host.as_deref());
        hosts.into_iter().find(|host| draft::is_loopback(host))
    }
}

/// Finds the contract that the arguments mean.
///
/// # Errors
/// There is none, there are several, the service does not answer, or the contract cannot be read.
pub(super) fn find(arguments: &Arguments) -> Result<Source, Failure> {
    match (&arguments.from, &arguments.contract) {
        (Some(url), _) => of_service(url, &arguments.config, arguments.force || arguments.stdout),
        (None, Some(path)) => of_file(path, &arguments.config),
        (None, None) => of_file(&only_contract(Path::new("."))?, &arguments.config),
    }
}

fn of_file(path: &Path, configuration: &Path) -> Result<Source, Failure> {
    let location = path.to_string_lossy();
    if let Some(hint) = super::observe_hint(&location).filter(|_| !path.exists()) {
        return Err(Failure::unusable(format!("there is no contract `{location}`: {hint}")));
    }
    let mut files = Files::of(path, &References::default())
        .map_err(|error| Failure::unusable(format!("cannot read the contract `{location}`: {error}")))?;
    let document = document::load(&location, &mut files).map_err(Failure::of_contract)?;
    Ok(Source {
        path: relative(path, configuration)?,
        contract: compile(&document).contract,
        document,
        unsaved: None,
        origin: None,
        also: Vec::new(),
    })
}

fn of_service(url: &str, configuration: &Path, may_exist: bool) -> Result<Source, Failure> {
    let found = service::ask(url)?;
    let document = document::load(&found.url, &mut Alone(&found)).map_err(Failure::of_contract)?;
    let contract = compile(&document).contract;
    let name = format!("{}.openapi.{}", draft::name(&contract.title), found.extension());
    let path = configuration.with_file_name(&name);
    if !may_exist {
        super::save::refuse_existing(&path)?;
    }
    Ok(Source {
        path: name,
        document,
        contract,
        origin: Some(found.origin),
        also: found.also,
        unsaved: Some(Unsaved {
            path,
            bytes: found.bytes,
        }),
    })
}

/// The one file that a service published.
struct Alone<'f>(&'f service::Found);

impl Fetch for Alone<'_> {
    fn fetch(&mut self, location: &str) -> Result<Vec<u8>, String> {
        if location == self.0.url {
            return Ok(self.0.bytes.clone());
        }
        Err(
            "of a running service one file is saved, and this contract consists of several; \
             bundle it, or name its file: `portcullis init FILE`"
                .to_owned(),
        )
    }
}

/// The only contract in a directory, by its name.
fn only_contract(directory: &Path) -> Result<PathBuf, Failure> {
    let listed = std::fs::read_dir(directory)
        .map_err(|error| Failure::unusable(format!("cannot look for a contract here: {error}")))?;
    let names = listed.take(NAMES_MAX).filter_map(Result::ok);
    let mut found: Vec<String> = names
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| is_contract_name(name))
        .collect();
    found.sort_unstable();
    match found.as_slice() {
        [only] => Ok(PathBuf::from(only)),
        [] => Err(Failure::unusable(
            "there is no `openapi.yaml` or `openapi.json` here: name the contract (`portcullis init FILE`), or a running \
             service (`portcullis init --from URL`)",
        )),
        several => Err(Failure::unusable(format!(
            "there are several contracts here ({}): name one, such as `portcullis init {}`",
            several.join(", "),
            several.first().map_or("", String::as_str)
        ))),
    }
}

fn is_contract_name(name: &str) -> bool {
    let Some((stem, "yaml" | "yml" | "json")) = name.rsplit_once('.') else {
        return false;
    };
    matches!(stem, "openapi" | "swagger") || stem.ends_with(".openapi") || stem.ends_with(".swagger")
}

/// The contract's path as seen from the configuration's directory.
fn relative(contract: &Path, configuration: &Path) -> Result<String, Failure> {
    let unusable = |error: std::io::Error| Failure::unusable(format!("`{}`: {error}", configuration.display()));
    let contract = std::path::absolute(contract).map_err(unusable)?;
    let configuration = std::path::absolute(configuration).map_err(unusable)?;
    let directory = configuration.parent().unwrap_or(Path::new("/"));
    // With `..` in between, and links on the way, only the whole path is sure to lead there.
    let plain = |path: &Path| path.components().all(|part| part != Component::ParentDir);
    match contract.strip_prefix(directory) {
        Ok(below) if plain(below) => Ok(below.to_string_lossy().into_owned()),
        _ => Ok(contract
            .canonicalize()
            .map_err(unusable)?
            .to_string_lossy()
            .into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_contracts() {
        for (name, expected) in [
            ("openapi.yaml", true),
            ("openapi.json", true),
            ("swagger.yml", true),
            ("natter.openapi.yaml", true),
            ("openapi", false),
            ("openapi.yaml.bak", false),
            ("myopenapi.yaml", false),
            ("portcullis.yaml", false),
        ] {
            assert_eq!(is_contract_name(name), expected, "{name}");
        }
    }

    #[test]
    fn paths_are_relative_to_the_configuration_where_they_can_be() {
        let check = |contract: &str, configuration: &str, expected: &str| {
            let path = relative(Path::new(contract), Path::new(configuration)).ok().unwrap();
            assert_eq!(path, expected, "{contract} seen from {configuration}");
        };
        check("a/openapi.yaml", "gate.yaml", "a/openapi.yaml");
        check("./openapi.yaml", "./gate.yaml", "openapi.yaml");
        let here = std::env::current_dir().unwrap().canonicalize().unwrap();
        let manifest = here.join("Cargo.toml");
        check("src/../Cargo.toml", "gate.yaml", manifest.to_str().unwrap());
        check("Cargo.toml", "src/gate.yaml", manifest.to_str().unwrap());
    }
}
