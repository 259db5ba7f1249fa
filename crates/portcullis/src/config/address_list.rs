//! Lists of addresses, as they are written and settled. The files that they name are read when the gate is put together
//! (`address_files.rs`), so that a reload reads them again.

use std::path::{Path, PathBuf};

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Deserialize;

use super::problems::Problems;
use super::raw::{self, Mode};
use super::spanned::Spanned;
use super::text::{Location, Network};

/// Which addresses may come. Whatever is denied stays out, whatever is allowed.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Addresses {
    /// Lets in only these networks. Default: everyone.
    #[schemars(length(min = 1, max = 10_000))]
    pub(crate) allow: Option<Vec<Spanned<Network>>>,
    /// A file of further networks to let in, one a line, read again when it changes; relative to the configuration. In the
    /// configuration only.
    pub(crate) allow_file: Option<Spanned<Location>>,
    /// Keeps these networks out.
    #[schemars(length(min = 1, max = 10_000))]
    pub(crate) deny: Option<Vec<Spanned<Network>>>,
    /// A file of further networks to keep out, one a line, read again when it changes; relative to the configuration. In the
    /// configuration only.
    pub(crate) deny_file: Option<Spanned<Location>>,
}

impl Addresses {
    /// The files that it names.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        let files = [&self.allow_file, &self.deny_file].into_iter().flatten();
        files.map(|file| Path::new(&file.value.0))
    }
}

/// Which addresses may come, settled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AddressList {
    /// Only these; `None`: everyone.
    pub(crate) allow: Option<Source>,
    /// None of these.
    pub(crate) deny: Source,
}

/// A list of one level of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AddressRule {
    /// The list.
    pub(crate) list: AddressList,
    /// What is done with callers that it does not let in.
    pub(crate) mode: Mode,
}

/// Networks, some of them in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Source {
    /// Those that stand in the configuration or the contract.
    pub(crate) networks: Vec<IpNet>,
    /// The file of the others.
    pub(crate) file: Option<PathBuf>,
}

/// Makes the paths of a layer of the configuration relative to where the program runs.
pub(super) fn locate(layer: &mut raw::Policy, directory: &Path) {
    let Some(addresses) = &mut layer.addresses else { return };
    for file in [&mut addresses.allow_file, &mut addresses.deny_file]
        .into_iter()
        .flatten()
    {
        let located = directory.join(&file.value.0);
        file.value = Location(located.to_string_lossy().into_owned());
    }
}

/// Reports files that a contract names: a contract comes from who builds the API, and opens no files of who runs the gate.
pub(super) fn check_in_contract(layer: &raw::Policy, problems: &mut Problems<'_>) {
    let Some(addresses) = &layer.addresses else { return };
    for file in [&addresses.allow_file, &addresses.deny_file].into_iter().flatten() {
        let message = format!(
            "the contract names `{}`, and only the configuration may name lists",
            file.value.0
        );
        let help = "write the networks here, or name the file in the API's `policy`";
        problems.error(file.span, message, help);
    }
}

/// The lists of all layers, the outermost first: an inner one narrows. The mode of each is what the layers up to its own
/// say, so that no inner one switches it off.
pub(super) fn settle(layers: &[&raw::Policy]) -> Vec<AddressRule> {
    let mut mode = Mode::Enforce;
    let rule = |layer: &&raw::Policy| {
        mode = layer.modes.addresses.unwrap_or(mode);
        let list = AddressList::lower(Some(layer.addresses.as_ref()?), Path::new(""));
        Some(AddressRule { list, mode })
    };
    layers.iter().filter_map(rule).collect()
}

impl AddressList {
    /// The list that is written; paths are relative to `directory`.
    pub(super) fn lower(raw: Option<&Addresses>, directory: &Path) -> Self {
        let Some(raw) = raw else { return Self::default() };
        let allow = Source::lower(raw.allow.as_deref(), raw.allow_file.as_ref(), directory);
        Self {
            allow: (raw.allow.is_some() || raw.allow_file.is_some()).then_some(allow),
            deny: Source::lower(raw.deny.as_deref(), raw.deny_file.as_ref(), directory),
        }
    }

    /// The files that it names.
    pub(crate) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let sources = self.allow.iter().chain(std::iter::once(&self.deny));
        sources.filter_map(|source| source.file.as_ref())
    }
}

impl Source {
    fn lower(networks: Option<&[Spanned<Network>]>, file: Option<&Spanned<Location>>, directory: &Path) -> Self {
        Self {
            networks: networks
                .unwrap_or_default()
                .iter()
                .map(|network| network.value.0)
                .collect(),
            file: file.map(|file| directory.join(&file.value.0)),
        }
    }
}
