//! What to type first, printed as soon as the broker answers.

use std::path::Path;
use std::time::Duration;

use crate::probe;
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
        while !probe::is_ok(port, "/readyz") {
            std::thread::sleep(PAUSE);
        }
        println!("{}", text(&binary, port));
    });
}

fn port(root: &Path) -> u16 {
    super::given(root, "PORT")
        .and_then(|port| port.parse().ok())
        .unwrap_or(DEFAULT_PORT)
}

fn text(binary: &Path, port: u16) -> String {
    let binary = binary.display();
    let url = match port {
        DEFAULT_PORT => String::new(),
        port => format!(" --url http://localhost:{port}"),
    };
    format!(
        "
  Tidegate is ready. The chat: http://localhost:{port}/ (in two browsers, or a private window, with two names)

  Listen, in a second terminal in this folder:
    TOKEN=$({binary} token mint --sub me --scope user:read:chat)
    {binary} listen{url} --token \"$TOKEN\" channel:update chat:message:new

  Publish, in a third:
    {binary} publish{url} channel:update '{{\"title\":\"hi\"}}'

  Edit plugins/gateway/gateway.toml or plugins/chat/src/ and save: the running broker takes it.
  Edit examples/chat-web/page/ and save: load the page again.
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_port_needs_no_url() {
        let binary = Path::new("target/debug/tidegate");
        assert!(!text(binary, DEFAULT_PORT).contains("--url"));
        let listen = "target/debug/tidegate listen --url http://localhost:8080 --token";
        assert!(text(binary, 8080).contains(listen));
    }
}
