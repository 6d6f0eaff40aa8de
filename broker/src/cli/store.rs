//! `tidegate store`.

mod export;
mod import;

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context;
use clap::Subcommand;
use tokio::runtime::Runtime;

use super::failure::{print, say};
use super::{Failure, settings};
use crate::config::Settings;
use crate::plugin::{self, PluginConfig};
use crate::store::{Creation, STORE_FILE, Store, StoreBackend, Table};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write all items as lines of JSON
    ///
    /// One line an item: {"table":"Users","item":{…}}. Expired items are left out. The embedded
    /// store is one process's at a time: stop the broker first. From DynamoDB the tables of the
    /// plugins are read, while others may write.
    #[command(after_help = "\
Examples:
  tidegate store export backup.jsonl
  tidegate store export | gzip > backup.jsonl.gz
  TIDEGATE_STORE=dynamodb tidegate store export backup.jsonl")]
    Export {
        /// Where to [default: stdout]
        file: Option<PathBuf>,
    },
    /// Put the items of an export
    ///
    /// Each item is put over the one that has its key, so that an import can be repeated; other
    /// items stay. Tables are those that the plugins declare. The embedded store is one process's
    /// at a time: stop the broker first.
    #[command(after_help = "\
Ends at the first line that cannot be put and says which; what was put stays.

Examples:
  tidegate store import backup.jsonl
  tidegate store export | TIDEGATE_STORE=dynamodb tidegate store import")]
    Import {
        /// Where from [default: stdin]
        file: Option<PathBuf>,
    },
    /// Print how many items each table has
    ///
    /// DynamoDB counts them every six hours.
    Stats,
    /// Make the plugins' tables in DynamoDB
    ///
    /// With on-demand billing, keys of type S, indexes of all attributes, and time to live where a
    /// table has it. Tables that are there are looked at and never changed. The embedded store
    /// makes its tables by itself.
    #[command(after_help = "\
Exit code 1 if a table is there and is not what its plugin declares.

Examples:
  TIDEGATE_STORE=dynamodb tidegate store create-tables --dry-run
  TIDEGATE_STORE=dynamodb AWS_REGION=eu-central-1 tidegate store create-tables")]
    CreateTables {
        /// Only say what would be made
        #[arg(long)]
        dry_run: bool,
    },
}

pub(super) fn run(command: Command, file: Option<PathBuf>) -> Result<(), Failure> {
    let settings = settings::reading(file)?.settings()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("cannot start a runtime")?;
    match command {
        Command::Export { file } => {
            let store = open_existing(&settings, &runtime)?;
            runtime.block_on(export::run(&store, file.as_deref()))
        }
        Command::Import { file } => {
            let store = open(&settings, &runtime)?;
            runtime.block_on(async {
                declare(&store, &settings.plugin).await?;
                import::run(&store, file.as_deref()).await
            })
        }
        Command::Stats => {
            let store = open_existing(&settings, &runtime)?;
            runtime.block_on(stats(&store))
        }
        Command::CreateTables { dry_run } => {
            if matches!(settings.store.backend, StoreBackend::Embedded { .. }) {
                say("the embedded store makes its tables by itself: nothing to do");
                return Ok(());
            }
            let tables = tables(&settings.plugin)?;
            let tables: Vec<Table> = tables.into_iter().flat_map(|(_, tables)| tables).collect();
            if tables.is_empty() {
                say("no plugin declares a table: nothing to do");
                return Ok(());
            }
            let store = open(&settings, &runtime)?;
            let made = runtime.block_on(store.create_tables(&tables, dry_run));
            tell(&made.context("cannot make the tables")?, dry_run)
        }
    }
}

fn open(settings: &Settings, runtime: &Runtime) -> Result<Store, Failure> {
    Store::open(&settings.store, runtime.handle()).map_err(|error| Failure::Failed(error.into()))
}

/// What is only read is not made first.
fn open_existing(settings: &Settings, runtime: &Runtime) -> Result<Store, Failure> {
    if let StoreBackend::Embedded { data } = &settings.store.backend {
        let path = data.join(STORE_FILE);
        if !path.is_file() {
            let what = format!("there is no store yet: {} is not there", path.display());
            return Err(Failure::Failed(anyhow::Error::msg(what)));
        }
    }
    let store = open(settings, runtime)?;
    if matches!(settings.store.backend, StoreBackend::Dynamodb(_)) {
        runtime.block_on(declare(&store, &settings.plugin))?;
    }
    Ok(store)
}

fn tables(config: &PluginConfig) -> Result<Vec<(String, Vec<Table>)>, Failure> {
    let tables = plugin::tables_of(config).context("cannot read the plugins' tables")?;
    Ok(tables)
}

async fn declare(store: &Store, config: &PluginConfig) -> Result<(), Failure> {
    for (plugin, tables) in tables(config)? {
        let declared = store.declare(&plugin, &tables).await;
        declared.with_context(|| format!("plugin `{plugin}`"))?;
    }
    Ok(())
}

async fn stats(store: &Store) -> Result<(), Failure> {
    let stats = store.stats().await.context("cannot count the items")?;
    let mut text = format!("{:<32} {:>12} {:>14}  indexes\n", "table", "items", "bytes");
    for table in stats {
        let indexes = table.indexes.iter();
        let indexes: Vec<String> = indexes
            .map(|(name, entries)| format!("{name} {entries}"))
            .collect();
        let _ = writeln!(
            text,
            "{:<32} {:>12} {:>14}  {}",
            table.table,
            table.items,
            table.bytes,
            indexes.join(", ")
        );
    }
    print(&text).map(drop)
}

fn tell(made: &[Creation], dry_run: bool) -> Result<(), Failure> {
    let mut text = String::new();
    for creation in made {
        let what = match (creation.is_new, dry_run) {
            (true, true) => "would be made",
            (true, false) => "made",
            (false, _) if creation.unfit.is_some() => "does not fit",
            (false, _) => "is there",
        };
        let _ = writeln!(text, "{}: {what}", creation.table);
        if let Some(warning) = &creation.warning {
            say(format_args!("warning: {}: {warning}", creation.table));
        }
    }
    print(&text)?;
    let unfit: Vec<&str> = made.iter().filter_map(|one| one.unfit.as_deref()).collect();
    if unfit.is_empty() {
        return Ok(());
    }
    Err(Failure::Failed(anyhow::Error::msg(unfit.join("\n"))))
}
