//! A real redis-server, started for one test on a free port.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::bus::tests::PATIENCE;

pub struct RedisServer {
    pub port: u16,
    /// Of a cluster's node, to the other nodes.
    pub bus_port: u16,
    child: Child,
    args: Vec<String>,
    /// The server's working directory.
    _dir: tempfile::TempDir,
}

pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

impl RedisServer {
    pub fn start(args: &[&str]) -> Self {
        Self::start_on(free_port(), args)
    }

    pub fn start_on(port: u16, args: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().to_str().expect("a path");
        let port_text = port.to_string();
        let args: Vec<String> = [
            "--port",
            &port_text,
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            path,
        ]
        .iter()
        .chain(args)
        .map(|arg| (*arg).to_owned())
        .collect();
        let child = spawn(&args);
        let server = Self {
            port,
            bus_port: 0,
            child,
            args,
            _dir: dir,
        };
        server.wait_until_open();
        server
    }

    pub fn with_bus_port(mut self, bus_port: u16) -> Self {
        self.bus_port = bus_port;
        self
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// SIGKILL, and gone when this returns.
    pub fn kill(&mut self) {
        self.child.kill().expect("kill redis-server");
        self.child.wait().expect("wait for redis-server");
    }

    pub fn restart(&mut self) {
        self.child = spawn(&self.args);
        self.wait_until_open();
    }

    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id() as i32).expect("a process id");
        kill_process(pid, signal).expect("signal redis-server");
    }

    fn wait_until_open(&self) {
        let started = Instant::now();
        while !answers(self.port) {
            assert!(started.elapsed() < PATIENCE, "redis-server does not answer");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(args: &[String]) -> Child {
    Command::new("redis-server")
        .args(args)
        .stdout(Stdio::null())
        .stdin(Stdio::null())
        .spawn()
        .expect("this test needs redis-server in PATH: apt-get install redis-server")
}

/// Any answer will do: an error (NOAUTH, or TLS expected and the socket closed) is one, too.
fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return false;
    };
    let asked = stream.write_all(b"PING\r\n").is_ok();
    asked && stream.read(&mut [0; 64]).is_ok()
}
