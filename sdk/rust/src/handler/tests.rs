use serde_json::{Value, json};

use super::*;

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default)]
    list: Vec<u8>,
}

fn params<T: for<'a> Deserialize<'a>>(text: &str) -> Result<T, Error> {
    Call::new("a.b", text, Caller::default()).params()
}

#[test]
fn params_are_typed() {
    assert_eq!(params(r#"{"list":[1]}"#), Ok(Params { list: vec![1] }));
    assert_eq!(params("7"), Ok(7));
}

#[test]
fn no_params_are_an_empty_object_or_null() {
    assert_eq!(params(" null "), Ok(Params::default()));
    assert_eq!(params::<Option<u8>>("null"), Ok(None));
    assert_eq!(params::<Value>("null"), Ok(json!(null)));
    #[derive(Debug, Deserialize)]
    struct Needy {
        #[serde(rename = "name")]
        _name: String,
    }
    let error = params::<Needy>("null").expect_err("there is no name");
    assert!(error.message.contains("missing field `name`"), "{error}");
}

#[test]
fn what_is_wrong_is_named_by_its_path_in_short() {
    let error = params::<Params>(r#"{"list":[1,"x"]}"#).expect_err("x is no number");
    assert_eq!(error.code, "bad-params");
    assert!(error.message.starts_with("params: list[1]: "), "{error}");
    assert!(params::<Params>("{} {}").is_err(), "two texts are no JSON");
    let huge = format!("{{\"list\":\"{}\"}}", "ä".repeat(1 << 20));
    let error = params::<Params>(&huge).expect_err("a text is no list");
    assert!(error.message.len() < 300, "{}", error.message.len());
}

#[test]
fn the_plugins_name_is_no_part_of_its_own_method() {
    for (method, own) in [
        ("a.b", "b"),
        ("a.b.c", "b.c"),
        ("a.", ""),
        ("a", ""),
        ("", ""),
    ] {
        let call = Call::new(method, "null", Caller::default());
        assert_eq!(call.own_method(), own, "{method:?}");
    }
}

#[test]
fn an_unknown_method_is_named() {
    let error = Call::new("a.b", "null", Caller::default()).unknown_method();
    assert_eq!(
        (error.code.as_str(), error.retryable),
        ("unknown-method", false)
    );
    assert_eq!(error.message, "there is no method \"a.b\"");
}

#[test]
fn a_reply_is_json() {
    let reply = Reply::json(&json!({"a": [1]})).expect("it is JSON");
    assert_eq!(reply.as_str(), r#"{"a":[1]}"#);
    let keyed_by_lists = std::collections::BTreeMap::from([(vec![1], 2)]);
    assert_eq!(
        Reply::json(&keyed_by_lists).expect_err("no JSON").code,
        "bad-reply"
    );
}
