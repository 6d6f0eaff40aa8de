//! What every backend of the store promises, shown on each: the embedded store and two servers
//! that speak DynamoDB's protocol. A backend that comes later is one line more.

mod conditions;
mod expiry;
mod items;
mod order;
mod pages;
mod refused;

/// Each case, on each backend.
macro_rules! on_each {
    ($($module:ident: $($case:ident),+;)+) => {
        on_each!(@ embedded $($module: $($case),+;)+);
        on_each!(@ dynalite $($module: $($case),+;)+);
        on_each!(@ moto $($module: $($case),+;)+);
    };
    (@ $backend:ident $($module:ident: $($case:ident),+;)+) => {
        mod $backend {
            use tidegate_tests::store::Bed;
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$module::$case(&Bed::$backend().await).await;
                }
            )+)+
        }
    };
}

on_each! {
    items: what_is_put_is_got_until_it_is_deleted, json_is_kept_to_the_digit,
        a_batch_answers_in_the_order_of_its_keys, a_version_never_comes_again;
    conditions: if_absent_and_if_unchanged_hold_or_conflict, of_sixteen_at_once_one_wins;
    order: puts_are_done_until_one_is_not, nothing_is_put_if_one_is_no_item,
        of_sixteen_orders_at_once_one_is_done;
    pages: go_through_a_partition_in_both_directions, take_bounds_on_both_sides,
        are_bounded_in_bytes, of_an_index_follow_what_is_put;
    expiry: an_expired_item_is_not_there;
    refused: items_and_keys_that_are_none, cursors_of_other_queries, what_is_not_declared,
        what_is_too_large;
}
