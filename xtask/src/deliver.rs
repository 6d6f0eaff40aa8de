//! Files beside the broker's binary, which watches them.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;

/// Copies whole or not at all, and only what is new.
pub fn file(from: &Path, to: &Path) -> anyhow::Result<()> {
    let new = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
    if fs::read(to).is_ok_and(|old| old == new) {
        return Ok(());
    }
    let folder = to.parent().context("a file has a folder")?;
    let mut file = tempfile::NamedTempFile::new_in(folder)
        .with_context(|| format!("cannot write in {}", folder.display()))?;
    file.write_all(&new)?;
    fs::set_permissions(
        file.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o644),
    )?;
    file.persist(to)
        .with_context(|| format!("cannot write {}", to.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_did_not_change_is_not_written_again() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (from, to) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&from, "one").expect("write");
        file(&from, &to).expect("deliver");
        let first = fs::metadata(&to).expect("delivered");
        file(&from, &to).expect("deliver again");
        let second = fs::metadata(&to).expect("still there");
        use std::os::unix::fs::MetadataExt as _;
        assert_eq!(first.ino(), second.ino());
        fs::write(&from, "two").expect("write");
        file(&from, &to).expect("deliver the change");
        assert_eq!(fs::read_to_string(&to).expect("read"), "two");
    }
}
