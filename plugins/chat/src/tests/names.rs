use super::*;

fn named(typed: &str) -> Result<String, Error> {
    let mut bed = Bed::new();
    bed.registers(typed)?;
    let users = bed.host.items("Users");
    Ok(users[0]["UserName"].as_str().expect("a text").to_owned())
}

#[test]
fn a_name_is_kept_as_it_was_typed_but_for_its_form() {
    for (typed, kept) in [
        ("ann", "ann"),
        ("Ann", "Ann"),
        ("  ann \n", "ann"),
        ("Ann \u{a0}\u{3000} Lee", "Ann Lee"),
        ("Zoe\u{308}", "Zoë"),
        ("李小龍", "李小龍"),
        ("عمر", "عمر"),
        ("a:b#c/d%e", "a:b#c/d%e"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("😀", "😀"),
        ("42", "42"),
    ] {
        assert_eq!(named(typed), Ok(kept.into()), "{typed:?}");
    }
    let longest = "e\u{301}".repeat(32);
    assert_eq!(named(&longest), Ok("é".repeat(32)));
}

#[test]
fn what_is_no_name_is_refused_with_the_rule() {
    let long = "x".repeat(33);
    let megabyte = "x".repeat(1 << 20);
    let many_bytes = "龍".repeat(27);
    for (typed, says) in [
        ("", "type a name"),
        (" \t\u{3000}\n", "type a name"),
        ("a\nb", "control characters"),
        ("a\u{0}b", "control characters"),
        ("a\u{9b}b", "control characters"),
        ("a\u{200b}nn", "invisible"),
        ("a\u{ad}nn", "invisible"),
        ("\u{202e}nna", "invisible"),
        ("ann\u{2066}", "invisible"),
        ("ann\u{200f}", "invisible"),
        ("ann\u{e0041}", "invisible"),
        ("\u{feff}ann", "invisible"),
        ("\u{3164}", "invisible"),
        ("\u{2800}", "invisible"),
        ("\u{301}nn", "begin with an accent"),
        (&long, "at most 32 characters"),
        (&megabyte, "at most 32 characters"),
        (&many_bytes, "too long"),
    ] {
        let (code, message) = refused(named(typed));
        assert_eq!(code, "bad-name", "{typed:.40?}");
        assert!(message.contains(says), "{typed:.40?} says: {message}");
        assert!(message.len() < 100, "{message}");
    }
}

#[test]
fn every_name_has_a_topic_of_its_own() {
    for name in ["龍".repeat(26), "😀".repeat(19), "x".repeat(32)] {
        assert_eq!(named(&name), Ok(name.clone()));
        let segment = tidegate_plugin::encode_segment(&name);
        let topic = format!("user:{segment}:notification");
        assert_eq!(tidegate_plugin::check_topic(&topic), Ok(()));
    }
}

#[test]
fn the_same_name_in_another_form_is_the_same_name() {
    let mut bed = Bed::new();
    bed.registers("Zoë Lee").expect("it is free");
    for same in ["Zoe\u{308} Lee", " Zoë  Lee", "Zoë\u{2003}Lee"] {
        assert_eq!(refused(bed.registers(same)).0, "name-taken", "{same:?}");
    }
}

#[test]
fn lower_case_makes_one_name_of_many() {
    let mut bed = Bed::with(&json!({"names": {"lower_case": true}}));
    let registered = bed.call(over_http("", ""), "chat.register", &json!({"name": "ÄNN"}));
    assert_eq!(registered, Ok(json!({"name": "änn"})));
    assert_eq!(refused(bed.registers("Änn")).0, "name-taken");
}
