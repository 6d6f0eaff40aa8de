//! The Kafka that the end-to-end tests run against, for `cargo xtask bench notifications`: prints
//! where it is, then makes each topic that it reads a line for and prints the line, and ends when
//! there are no more.
//!
//! An example, because the tests' harness looks for Kafka's jars from a folder below
//! `target/<profile>`, as tests are in.

use std::io::{self, BufRead};

use anyhow::Result;
use tidegate_tests::kafka::Kafka;

const PARTITIONS: i32 = 4;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let kafka = Kafka::start().await;
    println!("{}", kafka.brokers());
    // Nothing else runs here that reading could hold up.
    for topic in io::stdin().lock().lines() {
        let topic = topic?;
        kafka.make_topic(&topic, PARTITIONS).await;
        println!("{topic}");
    }
    Ok(())
}
