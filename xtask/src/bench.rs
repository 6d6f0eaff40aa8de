//! `cargo xtask bench`: Tidegate beside the floor and its peers, all in one run.
//!
//! Each server is pinned to core 0 and the load generator to core 1. What a delivery costs differs
//! from machine to machine by a factor of two, and from minute to minute on a shared one: so
//! servers take turns, several times over, and figures are ratios to the floor of the same turn.

mod authorize;
mod chat;
mod coalesce;
mod fanout;
mod idle;
mod kafka;
mod kit;
mod load;
mod machine;
mod notifications;
mod reload;
mod server;
mod table;
mod tidegate;

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use kit::Kit;
use server::Server;
use table::Table;

#[derive(Parser)]
#[command(name = "cargo xtask bench")]
struct Options {
    /// What to measure; everything if nothing is named.
    #[arg(value_enum)]
    rows: Vec<Row>,
    /// A rough look in two minutes: short, two turns, fewer connections.
    #[arg(long)]
    quick: bool,
    /// How often the servers take turns.
    #[arg(long)]
    turns: Option<usize>,
    /// Only these servers (the floor is always there).
    #[arg(long, value_enum, value_delimiter = ',')]
    servers: Vec<Server>,
    /// Measure this binary instead of building target/release/tidegate.
    #[arg(long)]
    tidegate: Option<PathBuf>,
    /// Take what is built already.
    #[arg(long)]
    no_build: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Row {
    /// CPU per delivery, with 16 and with 1 publications in flight, to 1,000 listeners.
    Fanout,
    /// Memory per idle connection.
    Idle,
    /// Connections a second, the upgrade included.
    Accept,
    /// Delivery times while the plugin's settings are saved again and again.
    Reload,
    /// CPU per delivery when publications wait for company.
    Coalesce,
    /// The authorize call, from criterion.
    Authorize,
    /// From a record in Kafka to its user's Socket.IO client, and Socket.IO beside npm's.
    Notifications,
    /// Durable sends, pages and save-to-seen of the chat.
    Chat,
}

/// How long and how often.
#[derive(Clone, Copy, Debug)]
struct Extent {
    turns: usize,
    seconds: f64,
    idle_connections: usize,
    accepted_connections: usize,
    reload_seconds: f64,
    notified_seconds: f64,
    /// Records.
    backlog: usize,
    chat_seconds: f64,
    chat_pages: usize,
    chat_messages: usize,
}

/// Runs the bench with the given arguments (without the program's and the verb's name).
pub fn run(args: Vec<String>) -> anyhow::Result<()> {
    let name = "cargo xtask bench".to_owned();
    let options = Options::parse_from(std::iter::once(name).chain(args));
    let mut extent = if options.quick {
        Extent::QUICK
    } else {
        Extent::FULL
    };
    extent.turns = options.turns.unwrap_or(extent.turns).max(1);
    let servers = chosen(&options.servers);
    let mut kit = Kit::find(options.tidegate.clone())?;
    if !options.no_build {
        kit.build(servers.iter().any(|server| server.is_tidegate()))?;
    }
    kit.check(&servers)?;
    machine::prepare(extent.idle_connections)?;
    println!("{}", machine::describe());
    if servers.iter().any(|server| server.is_tidegate()) {
        kit.measure_frame()?;
    }
    for row in rows(&options.rows) {
        if row.needs().is_some_and(|needed| !servers.contains(&needed)) {
            continue;
        }
        for table in measure(row, &kit, &servers, extent)? {
            println!("\n{table}");
        }
    }
    Ok(())
}

fn measure(row: Row, kit: &Kit, servers: &[Server], extent: Extent) -> anyhow::Result<Vec<Table>> {
    match row {
        Row::Fanout => fanout::measure(kit, servers, extent),
        Row::Idle => idle::memory(kit, servers, extent),
        Row::Accept => idle::accept(kit, servers, extent),
        Row::Reload => reload::measure(kit, extent),
        Row::Coalesce => coalesce::measure(kit, extent),
        Row::Authorize => authorize::measure(kit),
        Row::Notifications => notifications::measure(kit, servers, extent),
        Row::Chat => chat::measure(kit, extent),
    }
}

fn rows(named: &[Row]) -> Vec<Row> {
    if named.is_empty() {
        Row::value_variants().to_vec()
    } else {
        named.to_vec()
    }
}

fn chosen(named: &[Server]) -> Vec<Server> {
    let all = Server::value_variants().iter().copied();
    all.filter(|server| named.is_empty() || named.contains(server) || *server == Server::Floor)
        .collect()
}

impl Row {
    /// The server that it is about.
    fn needs(self) -> Option<Server> {
        match self {
            Row::Fanout | Row::Idle | Row::Accept => None,
            Row::Reload | Row::Coalesce | Row::Authorize | Row::Chat => Some(Server::Tidegate),
            Row::Notifications => Some(Server::TidegateSocketio),
        }
    }
}

impl Extent {
    const FULL: Self = Self {
        turns: 5,
        seconds: 3.0,
        idle_connections: 15_000,
        accepted_connections: 10_000,
        reload_seconds: 15.0,
        notified_seconds: 20.0,
        backlog: 200_000,
        chat_seconds: 10.0,
        chat_pages: 2_000,
        chat_messages: 200,
    };
    const QUICK: Self = Self {
        turns: 2,
        seconds: 1.0,
        idle_connections: 3_000,
        accepted_connections: 3_000,
        reload_seconds: 5.0,
        notified_seconds: 5.0,
        backlog: 100_000,
        chat_seconds: 3.0,
        chat_pages: 300,
        chat_messages: 40,
    };
}
