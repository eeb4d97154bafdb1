use crate::at;
use crate::support::{COMPLETE, ROUTE};

fn with(lines: &str) -> String {
    format!("{ROUTE}{lines}")
}

at!(
    advice_cut,
    5,
    10,
    with(&format!(
        "    sub_policies:\n      - {{explanation: {}}}\n",
        "a".repeat(2_049)
    ))
);
at!(
    no_source,
    4,
    29,
    with("    policy: {allow: {and: [{groups: a}, {groups: b}]}}\n")
);
at!(
    rego_unsupported,
    5,
    10,
    with("    sub_policies:\n      -  rego: x\n")
);
at!(
    wildcard_login,
    2,
    5,
    "routes:\n  - from: https://app.*\n    to: http://a\n    allow_any_authenticated_user: true\n"
);
at!(
    depends_on_too_long,
    4,
    17,
    with("    depends_on: [a, b, c, d, e, f]\n")
);
at!(
    empty_entry,
    5,
    9,
    with("    allowed_users:\n      - \"\"\n      - a@b.c\n")
);
at!(
    exclusive_keys,
    5,
    5,
    with("    prefix_rewrite: /a\n    regex_rewrite_pattern: b\n")
);
at!(
    from_invalid,
    2,
    11,
    "routes:\n  - from: app.example.com\n    to: http://a\n"
);
at!(from_missing, 2, 5, "routes:\n  - to: http://a\n");
at!(
    from_path,
    2,
    11,
    "routes:\n  - from: https://a.example/x\n    to: http://a\n"
);
at!(
    http_scheme,
    2,
    11,
    "routes:\n  - from: http://a.example\n    to: http://a\n"
);
at!(no_effect, 4, 5, with("    regex_priority_order: 1\n"));
at!(
    not_implemented_unsafe,
    4,
    5,
    with("    regex_rewrite_pattern: ^/x$\n")
);
at!(
    header_substitution,
    5,
    12,
    with("    set_response_headers:\n      X-A: \"%START_TIME%\"\n")
);
at!(host_invalid, 4, 19, with("    host_rewrite: a/b\n"));
at!(path_invalid, 4, 21, with("    prefix_rewrite: x\n"));
at!(
    redirect_invalid,
    3,
    33,
    "routes:\n  - from: https://a.example\n    redirect: {scheme_redirect: javascript}\n"
);
at!(
    redirect_loop,
    3,
    5,
    "routes:\n  - from: https://a.example\n    redirect: {https_redirect: true}\n"
);
at!(regex_invalid, 4, 12, with("    regex: /(\n"));
at!(
    response_invalid,
    3,
    24,
    "routes:\n  - from: https://a.example\n    response: {status: 99}\n"
);
at!(
    template_reference,
    5,
    13,
    with("    set_request_headers:\n      X-A:  a $b\n")
);
at!(tls_ca_invalid, 4, 20, with("    tls_custom_ca: aGVsbG8=\n"));
at!(
    tls_skip_verify,
    4,
    5,
    "routes:\n  - from: https://a.example\n    to: https://a\n    tls_skip_verify: true\n"
);
at!(
    to_too_many,
    3,
    9,
    format!(
        "routes:\n  - from: https://a.example\n    to: [{}]\n",
        "http://a, ".repeat(1_001)
    )
);
at!(
    wildcard_hidden,
    3,
    3,
    "routes:\n- {from: 'https://*.example', to: http://a}\n- {from: https://a.example, path: /a, to: http://a}\n"
);
at!(path_without_slash, 4, 13, with("    prefix: admin\n"));
at!(
    policy_conflict,
    5,
    5,
    with("    allow_public_unauthenticated_access: true\n    allowed_users: [a@b.c]\n")
);
at!(
    policy_criterion_unknown,
    7,
    15,
    with("    policy:\n      - allow:\n          and:\n            - emial: x\n")
);
at!(route_denies_all, 6, 5, format!("{COMPLETE}{ROUTE}"));
at!(
    to_invalid,
    3,
    9,
    "routes:\n  - from: https://a.example\n    to: http://\n"
);
at!(to_missing, 2, 5, "routes:\n  - from: https://a.example\n");
at!(
    to_scheme,
    3,
    9,
    "routes:\n  - from: https://a.example\n    to: ftp://a\n"
);
at!(
    to_weight,
    3,
    9,
    "routes:\n  - from: https://a.example\n    to: http://a,0\n"
);

/// Where a line begins with characters of several bytes, columns still count characters.
#[test]
fn columns_count_characters() {
    let text = "routes:\n  - {name: \"Zürich\u{1f600}\", from: https://a.example, to: ftp://a}\n";
    assert_eq!(crate::support::only(text, "to_scheme").span.to_string(), "2:52");
}
