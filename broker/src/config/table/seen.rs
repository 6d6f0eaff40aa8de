use super::super::check;
use super::{Kind, Setting, optional, text};
use crate::observe::LogFormat;

const FORMATS: [LogFormat; 3] = [LogFormat::Auto, LogFormat::Pretty, LogFormat::Json];

pub(super) const ADMIN: &[Setting] = &[
    Setting::new(
        "admin.address",
        optional(|r| &mut r.admin_address, check::socket_address),
        "Where `/metrics`, health and plugin control are served, such as `127.0.0.1:9091`; unset = nowhere. It asks for no token: bind it where only operators reach.",
    )
    .env("TIDEGATE_ADMIN"),
];

pub(super) const LOG: &[Setting] = &[
    Setting::new(
        "log.filter",
        text(|r| &mut r.log_filter, check::log_filter),
        "What is logged: a level, or `info,tidegate::bus=debug`.",
    )
    .env("TIDEGATE_LOG"),
    Setting::new(
        "log.format",
        Kind::Choice {
            of: &["auto", "pretty", "json"],
            get: |r| FORMATS.iter().position(|f| *f == r.log_format).unwrap_or(0),
            set: |r, index| r.log_format = FORMATS[index],
        },
        "`auto` = pretty in a terminal, JSON otherwise.",
    ),
];

pub(super) const SENTRY: &[Setting] = &[
    Setting::new(
        "sentry.dsn",
        optional(|r| &mut r.sentry_dsn, check::sentry_dsn),
        "Errors and panics go to this Sentry project; unset = nowhere.",
    )
    .env("SENTRY_DSN")
    .secret(),
    Setting::new(
        "sentry.environment",
        optional(|r| &mut r.sentry_environment, check::not_empty),
        "The environment that Sentry shows.",
    )
    .env("SENTRY_ENVIRONMENT"),
];
