//! The compiler for plugins: rustup's own wasm target where there is one, else Debian's
//! `rustc-web`, whose standard library is compiled for wasm from `rust-web-src`.

mod debian;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::command;
use debian::Debian;

/// No WASI: what a plugin can do is exactly what its world imports.
pub const TARGET: &str = "wasm32-unknown-unknown";
/// Debian's packages.
pub const APT: &[&str] = debian::APT;
/// The oldest compiler that plugins are written for; their workspaces ask for the same.
pub const OLDEST: &str = env!("CARGO_PKG_RUST_VERSION");
/// rustup tries for long where it is cut off from the network.
const RUSTUP_PATIENCE: Duration = Duration::from_secs(60);

/// A compiler that can build for [`TARGET`].
pub enum Toolchain {
    /// The one in use has the target itself.
    Own,
    /// Debian's compiler with a sysroot of ours.
    Debian { sysroot: PathBuf },
}

impl Toolchain {
    /// What is there already; installs and builds nothing.
    pub fn find() -> Option<Self> {
        if own_has_target() && !debian_wanted() {
            return Some(Self::Own);
        }
        let Debian::Usable { sysroot } = Debian::find() else {
            return None;
        };
        debian::is_whole(&sysroot).then_some(Self::Debian { sysroot })
    }

    /// `cargo` for a guest in `folder`, compiling into `target`.
    ///
    /// The linker turns the module into a component; 64 KiB of stack keep a new instance cheap.
    pub fn cargo(&self, folder: &Path, target: &Path) -> Command {
        let mut flags = vec!["-Clinker=wasm-component-ld".to_owned()];
        flags.push("-Clink-arg=-zstack-size=65536".to_owned());
        let mut cargo = command::cargo(folder);
        cargo
            .env("CARGO_TARGET_DIR", target)
            .env_remove("RUSTFLAGS");
        if let Self::Debian { sysroot } = self {
            flags.push(format!("--sysroot={}", sysroot.display()));
            debian::take(&mut cargo);
        }
        cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
        cargo
    }
}

/// Sets whichever way works: rustup, unless `TIDEGATE_WASM=debian` forbids its download, then apt.
/// `install_packages` is called with the apt packages when they are missing or too old.
pub fn install(install_packages: impl FnOnce(&[&str]) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut found = Debian::find();
    if !matches!(found, Debian::Usable { .. }) {
        if !debian_wanted() && rustup_adds_target() {
            return Ok(());
        }
        install_packages(APT)?;
        found = Debian::find();
    }
    debian::build_sysroot(found)
}

fn debian_wanted() -> bool {
    std::env::var_os("TIDEGATE_WASM").is_some_and(|way| way == "debian")
}

/// Whether the compiler in use came with the target's standard library.
fn own_has_target() -> bool {
    let folder = command::output_of(Command::new(own_rustc()).args([
        "--print",
        "target-libdir",
        "--target",
        TARGET,
    ]));
    folder.is_some_and(|folder| {
        fs::read_dir(folder).is_ok_and(|mut files| {
            files.any(|file| {
                file.is_ok_and(|file| file.file_name().to_string_lossy().starts_with("libstd-"))
            })
        })
    })
}

fn own_rustc() -> OsString {
    std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())
}

/// `rustup target add`, given up after [`RUSTUP_PATIENCE`].
fn rustup_adds_target() -> bool {
    if command::on_path("rustup").is_none() {
        return false;
    }
    println!("trying `rustup target add {TARGET}`");
    let child = Command::new("rustup")
        .args(["target", "add", TARGET])
        .stdout(Stdio::null())
        .spawn();
    let Ok(mut child) = child else { return false };
    let end = Instant::now() + RUSTUP_PATIENCE;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success() && own_has_target(),
            Ok(None) if Instant::now() < end => std::thread::sleep(Duration::from_millis(50)),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                println!("rustup did not answer; taking Debian's compiler instead");
                return false;
            }
        }
    }
}
