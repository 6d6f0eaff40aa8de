//! Secrets in the data folder, made once.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags};

use super::KeyError;

/// Reads `path`; if it is not there, makes it (0600) from `make`. However many processes do this
/// at once, all return what one of them wrote, whole: a file is written aside and then linked
/// into place, which fails when another was faster.
pub(crate) fn load_or_make(
    path: &Path,
    make: impl FnOnce() -> Result<String, KeyError>,
) -> Result<String, KeyError> {
    if let Some(text) = read(path)? {
        return Ok(text);
    }
    let text = make()?;
    place(path, &text).map_err(|source| KeyError::Write {
        path: path.to_owned(),
        source,
    })?;
    read(path)?.ok_or_else(|| KeyError::Read {
        path: path.to_owned(),
        source: io::ErrorKind::NotFound.into(),
    })
}

fn read(path: &Path) -> Result<Option<String>, KeyError> {
    let error = |source| KeyError::Read {
        path: path.to_owned(),
        source,
    };
    match fs::read_to_string(path) {
        Ok(text) => {
            let mode = fs::metadata(path).map_err(error)?.permissions().mode();
            if mode & 0o077 != 0 {
                tracing::warn!(path = %path.display(), "secret is readable by others, chmod 600 it");
            }
            Ok(Some(text))
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(error(e)),
    }
}

/// Writes a new file (0600); one that is there is left as it is, which is an error.
pub(super) fn save_new(path: &Path, text: &str) -> Result<(), KeyError> {
    let placed = place(path, text).and_then(|placed| match placed {
        true => Ok(()),
        false => Err(io::ErrorKind::AlreadyExists.into()),
    });
    placed.map_err(|source| KeyError::Write {
        path: path.to_owned(),
        source,
    })
}

/// `false`: there is a file of this name, it was left alone.
fn place(path: &Path, text: &str) -> io::Result<bool> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder)?;
    let aside = Aside::write(path, text)?;
    let placed = match link(&aside.0, path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => false,
        other => other.map(|()| true)?,
    };
    // The name must survive a power cut too, or the next start makes another key.
    File::open(folder)?.sync_all()?;
    Ok(placed)
}

/// Links without overwriting; file systems without hard links can rename so.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
            rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?;
            Ok(())
        }
        other => other,
    }
}

/// A file that is gone when this is dropped, unless it was renamed away.
struct Aside(PathBuf);

impl Aside {
    fn write(path: &Path, text: &str) -> io::Result<Self> {
        let mut random = [0_u8; 8];
        aws_lc_rs::rand::fill(&mut random).map_err(|_| io::ErrorKind::Other)?;
        let aside = path.with_extension(format!("{:016x}.tmp", u64::from_ne_bytes(random)));
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&aside)?;
        let aside = Self(aside);
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        Ok(aside)
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
