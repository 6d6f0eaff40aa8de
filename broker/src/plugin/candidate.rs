//! From bytes to a component that fits this broker, with nothing compiled yet.

use std::path::Path;

use wasmparser::{Encoding, Parser, Payload};

use super::config::PluginSpec;
use super::contract::{Contract, Names};
use super::error::LoadError;
use super::manifest::{Hook, Manifest, SECTION};

/// A component whose manifest, imports and hooks are what `wit/` and the settings allow.
pub(super) struct Candidate {
    pub(super) manifest: Manifest,
    pub(super) hooks: Vec<Hook>,
}

/// Parses the component whole and checks its manifest, imports and exports; `wanted` are the
/// hooks that the settings send calls to.
///
/// # Errors
///
/// Names the offset, the section, or every import and export that does not fit.
pub(super) fn inspect(
    spec: &PluginSpec,
    component: &[u8],
    wanted: &[Hook],
) -> Result<Candidate, LoadError> {
    let path = || spec.component.clone();
    let outline = Outline::read(component).map_err(|cause| LoadError::Parse {
        path: path(),
        cause,
    })?;
    let contract = Contract::parse(component).map_err(|cause| LoadError::Parse {
        path: path(),
        cause,
    })?;
    let manifest = manifest(&spec.component, &outline)?;
    let mut problems = Vec::new();
    for hook in wanted {
        if !manifest.hooks.iter().any(|name| name == hook.name()) {
            problems.push(format!(
                "the settings send it `{}` calls but its manifest does not list that hook",
                hook.name()
            ));
        }
    }
    let hooks = match contract.check(&outline.names, &manifest, &spec.grants) {
        Ok(hooks) => hooks,
        Err(more) => {
            problems.extend(more);
            Vec::new()
        }
    };
    if problems.is_empty() {
        Ok(Candidate { manifest, hooks })
    } else {
        Err(LoadError::Contract {
            path: path(),
            problems,
        })
    }
}

/// The manifest alone, of a component that is not loaded.
///
/// # Errors
///
/// Names the file, and the offset or the section.
pub(super) fn manifest_of(path: &Path, component: &[u8]) -> Result<Manifest, LoadError> {
    let outline = Outline::read(component).map_err(|cause| LoadError::Parse {
        path: path.to_owned(),
        cause,
    })?;
    manifest(path, &outline)
}

fn manifest(path: &Path, outline: &Outline<'_>) -> Result<Manifest, LoadError> {
    let refused = |cause: String| LoadError::Manifest {
        path: path.to_owned(),
        cause,
    };
    match outline.manifests.as_slice() {
        [] => Err(refused("missing".into())),
        [json] => Manifest::parse(json).map_err(refused),
        several => Err(refused(format!("{} of them, expected one", several.len()))),
    }
}

/// What stands in the file, before anything is validated.
struct Outline<'a> {
    names: Names,
    /// Of the component or of a core module in it, where a compiler's linker leaves them.
    manifests: Vec<&'a [u8]>,
}

impl<'a> Outline<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, String> {
        if !bytes.starts_with(b"\0asm") {
            return Err("it does not start with \\0asm".into());
        }
        let mut outline = Outline {
            names: Names::default(),
            manifests: Vec::new(),
        };
        let mut depth = 0;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.map_err(|error| error.to_string())? {
                Payload::Version { encoding, .. } => {
                    if depth == 0 && encoding == Encoding::Module {
                        return Err("it is a core module (link it with wasm-component-ld)".into());
                    }
                    depth += 1;
                }
                Payload::End(_) => depth -= 1,
                Payload::CustomSection(section) if section.name() == SECTION => {
                    outline.manifests.push(section.data());
                }
                Payload::ComponentImportSection(section) if depth == 1 => {
                    for import in section {
                        let import = import.map_err(|error| error.to_string())?;
                        outline.names.imports.push(import.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(section) if depth == 1 => {
                    for export in section {
                        let export = export.map_err(|error| error.to_string())?;
                        outline.names.exports.push(export.name.name.to_owned());
                    }
                }
                _ => {}
            }
        }
        Ok(outline)
    }
}
