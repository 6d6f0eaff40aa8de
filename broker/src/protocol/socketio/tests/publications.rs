//! Publications as events.

use super::*;

fn publication(namespace: &str, event: Option<&str>, payload: &str) -> String {
    sent(|out| {
        put_publication(
            namespace,
            "user:7:notification",
            event,
            "k/0/5/0",
            payload.as_bytes(),
            out,
        )
    })
}

#[test]
fn a_publication_is_an_event() {
    insta::assert_snapshot!(publication("/", Some("notification"), "{\"a\" : \"\\u00e9\"}"), @r#"42["notification",{"a" : "\u00e9"}]"#);
    insta::assert_snapshot!(publication("/custom", Some("n\"1"), "\"text\""), @r#"42/custom,["n\"1","text"]"#);
    insta::assert_snapshot!(publication("/", None, "[1]"), @r#"42["message",{"topic":"user:7:notification","id":"k/0/5/0","payload":[1]}]"#);
}

/// A client closes the connection for an event with a reserved name, whoever published it.
#[test]
fn a_publication_with_a_reserved_name_closes_no_client() {
    insta::assert_snapshot!(publication("/", Some("disconnect"), "1"), @r#"42["message",{"topic":"user:7:notification","id":"k/0/5/0","event":"disconnect","payload":1}]"#);
}
