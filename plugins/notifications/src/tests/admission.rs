use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tidegate_plugin::http::{Request, Response};
use tidegate_plugin::{Admission, Admitted, Scopes, Visitor};

use super::*;

/// A User Service that answers every question in the same way, and what it was asked.
struct Service {
    host: Host,
    plugin: Notifications,
    asked: Rc<RefCell<Vec<Request>>>,
}

impl Service {
    fn answering(settings: &Value, answer: Result<(u16, &str), Error>) -> Self {
        let host = Host::new();
        let asked = Rc::new(RefCell::new(Vec::new()));
        let log = Rc::clone(&asked);
        let answer = answer.map(|(status, body)| Response {
            status,
            headers: Vec::new(),
            body: body.into(),
        });
        host.on_fetch(move |request| {
            log.borrow_mut().push(request.clone());
            answer.clone()
        });
        let plugin = host
            .start(settings)
            .unwrap_or_else(|error| panic!("{error}"));
        Self {
            host,
            plugin,
            asked,
        }
    }

    fn admits(&mut self, subject: &str) -> Admitted {
        let visitor = Visitor {
            subject,
            scopes: Scopes::new("a b"),
            transport: "socket.io",
        };
        self.plugin.admit(&visitor).expect("every answer is one")
    }

    fn urls(&self) -> Vec<String> {
        self.asked
            .borrow()
            .iter()
            .map(|request| request.url.clone())
            .collect()
    }
}

fn with(settings: Value) -> Value {
    let mut all = shipped("http://users:8080/api/", "");
    let admission = all["admission"].as_object_mut().expect("a table");
    admission.extend(settings.as_object().expect("an object").clone());
    all
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn a_known_user_stays_and_is_remembered() {
    let mut service = Service::answering(&with(json!({})), Ok((200, "{}")));
    let answer = service.admits("ann");
    assert!(answer.is_yes());
    assert_eq!(answer.remembered_for(), ms(60_000));
    let asked = service.asked.borrow();
    let [request] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    assert_eq!(request.method, "GET");
    assert_eq!(request.url, "http://users:8080/api/users/ann");
    assert_eq!(request.timeout, ms(2000));
    assert!(
        !request
            .headers
            .iter()
            .any(|(name, _)| name == "authorization")
    );
}

#[test]
fn the_bearer_token_is_shown() {
    let mut service = Service::answering(&shipped("http://users", "hush"), Ok((200, "")));
    assert!(service.admits("ann").is_yes());
    let bearer = ("authorization".to_owned(), "Bearer hush".to_owned());
    assert!(service.asked.borrow()[0].headers.contains(&bearer));
}

#[test]
fn a_refusal_says_why_and_is_remembered_shortly() {
    for (status, code) in [
        (401, "unauthorized-user"),
        (403, "forbidden-user"),
        (404, "unknown-user"),
    ] {
        for policy in ["refuse", "admit"] {
            let settings = with(json!({"when_unavailable": policy}));
            let answer = Service::answering(&settings, Ok((status, ""))).admits("ann");
            let refusal = answer.refusal().expect("it is a no");
            assert_eq!((refusal.code.as_str(), refusal.retryable), (code, false));
            assert_eq!(answer.remembered_for(), ms(5000));
        }
    }
}

#[test]
fn without_an_answer_the_policy_holds_and_is_remembered_briefly() {
    let down = Error::new("unreachable", "connection refused").retryable();
    for answer in [
        Ok((500, "")),
        Ok((503, "")),
        Ok((204, "")),
        Ok((302, "")),
        Ok((429, "")),
        Err(down),
    ] {
        let mut service = Service::answering(&with(json!({})), answer.clone());
        let refused = service.admits("ann");
        let refusal = refused.refusal().expect("it is a no");
        assert_eq!(
            (refusal.code.as_str(), refusal.retryable),
            ("user-service-unavailable", true)
        );
        assert_eq!(refused.remembered_for(), ms(1000));
        let logs = service.host.logs();
        assert!(
            logs[0].message.contains("the user is refused: "),
            "{logs:?}"
        );

        let settings = with(json!({"when_unavailable": "admit", "remember_unavailable_ms": 300}));
        let admitted = Service::answering(&settings, answer).admits("ann");
        assert!(admitted.is_yes());
        assert_eq!(admitted.remembered_for(), ms(300));
    }
}

#[test]
fn who_must_be_active_is() {
    let settings = with(json!({"active": "/state/active"}));
    let admitted = |body| Service::answering(&settings, Ok((200, body))).admits("ann");
    assert!(admitted(r#"{"state":{"active":true}}"#).is_yes());
    for body in [
        "{}",
        "[]",
        r#"{"state":{"active":false}}"#,
        r#"{"state":{"active":"true"}}"#,
    ] {
        let answer = admitted(body);
        assert_eq!(
            answer.refusal().expect("it is a no").code,
            "inactive-user",
            "{body}"
        );
    }
    for body in ["", "<html>", "{"] {
        let answer = admitted(body);
        let refusal = answer.refusal().expect("it is a no");
        assert_eq!(refusal.code, "user-service-unavailable", "{body}");
    }
}

#[test]
fn an_id_is_one_segment_of_the_path_whatever_it_holds() {
    let mut service = Service::answering(&with(json!({})), Ok((200, "")));
    for subject in ["a/b", "a?b#c", "é%2F", "../x", "...", "a|b@c+d"] {
        assert!(service.admits(subject).is_yes());
    }
    let ids: Vec<_> = service
        .urls()
        .iter()
        .map(|url| url.replace("http://users:8080/api/users/", ""))
        .collect();
    assert_eq!(
        ids,
        [
            "a%2Fb",
            "a%3Fb%23c",
            "%C3%A9%252F",
            "..%2Fx",
            "...",
            "a%7Cb%40c%2Bd"
        ]
    );
    // A URL's parser would take these for steps.
    for subject in [".", ".."] {
        assert_eq!(
            service.admits(subject).refusal().expect("it is a no").code,
            "unknown-user"
        );
    }
    assert_eq!(service.urls().len(), 6);
}

#[test]
fn without_a_user_service_everybody_stays() {
    let mut service = Service::answering(&shipped("", ""), Ok((404, "")));
    let answer = service.admits("ann");
    assert!(answer.is_yes());
    assert!(service.urls().is_empty());
}
