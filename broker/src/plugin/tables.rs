//! Which tables the plugins use, without loading them.

use std::collections::BTreeMap;

use super::candidate::manifest_of;
use super::config::PluginConfig;
use super::error::{LoadError, PluginError};
use crate::store::Table;

/// The tables of each configured plugin, in the settings' order, from the components' manifests.
/// Reads the files: blocking.
///
/// # Errors
/// A component cannot be read or is none, or two plugins declare one table.
pub fn tables_of(config: &PluginConfig) -> Result<Vec<(String, Vec<Table>)>, PluginError> {
    let mut owners: BTreeMap<String, &str> = BTreeMap::new();
    let mut all = Vec::new();
    for spec in &config.plugins {
        let refused = |cause: LoadError| PluginError::Load {
            name: spec.name.clone(),
            cause,
        };
        let component = std::fs::read(&spec.component).map_err(|error| {
            refused(LoadError::Read {
                path: spec.component.clone(),
                cause: error.to_string(),
            })
        })?;
        let manifest = manifest_of(&spec.component, &component).map_err(refused)?;
        for table in &manifest.tables {
            if let Some(first) = owners.insert(table.name.clone(), &spec.name) {
                return Err(PluginError::DuplicateTable {
                    table: table.name.clone(),
                    first: first.to_owned(),
                    second: spec.name.clone(),
                });
            }
        }
        all.push((spec.name.clone(), manifest.tables));
    }
    Ok(all)
}
