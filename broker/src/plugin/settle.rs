//! Reads what a generation is made of, once nobody writes it any more.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::digest;

use super::config::{PluginSettings, PluginSpec};
use super::environment::Environment;
use super::error::LoadError;
use super::settings::Settings;

/// Two reads this far apart must be equal.
const APART: Duration = Duration::from_millis(50);
/// Longer than this no writer is waited for.
const CAP: Duration = Duration::from_secs(1);

pub(super) type Sha256 = [u8; 32];

/// Everything a generation depends on.
pub(super) struct Inputs {
    pub(super) component: Vec<u8>,
    pub(super) sha256: Sha256,
    pub(super) settings: Arc<Settings>,
    /// Over component, settings (with what the environment put into them) and grants: equal digests make equal generations.
    pub(super) digest: Sha256,
}

/// The bytes of both files, read at one time.
#[derive(PartialEq, Eq)]
struct Files {
    component: Vec<u8>,
    settings: Option<Vec<u8>>,
}

/// Blocks for at least 50 ms and at most about 1 s.
///
/// # Errors
///
/// A file cannot be read, or keeps changing, or is not the pinned one, or the settings are no
/// object of TOML or JSON.
pub(super) fn read_settled(
    spec: &PluginSpec,
    environment: &Environment,
) -> Result<Inputs, LoadError> {
    let files = settle(|| read(spec), &spec.component)?;
    let sha256 = sha256(&[&files.component]);
    if let Some(pinned) = spec.sha256
        && pinned != sha256
    {
        return Err(LoadError::Pin {
            path: spec.component.clone(),
            pinned: hex(&pinned),
            found: hex(&sha256),
        });
    }
    let settings = match (&spec.settings, &files.settings) {
        (PluginSettings::File(path) | PluginSettings::Beside(path), Some(bytes)) => {
            Settings::from_file(path, bytes, environment)?
        }
        (PluginSettings::File(_) | PluginSettings::Beside(_), None) => {
            Settings::inline(serde_json::json!({}), environment)?
        }
        (PluginSettings::Inline(value), _) => Settings::inline(value.clone(), environment)?,
    };
    let grants = format!("{:?}", spec.grants);
    let digest = self::sha256(&[&sha256, settings.text.as_bytes(), grants.as_bytes()]);
    Ok(Inputs {
        component: files.component,
        sha256,
        settings: Arc::new(settings),
        digest,
    })
}

/// A file that is gone or empty is waited for like one that changes: a rename or a truncate may
/// be under way.
fn settle<T: PartialEq>(
    mut read: impl FnMut() -> Result<T, LoadError>,
    path: &Path,
) -> Result<T, LoadError> {
    let started = Instant::now();
    let mut previous = read();
    loop {
        std::thread::sleep(APART);
        let current = read();
        match (previous, current) {
            (Ok(before), Ok(now)) if before == now => return Ok(now),
            (_, Err(error)) if started.elapsed() >= CAP => return Err(error),
            (_, current) => previous = current,
        }
        if started.elapsed() >= CAP + APART {
            return Err(LoadError::Unsettled {
                path: path.to_owned(),
            });
        }
    }
}

fn read(spec: &PluginSpec) -> Result<Files, LoadError> {
    let component = read_file(&spec.component)?;
    if component.is_empty() {
        return Err(LoadError::Read {
            path: spec.component.clone(),
            cause: "the file is empty".into(),
        });
    }
    let settings = match &spec.settings {
        PluginSettings::File(path) => Some(read_file(path)?),
        PluginSettings::Beside(path) if path.exists() => Some(read_file(path)?),
        PluginSettings::Beside(_) => None,
        PluginSettings::Inline(_) => None,
    };
    Ok(Files {
        component,
        settings,
    })
}

fn read_file(path: &PathBuf) -> Result<Vec<u8>, LoadError> {
    std::fs::read(path).map_err(|error| LoadError::Read {
        path: path.clone(),
        cause: error.to_string(),
    })
}

/// Each part is hashed with its length, so that no two lists of parts look alike.
fn sha256(parts: &[&[u8]]) -> Sha256 {
    let mut context = digest::Context::new(&digest::SHA256);
    if let [only] = parts {
        context.update(only);
    } else {
        for part in parts {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part);
        }
    }
    let mut out = Sha256::default();
    out.copy_from_slice(context.finish().as_ref());
    out
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn io_error() -> LoadError {
        LoadError::Read {
            path: "p.wasm".into(),
            cause: "gone".into(),
        }
    }

    #[test]
    fn a_file_is_settled_when_two_reads_are_equal() {
        let mut reads = [Ok(1), Err(io_error()), Ok(2), Ok(3), Ok(3), Ok(4)].into_iter();
        let read = settle(|| reads.next().expect("one more read"), Path::new("p.wasm"));
        assert_eq!(read, Ok(3));
        assert_eq!(reads.len(), 1);
    }

    #[test]
    fn a_file_that_keeps_changing_is_named_in_about_a_second() {
        let mut count = 0;
        let read = settle(
            || {
                count += 1;
                Ok(count)
            },
            Path::new("p.wasm"),
        );
        assert_eq!(
            read,
            Err(LoadError::Unsettled {
                path: "p.wasm".into()
            })
        );
        let read = settle(|| Err::<u8, _>(io_error()), Path::new("p.wasm"));
        assert_eq!(read, Err(io_error()));
    }
}
