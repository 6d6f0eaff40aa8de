//! The lines of an export, put.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, anyhow};
use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::cli::Failure;
use crate::cli::failure::say;
use crate::store::{Condition, ITEM_BYTES_MAX, Store};

/// Puts beside each other.
const TOGETHER: usize = 64;
/// Longest line: an item and the name of its table.
const LINE_BYTES_MAX: u64 = ITEM_BYTES_MAX as u64 + 1_024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    table: String,
    #[serde(borrow)]
    item: &'a RawValue,
}

pub(super) async fn run(store: &Store, file: Option<&Path>) -> Result<(), Failure> {
    let (source, input): (String, Box<dyn Read>) = match file {
        None => ("stdin".to_owned(), Box::new(std::io::stdin().lock())),
        Some(path) => {
            let shown = path.display().to_string();
            let file = File::open(path).with_context(|| format!("cannot read {shown}"))?;
            (shown, Box::new(file))
        }
    };
    let mut lines = Lines {
        input: BufReader::new(input),
        number: 0,
    };
    let mut items = 0_u64;
    let outcome = loop {
        match put_some(store, &mut lines).await {
            Ok(0) => break Ok(()),
            Ok(put) => items += put,
            Err((put, error)) => {
                items += put;
                break Err(error);
            }
        }
    };
    say(format_args!("imported {items} items"));
    outcome.map_err(|error| Failure::Failed(error.context(format!("cannot import {source}"))))
}

/// Puts the next lines; answers how many, 0 = there were none. An error names its line.
async fn put_some(store: &Store, lines: &mut Lines) -> Result<u64, (u64, anyhow::Error)> {
    let mut batch = Vec::new();
    let mut wrong = None;
    while batch.len() < TOGETHER {
        match lines.next() {
            Ok(None) => break,
            Ok(Some(line)) => batch.push(line),
            Err(error) => {
                wrong = Some(error);
                break;
            }
        }
    }
    let puts = batch.iter().map(|(number, text)| async move {
        let line: Line<'_> = serde_json::from_str(text)
            .map_err(|error| anyhow!("line {number}: no item of an export: {error}"))?;
        let put = store.put(&line.table, line.item.get(), Condition::Always);
        put.await
            .map_err(|error| anyhow!("line {number}, table `{}`: {error}", line.table))
    });
    let mut done = 0;
    let mut first_wrong = None;
    for put in join_all(puts).await {
        match put {
            Ok(_) => done += 1,
            Err(error) => {
                first_wrong.get_or_insert(error);
            }
        }
    }
    // A line that could not be read comes after all that were.
    match first_wrong.or(wrong) {
        None => Ok(done),
        Some(error) => Err((done, error)),
    }
}

struct Lines {
    input: BufReader<Box<dyn Read>>,
    number: u64,
}

impl Lines {
    /// The next line that is not blank, with its number.
    fn next(&mut self) -> anyhow::Result<Option<(u64, String)>> {
        loop {
            let mut bytes = Vec::new();
            let mut limited = self.input.by_ref().take(LINE_BYTES_MAX + 1);
            let read = limited.read_until(b'\n', &mut bytes)?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            let number = self.number;
            if bytes.len() as u64 > LINE_BYTES_MAX {
                return Err(anyhow!(
                    "line {number} is longer than {LINE_BYTES_MAX} bytes"
                ));
            }
            let text = String::from_utf8(bytes);
            let text = text.map_err(|_| anyhow!("line {number} is no UTF-8"))?;
            if !text.trim().is_empty() {
                return Ok(Some((number, text)));
            }
        }
    }
}
