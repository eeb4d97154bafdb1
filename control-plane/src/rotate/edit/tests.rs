use portcullis_config::keys_from_list;

use super::*;

/// Base64 of 32 equal bytes.
fn secret(byte: u8) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode([byte; 32])
}

/// Spells a list: `1` for the secret of ones, and so on.
fn spelled(shape: &str) -> String {
    shape
        .chars()
        .map(|c| c.to_digit(10).map_or(c.to_string(), |digit| secret(digit as u8)))
        .collect()
}

/// What the configuration takes it for.
fn is_taken(text: &str) -> bool {
    keys_from_list(&portcullis_config::secrets_in(text)).1.is_empty()
}

type Edit = fn(KeyName, &str) -> Result<Edited, EditError>;

const ADD: Edit = |name, text| add_last(name, text, &new(name));
const TURN: Edit = |name, text| to_front(name, text, &new(name));
const DROP: Edit = keep_first;

/// The key that comes in: number 9.
fn new(name: KeyName) -> String {
    match name {
        KeyName::SigningKey => block("PRIVATE KEY", 9, "\n"),
        KeyName::CookieSecret | KeyName::SharedSecret => secret(9),
    }
}

#[test]
fn lists_are_edited_in_their_own_style() {
    // The edit, a list before and after, and how many it lost.
    let table: [(&str, Edit, &str, &str, usize); 20] = [
        ("alone", ADD, "1", "1\n9\n", 0),
        ("lines", ADD, "1\n2\n", "1\n2\n9\n", 0),
        ("lines without the last end", ADD, "1\n2", "1\n2\n9", 0),
        ("windows", ADD, "1\r\n2\r\n", "1\r\n2\r\n9\r\n", 0),
        ("commas", ADD, "1,2", "1,2,9", 0),
        ("commas and blanks", ADD, "1, 2", "1, 2, 9", 0),
        ("a comma and a line end", ADD, "1,2\n", "1,2,9", 0),
        ("empty lines", ADD, "\n1\n\n2\n", "1\n2\n9\n", 0),
        ("seven", ADD, "1,2,3,4,5,6,7", "1,2,3,4,5,6,7,9", 0),
        ("eight", ADD, "1,2,3,4,5,6,7,8", "1,2,3,4,5,6,7,9", 1),
        (
            "eight, the last twice",
            ADD,
            "1,2,3,4,5,6,7,1",
            "1,2,3,4,5,6,7,9",
            0,
        ),
        ("lines", TURN, "1\n2\n9\n", "9\n1\n2\n", 0),
        ("commas", TURN, "1, 9, 2", "9, 1, 2", 0),
        ("first already", TURN, "9,1", "9,1", 0),
        ("twice", TURN, "1,9,9", "9,1", 0),
        ("lines", DROP, "9\n1\n2\n", "9", 2),
        ("windows", DROP, "9\r\n1\r\n", "9", 1),
        ("commas", DROP, "9,1,1", "9", 1),
        ("the same twice", DROP, "9,9", "9", 0),
        ("alone", DROP, "9", "9", 0),
    ];
    for (what, edit, before, after, dropped) in table {
        for name in [KeyName::CookieSecret, KeyName::SharedSecret] {
            let edited = edit(name, &spelled(before)).unwrap();
            assert_eq!(*edited.text, spelled(after), "{what}: {before:?}");
            assert_eq!(edited.dropped, dropped, "{what}: {before:?}");
            assert!(is_taken(&edited.text), "{what}: {before:?}");
        }
    }
}

#[test]
fn what_the_configuration_refuses_is_not_edited() {
    let name = KeyName::CookieSecret;
    for text in ["", "1\n", "1,", "short", "1,short", "1 2", "1,2,3,4,5,6,7,8,9"] {
        let text = spelled(text);
        for edit in [ADD, TURN, DROP] {
            assert_eq!(edit(name, &text), Err(EditError::Unreadable), "{text}");
        }
    }
    assert_eq!(TURN(name, &spelled("1,2")), Err(EditError::Gone));
    let name = KeyName::SigningKey;
    for text in ["", "no pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n", "-----BEGIN "] {
        for edit in [ADD, TURN, DROP] {
            assert_eq!(edit(name, text), Err(EditError::Unreadable), "{text}");
        }
    }
    let certificate = block("CERTIFICATE", 1, "\n");
    assert_eq!(ADD(name, &certificate), Err(EditError::Unreadable));
    assert_eq!(TURN(name, &block("PRIVATE KEY", 1, "\n")), Err(EditError::Gone));
}

/// A block whose content is a number.
fn block(label: &str, number: u8, end: &str) -> String {
    let content = secret(number);
    let (one, two) = content.split_at(20);
    format!("-----BEGIN {label}-----{end}{one}{end}{two}{end}-----END {label}-----{end}")
}

/// Spells a PEM text: a digit stands for a key of that number, `E` and `R` before it
/// make it one in the form of its kind, `C` a certificate; all else stays.
fn pem(shape: &str) -> String {
    let end = if shape.contains("\r\n") { "\r\n" } else { "\n" };
    let mut label = "PRIVATE KEY";
    let mut text = String::new();
    for c in shape.chars() {
        match c {
            'E' => label = "EC PRIVATE KEY",
            'R' => label = "RSA PRIVATE KEY",
            'C' => label = "CERTIFICATE",
            digit if digit.is_ascii_digit() => {
                text.push_str(&block(label, digit as u8 - b'0', end));
                label = "PRIVATE KEY";
            }
            other => text.push(other),
        }
    }
    text
}

#[test]
fn pem_texts_keep_what_is_no_key_of_theirs() {
    let table: [(&str, Edit, &str, &str, usize); 17] = [
        ("one", ADD, "1", "19", 0),
        ("each kind", ADD, "E1R2", "E1R29", 0),
        ("remarks", ADD, "# mine\n1\n# end\n", "# mine\n1\n# end\n9", 0),
        ("no line end behind a remark", ADD, "1# end", "1# end\n9", 0),
        ("a certificate", ADD, "1C2", "1C29", 0),
        ("windows", ADD, "1\r\n", "1\r\n9", 0),
        ("seven", ADD, "1234567", "12345679", 0),
        ("eight", ADD, "#a\n1234567#b\n8#c\n", "#a\n1234567#b\n#c\n9", 1),
        ("eight, the last twice", ADD, "12345671", "12345679", 0),
        ("two", TURN, "19", "91", 0),
        (
            "remarks stay above their keys",
            TURN,
            "#a\nE1#b\n29#c\n",
            "9#a\nE1#b\n2#c\n",
            0,
        ),
        ("first already", TURN, "91", "91", 0),
        ("windows", TURN, "1\r\n9", "91\r\n", 0),
        ("two", DROP, "91", "9", 1),
        (
            "remarks and others",
            DROP,
            "#a\n9#b\nE1C2R3#c\n",
            "#a\n9#b\nC2#c\n",
            2,
        ),
        ("the same twice", DROP, "991", "9", 1),
        ("alone", DROP, "9", "9", 0),
    ];
    for (what, edit, before, after, dropped) in table {
        let edited = edit(KeyName::SigningKey, &pem(before)).unwrap();
        // The new one has the line ends of the others.
        assert_eq!(*edited.text, pem(after), "{what}: {before:?}");
        assert_eq!(edited.dropped, dropped, "{what}: {before:?}");
    }
}

#[test]
fn a_key_without_a_line_end_at_the_end_gets_one_before_the_next() {
    let name = KeyName::SigningKey;
    let before = block("PRIVATE KEY", 1, "\n");
    let edited = ADD(name, before.trim_end()).unwrap();
    assert_eq!(*edited.text, pem("19"));
}

#[test]
fn base64_of_pem_stays_base64() {
    use base64::Engine as _;
    let wrap = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let name = KeyName::SigningKey;
    let edited = ADD(name, &wrap(&pem("#a\n1"))).unwrap();
    assert_eq!(*edited.text, wrap(&pem("#a\n19")));
    let edited = TURN(name, &format!("{}\n", wrap(&pem("19")))).unwrap();
    assert_eq!(*edited.text, format!("{}\n", wrap(&pem("91"))));
    // Also where it is wrapped into lines.
    let long = wrap(&pem("91"));
    let (one, two) = long.split_at(60);
    assert_eq!(
        *DROP(name, &format!("{one}\n{two}")).unwrap().text,
        wrap(&pem("9"))
    );
}

#[test]
fn what_a_configuration_would_hold_is_told_from_what_it_holds() {
    let keys = |cookie: &[u8], shared: &[u8], pem: Option<String>| Keys {
        cookie_secret: Secrets::new(cookie.iter().map(|byte| [*byte; 32])).unwrap(),
        shared_secret: Secrets::new(shared.iter().map(|byte| [*byte; 32])).unwrap(),
        signing_key_pem: pem.map(Into::into),
    };
    let wanted = |name, text: &str| Wanted::of(name, text).unwrap();
    let cookie = wanted(KeyName::CookieSecret, &spelled("1\n2\n"));
    assert!(cookie.is(&keys(&[1, 2], &[3], None)));
    assert!(!cookie.is(&keys(&[2, 1], &[1, 2], None)));
    let shared = wanted(KeyName::SharedSecret, &spelled("3"));
    assert!(shared.is(&keys(&[1], &[3], None)) && !shared.is(&keys(&[3], &[3, 1], None)));
    let text = pem("\n12\n");
    let signing = wanted(KeyName::SigningKey, &text);
    assert!(signing.is(&keys(&[1], &[1], Some(text.trim().to_owned()))));
    assert!(!signing.is(&keys(&[1], &[1], Some(pem("21")))));
    assert!(!signing.is(&keys(&[1], &[1], None)));
}
