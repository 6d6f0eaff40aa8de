//! `cargo xtask image`: the container image, built and tried as a platform would run it.

mod container;

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::command;
use crate::probe;
use crate::repo::Repo;
use container::Container;

/// From the start to the first 200 of `/readyz`; the first compilation of the plugins is in it.
const START: Duration = Duration::from_secs(30);
/// For a command in the container, or until what it prints is there.
const STEP: Duration = Duration::from_secs(10);
/// `server.drain_timeout` and a little, as `docker-compose.yml` and `fly.toml` have it.
const GRACE_SECONDS: &str = "35";

/// A program that builds and runs containers; the two take the same commands.
#[derive(Clone, Copy, Debug)]
pub struct Engine(&'static str);

impl Engine {
    /// The first that works: `docker version` fails where only its client is installed.
    pub fn find() -> anyhow::Result<Self> {
        ["docker", "podman"]
            .into_iter()
            .find(|program| command::output_of(Command::new(program).arg("version")).is_some())
            .map(Self)
            .context("neither docker (with its engine running) nor podman works here")
    }

    fn command<'a>(self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(self.0);
        command.args(arguments);
        command
    }

    /// What a command prints; an error has what it says.
    fn output<'a>(self, arguments: impl IntoIterator<Item = &'a str>) -> anyhow::Result<String> {
        let mut command = self.command(arguments);
        let shown = command::shown(&command);
        let output = command
            .output()
            .with_context(|| format!("cannot start `{shown}`"))?;
        anyhow::ensure!(
            output.status.success(),
            "`{shown}` failed ({}): {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    pub fn build(self, repo: &Repo, tag: &str, arguments: &[String]) -> anyhow::Result<()> {
        let mut build = self.command(["build", "--tag", tag]);
        if self.0 == "podman" {
            // Its own format has no HEALTHCHECK.
            build.args(["--format", "docker"]);
        }
        command::run(build.args(arguments).arg(".").current_dir(&repo.root))
    }

    /// Runs the image with less than a platform gives it, and uses it.
    pub fn check(self, tag: &str) -> anyhow::Result<()> {
        let size: u64 = self
            .output(["image", "inspect", "--format", "{{.Size}}", tag])?
            .parse()
            .context("the image's size is no number")?;
        println!("{tag}: {} MB", size / 1_000_000);
        let container = Container::start(self, tag)?;
        let port = container.port()?;
        until("the broker is ready", START, || {
            container.running()?;
            Ok(probe::is_ok(port, "/readyz").then_some(()))
        })?;
        anyhow::ensure!(probe::is_ok(port, "/healthz"), "/healthz is not 200");
        let user = container.exec(&["id", "-u"])?;
        anyhow::ensure!(user != "0", "the broker runs as root");
        println!("serves on {port} as user {user}, read-only and without capabilities");
        listen_and_publish(&container)?;
        drain(container)
    }
}

fn listen_and_publish(container: &Container) -> anyhow::Result<()> {
    let mut listener = container.listen("channel:update")?;
    until("the listener listens", STEP, || {
        Ok(listener.says("listening at").then_some(()))
    })?;
    container.exec(&["tidegate", "publish", "channel:update", r#"{"title":"hi"}"#])?;
    let heard = until("the listener hears", STEP, || listener.heard())?;
    anyhow::ensure!(heard.contains("title"), "the listener heard {heard}");
    println!("a publication was heard: {heard}");
    Ok(())
}

/// With a client connected, which must be asked to come back.
fn drain(container: Container) -> anyhow::Result<()> {
    let listener = container.listen("channel:update")?;
    until("the listener listens", STEP, || {
        Ok(listener.says("listening at").then_some(()))
    })?;
    let begin = Instant::now();
    container.stop(GRACE_SECONDS)?;
    let code = container.exit_code()?;
    anyhow::ensure!(code == "0", "it ended with {code}: {}", container.logs()?);
    let logs = container.logs()?;
    anyhow::ensure!(logs.contains("drained"), "it did not drain: {logs}");
    println!("drained in {:.1} s", begin.elapsed().as_secs_f64());
    Ok(())
}

/// Asks again until there is an answer.
fn until<T>(
    what: &str,
    limit: Duration,
    mut ask: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        anyhow::ensure!(
            Instant::now() < end,
            "not within {} s: {what}",
            limit.as_secs()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}
