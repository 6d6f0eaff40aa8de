//! What holds whatever comes.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(json!("_placeholder")),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map("num|_placeholder|[a-z]{0,3}", inner, 0..3)
                .prop_map(|map| json!(map)),
        ]
    })
}

fn texts(values: &[Value]) -> Vec<String> {
    values.iter().map(Value::to_string).collect()
}

fn refs(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

/// Reads as a server what was encoded for a client: events and acks are alike in both directions.
fn read_frames(frames: &[u8]) -> Packet<'static> {
    let limits = PacketLimits {
        attachments: 10,
        bytes: 1 << 20,
    };
    let mut decoder = Decoder::default();
    let mut packet = None;
    for frame in frame::server_frames(frames) {
        assert_eq!(packet, None, "nothing behind a whole packet");
        packet = match frame.opcode {
            Opcode::Binary => decoder.binary(frame.payload.into(), limits),
            _ => {
                let text = std::str::from_utf8(frame.payload).expect("text");
                decoder
                    .text(text.strip_prefix('4').expect("a message"), limits)
                    .map(|packet| packet.map(Packet::into_owned))
            }
        }
        .expect("a packet");
    }
    packet.expect("whole")
}

proptest! {
    #[test]
    fn events_and_acks_round_trip(
        namespace in "/|/[^,?\\p{Cc}]{1,9}",
        name: String,
        id in proptest::option::of(0u64..10_000_000_000_000_000),
        args in proptest::collection::vec(any_json(), 0..4),
        attachments in proptest::collection::vec(any::<Vec<u8>>(), 0..4),
    ) {
        prop_assume!(!is_reserved(&name));
        // Objects that would be placeholders by chance are not what this is about.
        prop_assume!(!texts(&args).iter().any(|arg| arg.contains(r#""_placeholder":true"#)));
        let mut args = texts(&args);
        let attachments: Vec<Bytes> = attachments.into_iter().map(Bytes::from).collect();
        for num in 0..attachments.len() {
            args.push(format!(r#"[{{"_placeholder":true,"num":{num}}}]"#));
        }
        let mut out = BytesMut::new();
        put_event(&namespace, id, &name, &refs(&args), &attachments, &mut out);
        let packet = read_frames(&out);
        prop_assert_eq!(&*packet.namespace, &*namespace);
        let event = event(packet);
        prop_assert_eq!((&*event.name, event.id), (&*name, id));
        prop_assert_eq!(list(&event.args), args.clone());
        prop_assert_eq!(&event.attachments, &attachments);

        let id = id.unwrap_or(0);
        out.clear();
        put_ack(&namespace, id, &refs(&args), &attachments, &mut out);
        let Kind::Ack { id: read_id, args: read_args, attachments: read_attachments } = read_frames(&out).kind else {
            panic!("no ack");
        };
        prop_assert_eq!((read_id, list(&read_args), read_attachments), (id, args, attachments));
    }

    #[test]
    fn a_publication_is_one_event_whatever_it_holds(event_name in proptest::option::of(any::<String>()), id: String, payload in any_json()) {
        let mut out = BytesMut::new();
        put_publication("/n", "a:b", event_name.as_deref(), &id, payload.to_string().as_bytes(), &mut out);
        let event = event(read_frames(&out));
        let args = list(&event.args);
        prop_assert_eq!(args.len(), 1);
        let arg: Value = serde_json::from_str(&args[0]).expect("JSON");
        match event_name {
            Some(name) => {
                prop_assert_eq!(&*event.name, &*name);
                prop_assert_eq!(arg, payload);
            }
            None => {
                prop_assert_eq!(&*event.name, "message");
                prop_assert_eq!(arg, json!({"topic": "a:b", "id": id, "payload": payload}));
            }
        }
    }

    #[test]
    fn connect_answers_are_json(sid: String, message: String, data in proptest::option::of(any_json())) {
        let answer = sent(|out| put_connect("/n", &sid, out));
        let value: Value = serde_json::from_str(answer.strip_prefix("40/n,").expect("CONNECT")).expect("JSON");
        prop_assert_eq!(value, json!({ "sid": sid }));
        let text = data.as_ref().map(Value::to_string);
        let answer = sent(|out| put_connect_error("/", &message, text.as_deref(), out));
        let value: Value = serde_json::from_str(answer.strip_prefix("44").expect("CONNECT_ERROR")).expect("JSON");
        prop_assert_eq!(&value["message"], &json!(message));
        prop_assert_eq!(value.get("data"), data.as_ref());
    }

    /// Against an oracle of another make: values are built, and placeholders looked for in them.
    #[test]
    fn placeholders_are_found_as_in_built_values(args in proptest::collection::vec(any_json(), 0..3), nums in proptest::collection::vec(0u32..4, 0..4), count in 0usize..4) {
        let mut all = args;
        all.extend(nums.iter().map(|num| json!([{"_placeholder": true, "num": num}])));
        let mut found = Vec::new();
        let good = all.iter().all(|arg| placeholders(arg, &mut found));
        found.sort_unstable();
        let expected = good && found == (0..count as u64).collect::<Vec<_>>();
        all.insert(0, json!("name"));
        let text = format!("5{count}-{}", Value::from(all));
        let read = Decoder::default().text(&text, PacketLimits { attachments: 4, bytes: 1 << 20 });
        prop_assert_eq!(read.is_ok(), expected, "{}: {:?}", text, read);
    }

    #[test]
    fn arbitrary_messages_never_panic(messages in proptest::collection::vec((any::<bool>(), "[0-6]{0,2}[-/a,]{0,3}.{0,20}|.{0,20}"), 0..6)) {
        let mut decoder = Decoder::default();
        for (binary, data) in &messages {
            let read = if *binary {
                decoder.binary(data.as_bytes().into(), LIMITS)
            } else {
                decoder.text(data, LIMITS)
            };
            if read.is_err() {
                prop_assert!(!decoder.is_pending(), "nothing is kept after an error");
            }
        }
    }
}

/// Collects the numbers of placeholders; `false` = a malformed one.
fn placeholders(value: &Value, found: &mut Vec<u64>) -> bool {
    match value {
        Value::Array(all) => all.iter().all(|one| placeholders(one, found)),
        Value::Object(map) if map.get("_placeholder") == Some(&Value::Bool(true)) => {
            let num = map.get("num").and_then(Value::as_u64);
            found.extend(num);
            num.is_some() && map.len() == 2
        }
        Value::Object(map) => map.values().all(|one| placeholders(one, found)),
        _ => true,
    }
}
