//! No process that we started, directly or not, outlives us.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions};

const GRACE: Duration = Duration::from_secs(5);

/// From now on, a descendant whose parent ends becomes our child and so is found by [`stop`].
pub fn adopt() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// Ends what is still running below us, gently and then by force, and names it.
pub fn stop() -> Vec<String> {
    reap();
    let found = children();
    for (pid, _) in &found {
        let _ = rustix::process::kill_process(*pid, Signal::TERM);
    }
    let end = Instant::now() + GRACE;
    loop {
        reap();
        let left = children();
        if left.is_empty() {
            break;
        }
        if Instant::now() >= end {
            for (pid, _) in &left {
                let _ = rustix::process::kill_process(*pid, Signal::KILL);
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    found.into_iter().map(|(_, name)| name).collect()
}

fn reap() {
    while let Ok(Some(_)) = rustix::process::wait(WaitOptions::NOHANG) {}
}

/// Our living children with their names.
fn children() -> Vec<(Pid, String)> {
    let own = std::process::id();
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            let (name, parent) = name_and_parent(&stat)?;
            (parent == own).then_some(())?;
            Some((Pid::from_raw(pid)?, name))
        })
        .collect()
}

/// From `/proc/<pid>/stat`; `None` for one that has ended and only waits to be reaped.
fn name_and_parent(stat: &str) -> Option<(String, u32)> {
    let (head, tail) = stat.rsplit_once(')')?;
    let name = head.split_once('(')?.1;
    let mut fields = tail.split_ascii_whitespace();
    if fields.next()? == "Z" {
        return None;
    }
    Some((name.to_owned(), fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_brackets_and_blanks() {
        let stat = "12 (a) b (c) S 7 12 12 0";
        assert_eq!(name_and_parent(stat), Some(("a) b (c".into(), 7)));
        assert_eq!(name_and_parent("12 (x) Z 7 12"), None);
    }
}
