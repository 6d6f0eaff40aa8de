//! The server under load, and how to reach it.

use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use crate::dialect::{Dialect, Step, Wish};
use crate::fleet::Fleet;
use crate::opening;
use crate::publisher::Publisher;
use crate::token::Mint;

/// Listeners whose payloads are looked into.
const SAMPLES: usize = 8;

#[derive(Args)]
pub struct Options {
    #[arg(long, value_enum)]
    dialect: Dialect,
    #[arg(long)]
    port: u16,
    /// The server's process, whose CPU time and memory are read.
    #[arg(long)]
    pid: u32,
    #[arg(long, default_value = "channel:update")]
    topic: String,
    /// Ed25519 key in PEM; with it every connection gets a token of its own.
    #[arg(long, requires = "template")]
    key: Option<PathBuf>,
    /// A token signed with that key, whose claims are copied; its scopes must allow publishing.
    #[arg(long, requires = "key")]
    template: Option<String>,
}

pub struct Target {
    dialect: Dialect,
    port: u16,
    pub pid: u32,
    topic: String,
    mint: Option<Mint>,
}

impl Target {
    pub fn new(options: Options) -> Result<Self> {
        let mint = match (&options.key, &options.template) {
            (Some(path), Some(template)) => {
                let pem = fs::read_to_string(path).with_context(|| path.display().to_string())?;
                Some(Mint::new(&pem, template)?)
            }
            _ => None,
        };
        Ok(Self {
            dialect: options.dialect,
            port: options.port,
            pid: options.pid,
            topic: options.topic,
            mint,
        })
    }

    pub fn fleet(&self) -> Result<Fleet> {
        Fleet::new(self.dialect, self.port, &self.topic)
    }

    /// What connection `number` says first; it listens to `topic`, else to the target's.
    pub fn script(&self, number: usize, topic: Option<&str>) -> Vec<Step> {
        let token = self.token(&user(number));
        self.dialect.listen(Wish {
            topic: Some(topic.unwrap_or(&self.topic)),
            token: token.as_deref(),
        })
    }

    pub fn listeners(&self, count: usize) -> Result<Fleet> {
        let mut fleet = self.fleet()?;
        fleet.open(count, (count / SAMPLES).max(1), |number| {
            self.script(number, None)
        })?;
        Ok(fleet)
    }

    /// Users whose one listener each hears what is theirs; every payload is checked.
    pub fn users(&self, count: usize) -> Result<Fleet> {
        let mut fleet = self.fleet()?;
        fleet.open(count, 1, |number| {
            let subject = user(number);
            let topic = format!("user:{subject}:notification");
            self.dialect.listen(Wish {
                topic: Some(&topic),
                token: self.token(&subject).as_deref(),
            })
        })?;
        Ok(fleet)
    }

    /// A socket of user `number` that may call; it blocks.
    pub fn caller(&self, number: usize) -> Result<TcpStream> {
        let token = self.token(&user(number));
        let steps = self.dialect.introduce_publisher(token.as_deref());
        opening::converse(self.port, self.dialect, number, steps)
            .with_context(|| format!("caller {number}"))
    }

    pub fn publisher(&self) -> Result<Publisher> {
        let token = self.token("load-publisher");
        Publisher::connect(self.dialect, self.port, &self.topic, token.as_deref())
    }

    fn token(&self, subject: &str) -> Option<String> {
        Some(self.mint.as_ref()?.token(subject))
    }
}

/// The subject of connection `number`.
pub fn user(number: usize) -> String {
    format!("load-{number}")
}
