//! The compiler for plugins: rustup's own wasm target where there is one, else Debian's
//! `rustc-web`, whose standard library is compiled for wasm from `rust-web-src`.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::command;

/// No WASI: what a plugin can do is exactly what its world imports.
pub const TARGET: &str = "wasm32-unknown-unknown";
/// Debian's packages, both from the ordinary archive.
pub const APT: &[&str] = &["rustc-web", "rust-web-src"];

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_SOURCE: &str = "/usr/lib/rustlib/src/rust/library/std/Cargo.toml";
/// Raised when the way the sysroot is made changes, so that an old one is not taken for a new one.
const RECIPE: u32 = 1;
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
        let sysroot = sysroot_folder()?;
        sysroot
            .join("complete")
            .exists()
            .then_some(Self::Debian { sysroot })
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
            as_debian(&mut cargo);
        }
        cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
        cargo
    }
}

/// Sets whichever way works: rustup, unless `TIDEGATE_WASM=debian` forbids its download, then apt.
/// `install_packages` is called with the apt packages when they are missing.
pub fn install(install_packages: impl FnOnce(&[&str]) -> anyhow::Result<()>) -> anyhow::Result<()> {
    if !debian_packages_there() {
        if !debian_wanted() && rustup_adds_target() {
            return Ok(());
        }
        install_packages(APT)?;
    }
    build_sysroot()
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

fn debian_packages_there() -> bool {
    Path::new(DEBIAN_RUSTC).exists() && Path::new(DEBIAN_SOURCE).exists()
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

/// One folder per version of Debian's compiler: cargo does not notice when a sysroot changes at
/// the path it had.
fn sysroot_folder() -> Option<PathBuf> {
    if !debian_packages_there() {
        return None;
    }
    let version = command::output_of(Command::new("dpkg-query").args([
        "--show",
        "--showformat=${Version}",
        APT[0],
    ]))?;
    let version: String = version
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || ".-".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    Some(cache_folder()?.join(format!("wasm-sysroot-{version}-r{RECIPE}")))
}

fn cache_folder() -> Option<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|folder| folder.is_absolute())
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    Some(base.join("tidegate"))
}

/// Compiles the standard library for [`TARGET`] from Debian's source, in a folder that gets its
/// name only when it is whole.
fn build_sysroot() -> anyhow::Result<()> {
    let sysroot = sysroot_folder().context("dpkg-query does not know rustc-web")?;
    if sysroot.join("complete").exists() {
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
        Err(_) if sysroot.join("complete").exists() => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot make {}", sysroot.display())),
    }
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
    as_debian(&mut cargo);
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
    let host = command::output_of(Command::new(DEBIAN_RUSTC).arg("-vV"))
        .and_then(|text| {
            Some(
                text.lines()
                    .find_map(|l| l.strip_prefix("host: "))?
                    .to_owned(),
            )
        })
        .with_context(|| format!("{DEBIAN_RUSTC} does not name its host"))?;
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

/// Cargo's own compiler would be found before Debian's through the library path that rustup sets.
fn as_debian(cargo: &mut Command) {
    cargo
        .env("RUSTC", DEBIAN_RUSTC)
        .env_remove("LD_LIBRARY_PATH")
        .env_remove("RUSTC_WRAPPER")
        .env_remove("RUSTC_WORKSPACE_WRAPPER");
}
