use super::super::check;
use super::{DAY, HOUR, Kind, Setting, bytes, count, duration, optional};

pub(super) const PLUGINS: &[Setting] = &[
    Setting::new(
        "plugins.folder",
        Kind::Path(|r| &mut r.plugins_folder),
        "Folder of `NAME.wasm` components and their `NAME.toml` settings.",
    )
    .env("TIDEGATE_PLUGINS")
    .unset("`plugins` beside the program"),
    Setting::new(
        "plugins.cache",
        Kind::Path(|r| &mut r.plugin_cache),
        "Folder of compiled components.",
    )
    .unset("`cache` in `server.data`"),
    Setting::new(
        "plugins.principals",
        optional(|r| &mut r.plugins.principals, check::anything),
        "The plugin that turns a session document into subject and scopes.",
    )
    .unset("`gateway`, if it is there"),
    Setting::new(
        "plugins.watch",
        Kind::Switch(|r| &mut r.plugins.watch),
        "Reload a plugin when its file or its settings' file changes.",
    ),
    Setting::new(
        "plugins.call_deadline",
        duration(|r| &mut r.plugins.call_deadline, 1, 1),
        "Thread CPU time that one call may use.",
    ),
    Setting::new(
        "plugins.memory",
        bytes(|r| &mut r.plugins.memory_bytes, 1 << 16, 1 << 32),
        "Memory that one instance may use.",
    ),
    Setting::new(
        "plugins.remembered_decisions",
        count(|r| &mut r.plugins.remembered_decisions, 0, 10_000_000),
        "Decisions that a worker remembers.",
    ),
    Setting::new(
        "plugins.probation",
        duration(|r| &mut r.plugins.probation, 0, HOUR),
        "A new generation is on probation for this long or `plugins.probation_calls`, whichever ends first.",
    ),
    Setting::new(
        "plugins.probation_calls",
        count(|r| &mut r.plugins.probation_calls, 0, 1_000_000_000),
        "Calls after which probation ends.",
    ),
    Setting::new(
        "plugins.burst",
        count(|r| &mut r.plugins.burst, 1, 1_000),
        "Traps or timeouts within `plugins.burst_window` that trip a plugin, or roll a new generation back.",
    ),
    Setting::new(
        "plugins.burst_window",
        duration(|r| &mut r.plugins.burst_window, 10, DAY),
        "The window in which they are counted.",
    ),
];
