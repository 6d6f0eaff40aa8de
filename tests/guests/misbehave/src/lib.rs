//! An authorizer that does what its settings say; see the README beside it.

use std::time::Duration;

use serde::Deserialize;
use tidegate_plugin::{
    Authorizer, Decision, Error, Plugin, Principal, Principals, Question, clock, info,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    mode: Mode,
    #[serde(default)]
    after: u32,
    #[serde(default)]
    only: Option<String>,
    #[serde(default = "fifty")]
    ms: u64,
    #[serde(default = "ten_thousand")]
    lines: u32,
    #[serde(default)]
    remember_ms: u64,
    #[serde(default)]
    recheck_after_ms: u64,
    #[serde(default = "denies")]
    reason: String,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    Allow,
    Deny,
    Echo,
    Trap,
    Spin,
    Hog,
    DeepRecursion,
    Slow,
    Flood,
    InitFails,
    InitTraps,
    InitSpins,
    SelfTestFails,
    SelfTestTraps,
    SelfTestSpins,
}

fn fifty() -> u64 {
    50
}

fn ten_thousand() -> u32 {
    10_000
}

fn denies() -> String {
    "this guest denies".into()
}

struct Misbehave {
    settings: Settings,
    calls: u32,
}

impl Plugin for Misbehave {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Error> {
        match settings.mode {
            Mode::InitFails => Err(Error::settings("this guest fails in init")),
            Mode::InitTraps => panic!("this guest panics in init"),
            Mode::InitSpins => spin(),
            _ => Ok(Self { settings, calls: 0 }),
        }
    }

    fn self_test(&mut self) -> Result<(), Error> {
        match self.settings.mode {
            Mode::SelfTestFails => Err(Error::new("self-test", "this guest fails its self-test")),
            Mode::SelfTestTraps => panic!("this guest panics in its self-test"),
            Mode::SelfTestSpins => spin(),
            _ => Ok(()),
        }
    }
}

impl Authorizer for Misbehave {
    fn authorize(&mut self, question: &Question<'_>) -> Decision {
        let allowed = match self.mode_for(question.topic) {
            Mode::Deny => Err(self.settings.reason.clone()),
            Mode::Echo => Err(format!(
                "{:?} {} {} [{}]",
                question.action,
                question.topic,
                question.subject.unwrap_or("anonymous"),
                question.scopes.as_str()
            )),
            mode => {
                self.misbehave(mode);
                Ok(())
            }
        };
        allowed
            .map_or_else(Decision::deny, |()| Decision::allow())
            .remember_for(Duration::from_millis(self.settings.remember_ms))
            .recheck_after(Duration::from_millis(self.settings.recheck_after_ms))
    }
}

impl Principals for Misbehave {
    fn principal(&mut self, session: &str) -> Result<Principal, Error> {
        let subject = match self.mode_for("") {
            Mode::Deny => {
                return Err(Error::new("unauthenticated", self.settings.reason.clone()));
            }
            Mode::Echo => session.to_owned(),
            mode => {
                self.misbehave(mode);
                "guest".to_owned()
            }
        };
        Ok(Principal {
            subject,
            scopes: Vec::new(),
        })
    }
}

impl Misbehave {
    fn mode_for(&mut self, topic: &str) -> Mode {
        self.calls = self.calls.saturating_add(1);
        let spared = self
            .settings
            .only
            .as_ref()
            .is_some_and(|only| only != topic);
        if spared || self.calls <= self.settings.after {
            return Mode::Allow;
        }
        self.settings.mode
    }

    fn misbehave(&self, mode: Mode) {
        match mode {
            Mode::Trap => panic!("this guest panics in a call"),
            Mode::Spin => spin(),
            Mode::Hog => hog(),
            Mode::DeepRecursion => {
                std::hint::black_box(recurse(0));
            }
            Mode::Slow => burn(Duration::from_millis(self.settings.ms)),
            Mode::Flood => (0..self.settings.lines).for_each(|line| info!("line {line}")),
            _ => {}
        }
    }
}

fn spin() -> ! {
    loop {
        std::hint::black_box(());
    }
}

/// Ends in a trap, when the host gives no more.
fn hog() -> ! {
    loop {
        std::mem::forget(std::hint::black_box(vec![1_u8; 1 << 20]));
    }
}

#[expect(
    unconditional_recursion,
    reason = "ends in a trap, at the end of the stack"
)]
fn recurse(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 64]);
    recurse(depth + 1) + frame[0]
}

fn burn(time: Duration) {
    let start = clock::monotonic();
    while clock::monotonic().saturating_sub(start) < time {
        std::hint::black_box(());
    }
}

tidegate_plugin::export!(Misbehave: Authorizer + Principals, name: "guest");
