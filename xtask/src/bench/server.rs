//! One server under test: started, pinned, waited for, and ended.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use super::kit::Kit;
use super::tidegate::{self, Credentials};

/// The server's core; the load generator has the other.
const CORE: &str = "0";
const START: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Server {
    Floor,
    Tidegate,
    Nats,
    Ws,
    Socketio,
    /// The same broker, asked over Socket.IO (WebSocket from the start).
    TidegateSocketio,
}

/// What one row wants to be different from the default.
#[derive(Clone, Debug, Default)]
pub struct Tuning {
    /// Text of `tidegate.toml`.
    pub settings: String,
    /// The floor's counterpart of the topics' `coalesce`, in milliseconds.
    pub coalesce_ms: u64,
    /// Tidegate reads its plugins from a copy, whose settings may be rewritten.
    pub own_plugins: bool,
}

pub struct Running {
    pub server: Server,
    pub port: u16,
    pub folder: PathBuf,
    pub credentials: Option<Credentials>,
    child: Child,
}

impl Server {
    pub fn name(self) -> &'static str {
        match self {
            Server::Floor => "floor",
            Server::Tidegate => "Tidegate",
            Server::Nats => "nats-server over WebSocket",
            Server::Ws => "npm ws",
            Server::Socketio => "npm socket.io",
            Server::TidegateSocketio => "Tidegate over Socket.IO",
        }
    }

    pub fn is_tidegate(self) -> bool {
        matches!(self, Server::Tidegate | Server::TidegateSocketio)
    }

    /// Tidegate binds its port before it has read its plugins.
    fn is_ready(self, log: &Path) -> bool {
        let said = || fs::read_to_string(log).unwrap_or_default();
        !self.is_tidegate() || said().contains("listening")
    }

    /// The load generator's name for how to talk to it.
    pub fn dialect(self) -> &'static str {
        match self {
            Server::Floor | Server::Tidegate | Server::Ws => "tidegate",
            Server::Nats => "nats",
            Server::Socketio => "socketio",
            Server::TidegateSocketio => "tidegate-socketio",
        }
    }
}

impl Running {
    pub fn start(kit: &Kit, server: Server, tuning: &Tuning) -> Result<Self> {
        let folder = kit.folder(server.dialect())?;
        let port = free_port()?;
        let mut credentials = None;
        let mut command = match server {
            Server::Floor => {
                let mut command = pinned(kit.release.join("floor"));
                command.args(["--port", &port.to_string()]);
                command.args(["--frame-bytes", &kit.frame_bytes.to_string()]);
                command.args(["--coalesce-ms", &tuning.coalesce_ms.to_string()]);
                command
            }
            Server::Tidegate | Server::TidegateSocketio => {
                let home = tidegate::prepare(kit, &folder, server, tuning)?;
                credentials = Some(home.credentials.clone());
                tidegate::command(kit, &home, port)
            }
            Server::Nats => nats(&folder, port)?,
            Server::Ws => node(kit, "ws.js", port),
            Server::Socketio => node(kit, "socketio.js", port),
        };
        let log = folder.join("server.log");
        let output = File::create(&log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("cannot start {}", server.name()))?;
        let mut running = Self {
            server,
            port,
            folder,
            credentials,
            child,
        };
        running.wait_until_open(&log)?;
        Ok(running)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn wait_until_open(&mut self, log: &Path) -> Result<()> {
        let started = Instant::now();
        loop {
            let open = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok();
            if open && self.server.is_ready(log) {
                return Ok(());
            }
            let ended = self.child.try_wait()?;
            if ended.is_some() || started.elapsed() > START {
                let said = fs::read_to_string(log).unwrap_or_default();
                let name = self.server.name();
                match ended {
                    Some(status) => bail!("{name} ended at start ({status}):\n{said}"),
                    None => bail!("{name} did not listen within {START:?}:\n{said}"),
                }
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Nothing is drained: the connections are the generator's, and it is gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command on the server's core that ends when the bench does, however that ends.
pub fn pinned(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", CORE, "setpriv", "--pdeathsig", "KILL"]);
    command.arg(program);
    command
}

fn nats(folder: &Path, port: u16) -> Result<Command> {
    let settings = folder.join("nats.conf");
    // The load generator answers no pings: none may fall due.
    let text = format!(
        "listen: \"127.0.0.1:{}\"\nping_interval: \"1h\"\nmax_connections: 30000\n\
         websocket {{ listen: \"127.0.0.1:{port}\", no_tls: true }}\n",
        free_port()?
    );
    fs::write(&settings, text)?;
    let mut command = pinned("nats-server");
    command.arg("-c").arg(settings);
    Ok(command)
}

fn node(kit: &Kit, script: &str, port: u16) -> Command {
    let mut command = pinned("node");
    command.arg(script).current_dir(kit.peers());
    command.env("PORT", port.to_string());
    command.env("NODE_ENV", "production");
    command
}

fn free_port() -> Result<u16> {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(socket.local_addr()?.port())
}
