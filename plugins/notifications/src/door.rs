//! The User Service is asked whether a user may stay.

use std::time::Duration;

use serde_json::value::RawValue;
use tidegate_plugin::http::{Request, Response};
use tidegate_plugin::{Admitted, Error, error, warn};

use crate::pointer::{Found, Pointer};
use crate::settings::{AdmissionSettings, WhenUnavailable};
use crate::template::PathTemplate;

pub(crate) struct Door {
    /// None = everybody with a valid token may stay.
    service: Option<UserService>,
    when_unavailable: WhenUnavailable,
    remember: Duration,
    remember_refusal: Duration,
    remember_unavailable: Duration,
}

struct UserService {
    /// Without a slash at its end.
    url: String,
    path: PathTemplate,
    /// The value of the header `authorization`.
    bearer: Option<String>,
    active: Pointer,
    timeout: Duration,
}

/// What the User Service said, or that it did not.
enum Verdict {
    Known,
    Refused { code: &'static str, message: String },
    Unavailable(String),
}

impl Door {
    pub(crate) fn new(settings: AdmissionSettings) -> Result<Self, Error> {
        let ms = |ms: u32| Duration::from_millis(ms.into());
        Ok(Self {
            when_unavailable: settings.when_unavailable,
            remember: ms(settings.remember_ms),
            remember_refusal: ms(settings.remember_refusal_ms),
            remember_unavailable: ms(settings.remember_unavailable_ms),
            service: UserService::new(settings)?,
        })
    }

    pub(crate) fn admit(&self, user: &str) -> Admitted {
        let Some(service) = &self.service else {
            return Admitted::yes().remember_for(self.remember);
        };
        match service.ask(user) {
            Verdict::Known => Admitted::yes().remember_for(self.remember),
            Verdict::Refused { code, message } => {
                Admitted::no(code, message).remember_for(self.remember_refusal)
            }
            Verdict::Unavailable(why) => self.without_answer(&why),
        }
    }

    /// Remembered too, so that a service in trouble is not asked by everybody at once.
    fn without_answer(&self, why: &str) -> Admitted {
        let answer = match self.when_unavailable {
            WhenUnavailable::Refuse => {
                warn!("the user service is not available, the user is refused: {why}");
                let message = "whether this user exists cannot be asked at the moment";
                Admitted::no("user-service-unavailable", message).retryable()
            }
            WhenUnavailable::Admit => {
                warn!("the user service is not available, the user is admitted: {why}");
                Admitted::yes()
            }
        };
        answer.remember_for(self.remember_unavailable)
    }
}

impl UserService {
    fn new(settings: AdmissionSettings) -> Result<Option<Self>, Error> {
        let url = settings.user_service_url.trim_end_matches('/');
        if url.is_empty() {
            return Ok(None);
        }
        let host = ["http://", "https://"]
            .iter()
            .find_map(|scheme| url.strip_prefix(scheme))
            .filter(|host| !host.is_empty() && !host.starts_with('/'));
        let is_plain = url
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'@'));
        if host.is_none() || !is_plain {
            // Not repeated: a wrong one may hold a password.
            return Err(Error::settings(
                "settings: admission.user_service_url is not http://HOST or https://HOST, with a \
                 port and a path at most",
            ));
        }
        if settings.timeout_ms == 0 {
            return Err(Error::settings("settings: admission.timeout_ms is 0"));
        }
        if !settings.token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::settings(
                "settings: admission.token is not visible ASCII without spaces",
            ));
        }
        settings
            .active
            .must_be_single()
            .map_err(|cause| Error::settings(format!("settings: admission.active: {cause}")))?;
        Ok(Some(Self {
            url: url.to_owned(),
            path: settings.path,
            bearer: (!settings.token.is_empty()).then(|| format!("Bearer {}", settings.token)),
            active: settings.active,
            timeout: Duration::from_millis(settings.timeout_ms.into()),
        }))
    }

    fn ask(&self, user: &str) -> Verdict {
        let Some(path) = self.path.of(user) else {
            return refused("unknown-user", "no user can have this name");
        };
        let mut request = Request::get([&self.url, path.as_str()].concat()).timeout(self.timeout);
        request = request.header("accept", "application/json");
        if let Some(bearer) = &self.bearer {
            request = request.header("authorization", bearer);
        }
        match request.send() {
            Ok(response) => self.verdict(&response),
            Err(cause) => Verdict::Unavailable(cause.to_string()),
        }
    }

    fn verdict(&self, response: &Response) -> Verdict {
        match response.status {
            200 => self.check_active(response),
            401 => {
                // It may mean us as well as the user.
                let own = if self.bearer.is_some() {
                    "a wrong"
                } else {
                    "no"
                };
                error!("the user service answered 401: perhaps it got {own} admission.token");
                refused(
                    "unauthorized-user",
                    "the user service does not take this user",
                )
            }
            403 => refused("forbidden-user", "this user may not connect"),
            404 => refused("unknown-user", "the user service knows no such user"),
            status => Verdict::Unavailable(format!("it answered {status}")),
        }
    }

    fn check_active(&self, response: &Response) -> Verdict {
        if self.active.is_whole() {
            return Verdict::Known;
        }
        let body: &RawValue = match serde_json::from_slice(&response.body) {
            Ok(body) => body,
            Err(cause) => return Verdict::Unavailable(format!("its answer is not JSON: {cause}")),
        };
        match self.active.find(body) {
            Ok(Found::One(active)) if active.get() == "true" => Verdict::Known,
            _ => refused("inactive-user", "this user is not active"),
        }
    }
}

fn refused(code: &'static str, message: &str) -> Verdict {
    Verdict::Refused {
        code,
        message: message.to_owned(),
    }
}
