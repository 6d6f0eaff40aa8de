//! Where settings are looked for.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// The outside world as the settings see it, so that tests can make one up.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Where `.env`, `tidegate.toml` and relative paths of the environment are meant from.
    pub folder: PathBuf,
    /// The settings file, if the command line names one.
    pub file: Option<PathBuf>,
    pub environment: BTreeMap<String, OsString>,
    /// The folder of the program; `plugins` beside it holds the shipped plugins.
    pub program: PathBuf,
}

impl Sources {
    /// Those of this process. `file` comes from the command line.
    ///
    /// # Errors
    /// If the process does not know its folder or its program.
    pub fn of_process(file: Option<PathBuf>) -> std::io::Result<Self> {
        let named =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        let program = std::env::current_exe()?;
        Ok(Self {
            folder: std::env::current_dir()?,
            file,
            environment: named.collect(),
            program: program.parent().map(PathBuf::from).unwrap_or_default(),
        })
    }
}
