//! From a record in Kafka to its user's socket, and what Socket.IO costs beside npm's.

use anyhow::Result;

use super::kafka::Kafka;
use super::kit::Kit;
use super::load::{self, Load, Notified, Scenario, Stage};
use super::server::{Running, Server, Tuning};
use super::table::{Spread, Table, micros, thousands};
use super::{Extent, fanout, idle};

const USERS: usize = 1000;
const RATE: f64 = 20_000.0;
/// Below this share of its core the broker was held up by others.
const FULL: f64 = 0.9;

const HEAD: [&str; 7] = [
    "",
    "records/s",
    "p50",
    "p99",
    "CPU per record",
    "broker's core",
    "other core",
];

pub fn measure(kit: &Kit, servers: &[Server], extent: Extent) -> Result<Vec<Table>> {
    let chosen = |peers: &[Server]| -> Vec<Server> {
        let chosen = peers.iter().filter(|peer| servers.contains(peer));
        chosen.copied().collect()
    };
    let mut tables = vec![from_kafka(kit, extent)?];
    // npm's first: ratios are to it. The floor's says how small one can be at all.
    let beside = chosen(&[Server::Socketio, Server::Floor, Server::TidegateSocketio]);
    tables.extend(fanout::measure(kit, &beside, extent)?);
    let idle = chosen(&[Server::Socketio, Server::TidegateSocketio]);
    tables.extend(idle::memory(kit, &idle, extent)?);
    Ok(tables)
}

fn from_kafka(kit: &Kit, extent: Extent) -> Result<Table> {
    let turns = extent.turns.min(3);
    let mut kafka = Kafka::start(kit)?;
    let mut taken = Vec::new();
    for turn in 0..turns {
        eprintln!("notifications: turn {} of {turns}", turn + 1);
        // A new topic: nothing of the last turn is read again.
        let topic = format!("user-notifications-{turn}");
        kafka.make_topic(&topic)?;
        taken.push(turn_of(kit, &kafka, &topic, extent)?);
    }
    Ok(table(&taken, extent))
}

fn turn_of(kit: &Kit, kafka: &Kafka, topic: &str, extent: Extent) -> Result<Notified> {
    let brokers = &kafka.brokers;
    let tuning = Tuning {
        settings: format!(
            "[kafka]\nbrokers = \"{brokers}\"\n\
             [[ingest]]\ntopic = \"{topic}\"\nmapper = \"notifications\"\n"
        ),
        ..Tuning::default()
    };
    let running = Running::start(kit, Server::TidegateSocketio, &tuning)?;
    let scenario = Scenario::notifications(brokers, topic, USERS, RATE)
        .with(format!("--seconds={}", extent.notified_seconds))
        .with(format!("--backlog={}", extent.backlog));
    load::run_for(kit, &running, &scenario)
}

fn table(taken: &[Notified], extent: Extent) -> Table {
    let title = format!(
        "Notifications: records of Kafka, 128-byte text, each for one of {} users who listen over \
         Socket.IO, {} turns",
        thousands(USERS as f64),
        taken.len()
    );
    let mut table = Table::new(title, &HEAD);
    let steady: Vec<&Stage> = taken.iter().map(|turn| &turn.steady).collect();
    let backlog: Vec<&Stage> = taken.iter().map(|turn| &turn.backlog).collect();
    let asked = format!("{} records/s", thousands(RATE));
    let times = |stage: &[&Stage]| {
        [
            milliseconds(stage, |load| load.latency.p50_us),
            milliseconds(stage, |load| load.latency.p99_us),
        ]
    };
    table.row(row(asked, &steady, times(&steady)));
    let waiting = format!("a backlog of {}", thousands(extent.backlog as f64));
    table.row(row(waiting, &backlog, ["".into(), "".into()]));

    let cost = median(&backlog, |stage| stage.load.cpu_ns_per_delivery);
    let share = median(&backlog, |stage| stage.load.server_cpu);
    let limit = if share > FULL {
        "the backlog went as fast as the broker's core could"
    } else {
        "reckoned from the CPU per record, for the other core or other programs set the pace"
    };
    table.note(format!(
        "Records/s a core: {}; {limit}. No record was lost, none came twice, and each user's came \
         in order (the run fails otherwise).",
        thousands(1e9 / cost)
    ));
    table.note(
        "A record's time runs from when it was due at the producer to the client's read. Kafka, \
         the producer and all clients share the other core, and wait for each other there.",
    );
    table
}

fn row(name: String, stages: &[&Stage], [p50, p99]: [String; 2]) -> Vec<String> {
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    vec![
        name,
        thousands(median(stages, |stage| stage.load.deliveries_per_second)),
        p50,
        p99,
        micros(median(stages, |stage| stage.load.cpu_ns_per_delivery)),
        percent(median(stages, |stage| stage.load.server_cpu)),
        percent(median(stages, |stage| stage.core)),
    ]
}

fn median(stages: &[&Stage], figure: fn(&Stage) -> f64) -> f64 {
    Spread::of(stages.iter().map(|stage| figure(stage))).median
}

fn milliseconds(stages: &[&Stage], figure: fn(&Load) -> f64) -> String {
    Spread::of(stages.iter().map(|stage| figure(&stage.load))).milliseconds()
}
