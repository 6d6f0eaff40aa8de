//! The chat: saving messages as fast as it goes, fetching pages, and from saving to being seen.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};

use crate::caller::{Answer, Callers};
use crate::latency::{Latencies, Percentiles};
use crate::meter::Meter;
use crate::target::Target;

/// Calls that one connection may have under way (`limits.concurrent_calls`).
const CALLS: usize = 16;
const STALL: Duration = Duration::from_secs(10);
/// Messages of one page.
const PAGE: usize = 50;
const TOPIC: &str = "chat:message:new";

#[derive(Args)]
pub struct Chat {
    /// Sends under way at once.
    #[arg(long, default_value_t = 64)]
    in_flight: usize,
    /// How long messages are saved.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Pages fetched one after the other.
    #[arg(long, default_value_t = 1000)]
    pages: u64,
    /// Windows that see each message.
    #[arg(long, default_value_t = 1000)]
    windows: usize,
    /// Messages that they see, one every 50 ms.
    #[arg(long, default_value_t = 100)]
    messages: u64,
}

#[derive(Serialize)]
pub struct Chatted {
    sends: Stage,
    pages: Stage,
    /// From the call to the windows' reads.
    seen: Percentiles,
}

#[derive(Serialize)]
struct Stage {
    per_second: f64,
    cpu_ns_each: f64,
    server_cpu: f64,
    generator_cpu: f64,
    latency: Percentiles,
}

#[derive(Deserialize)]
struct Page {
    messages: Vec<Message>,
    more: bool,
}

#[derive(Deserialize)]
struct Message {
    created_at: String,
}

pub fn run(target: &Target, options: &Chat) -> Result<Chatted> {
    ensure!(options.in_flight > 0, "--in-flight must be 1 or more");
    Ok(Chatted {
        sends: sends(target, options)?,
        pages: pages(target, options.pages)?,
        seen: seen(target, options)?,
    })
}

/// Nonces that no run shares with another, and texts of 128 bytes.
#[derive(Default)]
struct Texts(u64);

impl Texts {
    fn next(&mut self) -> String {
        self.0 += 1;
        let number = self.0;
        let run = std::process::id();
        format!(r#"{{"text":"{number:0>128}","nonce":"{run}-{number}"}}"#)
    }
}

fn sends(target: &Target, options: &Chat) -> Result<Stage> {
    let per_caller = options.in_flight.min(CALLS);
    let callers = options.in_flight.div_ceil(per_caller);
    let mut callers = Callers::connect(target, callers, per_caller)?;
    let mut texts = Texts::default();
    let mut latencies = Latencies::default();
    let meter = Meter::start(target.pid)?;
    let until = Duration::from_secs_f64(options.seconds);
    while meter.elapsed() < until || callers.in_flight() > 0 {
        let goes_on = meter.elapsed() < until;
        callers.fill(|| goes_on.then(|| ("chat.send", texts.next())))?;
        callers.receive(|answer| took(&mut latencies, &answer))?;
    }
    stage(meter, latencies)
}

/// Walks back through the room, and begins anew at its start.
fn pages(target: &Target, count: u64) -> Result<Stage> {
    let mut caller = Callers::connect(target, 1, 1)?;
    let mut latencies = Latencies::default();
    let mut before = String::new();
    let meter = Meter::start(target.pid)?;
    for _ in 0..count {
        let params = format!(r#"{{"limit":{PAGE}{before}}}"#);
        let answer = caller.call("chat.history", &params)?;
        latencies.add(answer.took);
        let page: Page = serde_json::from_str(answer.data.get()).context("a page")?;
        ensure!(
            page.messages.len() == PAGE || !page.more,
            "a page of {} messages, and more to come",
            page.messages.len()
        );
        before = match page.messages.last() {
            Some(last) if page.more => format!(r#","before":"{}""#, last.created_at),
            _ => String::new(),
        };
    }
    stage(meter, latencies)
}

fn seen(target: &Target, options: &Chat) -> Result<Percentiles> {
    let mut windows = target.fleet()?;
    windows.open(options.windows, 0, |number| {
        target.script(number, Some(TOPIC))
    })?;
    let mut caller = Callers::connect(target, 1, 1)?;
    let mut latencies = Latencies::default();
    let mut texts = Texts(u64::from(u32::MAX));
    for message in 1..=options.messages {
        let sent = Instant::now();
        let mut once = Some(("chat.send", texts.next()));
        caller.fill(|| once.take())?;
        let all = message * options.windows as u64;
        while latencies.count() < all {
            windows.receive(STALL, |delivery| {
                for _ in delivery.before..delivery.after {
                    latencies.add(delivery.at - sent);
                }
            })?;
            if sent.elapsed() > STALL {
                bail!("{} of {all} windows saw a message", latencies.count());
            }
        }
        while caller.in_flight() > 0 {
            caller.receive(|_| Ok(()))?;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(latencies.percentiles())
}

fn took(latencies: &mut Latencies, answer: &Answer) -> Result<()> {
    latencies.add(answer.took);
    Ok(())
}

fn stage(meter: Meter, latencies: Latencies) -> Result<Stage> {
    let count = latencies.count();
    let spent = meter.stop()?;
    Ok(Stage {
        per_second: spent.a_second(count),
        cpu_ns_each: spent.per(count),
        server_cpu: spent.server_share(),
        generator_cpu: spent.generator_share(),
        latency: latencies.percentiles(),
    })
}
