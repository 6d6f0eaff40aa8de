//! Queries: order, bounds, pages, indexes.

use serde_json::json;
use tidegate::store::{PAGE_BYTES_MAX, Range};
use tidegate_tests::store::{Bed, all, key, members, messages};

/// Messages `000`, `001`, … of a room.
async fn fill(bed: &Bed, room: &str, count: usize) -> Vec<String> {
    let numbers: Vec<String> = (0..count).map(|number| format!("{number:03}")).collect();
    for number in &numbers {
        let item = json!({"PartitionKey": room, "CreatedAt": number});
        bed.put("Messages", &item).await;
    }
    numbers
}

pub async fn go_through_a_partition_in_both_directions(bed: &Bed) {
    bed.declare(&messages()).await;
    let mut expected = fill(bed, "general", 25).await;
    fill(bed, "general2", 3).await;
    fill(bed, "genera", 3).await;
    for descending in [false, true] {
        for limit in [1, 7, 24, 25, 26, 1_000, 0, u32::MAX] {
            let range = Range {
                descending,
                ..all(limit)
            };
            let pages = bed.pages(None, "general", range).await;
            assert_eq!(
                members(&pages, "CreatedAt"),
                expected,
                "{limit}, {descending}"
            );
            let limit = limit.clamp(1, 1_000) as usize;
            assert!(pages.iter().all(|page| page.items.len() <= limit));
            // Full ones, and perhaps an empty one to say that there is no more.
            assert!(pages.len() <= 25 / limit + 1, "{} of {limit}", pages.len());
        }
        expected.reverse();
    }
    let none = bed.pages(None, "nothing", all(10)).await;
    assert_eq!((none.len(), none[0].items.len()), (1, 0));
}

pub async fn take_bounds_on_both_sides(bed: &Bed) {
    bed.declare(&messages()).await;
    fill(bed, "general", 12).await;
    for (first, last, expected) in [
        (Some("003"), Some("005"), vec!["003", "004", "005"]),
        (Some("003"), Some("003"), vec!["003"]),
        (Some("0031"), Some("0049"), vec!["004"]),
        (Some("010"), None, vec!["010", "011"]),
        (None, Some("001"), vec!["000", "001"]),
        (None, Some("0"), vec![]),
        (Some("012"), None, vec![]),
        (Some("005"), Some("003"), vec![]),
        (Some(""), Some("000"), vec!["000"]),
        (None, Some(""), vec![]),
    ] {
        for descending in [false, true] {
            let range = Range {
                first: first.map(str::to_owned),
                last: last.map(str::to_owned),
                descending,
                ..all(2)
            };
            let mut found = members(&bed.pages(None, "general", range).await, "CreatedAt");
            if descending {
                found.reverse();
            }
            assert_eq!(found, expected, "{first:?} to {last:?}, {descending}");
        }
    }
}

pub async fn are_bounded_in_bytes(bed: &Bed) {
    bed.declare(&messages()).await;
    let text = "x".repeat(100_000);
    let numbers: Vec<String> = (0..24).map(|number| format!("{number:03}")).collect();
    for number in &numbers {
        let item = json!({"PartitionKey": "big", "CreatedAt": number, "Text": text});
        bed.put("Messages", &item).await;
    }
    for descending in [false, true] {
        let range = Range {
            descending,
            ..all(1_000)
        };
        let pages = bed.pages(None, "big", range).await;
        for page in &pages {
            let bytes: usize = page.items.iter().map(|item| item.json.len()).sum();
            assert!(bytes <= PAGE_BYTES_MAX, "{bytes}");
        }
        let mut found = members(&pages, "CreatedAt");
        if descending {
            found.reverse();
        }
        assert_eq!(found, numbers);
    }
}

pub async fn of_an_index_follow_what_is_put(bed: &Bed) {
    bed.declare(&messages()).await;
    let store = &bed.store;
    let put = async |room: &str, number: usize, user: Option<&str>, seen: &str| {
        let mut item = json!({
            "PartitionKey": room, "CreatedAt": format!("{number:03}"), "SeenAt": seen,
        });
        if let Some(user) = user {
            item["UserName"] = user.into();
        }
        bed.put("Messages", &item).await;
    };
    for number in 0..12 {
        put(
            "general",
            number,
            Some("ann"),
            &format!("s{:02}", number % 5),
        )
        .await;
        put("other", number, Some("bob"), "s00").await;
        put("nobody's", number, None, "s00").await;
    }
    for descending in [false, true] {
        let range = Range {
            descending,
            ..all(3)
        };
        let pages = bed.pages(Some("by-user"), "ann", range.clone()).await;
        let seen = members(&pages, "SeenAt");
        let mut sorted = seen.clone();
        sorted.sort();
        if descending {
            sorted.reverse();
        }
        assert_eq!(seen, sorted);
        let mut found = members(&pages, "CreatedAt");
        found.sort();
        let all: Vec<String> = (0..12).map(|number| format!("{number:03}")).collect();
        assert_eq!(found, all, "each once");

        let range = Range {
            first: Some("s01".into()),
            last: Some("s02".into()),
            ..range
        };
        let pages = bed.pages(Some("by-user"), "ann", range).await;
        let mut found = members(&pages, "CreatedAt");
        found.sort();
        assert_eq!(found, ["001", "002", "006", "007", "011"]);
    }
    // An item that is put anew moves, loses its place, or goes.
    put("general", 0, Some("carl"), "s00").await;
    put("general", 1, None, "s00").await;
    store
        .delete("Messages", &key("general", Some("002")), None)
        .await
        .unwrap();
    let ann = bed.pages(Some("by-user"), "ann", all(100)).await;
    assert_eq!(members(&ann, "CreatedAt").len(), 9);
    let carl = bed.pages(Some("by-user"), "carl", all(100)).await;
    assert_eq!(members(&carl, "CreatedAt"), ["000"]);
}
