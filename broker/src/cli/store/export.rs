//! All items, a line each.

use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::Path;

use anyhow::Context;

use crate::cli::Failure;
use crate::cli::failure::say;
use crate::store::Store;

pub(super) async fn run(store: &Store, file: Option<&Path>) -> Result<(), Failure> {
    let (target, output): (String, Box<dyn Write>) = match file {
        None => ("stdout".to_owned(), Box::new(std::io::stdout().lock())),
        Some(path) => {
            let shown = path.display().to_string();
            let file = File::create(path).with_context(|| format!("cannot write {shown}"))?;
            (shown, Box::new(file))
        }
    };
    let mut output = BufWriter::new(output);
    let (mut items, tables) = (0_u64, store.tables());
    for table in &tables {
        let mut after = None;
        loop {
            let read = store.scan(&table.name, after.as_ref()).await;
            let (found, next) = read.with_context(|| format!("cannot read `{}`", table.name))?;
            for item in found {
                match line(&table.name, &item.json, &mut output) {
                    Ok(()) => items += 1,
                    // `| head` has enough.
                    Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
                    Err(error) => return Err(cannot_write(error, &target)),
                }
            }
            after = next;
            if after.is_none() {
                break;
            }
        }
    }
    match output.flush() {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
        flushed => flushed.map_err(|error| cannot_write(error, &target))?,
    }
    let tables = tables.len();
    say(format_args!("exported {items} items of {tables} tables"));
    Ok(())
}

/// An item's text may have line ends between its members; as a line it has none.
fn line(table: &str, json: &str, output: &mut impl Write) -> std::io::Result<()> {
    let table = serde_json::Value::from(table);
    write!(output, "{{\"table\":{table},\"item\":")?;
    for part in json.split(['\n', '\r']) {
        output.write_all(part.as_bytes())?;
    }
    output.write_all(b"}\n")
}

fn cannot_write(error: std::io::Error, target: &str) -> Failure {
    Failure::Failed(anyhow::Error::new(error).context(format!("cannot write to {target}")))
}
