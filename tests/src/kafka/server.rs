//! Kafka's process, its ports and its settings.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::USER;
use crate::certificate::Certificate;
use crate::process::Process;
use crate::{artifacts, ports};

/// Any will do: 16 bytes in base64.
const CLUSTER: &str = "dGlkZWdhdGUtdGVzdHMtMQ";

pub(super) struct Ports {
    pub plain: u16,
    /// SASL/PLAIN.
    pub sasl: u16,
    pub tls: u16,
    controller: u16,
}

impl Ports {
    pub fn free() -> Self {
        Self {
            plain: ports::free(),
            sasl: ports::free(),
            tls: ports::free(),
            controller: ports::free(),
        }
    }
}

/// Writes the settings and formats the storage in `folder`.
pub(super) fn prepare(folder: &Path, ports: &Ports, certificate: &Certificate) {
    // Kafka takes key and certificate from one file.
    std::fs::write(keystore(folder), certificate.pem()).expect("the keystore is written");
    let file = settings_file(folder);
    std::fs::write(&file, settings(folder, ports)).expect("the settings are written");
    let mut format = java("kafka.tools.StorageTool");
    format.args(["format", "-t", CLUSTER, "-c"]).arg(&file);
    let formatted = format.output().expect("java runs");
    let words = String::from_utf8_lossy(&formatted.stderr);
    assert!(formatted.status.success(), "kafka storage format: {words}");
}

pub(super) fn spawn(folder: &Path) -> Process {
    Process::spawn("kafka", java("kafka.Kafka").arg(settings_file(folder)))
}

fn settings_file(folder: &Path) -> PathBuf {
    folder.join("server.properties")
}

fn keystore(folder: &Path) -> PathBuf {
    folder.join("keystore.pem")
}

fn java(class: &str) -> Command {
    let jars = jars();
    let mut command = Command::new("java");
    command
        .args(["-Xms64m", "-Xmx384m", "-XX:+UseSerialGC"])
        .args(["-XX:TieredStopAtLevel=1"])
        .arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
        .arg("-cp")
        .arg(jars.join("*"))
        .arg(class);
    command
}

/// `cargo xtask setup` has put them there.
fn jars() -> PathBuf {
    let folder = artifacts::target().join("tests-kafka/lib");
    assert!(
        folder.is_dir(),
        "{} is missing: run `cargo xtask setup`, which fetches Kafka's jars",
        folder.display()
    );
    folder
}

fn settings(folder: &Path, ports: &Ports) -> String {
    let Ports {
        plain,
        sasl,
        tls,
        controller,
    } = ports;
    let (logs, keystore) = (folder.join("logs"), keystore(folder));
    let (user, password) = USER;
    format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners=PLAINTEXT://127.0.0.1:{plain},SASL://127.0.0.1:{sasl},TLS://127.0.0.1:{tls},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{plain},SASL://127.0.0.1:{sasl},TLS://localhost:{tls}\n\
         controller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SSL\n\
         listener.name.sasl.sasl.enabled.mechanisms=PLAIN\n\
         listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_{user}=\"{password}\";\n\
         listener.name.tls.ssl.keystore.type=PEM\n\
         listener.name.tls.ssl.keystore.location={keystore}\n\
         log.dirs={logs}\n\
         offsets.topic.replication.factor=1\n\
         offsets.topic.num.partitions=4\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         group.initial.rebalance.delay.ms=0\n\
         group.min.session.timeout.ms=1000\n\
         auto.create.topics.enable=false\n\
         broker.session.timeout.ms=2000\n\
         broker.heartbeat.interval.ms=500\n",
        logs = logs.display(),
        keystore = keystore.display()
    )
}
