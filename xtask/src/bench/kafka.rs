//! A real Kafka on the load's core, as the end-to-end tests start theirs.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};

use super::kit::{Kit, succeed};
use super::load;
use crate::command;

pub struct Kafka {
    pub brokers: String,
    child: Child,
    /// Kafka ends when this does, and so when the bench does, however that ends.
    topics: Option<ChildStdin>,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Kafka {
    /// Builds what starts it (without optimisation: it measures nothing) and starts it.
    pub fn start(kit: &Kit) -> Result<Self> {
        let mut build = command::cargo(&kit.root);
        succeed(build.args(["build", "--package", "tidegate-load", "--example", "kafka"]))?;
        let mut command = Command::new("taskset");
        command.args(["-c", load::CORE]);
        command.arg(kit.release.with_file_name("debug").join("examples/kafka"));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start Kafka")?;
        let topics = child.stdin.take();
        let answers = child.stdout.take().context("Kafka has no stdout")?;
        let mut kafka = Self {
            brokers: String::new(),
            child,
            topics,
            answers: BufReader::new(answers).lines(),
        };
        kafka.brokers = kafka.answer()?;
        Ok(kafka)
    }

    pub fn make_topic(&mut self, name: &str) -> Result<()> {
        let topics = self.topics.as_mut().context("Kafka is at its end")?;
        writeln!(topics, "{name}").context("Kafka has ended")?;
        self.answer().map(|_| ())
    }

    fn answer(&mut self) -> Result<String> {
        match self.answers.next() {
            Some(line) => Ok(line?),
            None => bail!("Kafka ended; what it said is above"),
        }
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        drop(self.topics.take());
        let _ = self.child.wait();
    }
}
