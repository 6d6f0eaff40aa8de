//! A child process that never outlives its test.

use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};

use crate::logs::Logs;
use crate::wait;

/// Killed on drop; shows its logs when the test panics.
pub struct Process {
    name: String,
    child: Child,
    pub logs: Logs,
}

impl Process {
    pub fn spawn(name: &str, command: &mut Command) -> Self {
        Self::spawn_with(name, command, Stdio::null())
    }

    /// One that is told what to do on its stdin.
    pub fn spawn_told(name: &str, command: &mut Command) -> (Self, ChildStdin) {
        let mut process = Self::spawn_with(name, command, Stdio::piped());
        let stdin = process.child.stdin.take().expect("stdin is piped");
        (process, stdin)
    }

    fn spawn_with(name: &str, command: &mut Command, stdin: Stdio) -> Self {
        let mut child = command
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let logs = Logs::default();
        logs.collect(child.stdout.take().expect("stdout is piped"));
        logs.collect(child.stderr.take().expect("stderr is piped"));
        Self {
            name: name.to_owned(),
            child,
            logs,
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap_or_else(|error| panic!("{}: {error}", self.name));
    }

    /// SIGKILL, and waits for the end.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the child can be waited for")
    }

    /// Waits until it ends by itself and all that it wrote is read.
    pub async fn exit(&mut self) -> ExitStatus {
        let what = format!("{} ends", self.name);
        wait::until(&what, async || {
            self.exited().filter(|_| self.logs.are_whole())
        })
        .await
    }

    /// Panics with its logs if it has ended.
    pub fn assert_running(&mut self) {
        if let Some(status) = self.exited() {
            panic!("{} ended with {status}:\n{}", self.name, self.logs.tail(50));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- {} wrote last:\n{}\n---", self.name, self.logs.tail(40));
        }
    }
}

/// Lets this process, and those it starts, have as many files open as the machine allows.
pub fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).expect("a process may use what it is allowed");
}
