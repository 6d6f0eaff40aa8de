//! A real Apache Kafka: one broker for all tests that run at the time, a topic for each.

mod server;

use std::path::PathBuf;
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

use crate::certificate::Certificate;
use crate::process::Process;
use crate::wait;
use server::Ports;

/// Starting takes 5 s alone; the machine may be busy with the other tests.
const START: Duration = Duration::from_secs(90);
/// Who may come in at the SASL port.
pub const USER: (&str, &str) = ("tidegate", "s3cr3t-kafka");

pub struct Kafka {
    ports: Ports,
    certificate: Certificate,
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
        let ports = Ports::free();
        let certificate = Certificate::for_localhost();
        server::prepare(folder.path(), &ports, &certificate);
        let mut kafka = Self {
            ports,
            certificate,
            process: server::spawn(folder.path()),
            folder,
        };
        kafka.answers().await;
        kafka
    }

    pub fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.ports.plain)
    }

    /// Where [`USER`] must show the password (SASL/PLAIN).
    pub fn sasl_brokers(&self) -> String {
        format!("127.0.0.1:{}", self.ports.sasl)
    }

    /// Where TLS is spoken.
    pub fn tls_brokers(&self) -> String {
        format!("localhost:{}", self.ports.tls)
    }

    /// The certificate to trust there.
    pub fn ca(&self) -> PathBuf {
        self.certificate.certificate()
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
        self.process = server::spawn(self.folder.path());
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
