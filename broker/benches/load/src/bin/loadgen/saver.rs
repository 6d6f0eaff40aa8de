//! Saves a settings file the way an editor does: a new file that is renamed over the old one.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};

/// Leaves the file as it was when it is dropped.
pub struct Saver {
    path: PathBuf,
    original: String,
    /// The file's text before and after the number that changes.
    around: (String, String),
    number: u64,
    saves: u64,
}

impl Saver {
    pub fn new(path: &Path, key: &str) -> Result<Self> {
        let original = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let (around, number) = split(&original, key)
            .ok_or_else(|| anyhow!("{} has no line `{key} = NUMBER`", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
            original,
            around,
            number,
            saves: 0,
        })
    }

    /// Saves once if fewer than `due` saves were made.
    pub fn keep_up(&mut self, due: f64) -> Result<()> {
        if (self.saves as f64) < due.floor() {
            self.saves += 1;
            let (before, after) = &self.around;
            self.write(&format!("{before}{}{after}", self.number + self.saves))?;
        }
        Ok(())
    }

    pub fn saves(&self) -> u64 {
        self.saves
    }

    fn write(&self, text: &str) -> Result<()> {
        let temporary = self.path.with_extension("saving");
        fs::write(&temporary, text)?;
        fs::rename(&temporary, &self.path).with_context(|| self.path.display().to_string())
    }
}

impl Drop for Saver {
    fn drop(&mut self) {
        if let Err(error) = self.write(&self.original) {
            eprintln!("loadgen: cannot put the settings file back: {error:#}");
        }
    }
}

/// The text around the number in the line `key = NUMBER`, and the number.
fn split(text: &str, key: &str) -> Option<((String, String), u64)> {
    let line = text.lines().find(|line| {
        let rest = line.strip_prefix(key);
        rest.is_some_and(|rest| rest.trim_start().starts_with('='))
    })?;
    let number = line.split_once('=')?.1.trim();
    let parsed = number.parse().ok()?;
    let line_start = text.find(line)?;
    let start = line_start + line.find(number)?;
    let around = (
        text[..start].to_owned(),
        text[start + number.len()..].to_owned(),
    );
    Some((around, parsed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_number_of_the_key_is_cut_out() {
        let text = "# remember_ms = 1\nremember_ms = 60\nother = 60\n";
        let ((before, after), number) = split(text, "remember_ms").expect("is there");
        assert_eq!(before, "# remember_ms = 1\nremember_ms = ");
        assert_eq!((number, after.as_str()), (60, "\nother = 60\n"));
        assert_eq!(split(text, "remember"), None);
    }
}
