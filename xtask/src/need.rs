//! What building and testing need beyond Rust: why, how to get it, and getting it.

mod apt;
mod packages;

use std::process::Command;

use crate::command;
use crate::repo::Repo;
use crate::wasm::{self, Toolchain};

/// Whether to install what is missing or only say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Install {
    Missing,
    Never,
}

/// One thing that may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Libraries,
    WasmTarget,
    Redis,
    Node,
    NodePackages,
    Python,
    PythonPackages,
    Browser,
    Java,
    Kafka,
    Nats,
}

impl Need {
    pub const TO_BUILD: &[Self] = &[Self::Libraries, Self::WasmTarget];
    pub const TO_BENCH: &[Self] = &[
        Self::Libraries,
        Self::WasmTarget,
        Self::Node,
        Self::Nats,
        Self::Java,
        Self::Kafka,
    ];
    pub const TO_TEST: &[Self] = &[
        Self::Libraries,
        Self::WasmTarget,
        Self::Redis,
        Self::Node,
        Self::NodePackages,
        Self::Python,
        Self::PythonPackages,
        Self::Browser,
        Self::Java,
        Self::Kafka,
    ];

    fn what(self) -> &'static str {
        match self {
            Self::Libraries => "a C and C++ compiler, make, pkg-config and OpenSSL's headers",
            Self::WasmTarget => "a Rust compiler for wasm32-unknown-unknown",
            Self::Redis => "redis-server and redis-cli",
            Self::Node => "Node.js with npm",
            Self::NodePackages => {
                "the npm packages of tests/node, tests/browser, examples and sdk/client"
            }
            Self::Python => "Python 3 with venv",
            Self::PythonPackages => "the Python packages of tests/python",
            Self::Browser => "Chromium",
            Self::Java => "Java 17 and Maven",
            Self::Kafka => "the jars of Apache Kafka",
            Self::Nats => "nats-server",
        }
    }

    fn why(self) -> &'static str {
        match self {
            Self::Libraries => "librdkafka, which reads Kafka, is built here and linked in",
            Self::WasmTarget => "plugins are WebAssembly components",
            Self::Redis => "the tests run nodes against a real Redis (started and stopped by them)",
            Self::Node | Self::NodePackages => {
                "the tests connect with npm's ws and socket.io-client, run the examples and a DynamoDB \
                 (dynalite)"
            }
            Self::Java | Self::Kafka => {
                "the tests read from a real Kafka (from Maven Central, started and stopped by them)"
            }
            Self::Nats => "the bench measures it beside the broker",
            Self::Python | Self::PythonPackages => {
                "the tests run WebSocket conformance cases, independent clients and a DynamoDB (moto)"
            }
            Self::Browser => "the tests look at the pages of examples in a browser",
        }
    }

    fn how(self) -> String {
        match self {
            Self::WasmTarget => format!(
                "rustup target add {} (or: {}, version {} at least, then cargo xtask setup)",
                wasm::TARGET,
                apt::line(wasm::APT),
                wasm::OLDEST
            ),
            Self::NodePackages => format!("npm ci in {}", packages::NODE_FOLDERS.join(", ")),
            Self::PythonPackages | Self::Kafka => "cargo xtask setup".into(),
            other => apt::line(other.apt_packages()),
        }
    }

    fn apt_packages(self) -> &'static [&'static str] {
        match self {
            Self::Libraries => &["build-essential", "pkg-config", "libssl-dev"],
            Self::Redis => &["redis-server", "redis-tools"],
            Self::Node => &["nodejs", "npm"],
            Self::Python => &["python3", "python3-venv"],
            Self::Browser => &["chromium"],
            Self::Java => &["openjdk-17-jre-headless", "maven"],
            Self::Nats => &["nats-server"],
            Self::WasmTarget | Self::NodePackages | Self::PythonPackages | Self::Kafka => &[],
        }
    }

    fn is_met(self, repo: &Repo) -> bool {
        match self {
            Self::WasmTarget => Toolchain::find().is_some(),
            Self::Redis => all_on_path(&["redis-server", "redis-cli"]),
            Self::Node => all_on_path(&["node", "npm"]),
            Self::NodePackages => packages::node_installed(repo),
            Self::Python => {
                let mut python = Command::new("python3");
                command::output_of(python.args(["-c", "import venv, ensurepip"])).is_some()
            }
            Self::PythonPackages => packages::python_installed(repo),
            Self::Browser => all_on_path(&["chromium"]),
            Self::Libraries => {
                let mut config = Command::new("pkg-config");
                all_on_path(&["cc", "c++", "make"])
                    && command::output_of(config.args(["--exists", "openssl"])).is_some()
            }
            Self::Java => all_on_path(&["java", "mvn"]),
            Self::Kafka => packages::kafka_installed(repo),
            Self::Nats => all_on_path(&["nats-server"]),
        }
    }

    fn install(self, repo: &Repo) -> anyhow::Result<()> {
        match self {
            Self::WasmTarget => wasm::install(apt::install),
            Self::NodePackages => packages::install_node(repo),
            Self::PythonPackages => packages::install_python(repo),
            Self::Kafka => packages::install_kafka(repo),
            Self::Redis => {
                apt::install(self.apt_packages())?;
                apt::stop_service("redis-server");
                Ok(())
            }
            Self::Nats => {
                apt::install(self.apt_packages())?;
                apt::stop_service("nats-server");
                Ok(())
            }
            Self::Libraries | Self::Node | Self::Python | Self::Browser | Self::Java => {
                apt::install(self.apt_packages())
            }
        }
    }
}

/// Installs those of `needs` that are missing, or names them all and fails.
pub fn ensure(repo: &Repo, needs: &[Need], install: Install) -> anyhow::Result<()> {
    let missing: Vec<Need> = needs
        .iter()
        .copied()
        .filter(|need| !need.is_met(repo))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    if install == Install::Never {
        for need in &missing {
            eprintln!("missing: {} ({})", need.what(), need.why());
            eprintln!("  get it: {}", need.how());
        }
        anyhow::bail!(
            "{} of {} needed things are missing",
            missing.len(),
            needs.len()
        );
    }
    for need in missing {
        println!("installing {}: {}", need.what(), need.why());
        need.install(repo)?;
        anyhow::ensure!(
            need.is_met(repo),
            "{} is still missing after its installation; get it by: {}",
            need.what(),
            need.how()
        );
    }
    Ok(())
}

fn all_on_path(programs: &[&str]) -> bool {
    programs
        .iter()
        .all(|program| command::on_path(program).is_some())
}
