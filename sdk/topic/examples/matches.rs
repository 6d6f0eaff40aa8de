//! `cargo run -p tidegate-topic --example matches -- PATTERN SUBJECT TOPIC…`: which of the topics a
//! pattern of the settings means to that subject.
//!
//! `cargo xtask run` builds it too, see `xtask/src/build.rs`.

use std::process::ExitCode;

use tidegate_topic::{Pattern, check_topic};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [pattern, subject, topics @ ..] = &*arguments else {
        eprintln!(
            "usage: matches PATTERN SUBJECT TOPIC…, such as 'user:{{sub}}:**' ann user:ann:a"
        );
        return ExitCode::from(2);
    };
    let pattern = match Pattern::parse(pattern) {
        Ok(pattern) => pattern,
        Err(error) => {
            eprintln!("{pattern}: {error}");
            return ExitCode::FAILURE;
        }
    };
    for topic in topics {
        match check_topic(topic) {
            Ok(()) if pattern.matches(topic, subject) => println!("{topic}: yes"),
            Ok(()) => println!("{topic}: no"),
            Err(error) => println!("{topic}: {error}"),
        }
    }
    ExitCode::SUCCESS
}
