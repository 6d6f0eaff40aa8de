use super::super::check;
use super::{DAY, HOUR, Kind, Setting, bytes, count, duration, optional, optional_list};

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
        "plugins.admission",
        optional(|r| &mut r.plugins.admission, check::anything),
        "The plugin that says whether somebody who has shown a valid token may stay.",
    )
    .unset("`notifications`, if it is there"),
    Setting::new(
        "plugins.admission_deadline",
        duration(|r| &mut r.plugins.admission_limits.deadline, 200, 60),
        "Time for one admission: waiting for an instance, and what the plugin itself waits for, included.",
    ),
    Setting::new(
        "plugins.admission_cpu",
        duration(|r| &mut r.plugins.admission_limits.cpu, 1, 10),
        "CPU time that one admission may use.",
    ),
    Setting::new(
        "plugins.admission_instances",
        count(|r| &mut r.plugins.admission_limits.instances, 1, 1_000),
        "Admissions that are decided beside each other, each by an instance of the plugin.",
    ),
    Setting::new(
        "plugins.admission_questions",
        count(|r| &mut r.plugins.admission_limits.questions, 1, 1_000_000),
        "Principals whose admission is under way or waits for an instance; more are turned away and told to come back.",
    ),
    Setting::new(
        "plugins.remembered_admissions",
        count(
            |r| &mut r.plugins.admission_limits.remembered,
            0,
            10_000_000,
        ),
        "Admissions that the node remembers, for as long as the plugin says.",
    ),
    Setting::new(
        "plugins.handlers",
        optional_list(|r| &mut r.handlers, check::handler),
        "The plugins whose methods clients may call: the part of a method before the first `.` is the plugin's name.",
    )
    .unset("`chat`, if it is there"),
    Setting::new(
        "plugins.handler_deadline",
        duration(|r| &mut r.plugins.handler_limits.deadline, 200, 60),
        "Time for one call of a method: waiting for an instance, and what the plugin itself waits for, included.",
    ),
    Setting::new(
        "plugins.handler_cpu",
        duration(|r| &mut r.plugins.handler_limits.cpu, 1, 10),
        "CPU time that one call of a method may use.",
    ),
    Setting::new(
        "plugins.handler_instances",
        count(|r| &mut r.plugins.handler_limits.instances, 1, 1_000),
        "Calls that a plugin answers beside each other, each by an instance of it.",
    ),
    Setting::new(
        "plugins.handler_calls",
        count(|r| &mut r.plugins.handler_limits.calls, 1, 1_000_000),
        "Calls of a plugin's methods that are under way or wait for an instance; more are answered `overloaded`.",
    ),
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
        "plugins.map_deadline",
        duration(|r| &mut r.plugins.map_deadline, 1, 10),
        "Thread CPU time that a batch of records may use, beside 1 ms for each record in it.",
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
