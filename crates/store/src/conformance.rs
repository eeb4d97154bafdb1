//! What every [`Store`] must do, as one suite that each implementation's tests
//! run. It knows no executor: run it with whatever the store needs.

#![allow(clippy::expect_used, reason = "a test suite: to fail is how it speaks")]

use std::sync::Arc;

mod races;
mod records;
mod sync;

use crate::Store;

/// Runs every case, each on a store of its own.
///
/// # Panics
/// When the store does not conform: this is a test suite.
pub async fn run<S, F, Fut>(make: F)
where
    S: Store + 'static,
    F: Fn() -> Fut,
    Fut: Future<Output = S>,
{
    macro_rules! cases {
        ($($case:path),* $(,)?) => {
            $( $case(Arc::new(make().await)).await; )*
        };
    }
    cases![
        records::an_empty_store_has_nothing,
        records::a_put_record_is_read_back,
        records::kinds_do_not_mix,
        records::versions_rise_over_the_whole_store,
        records::conditions_are_kept,
        records::a_deleted_record_is_gone,
        records::strange_ids_are_only_ids,
        records::too_large_a_record_is_refused,
        records::pages_show_each_record_once,
        races::a_deletion_wins_over_a_refresh,
        races::one_of_two_writers_wins,
        sync::a_new_reader_gets_everything,
        sync::a_reader_follows,
        sync::a_reader_resumes,
        sync::a_foreign_position_gets_a_snapshot,
        sync::a_slow_reader_is_told,
        sync::readers_do_not_disturb_each_other,
    ];
}
