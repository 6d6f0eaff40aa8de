//! The broker's log: lines carry the plugin's name and generation, and are rate limited.
//! Use the macros: `tidegate_plugin::info!("loaded {n} rules")`.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    Error = 0,
    Warn = 1,
    Info = 2,
    Debug = 3,
    Trace = 4,
}

pub fn line(level: Level, message: fmt::Arguments<'_>) {
    match message.as_str() {
        Some(text) => crate::host::log::log(level as u8, text),
        None => crate::host::log::log(level as u8, &message.to_string()),
    }
}

/// A panic becomes a log line with its place before it becomes a trap: the host sees only that
/// the instance stopped.
#[cfg(target_arch = "wasm32")]
pub(crate) fn panics() {
    std::panic::set_hook(Box::new(|panic| {
        line(Level::Error, format_args!("{panic}"));
    }));
}

#[macro_export]
macro_rules! error {
    ($($message:tt)+) => { $crate::log::line($crate::log::Level::Error, format_args!($($message)+)) };
}

#[macro_export]
macro_rules! warn {
    ($($message:tt)+) => { $crate::log::line($crate::log::Level::Warn, format_args!($($message)+)) };
}

#[macro_export]
macro_rules! info {
    ($($message:tt)+) => { $crate::log::line($crate::log::Level::Info, format_args!($($message)+)) };
}

#[macro_export]
macro_rules! debug {
    ($($message:tt)+) => { $crate::log::line($crate::log::Level::Debug, format_args!($($message)+)) };
}

#[macro_export]
macro_rules! trace {
    ($($message:tt)+) => { $crate::log::line($crate::log::Level::Trace, format_args!($($message)+)) };
}
