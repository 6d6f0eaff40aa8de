//! The packages that are compiled in, as `cargo tree` resolves them: `cargo metadata` also lists
//! optional ones that no feature turns on.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context as _;

use crate::command;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package {
    pub name: String,
    pub version: String,
    pub licence: String,
    /// Where it comes from, if that is neither this repository nor crates.io.
    pub origin: Option<String>,
}

/// Everything that the workspace at `root` compiles for this machine, tests and build scripts too.
pub fn packages(root: &Path) -> anyhow::Result<BTreeSet<Package>> {
    let mut cargo = command::cargo(root);
    cargo.args([
        "tree",
        "--workspace",
        "--locked",
        "--quiet",
        "--prefix",
        "none",
    ]);
    cargo.args(["--edges", "normal,build,dev", "--format", "{p}\t{l}"]);
    let shown = command::shown(&cargo);
    let output = cargo
        .output()
        .with_context(|| format!("cannot start `{shown}`"))?;
    anyhow::ensure!(
        output.status.success(),
        "`{shown}` failed in {}: {}",
        root.display(),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| parse(line).with_context(|| format!("cargo tree printed {line:?}")))
        .collect()
}

/// `name v1.2.3 (proc-macro) (/path or URL)<tab>licence (*)`; the brackets are optional.
fn parse(line: &str) -> Option<Package> {
    let (package, licence) = line.split_once('\t')?;
    let licence = licence.trim_end_matches("(*)").trim();
    let mut words = package.splitn(3, ' ');
    let name = words.next()?;
    let version = words.next()?.strip_prefix('v')?;
    let origin = words
        .next()
        .unwrap_or_default()
        .split(['(', ')'])
        .map(str::trim)
        .find(|note| {
            !note.is_empty() && !["proc-macro", "*"].contains(note) && !note.starts_with('/')
        })
        .map(str::to_owned);
    Some(Package {
        name: name.to_owned(),
        version: version.to_owned(),
        licence: licence.to_owned(),
        origin,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_cargo_tree_is_read() {
        let plain = parse("serde v1.0.229\tMIT OR Apache-2.0").expect("a package");
        assert_eq!(
            (plain.name.as_str(), plain.version.as_str()),
            ("serde", "1.0.229")
        );
        assert_eq!(
            (plain.licence.as_str(), plain.origin),
            ("MIT OR Apache-2.0", None)
        );

        let again = parse("syn v2.0.1 (proc-macro)\tMIT (*)").expect("a package");
        assert_eq!((again.licence.as_str(), again.origin), ("MIT", None));

        let own = parse("tidegate v0.1.0 (/work/broker)\tMIT").expect("a package");
        assert_eq!(own.origin, None);

        let fork = parse("x v1.0.0 (https://example.org/x#abc)\tMIT").expect("a package");
        assert_eq!(fork.origin.as_deref(), Some("https://example.org/x#abc"));
    }
}
