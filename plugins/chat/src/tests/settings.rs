use super::*;

fn refusal(settings: &Value) -> String {
    match Host::new().start::<Chat>(settings) {
        Ok(_) => panic!("the settings are taken: {settings}"),
        Err(error) => {
            assert_eq!(error.code, "bad-settings");
            error.message
        }
    }
}

#[test]
fn a_wrong_settings_file_is_refused_by_name() {
    let room = |room: &str| json!({"rooms": ["general", room]});
    for (settings, says) in [
        (json!({"room": []}), "unknown field `room`"),
        (json!({"rooms": []}), "rooms: there is none"),
        (json!({"rooms": "general"}), "rooms: invalid type"),
        (room("general"), "rooms[1]: general is there twice"),
        (room(""), "rooms[1]: \"\" is not 1 to 64 of"),
        (room("a:b"), "rooms[1]: \"a:b\" is not"),
        (room("a#b"), "rooms[1]: \"a#b\" is not"),
        (room("a/b"), "rooms[1]: \"a/b\" is not"),
        (room("süd"), "rooms[1]: \"süd\" is not"),
        (room(&"x".repeat(65)), "is not 1 to 64 of"),
        (
            json!({"names": {"characters_max": 0}}),
            "names.characters_max is 0, not 1 to 64",
        ),
        (
            json!({"names": {"lower_case": 1}}),
            "names.lower_case: invalid type",
        ),
        (
            json!({"names": {"idle_days": 4000}}),
            "names.idle_days is 4000, not 1 to 3650",
        ),
        (
            json!({"messages": {"characters_max": 4001}}),
            "messages.characters_max is 4001, not 1 to 4000",
        ),
        (
            json!({"messages": {"nonce_keep_hours": -1}}),
            "messages.nonce_keep_hours: invalid value",
        ),
        (
            json!({"history": {"limit_max": 201}}),
            "history.limit_max is 201, not 1 to 200",
        ),
        (
            json!({"history": {"limit": 20, "limit_max": 10}}),
            "history.limit is 20, not 1 to 10",
        ),
    ] {
        let message = refusal(&settings);
        assert!(message.starts_with("settings: "), "{message}");
        assert!(message.contains(says), "{settings} says: {message}");
    }
}

#[test]
fn what_is_left_out_is_as_it_is_shipped() {
    let mut left_out = Bed::with(&json!({}));
    let mut shipped = Bed::new();
    for bed in [&mut left_out, &mut shipped] {
        let who = bed.call(by("ann"), "chat.who", &json!({}));
        assert_eq!(who, Ok(json!({"name": "ann", "rooms": ["general"]})));
        let long = "x".repeat(2001);
        assert_eq!(refused(bed.sends("ann", "n", &long)).0, "bad-text");
    }
    let text = include_str!("../../chat.toml");
    let settings: crate::Settings = toml::from_str(text).expect("chat.toml is TOML");
    let default = crate::Settings::default();
    assert_eq!(format!("{settings:?}"), format!("{default:?}"));
}
