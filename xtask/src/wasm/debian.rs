//! Debian's `rustc-web`: which one is there, and a sysroot for it, compiled from `rust-web-src`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use super::{OLDEST, TARGET, own_rustc};
use crate::command;

/// Both from the same archive.
pub(super) const APT: &[&str] = &["rustc-web", "rust-web-src"];

const RUSTC: &str = "/usr/bin/rustc";
const SOURCE: &str = "/usr/lib/rustlib/src/rust/library/std/Cargo.toml";
/// Raised when the way the sysroot is made changes, so that an old one is not taken for a new one.
const RECIPE: u32 = 1;

/// What there is of Debian's compiler.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Debian {
    Missing,
    TooOld {
        version: String,
    },
    /// With the folder where its sysroot belongs.
    Usable {
        sysroot: PathBuf,
    },
}

impl Debian {
    pub fn find() -> Self {
        if !Path::new(RUSTC).exists() || !Path::new(SOURCE).exists() {
            return Self::Missing;
        }
        let mut query = Command::new("dpkg-query");
        let asked = query.args(["--show", "--showformat=${Version}", APT[0]]);
        match (command::output_of(asked), cache_folder()) {
            (Some(version), Some(cache)) => Self::of(version, &cache),
            _ => Self::Missing,
        }
    }

    /// One folder per version of the compiler: cargo does not notice when a sysroot changes at the
    /// path it had.
    fn of(version: String, cache: &Path) -> Self {
        if release(&version) < release(OLDEST) {
            return Self::TooOld { version };
        }
        let version = version.replace(
            |c: char| !c.is_ascii_alphanumeric() && !".-".contains(c),
            "_",
        );
        Self::Usable {
            sysroot: cache.join(format!("wasm-sysroot-{version}-r{RECIPE}")),
        }
    }
}

/// The first two numbers of a version.
fn release(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn cache_folder() -> Option<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|folder| folder.is_absolute())
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    Some(base.join("tidegate"))
}

pub(super) fn is_whole(sysroot: &Path) -> bool {
    sysroot.join("complete").exists()
}

/// Compiles the standard library for [`TARGET`] from Debian's source, in a folder that gets its
/// name only when it is whole.
///
/// # Errors
/// There is no compiler that could, or it fails.
pub(super) fn build_sysroot(found: Debian) -> anyhow::Result<()> {
    let sysroot = match found {
        Debian::Usable { sysroot } => sysroot,
        Debian::TooOld { version } => bail!("{}", too_old(&version)),
        Debian::Missing => bail!("dpkg-query does not know {}, or its files are gone", APT[0]),
    };
    if is_whole(&sysroot) {
        return Ok(());
    }
    println!("compiling the standard library for {TARGET} (once, less than a minute)");
    let parent = sysroot.parent().context("the cache folder has no parent")?;
    fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    let work = tempfile::tempdir_in(parent).context("cannot make a folder to compile in")?;
    compile_std(work.path())?;
    let made = work.path().join("sysroot");
    copy_libraries(
        &work.path().join("target").join(TARGET).join("release/deps"),
        &made,
    )?;
    link_linkers(&made)?;
    fs::write(made.join("complete"), "")?;
    match fs::rename(&made, &sysroot) {
        Ok(()) => Ok(()),
        // Another run was first.
        Err(_) if is_whole(&sysroot) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot make {}", sysroot.display())),
    }
}

fn too_old(version: &str) -> String {
    format!(
        "{} is version {version}, and plugins need at least {OLDEST}, which Debian 12 has in its \
         security archive only. Either add the line\n  \
         deb http://deb.debian.org/debian-security bookworm-security main\n\
         to /etc/apt/sources.list, then: apt-get update && apt-get install {}\n\
         or, where rustup can download: rustup target add {TARGET}",
        APT[0],
        APT.join(" ")
    )
}

/// An empty crate, so that the output holds the standard library and nothing else.
fn compile_std(work: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(work.join("src"))?;
    fs::write(work.join("src/lib.rs"), "")?;
    fs::write(
        work.join("Cargo.toml"),
        "[package]\nname = \"empty\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[workspace]\n",
    )?;
    let mut cargo = command::cargo(work);
    take(&mut cargo);
    cargo
        .args([
            "build",
            "--quiet",
            "--release",
            "-Zbuild-std=std,panic_abort",
            "--target",
            TARGET,
        ])
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", work.join("target"))
        .env("CARGO_PROFILE_RELEASE_PANIC", "abort")
        .env_remove("RUSTFLAGS")
        // Without bitcode a plugin with `lto = true` does not link.
        .env("CARGO_ENCODED_RUSTFLAGS", "-Cembed-bitcode=yes");
    command::run(&mut cargo).context("cannot compile the standard library for wasm")
}

fn copy_libraries(from: &Path, sysroot: &Path) -> anyhow::Result<()> {
    let to = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    fs::create_dir_all(&to)?;
    for file in fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let name = file?.file_name();
        let shown = name.to_string_lossy();
        if shown.ends_with(".rlib") && !shown.starts_with("libempty-") {
            fs::copy(from.join(&name), to.join(&name))?;
        }
    }
    Ok(())
}

/// rustc looks for its linkers in its sysroot; rustup's toolchain has them, Debian's does not.
fn link_linkers(sysroot: &Path) -> anyhow::Result<()> {
    let mut rustc = Command::new(own_rustc());
    let own = command::output_of(rustc.args(["--print", "sysroot"]))
        .context("rustc does not say where its sysroot is")?;
    let host = command::output_of(Command::new(RUSTC).arg("-vV"))
        .and_then(|text| {
            Some(
                text.lines()
                    .find_map(|l| l.strip_prefix("host: "))?
                    .to_owned(),
            )
        })
        .with_context(|| format!("{RUSTC} does not name its host"))?;
    let own = Path::new(&own).join("lib/rustlib").join(&host).join("bin");
    let bin = sysroot.join("lib/rustlib").join(&host).join("bin");
    fs::create_dir_all(&bin)?;
    for linker in ["rust-lld", "wasm-component-ld", "gcc-ld"] {
        let file = own.join(linker);
        anyhow::ensure!(
            file.exists(),
            "{} is missing: plugins need the linkers that rustup's toolchain brings",
            file.display()
        );
        std::os::unix::fs::symlink(&file, bin.join(linker))?;
    }
    Ok(())
}

/// Makes `cargo` compile with it. Cargo's own compiler would be found first, through the library
/// path that rustup sets.
pub(super) fn take(cargo: &mut Command) {
    cargo
        .env("RUSTC", RUSTC)
        .env_remove("LD_LIBRARY_PATH")
        .env_remove("RUSTC_WRAPPER")
        .env_remove("RUSTC_WORKSPACE_WRAPPER");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_compiler_is_named_with_the_way_to_a_new_one() {
        let cache = Path::new("/c");
        let old = "1.85.0+dfsg3-1~deb12u3".to_owned();
        let found = Debian::of(old.clone(), cache);
        assert_eq!(
            found,
            Debian::TooOld {
                version: old.clone()
            }
        );
        let said = build_sysroot(found).expect_err("too old").to_string();
        for part in [old.as_str(), OLDEST, "bookworm-security", "rust-web-src"] {
            assert!(said.contains(part), "{part} is not in {said}");
        }
        let sysroot = cache.join("wasm-sysroot-1.96.0_dfsg1-1_deb12u2-r1");
        let new = Debian::of("1.96.0+dfsg1-1~deb12u2".to_owned(), cache);
        assert_eq!(new, Debian::Usable { sysroot });
    }

    #[test]
    fn releases_are_compared_by_number() {
        assert!(release("1.9.0") < release("1.95"));
        assert!(release("1.100.0-1") > release("1.95"));
        assert!(release("nonsense") < release(OLDEST));
    }
}
