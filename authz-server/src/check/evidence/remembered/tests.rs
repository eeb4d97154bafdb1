use super::*;
use core::cell::Cell;

fn key(number: usize) -> Key {
    Key::of([number.to_string().as_str()])
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[test]
fn what_holds_is_found_once_and_what_holds_no_more_again() {
    let remembered = Remembered::default();
    let count = Cell::new(0);
    let ask = |at, valid| {
        let found = remembered.found_or(key(1), second(at), || {
            count.set(count.get() + 1);
            (Presented::of_validity(valid), at..at + 10)
        });
        (found.as_input().valid, count.get())
    };
    assert_eq!(ask(100, true), (true, 1));
    assert_eq!(ask(109, false), (true, 1));
    assert_eq!(ask(110, false), (false, 2));
    assert_eq!(ask(119, true), (false, 2));
    // A clock that was set back.
    assert_eq!(ask(109, true), (true, 3));
    assert_eq!(ask(108, false), (false, 4));
}

#[test]
fn so_many_are_kept_and_no_more_and_what_is_used_stays() {
    let remembered = Remembered::default();
    let count = Cell::new(0);
    let ask = |number| {
        remembered.found_or(key(number), second(0), || {
            count.set(count.get() + 1);
            (Presented::NOTHING, i64::MIN..i64::MAX)
        });
    };
    for number in 1..=10 * MAX_YOUNG {
        ask(0);
        ask(number);
        let kept = remembered.with(|all| all.young.len() + all.old.len());
        assert!(kept <= 2 * MAX_YOUNG);
    }
    assert_eq!(count.get(), 10 * MAX_YOUNG + 1);
    ask(1);
    assert_eq!(count.get(), 10 * MAX_YOUNG + 2);
}

#[test]
fn what_is_cut_elsewhere_is_another() {
    assert_ne!(Key::of(["ab", "c"]), Key::of(["a", "bc"]));
    assert_ne!(Key::of(["ab"]), Key::of(["ab", ""]));
    assert_eq!(Key::of(["ab", "c"]), Key::of(["ab", "c"]));
}
