//! Where the things under test are: the binary, its plugins, the guests that misbehave.

use std::path::{Path, PathBuf};

/// The broker's binary: `TIDEGATE_BIN`, else the one in the target folder of this test.
pub fn binary() -> PathBuf {
    let path = match std::env::var_os("TIDEGATE_BIN") {
        Some(path) => PathBuf::from(path),
        None => beside_this_test("tidegate"),
    };
    existing(path)
}

/// `<bin dir>/plugins`, where a fresh `tidegate serve` finds its defaults.
pub fn plugins() -> PathBuf {
    existing(beside_binary("plugins"))
}

/// A component made to misbehave, from `tests/guests`.
pub fn guest(name: &str) -> PathBuf {
    existing(beside_binary("guests").join(format!("{name}.wasm")))
}

/// A binary of `broker/examples`.
pub fn example(name: &str) -> PathBuf {
    existing(beside_binary("examples").join(name))
}

/// The target folder, for what tests install.
pub fn target() -> PathBuf {
    let this = std::env::current_exe().expect("the path of this test is known");
    // <target>/<profile>/deps/<test>
    this.ancestors()
        .nth(3)
        .unwrap_or(Path::new("/tmp"))
        .to_owned()
}

fn beside_binary(name: &str) -> PathBuf {
    let binary = binary();
    binary.parent().unwrap_or(Path::new("/")).join(name)
}

/// Test binaries are in `target/<profile>/deps`, the others one folder up.
fn beside_this_test(name: &str) -> PathBuf {
    let this = std::env::current_exe().expect("the path of this test is known");
    let profile = this.parent().and_then(Path::parent);
    profile.unwrap_or(Path::new("/")).join(name)
}

fn existing(path: PathBuf) -> PathBuf {
    assert!(
        path.exists(),
        "{} is missing: run `cargo xtask test`, which builds it first",
        path.display()
    );
    path
}
