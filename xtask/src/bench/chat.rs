//! The chat on its embedded store: durable sends, pages of history, and from a send to its being seen.

use anyhow::Result;

use super::Extent;
use super::kit::Kit;
use super::load::{self, Calls, Chatted, Scenario};
use super::server::{Running, Server, Tuning};
use super::table::{Spread, Table, micros, thousands};

const IN_FLIGHT: usize = 64;
const WINDOWS: usize = 1000;

const HEAD: [&str; 7] = [
    "",
    "a second",
    "p50",
    "p99",
    "CPU each",
    "broker's core",
    "load's core",
];

pub fn measure(kit: &Kit, extent: Extent) -> Result<Vec<Table>> {
    let turns = extent.turns.min(3);
    let mut taken = Vec::new();
    for turn in 0..turns {
        eprintln!("chat: turn {} of {turns}", turn + 1);
        let running = Running::start(kit, Server::Tidegate, &Tuning::default())?;
        let scenario = Scenario::chat(IN_FLIGHT, WINDOWS)
            .with(format!("--seconds={}", extent.chat_seconds))
            .with(format!("--pages={}", extent.chat_pages))
            .with(format!("--messages={}", extent.chat_messages));
        taken.push(load::run_for::<Chatted>(kit, &running, &scenario)?);
    }
    Ok(vec![table(&taken)])
}

fn table(taken: &[Chatted]) -> Table {
    let title = format!(
        "Chat: embedded store, messages of 128 bytes, {} turns",
        taken.len()
    );
    let mut table = Table::new(title, &HEAD);
    let sends: Vec<&Calls> = taken.iter().map(|turn| &turn.sends).collect();
    let pages: Vec<&Calls> = taken.iter().map(|turn| &turn.pages).collect();
    table.row(row(format!("`chat.send`, {IN_FLIGHT} in flight"), &sends));
    table.row(row(
        "`chat.history`, a page of 50, 1 in flight".into(),
        &pages,
    ));
    let seen = |figure: fn(&Chatted) -> f64| Spread::of(taken.iter().map(figure)).milliseconds();
    table.row(vec![
        format!("from the call to {} windows", thousands(WINDOWS as f64)),
        String::new(),
        seen(|turn| turn.seen.p50_us),
        seen(|turn| turn.seen.p99_us),
        String::new(),
        String::new(),
        String::new(),
    ]);
    table.note(
        "A send is answered when its message is on the disk: its nonce and it are in one commit, \
         which is shared by all writes that wait then.",
    );
    table
}

fn row(name: String, calls: &[&Calls]) -> Vec<String> {
    let median =
        |figure: fn(&Calls) -> f64| Spread::of(calls.iter().map(|calls| figure(calls))).median;
    let time = |figure: fn(&Calls) -> f64| {
        Spread::of(calls.iter().map(|calls| figure(calls))).milliseconds()
    };
    vec![
        name,
        thousands(median(|calls| calls.per_second)),
        time(|calls| calls.latency.p50_us),
        time(|calls| calls.latency.p99_us),
        micros(median(|calls| calls.cpu_ns_each)),
        format!("{:.0} %", median(|calls| calls.server_cpu) * 100.0),
        format!("{:.0} %", median(|calls| calls.generator_cpu) * 100.0),
    ]
}
