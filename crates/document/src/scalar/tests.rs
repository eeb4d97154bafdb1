use super::{Kind, Scalar, resolve};

#[test]
fn words_are_strings_unless_yaml_1_2_says_otherwise() {
    for text in [
        "yes", "no", "on", "off", "y", "n", "Yes", "tRUE", "nULL", "17:00", "2:20:00", "1.2.3", "-", "+",
    ] {
        assert_eq!(resolve(text), Kind::Str, "{text}");
    }
    for text in ["", "~", "null", "Null", "NULL"] {
        assert_eq!(resolve(text), Kind::Null, "{text}");
    }
    assert_eq!(resolve("True"), Kind::Bool(true));
    assert_eq!(resolve("FALSE"), Kind::Bool(false));
}

#[test]
fn integers_have_their_go_values() {
    let cases: [(&str, i128); 13] = [
        ("0", 0),
        ("7", 7),
        ("-12", -12),
        ("+3", 3),
        ("0o17", 15),
        ("017", 15),
        ("0x1F", 31),
        ("-0x10", -16),
        ("0b101", 5),
        ("1_000", 1000),
        ("18446744073709551615", 18_446_744_073_709_551_615),
        ("-9223372036854775808", -9_223_372_036_854_775_808),
        ("00", 0),
    ];
    for (text, value) in cases {
        let scalar = Scalar::plain(text);
        assert_eq!(scalar.kind, Kind::Int, "{text}");
        assert_eq!(scalar.as_int(), Some(value), "{text}");
    }
}

#[test]
fn floats_are_what_is_left_of_the_numbers() {
    let cases: [(&str, f64); 8] = [
        ("1e3", 1000.0),
        ("1.5", 1.5),
        ("-.5", -0.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("08", 8.0),
        ("18446744073709551616", 18_446_744_073_709_551_616.0),
        ("1_0.5", 10.5),
    ];
    for (text, value) in cases {
        let scalar = Scalar::plain(text);
        assert_eq!(scalar.kind, Kind::Float, "{text}");
        assert_eq!(scalar.as_f64(), Some(value), "{text}");
    }
    assert_eq!(resolve(".inf"), Kind::Float);
    assert_eq!(resolve("-.INF"), Kind::Float);
    assert!(Scalar::plain(".nan").as_f64().is_some_and(f64::is_nan));
    for text in ["1e", "1e+", ".", "e3", "1e400", "0x", "0b2", "inf", "nan"] {
        assert_eq!(resolve(text), Kind::Str, "{text}");
    }
}

#[test]
fn dates_are_timestamps() {
    for text in [
        "2024-01-01",
        "2024-1-2",
        "2001-12-14t21:59:43.10-05:00",
        "2001-12-14 21:59:43.1",
    ] {
        assert_eq!(resolve(text), Kind::Timestamp, "{text}");
    }
    for text in ["2024-13-01", "2024-02-30", "24-01-01", "2024-01", "2024-01-01x"] {
        assert_eq!(resolve(text), Kind::Str, "{text}");
    }
}

#[test]
fn quoting_makes_a_string() {
    assert_eq!(Scalar::string("5").as_int(), None);
    assert_eq!(Scalar::string("5").as_str(), Some("5"));
    assert_eq!(Scalar::plain("5").as_str(), None);
}
