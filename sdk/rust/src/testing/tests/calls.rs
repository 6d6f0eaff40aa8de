use super::*;
use crate::{Call, Caller, Handler, Reply, sessions, store};

/// Does what it is told, one host call after the other.
struct Obedient;

impl Plugin for Obedient {
    type Settings = AnySettings;

    fn new(_: AnySettings) -> Result<Self, Error> {
        Ok(Self)
    }
}

impl Handler for Obedient {
    fn handle(&mut self, call: &Call<'_>) -> Result<Reply, Error> {
        let orders: Vec<(String, String)> = call.params()?;
        let mut made = Vec::new();
        for (order, id) in orders {
            match order.as_str() {
                "create" => made.push(sessions::create(&json!({"id": id}))?),
                "destroy" => sessions::destroy(&id)?,
                "panic" => panic!("as told"),
                _ => return Err(call.unknown_method()),
            }
        }
        Reply::json(&made)
    }
}

crate::export_with_manifest!(
    Obedient;
    hooks: ["handler"],
    tables: [{ name: "T", partition: "p" }],
    http_methods: ["o.http"],
);

fn host() -> Host {
    let host = Host::new();
    host.declare::<Obedient>();
    host
}

const OVER_HTTP: Caller<'_> = Caller {
    subject: None,
    scopes: crate::Scopes::new(""),
    transport: "http",
    session_id: Some("session-1"),
};

fn tell(host: &Host, caller: Caller<'_>, orders: &[(&str, &str)]) -> Result<Value, Error> {
    let params = json!(orders).to_string();
    host.call(&mut Obedient, &Call::new("o.any", &params, caller))
}

#[test]
fn a_session_is_made_and_its_cookie_given() {
    let host = host();
    let made = tell(&host, OVER_HTTP, &[("create", "a")]);
    assert_eq!(made, Ok(json!(["session-1"])));
    assert_eq!(host.session("session-1"), Some(json!({"id": "a"})));
    assert_eq!(host.cookie(), Some(Cookie::Session("session-1".into())));
    tell(&host, OVER_HTTP, &[]).expect("nothing is done");
    assert_eq!(host.cookie(), None);
}

#[test]
fn the_later_session_takes_the_place_of_the_earlier() {
    let host = host();
    tell(&host, OVER_HTTP, &[("create", "a"), ("create", "b")]).expect("both are made");
    assert_eq!(host.session("session-1"), None);
    assert_eq!(host.cookie(), Some(Cookie::Session("session-2".into())));
}

#[test]
fn a_failed_call_leaves_no_session() {
    let host = host();
    assert!(tell(&host, OVER_HTTP, &[("create", "a"), ("fail", "")]).is_err());
    let panics = || tell(&host, OVER_HTTP, &[("create", "b"), ("panic", "")]);
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics)).is_err());
    assert_eq!(
        (host.session("session-1"), host.session("session-2")),
        (None, None)
    );
}

#[test]
fn ending_the_own_session_clears_the_cookie() {
    let host = host();
    tell(&host, OVER_HTTP, &[("create", "a")]).expect("made");
    tell(&host, OVER_HTTP, &[("destroy", "session-9")]).expect("another's, which is not there");
    assert_eq!(host.cookie(), None);
    tell(&host, OVER_HTTP, &[("destroy", "session-1")]).expect("the own");
    assert_eq!(host.cookie(), Some(Cookie::Cleared));
    assert_eq!(host.session("session-1"), None);
}

#[test]
fn sessions_need_http() {
    let host = host();
    let caller = Caller {
        transport: "websocket",
        ..Caller::default()
    };
    for order in ["create", "destroy"] {
        let refused = tell(&host, caller, &[(order, "x")]);
        assert_eq!(
            refused.expect_err("no cookie goes there").code,
            "needs-http"
        );
    }
    let refused = host.call(
        &mut Obedient,
        &Call::new("o.http", "[[\"panic\",\"\"]]", caller),
    );
    assert_eq!(refused.expect_err("before it runs").code, "needs-http");
}

#[test]
fn a_watch_may_make_calls_itself() {
    let host = host();
    let table = store::table("T");
    let within = host.clone();
    host.watch(move |call| {
        assert_eq!(call.name, "sessions.create");
        table.put(&json!({"p": "within"})).expect("put");
        tell(&within, OVER_HTTP, &[("create", "inner")]).expect("made");
        None
    });
    let made = tell(&host, OVER_HTTP, &[("create", "outer")]);
    assert_eq!(made, Ok(json!(["session-2"])));
    assert_eq!(host.items("T"), [json!({"p": "within"})]);
    assert_eq!(host.session("session-1"), Some(json!({"id": "inner"})));
}
