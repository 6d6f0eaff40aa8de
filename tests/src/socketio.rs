//! Socket.IO clients of other people's making, told what to do and asked what they heard.

use std::io::Write as _;
use std::process::ChildStdin;

use serde_json::{Value, json};

use crate::process::Process;
use crate::{node, python, wait};

/// A program of `tests/node` or `tests/python`; `socketio_told.mjs` explains what is said.
pub struct SocketIo {
    pub process: Process,
    /// None after [`SocketIo::end`].
    input: Option<ChildStdin>,
    /// Lines that were asked for.
    mark: usize,
    acks: u32,
}

impl SocketIo {
    /// A client of each kind that a user may have: npm's by both transports, and Python's.
    pub async fn each(url: &str, token: &str) -> [Self; 3] {
        let options = |transport: &str| json!({"transports": [transport], "token": token});
        [
            Self::npm(url, &options("websocket")).await,
            Self::npm(url, &options("polling")).await,
            Self::python(url, &options("websocket")).await,
        ]
    }

    /// On npm's `socket.io-client`; `options` are the client's own, and `token`.
    pub async fn npm(url: &str, options: &Value) -> Self {
        let mut command = node::command("tests/node").await;
        command.args(["socketio_told.mjs", url, &options.to_string()]);
        Self::of(Process::spawn_told("socketio_told.mjs", &mut command))
    }

    /// On PyPI's `python-socketio`; `options` are `token`, `transports`, `path`, `reconnection`.
    pub async fn python(url: &str, options: &Value) -> Self {
        let mut command = python::command("python").await;
        command.args(["socketio_told.py", url, &options.to_string()]);
        Self::of(Process::spawn_told("socketio_told.py", &mut command))
    }

    fn of((process, input): (Process, ChildStdin)) -> Self {
        Self {
            process,
            input: Some(input),
            mark: 0,
            acks: 0,
        }
    }

    /// The next thing that it hears, in order.
    pub async fn hears(&mut self) -> Value {
        let (process, mark) = (&mut self.process, self.mark);
        let (mark, line) = wait::until("the client hears something", async || {
            let next = process.logs.next_from(mark, is_heard);
            if next.is_none() {
                process.assert_running();
            }
            next
        })
        .await;
        self.mark = mark;
        serde_json::from_str(&line).expect("the client prints JSON")
    }

    /// The next thing that it hears of this kind: what comes before is passed over.
    pub async fn hears_of(&mut self, kind: &str) -> Value {
        loop {
            let heard = self.hears().await;
            if heard["heard"] == kind {
                return heard;
            }
        }
    }

    /// The next thing is a connection; answers over which transport.
    pub async fn connects(&mut self) -> String {
        let heard = self.hears().await;
        assert_eq!(heard["heard"], "connect", "{heard}");
        heard["transport"].as_str().unwrap_or_default().to_owned()
    }

    /// The arguments of the next event, which has this name.
    pub async fn hears_event(&mut self, name: &str) -> Value {
        let mut heard = self.hears_of("event").await;
        assert_eq!(heard["event"], name, "{heard}");
        heard["args"].take()
    }

    pub fn does(&mut self, command: &Value) {
        let input = self.input.as_mut().expect("the client has not been ended");
        writeln!(input, "{command}").expect("the client reads");
    }

    pub fn emits(&mut self, event: &str, args: Value) {
        self.does(&json!({"do": "emit", "event": event, "args": args}));
    }

    /// Emits, and waits for the ack's arguments; other things that it hears meanwhile are passed
    /// over.
    pub async fn asks(&mut self, event: &str, args: Value) -> Value {
        self.acks += 1;
        let ack = self.acks;
        self.does(&json!({"do": "emit", "event": event, "args": args, "ack": ack}));
        loop {
            let mut heard = self.hears_of("ack").await;
            if heard["ack"] == ack {
                return heard["args"].take();
            }
        }
    }

    /// It disconnects and ends, and must do so without a complaint.
    pub async fn end(&mut self) {
        self.input = None;
        let status = self.process.exit().await;
        assert!(status.success(), "the client ended with {status}");
    }
}

fn is_heard(line: &str) -> bool {
    line.starts_with(r#"{"heard":"#)
}
