use super::*;

#[test]
fn what_is_left_out_is_as_shipped() {
    let written = shipped("", "");
    assert!(start(&written).is_ok());
    let records = [
        keyed("ann", "{}"),
        valued(r#"{"user_ids":["a"]}"#),
        valued(r#"{"type":"x","userId":1}"#),
        valued("{}"),
    ];
    for record in records {
        assert_eq!(
            started(&written).map(&record),
            by_default(&record),
            "{record:?}"
        );
    }
}

#[test]
fn a_wrong_settings_file_is_refused_by_name() {
    let service = |settings: Value| {
        let mut all = json!({"user_service_url": "http://users"});
        all.as_object_mut()
            .expect("an object")
            .extend(settings.as_object().expect("an object").clone());
        json!({"admission": all})
    };
    let url = |url: &str| json!({"admission": {"user_service_url": url}});
    let cases = [
        (json!({"record": {}}), "unknown field `record`"),
        (json!({"records": {"user": []}}), "unknown field `user`"),
        (
            json!({"records": {"users": []}}),
            "records.users: no place is listed",
        ),
        (
            json!({"records": {"users": ["userId"]}}),
            "records.users[0]: \"userId\" is neither",
        ),
        (
            json!({"records": {"users": ["header:"]}}),
            "names no header",
        ),
        (json!({"records": {"users": ["/a/*/*"]}}), "more than one *"),
        (
            json!({"records": {"users": "key"}}),
            "records.users: invalid type",
        ),
        (
            json!({"records": {"recipients_max": -1}}),
            "records.recipients_max: invalid value",
        ),
        (
            json!({"records": {"topic": "user:notification"}}),
            "has no {id} in it",
        ),
        (
            json!({"records": {"topic": "{id}:{id}"}}),
            "{id} more than once",
        ),
        (
            json!({"records": {"topic": "user::{id}"}}),
            "records.topic: \"user::{id}\": topic has an empty segment",
        ),
        (
            json!({"records": {"event": ["/a/*"]}}),
            "may lead to many places",
        ),
        (
            json!({"records": {"default_event": "connect"}}),
            "is Socket.IO's own",
        ),
        (json!({"records": {"default_event": ""}}), "1 to 255 bytes"),
        (
            json!({"records": {"payload": []}}),
            "records.payload: no place is listed",
        ),
        (
            json!({"records": {"payload": ["data"]}}),
            "\"data\" is not a JSON pointer",
        ),
        (
            json!({"records": {"payload": ["/data/*"]}}),
            "may lead to many places",
        ),
        (
            url("users:80"),
            "admission.user_service_url is not http://HOST",
        ),
        (
            url("ftp://users"),
            "admission.user_service_url is not http://HOST",
        ),
        (
            url("http:///users"),
            "admission.user_service_url is not http://HOST",
        ),
        (
            url("http://u:p@users"),
            "admission.user_service_url is not http://HOST",
        ),
        (
            url("http://users?x"),
            "admission.user_service_url is not http://HOST",
        ),
        (
            url("http://us ers"),
            "admission.user_service_url is not http://HOST",
        ),
        (
            service(json!({"path": "users/{id}"})),
            "does not begin with /",
        ),
        (service(json!({"path": "/users"})), "has no {id} in it"),
        (service(json!({"path": "/users/{id}#x"})), "has '#' in it"),
        (
            service(json!({"token": "a\nb"})),
            "admission.token is not visible ASCII",
        ),
        (
            service(json!({"active": "/*"})),
            "admission.active: \"/*\" may lead to many places",
        ),
        (
            service(json!({"timeout_ms": 0})),
            "admission.timeout_ms is 0",
        ),
        (
            service(json!({"when_unavailable": "maybe"})),
            "admission.when_unavailable: unknown variant `maybe`",
        ),
    ];
    for (settings, says) in cases {
        match start(&settings) {
            Ok(_) => panic!("the settings are taken: {settings}"),
            Err(error) => {
                assert_eq!(error.code, "bad-settings");
                assert!(
                    error.message.contains(says),
                    "{settings} says: {}",
                    error.message
                );
            }
        }
    }
}

#[test]
fn a_secret_is_in_no_message() {
    for settings in [
        json!({"admission": {"user_service_url": "http://user:hush@users"}}),
        json!({"admission": {"user_service_url": "http://users", "token": "hush hush"}}),
    ] {
        let error = start(&settings).err().expect("the settings are refused");
        assert!(!error.message.contains("hush"), "{error}");
    }
}
