use portcullis_document::{Limits, parse_yaml};

use super::DeviceVerdict::{NoSession, Pass, Unauthenticated, Unauthorized};
use super::*;

fn read(text: &str) -> Result<DeviceTest, String> {
    let node = parse_yaml(text, &Limits::default()).unwrap().unwrap();
    let mut problems = Problems::default();
    DeviceTest::parse(&node, &mut problems).ok_or_else(|| {
        let all = problems.into_errors();
        let [only] = all.as_slice() else { panic!("{all:?}") };
        format!("{} {}", only.span, only.code)
    })
}

fn device(type_id: &str, credential_id: &str, standing: Standing) -> Device {
    Device {
        type_id: type_id.to_owned(),
        credential_id: credential_id.to_owned(),
        standing,
    }
}

#[test]
fn each_condition_against_each_standing() {
    use Standing::{Approved, Enrolled, Registered, Unknown};
    // The verdicts for: no device, unknown, registered, enrolled, approved.
    for (text, wanted) in [
        ("{}", [Pass, Pass, Pass, Pass, Pass]),
        (
            "{approved: true}",
            [
                Unauthenticated,
                Unauthenticated,
                Unauthenticated,
                Unauthorized,
                Pass,
            ],
        ),
        ("{approved: false}", [Pass, Pass, Pass, Pass, Unauthorized]),
        (
            "{type: any}",
            [Unauthenticated, Unauthenticated, Pass, Pass, Pass],
        ),
        ("{is: c1}", [Unauthenticated, Unauthenticated, Pass, Pass, Pass]),
        (
            "{is: c2}",
            [
                Unauthenticated,
                Unauthenticated,
                Unauthenticated,
                Unauthorized,
                Unauthorized,
            ],
        ),
        (
            "{type: enclave_only, approved: false}",
            [
                Unauthenticated,
                Unauthenticated,
                Unauthenticated,
                Unauthenticated,
                Unauthenticated,
            ],
        ),
    ] {
        let test = read(text).unwrap();
        let of = |standing| test.check(Some(&[device("any", "c1", standing)]));
        let got = [
            test.check(Some(&[])),
            of(Unknown),
            of(Registered),
            of(Enrolled),
            of(Approved),
        ];
        assert_eq!(got, wanted, "{text}");
        assert_eq!(test.check(None), NoSession, "{text}");
    }
}

#[test]
fn the_first_of_the_type_counts() {
    let devices = [
        device("other", "c0", Standing::Approved),
        device("any", "c1", Standing::Enrolled),
        device("any", "c2", Standing::Approved),
    ];
    let check = |text: &str| read(text).unwrap().check(Some(&devices));
    assert_eq!(check("{approved: true}"), Unauthorized);
    assert_eq!(check("{is: c2}"), Unauthorized);
    assert_eq!(check("{type: other, approved: true}"), Pass);
    assert_eq!(read("{type: other}").unwrap().device_type(), "other");
    assert_eq!(read("{}").unwrap().device_type(), "any");
}

#[test]
fn approval_is_truthy_as_in_javascript() {
    for (value, wanted) in [
        ("true", true),
        ("1", true),
        ("-0.5", true),
        ("'false'", true),
        ("'0'", true),
        ("[]", true),
        ("{}", true),
        ("false", false),
        ("0", false),
        ("-0.0", false),
        ("''", false),
        ("null", false),
        ("~", false),
    ] {
        let test = read(&format!("{{approved: {value}}}")).unwrap();
        assert_eq!(test.approved, Some(wanted), "{value}");
    }
}

#[test]
fn problems_have_places() {
    for (text, wanted) in [
        ("true", "1:1 policy_value_type"),
        ("[any]", "1:1 policy_value_type"),
        ("{id: c1}", "1:2 policy_matcher_unknown"),
        ("{is: 5}", "1:6 policy_value_type"),
        ("{type: [any]}", "1:8 policy_value_type"),
        ("{type: ~}", "1:8 policy_value_type"),
    ] {
        assert_eq!(read(text).unwrap_err(), wanted, "{text}");
    }
}

#[test]
fn prints_what_it_read_and_says_it() {
    for (text, said) in [
        ("{}", "a device of type `any`"),
        ("{\"approved\":true}", "an approved device of type `any`"),
        (
            "{\"approved\":false,\"is\":\"c1\",\"type\":\"enclave_only\"}",
            "a device that is not approved of type `enclave_only` with the id `c1`",
        ),
    ] {
        let test = read(text).unwrap();
        assert_eq!(test.to_json().to_string(), text);
        assert_eq!(test.to_string(), said);
        let kept = serde_json::to_string(&test).unwrap();
        assert_eq!(serde_json::from_str::<DeviceTest>(&kept).unwrap(), test);
    }
}
