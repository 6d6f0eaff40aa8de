//! What to type first, printed as soon as the broker answers.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use crate::repo::{Profile, Repo};

const DEFAULT_PORT: u16 = 4444;
const PAUSE: Duration = Duration::from_millis(100);

/// Waits on a thread of its own, which ends with the process if the broker never gets ready.
pub fn print_when_ready(repo: &Repo, profile: Profile) {
    let port = port(&repo.root);
    let binary = repo.binary(profile);
    let binary = binary
        .strip_prefix(&repo.root)
        .unwrap_or(&binary)
        .to_path_buf();
    std::thread::spawn(move || {
        while !is_ready(port) {
            std::thread::sleep(PAUSE);
        }
        println!("{}", text(&binary, port));
    });
}

/// From where the broker takes it: the environment, then `.env`.
fn port(root: &Path) -> u16 {
    let from_file = || {
        let text = std::fs::read_to_string(root.join(".env")).ok()?;
        text.lines()
            .find_map(|line| line.trim().strip_prefix("PORT=")?.trim().parse().ok())
    };
    std::env::var("PORT")
        .ok()
        .and_then(|port| port.parse().ok())
        .or_else(from_file)
        .unwrap_or(DEFAULT_PORT)
}

fn is_ready(port: u16) -> bool {
    let ask = || -> std::io::Result<bool> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream
            .write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer)?;
        Ok(answer.ends_with(b" 200"))
    };
    ask().unwrap_or(false)
}

fn text(binary: &Path, port: u16) -> String {
    let binary = binary.display();
    format!(
        "
  Tidegate is ready on http://localhost:{port}

  In a second terminal, listen:
    export TIDEGATE_DATA=.tidegate
    TOKEN=$({binary} token mint --sub me --scope user:read:chat)
    {binary} listen --url ws://localhost:{port}/ws --token $TOKEN channel:update chat:lobby:message

  In a third, publish:
    export TIDEGATE_DATA=.tidegate
    TOKEN=$({binary} token mint --sub my-service --scope tidegate:publish)
    curl -d '{{\"topic\":\"channel:update\",\"message\":{{\"title\":\"hi\"}}}}' -H \"Authorization: Bearer $TOKEN\" http://localhost:{port}/publish

  Edit plugins/gateway/gateway.toml or src/ and save: the running broker takes it over.
"
    )
}
