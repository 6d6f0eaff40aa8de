//! Membership of the group, kept up: a consumer that librdkafka has given up is made anew.

use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};
use tracing::{error, info};

use super::consumer::{Consumer, Links};
use crate::backoff::Backoff;
use crate::source::config::KafkaConfig;
use crate::source::numbers::KafkaNumbers;
use crate::source::thread::Mappers;

/// Two nodes with one `group.instance.id` fence each other for ever: not more often than this.
const WAIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

pub(in crate::source) struct Member {
    config: KafkaConfig,
    links: Links,
    state: State,
    backoff: Backoff,
    restarts: metrics::Counter,
}

enum State {
    Reads {
        consumer: Box<Consumer>,
        since: Instant,
    },
    /// The former consumer is gone when `left` resolves.
    Waits {
        until: Instant,
        left: Option<oneshot::Receiver<()>>,
    },
}

impl Member {
    /// Joins the group. Needs a tokio runtime.
    ///
    /// # Errors
    /// librdkafka refuses the settings.
    pub fn join(config: KafkaConfig, links: Links) -> anyhow::Result<Self> {
        let consumer = Consumer::start(&config, links.clone())?;
        Ok(Self {
            config,
            links,
            state: reads(consumer),
            backoff: Backoff::new(WAIT.0, WAIT.1),
            restarts: KafkaNumbers::new().restarts,
        })
    }

    /// Waits for something to do and does it. Cancel-safe.
    ///
    /// # Errors
    /// No thread can be started for a consumer that has to go.
    pub async fn turn(&mut self, mappers: &mut Mappers) -> anyhow::Result<()> {
        match &mut self.state {
            State::Reads { consumer, since } => {
                if let Err(reason) = consumer.turn(mappers).await {
                    self.backoff.lasted(since.elapsed());
                    self.give_up(&reason)?;
                }
            }
            State::Waits { until, left } => {
                if let Some(leaving) = left {
                    // An error is its end as well.
                    let _ = leaving.await;
                    *left = None;
                }
                sleep_until(*until).await;
                self.restart();
            }
        }
        Ok(())
    }

    /// Leaves the group: what is on its way is waited for, and offsets are committed.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn leave(self) -> anyhow::Result<oneshot::Receiver<()>> {
        match self.state {
            State::Reads { consumer, .. } => leave(consumer),
            State::Waits { left, .. } => Ok(left.unwrap_or_else(|| oneshot::channel().1)),
        }
    }

    /// What was not committed is read again from the last commit, and heard once by its ids.
    fn give_up(&mut self, reason: &str) -> anyhow::Result<()> {
        let wait = self.backoff.wait();
        error!(
            reason,
            wait_ms = wait.as_millis(),
            "kafka: the consumer cannot go on, a new one will join"
        );
        let waits = State::Waits {
            until: Instant::now() + wait,
            left: None,
        };
        let former = std::mem::replace(&mut self.state, waits);
        if let (State::Reads { consumer, .. }, State::Waits { left, .. }) =
            (former, &mut self.state)
        {
            *left = Some(leave(consumer)?);
        }
        Ok(())
    }

    fn restart(&mut self) {
        match Consumer::start(&self.config, self.links.clone()) {
            Ok(consumer) => {
                self.restarts.increment(1);
                self.state = reads(consumer);
            }
            Err(reason) => {
                let wait = self.backoff.wait();
                error!(
                    wait_ms = wait.as_millis(),
                    "kafka: cannot begin again: {reason:#}"
                );
                self.state = State::Waits {
                    until: Instant::now() + wait,
                    left: None,
                };
            }
        }
    }
}

fn reads(consumer: Consumer) -> State {
    State::Reads {
        consumer: Box::new(consumer),
        since: Instant::now(),
    }
}

/// On a thread of its own, for a Kafka that hangs must not hold up the end of the process.
fn leave(consumer: Box<Consumer>) -> anyhow::Result<oneshot::Receiver<()>> {
    let (done, left) = oneshot::channel();
    std::thread::Builder::new()
        .name("tidegate-leave".to_owned())
        .spawn(move || {
            drop(consumer);
            info!("kafka: left the group");
            // The process may have ended meanwhile.
            let _ = done.send(());
        })
        .context("cannot start a thread")?;
    Ok(left)
}
