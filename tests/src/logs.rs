//! What a child process wrote, line by line, kept to be asked and to be shown on failure.

use std::io::{BufRead, BufReader, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Shared by the threads that read a process's stdout and stderr.
#[derive(Clone, Default)]
pub struct Logs {
    lines: Arc<Mutex<Vec<String>>>,
    /// Pipes that are not read to their end.
    open: Arc<AtomicUsize>,
}

impl Logs {
    /// Reads `pipe` to its end on a thread.
    pub fn collect(&self, pipe: impl Read + Send + 'static) {
        let logs = self.clone();
        self.open.fetch_add(1, Ordering::AcqRel);
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                logs.lock()
                    .push(String::from_utf8_lossy(&line).into_owned());
            }
            logs.open.fetch_sub(1, Ordering::AcqRel);
        });
    }

    /// Whether all that the process wrote is here; only after its end.
    pub fn are_whole(&self) -> bool {
        self.open.load(Ordering::Acquire) == 0
    }

    pub fn find(&self, matches: impl Fn(&str) -> bool) -> Option<String> {
        self.lock().iter().find(|line| matches(line)).cloned()
    }

    /// Lines written so far; a mark for [`Logs::find_from`].
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first match at or after line `mark`.
    pub fn find_from(&self, mark: usize, matches: impl Fn(&str) -> bool) -> Option<String> {
        self.lock()
            .iter()
            .skip(mark)
            .find(|line| matches(line))
            .cloned()
    }

    /// As [`Logs::find_from`], with the mark behind the match.
    pub fn next_from(
        &self,
        mark: usize,
        matches: impl Fn(&str) -> bool,
    ) -> Option<(usize, String)> {
        let lines = self.lock();
        let mut lines = lines.iter().enumerate().skip(mark);
        let (at, line) = lines.find(|(_, line)| matches(line))?;
        Some((at + 1, line.clone()))
    }

    pub fn text(&self) -> String {
        self.lock().join("\n")
    }

    /// The last lines, for a failure's report.
    pub fn tail(&self, lines: usize) -> String {
        let all = self.lock();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.lines.lock().expect("a log reader panicked")
    }
}
