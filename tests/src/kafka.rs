//! A real Apache Kafka: one broker for all tests that run at the time, a topic for each.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::OwnedMessage;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::process::Process;
use crate::{artifacts, ports, wait};

/// Starting takes 5 s alone; the machine may be busy with the other tests.
const START: Duration = Duration::from_secs(90);
/// Any will do: 16 bytes in base64.
const CLUSTER: &str = "dGlkZWdhdGUtdGVzdHMtMQ";
/// Who may come in at the SASL port.
pub const USER: (&str, &str) = ("tidegate", "s3cr3t-kafka");

pub struct Kafka {
    port: u16,
    sasl_port: u16,
    folder: TempDir,
    process: Process,
}

/// Alive while a test holds it: a process that outlives the tests would be left running.
static SHARED: Mutex<Weak<Kafka>> = Mutex::const_new(Weak::new());

impl Kafka {
    /// The one that tests beside each other share; the last of them ends it.
    pub async fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().await;
        if let Some(kafka) = shared.upgrade() {
            return kafka;
        }
        let kafka = Arc::new(Self::start().await);
        *shared = Arc::downgrade(&kafka);
        kafka
    }

    /// One of a test's own, to be killed or stopped.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (port, sasl_port, controller) = (ports::free(), ports::free(), ports::free());
        let settings = settings(folder.path(), port, sasl_port, controller);
        let file = folder.path().join("server.properties");
        std::fs::write(&file, settings).expect("the settings are written");
        let mut format = java("kafka.tools.StorageTool");
        format.args(["format", "-t", CLUSTER, "-c"]).arg(&file);
        let formatted = format.output().expect("java runs");
        let words = String::from_utf8_lossy(&formatted.stderr);
        assert!(formatted.status.success(), "kafka storage format: {words}");
        let mut kafka = Self {
            port,
            sasl_port,
            process: spawn(&file),
            folder,
        };
        kafka.answers().await;
        kafka
    }

    pub fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Where [`USER`] must show the password (SASL/PLAIN).
    pub fn sasl_brokers(&self) -> String {
        format!("127.0.0.1:{}", self.sasl_port)
    }

    /// It keeps its connections and answers nothing until [`Kafka::resume`].
    pub fn pause(&self) {
        self.process.signal(Signal::STOP);
    }

    pub fn resume(&self) {
        self.process.signal(Signal::CONT);
    }

    /// As `kill -9`; what it has written is there after [`Kafka::restart`].
    pub fn kill(&mut self) {
        self.process.kill();
    }

    pub async fn restart(&mut self) {
        self.kill();
        self.process = spawn(&self.folder.path().join("server.properties"));
        self.answers().await;
    }

    /// A topic that no other test knows.
    pub async fn topic(&self, partitions: i32) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("records-{number}");
        self.make_topic(&name, partitions).await;
        name
    }

    pub async fn make_topic(&self, name: &str, partitions: i32) {
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        let admin = self.admin();
        // One that has just started answers some requests late or never.
        let patience = AdminOptions::new().request_timeout(Some(Duration::from_secs(5)));
        wait::until_within(START, "the topic is made", async || {
            let made = admin.create_topics([&topic], &patience).await.ok()?;
            let made = made.into_iter().all(|one| match one {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => true,
                Err(_) => false,
            });
            made.then_some(())
        })
        .await;
    }

    pub fn producer(&self) -> FutureProducer {
        let mut config = self.client();
        config.set("linger.ms", "2").set("acks", "all");
        config.create().expect("a producer")
    }

    /// Writes these values one after the other to partition 0.
    pub async fn send(&self, topic: &str, key: &str, values: &[&str]) {
        let producer = self.producer();
        for value in values {
            let record = FutureRecord::to(topic).partition(0).key(key);
            let sent = producer.send(record.payload(*value), START);
            wait::soon("the record is taken", sent)
                .await
                .expect("kafka takes it");
        }
    }

    /// Writes the numbers of `range` beside the test, one a `pace`, to partition `number %
    /// partitions`; ends when Kafka has all.
    pub fn stream(
        &self,
        topic: &str,
        key: &str,
        partitions: i32,
        range: std::ops::Range<i32>,
        pace: Duration,
    ) -> JoinHandle<()> {
        let (producer, topic, key) = (self.producer(), topic.to_owned(), key.to_owned());
        tokio::spawn(async move {
            let mut taken = Vec::new();
            let mut ticks = tokio::time::interval(pace.max(Duration::from_micros(1)));
            for number in range {
                if !pace.is_zero() {
                    ticks.tick().await;
                }
                let value = number.to_string();
                let record = FutureRecord::to(&topic)
                    .partition(number % partitions)
                    .key(&key)
                    .payload(&value);
                let queued = producer.send_result(record);
                taken.push(queued.map_err(|(error, _)| error).expect("queued"));
            }
            for taken in taken {
                let taken = taken.await.expect("not cancelled");
                taken.map_err(|(error, _)| error).expect("kafka takes it");
            }
        })
    }

    /// The first `count` records of partition 0, read without a group.
    pub async fn read(&self, topic: &str, count: usize) -> Vec<OwnedMessage> {
        let mut config = self.client();
        let consumer: StreamConsumer = config
            .set("group.id", "not-used")
            .set("enable.auto.commit", "false")
            .create()
            .expect("a consumer");
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, 0, Offset::Beginning)
            .expect("an offset");
        consumer.assign(&list).expect("assigned");
        let mut found = Vec::new();
        while found.len() < count {
            let next = wait::soon("the next record", consumer.recv()).await;
            found.push(next.expect("a record").detach());
        }
        found
    }

    /// What the group has committed, by partition; `None` = nothing.
    pub async fn committed(&self, group: &str, topic: &str, partitions: i32) -> Vec<Option<i64>> {
        let mut config = self.client();
        let consumer: StreamConsumer = config.set("group.id", group).create().expect("a consumer");
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition(topic, partition);
        }
        let found = tokio::task::spawn_blocking(move || {
            consumer.committed_offsets(list, Duration::from_secs(10))
        });
        let found = found.await.expect("no panic").expect("committed offsets");
        found
            .elements()
            .iter()
            .map(|element| element.offset().to_raw().filter(|offset| *offset >= 0))
            .collect()
    }

    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.brokers());
        config
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().expect("an admin client")
    }

    async fn answers(&mut self) {
        let admin = Arc::new(self.admin());
        let process = &mut self.process;
        wait::until_within(START, "kafka answers", async || {
            process.assert_running();
            let admin = admin.clone();
            let asked = tokio::task::spawn_blocking(move || {
                let metadata = admin.inner().fetch_metadata(None, Duration::from_secs(2));
                metadata.is_ok_and(|metadata| !metadata.brokers().is_empty())
            });
            asked.await.expect("no panic").then_some(())
        })
        .await;
    }
}

fn spawn(settings: &Path) -> Process {
    Process::spawn("kafka", java("kafka.Kafka").arg(settings))
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

fn settings(folder: &Path, port: u16, sasl_port: u16, controller: u16) -> String {
    let logs = folder.join("logs");
    let (user, password) = USER;
    format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners=PLAINTEXT://127.0.0.1:{port},SASL://127.0.0.1:{sasl_port},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port},SASL://127.0.0.1:{sasl_port}\n\
         controller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT\n\
         listener.name.sasl.sasl.enabled.mechanisms=PLAIN\n\
         listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_{user}=\"{password}\";\n\
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
        logs = logs.display()
    )
}
