//! Headers (HD): what is tried, and what must happen in each shape.

use super::Case;

mod asking;
mod credentials;
mod framing;
mod hops;
mod identity;

const IDENTITY: &str = "tests/e2e/tests/shapes/headers/identity.rs";
const HOPS: &str = "tests/e2e/tests/shapes/headers/hops.rs";
const FRAMING: &str = "tests/e2e/tests/shapes/headers/framing.rs";
const CREDENTIALS: &str = "tests/e2e/tests/shapes/headers/credentials.rs";

pub(crate) const CASES: &[Case] = &[
    Case {
        id: "HD-01",
        tried: "the client's own `x-pomerium-jwt-assertion`, `-claim-*`, `-authorization`, claim headers of other \
                names, internal names; by nobody on a public route, by a user, by one who lacks the claims, and at \
                a route that passes no identity; HTTP/1.1 and HTTP/2",
        must: "always removed or overwritten",
        ours: &["200 upstream"],
        istio: &["200 upstream"],
        bare: &["200 upstream"],
        tests: &[(IDENTITY, "made_up_identity_never_arrives")],
        apart: "",
    },
    Case {
        id: "HD-02",
        tried: "the same with `_`, mixed `-` and `_`, upper case, the marks that CGI folds (`X.Email`), white space \
                and quotes in the name",
        must: "400 in ours; removed beside another's Envoy",
        ours: &["200 upstream", "400 Envoy"],
        istio: &["200 upstream", "400 Envoy"],
        bare: &["200 upstream", "400 Envoy"],
        tests: &[(IDENTITY, "no_other_spelling_of_a_name_arrives")],
        apart: "Ours refuses `_` and what is no name. Envoys of others refuse only the latter; the check's answer \
                removes the rest, as it does `X.Email` everywhere.",
    },
    Case {
        id: "HD-03",
        tried: "repeated lines, lists with commas, an empty value first, an assertion twice",
        must: "the upstream sees exactly our one value",
        ours: &["200 upstream"],
        istio: &["200 upstream"],
        bare: &["200 upstream"],
        tests: &[(IDENTITY, "of_several_lines_exactly_one_of_ours_arrives")],
        apart: "No policy has a criterion on a header's value, of which each would have to be tested.",
    },
    Case {
        id: "HD-04",
        tried: "`Connection` (several times, in any case), `Keep-Alive`, `Proxy-Connection` and `TE` that name our \
                headers, cookies, credentials or Envoy's own",
        must: "ours survive; a client can only take away its own privilege",
        ours: &["200 upstream", "400 Envoy", "401 `login_required`"],
        istio: &["200 upstream", "400 Envoy", "401 `login_required`"],
        bare: &["200 upstream", "400 Envoy", "401 `login_required`"],
        tests: &[(HOPS, "no_header_of_the_connection_takes_ours_away")],
        apart: "",
    },
    Case {
        id: "HD-05",
        tried: "trailers with names of ours, a session cookie, credentials, framing and pseudo-headers; chunks of \
                HTTP/1.1 and HTTP/2",
        must: "dropped, never merged",
        ours: &["200 upstream", "401 `login_required`", "closed", "reset"],
        istio: &["200 upstream", "401 `login_required`", "closed"],
        bare: &["200 upstream", "401 `login_required`", "closed"],
        tests: &[(HOPS, "trailers_carry_nothing_in")],
        apart: "Trailers are no part of a check. An Envoy of another's that has `enable_trailers`, or speaks HTTP/2 \
                with its upstreams, must remove them itself, as ours does.",
    },
    Case {
        id: "HD-06",
        tried: "`X-Forwarded-For` with 0, 1 and 2 trusted proxies (one address, several, several lines, malformed, \
                IPv4 in IPv6), other headers that name an address; `X-Forwarded-Proto` of every kind",
        must: "the client is the trusted hop; nothing throws; a login leads back by https",
        ours: &[
            "200 upstream",
            "302 login",
            "403 `policy_denied`",
            "the upstream is told `https`",
        ],
        istio: &[
            "200 upstream",
            "302 login",
            "403 `policy_denied`",
            "the upstream is told `https`",
        ],
        bare: &[
            "200 upstream",
            "302 login",
            "403 `policy_denied`",
            "404 Envoy",
            "the upstream is told `HTTP`",
            "the upstream is told `http`",
            "the upstream is told `http, https`",
            "the upstream is told `https`",
            "the upstream is told `javascript`",
            "the upstream is told `wss`",
        ],
        tests: &[
            (HOPS, "a_client_says_nothing_of_its_own_address"),
            (
                HOPS,
                "of_the_addresses_that_proxies_say_the_first_trusted_one_counts",
            ),
            (HOPS, "no_client_says_which_scheme_it_came_by"),
            (
                "authz-server/src/check/tests/headers.rs",
                "a_policy_goes_by_the_address_that_a_trusted_proxy_names",
            ),
        ],
        apart: "Without `xff_num_trusted_hops` the client is who opened the connection. With it, beside another's \
                Envoy, the last address must be that peer (`use_remote_address: true`); for a proxy on the same \
                machine, as in these tests, Envoy writes another, and no address is believed. What a stock Envoy \
                tells the upstream of the scheme is the client's word.",
    },
    Case {
        id: "HD-07",
        tried: "`X-Original-URL`, `X-Rewrite-URL`, `X-Forwarded-Uri`, `-Method`, `-Prefix`, `-Port`, `-Path`, \
                `-Host`, `X-HTTP-Method-Override` and the like on closed, open and stripping routes",
        must: "ignored; removed where a route says so (`remove_request_headers`)",
        ours: &["200 upstream", "401 `login_required`", "403 `policy_denied`"],
        istio: &["200 upstream", "401 `login_required`", "403 `policy_denied`"],
        bare: &["200 upstream", "401 `login_required`", "403 `policy_denied`"],
        tests: &[(HOPS, "no_header_names_another_request")],
        apart: "",
    },
    Case {
        id: "HD-08",
        tried: "`x-envoy-*` (internal, original path, host and destination, retries, timeouts, tracing, metadata, \
                partial body, address, cluster and node) by a peer that says to be of 10/8, 127/8 or the internet",
        must: "stripped, and Envoy not steered by it",
        ours: &["200 upstream", "gone"],
        istio: &[
            "200 upstream",
            "`x-envoy-peer-metadata-id` passes",
            "`x-envoy-peer-metadata` passes",
            "gone",
        ],
        bare: &[
            "200 upstream",
            "`x-envoy-peer-metadata-id` passes",
            "`x-envoy-peer-metadata` passes",
            "gone",
        ],
        tests: &[(HOPS, "no_client_speaks_as_an_envoy")],
        apart: "A mesh's metadata is its own affair: Istio's Envoy writes it before we are asked, and a stock one \
                has no use for it. The address passes where it is that of the connection, as an Envoy with \
                `use_remote_address` says.",
    },
    Case {
        id: "HD-09",
        tried: "two lengths, length and chunks, `Transfer-Encoding` of every spelling, chunk sizes and extensions \
                that two readers take for two things, an upgrade to h2c; a second request hidden behind each",
        must: "400 and closed; the next request is answered rightly",
        ours: &["200 upstream", "400 Envoy", "401 `login_required`", "501 Envoy"],
        istio: &["200 upstream", "400 Envoy", "401 `login_required`", "501 Envoy"],
        bare: &["200 upstream", "400 Envoy", "401 `login_required`", "501 Envoy"],
        tests: &[(FRAMING, "no_second_request_hides_in_a_first")],
        apart: "Chunk extensions, white space behind a chunk's size and h2c are one message to Envoy, which frames \
                it anew: one request arrives. 501 is for codings that it does not know. `Transfer_Encoding` is \
                refused by ours and removed by the check's answer beside others.",
    },
    Case {
        id: "HD-10",
        tried: "folded lines, bare LF and CR, NUL and control characters, names that are none, `:x`",
        must: "400",
        ours: &["200 upstream", "400 Envoy"],
        istio: &["200 upstream", "400 Envoy"],
        bare: &["200 upstream", "400 Envoy"],
        tests: &[(FRAMING, "a_line_is_one_field_or_none")],
        apart: "Folded lines and bare CR Envoy joins to one value (RFC 9112, section 5.2), and a bare LF ends a \
                line: to us, to the policy and to the upstream alike. Nothing of it becomes a header of ours.",
    },
    Case {
        id: "HD-11",
        tried: "bytes that are no UTF-8 in each header that is looked at, in cookies beside and inside a session, in \
                what a policy looks at that refuses preflights, and in others",
        must: "denied; never \"no match, so allowed\"; the check does not fail",
        ours: &[
            "200 upstream",
            "400 `bad_request`",
            "401 `login_required`",
            "403 `policy_denied`",
        ],
        istio: &["200 upstream", "401 `login_required`", "403 `policy_denied`"],
        bare: &[
            "200 upstream",
            "400 `bad_request`",
            "401 `login_required`",
            "403 `policy_denied`",
        ],
        tests: &[
            (CREDENTIALS, "bytes_that_are_no_text_open_nothing"),
            (CREDENTIALS, "bytes_are_refused_where_they_are_seen"),
        ],
        apart: "What nothing of a decision depends on passes, as Latin-1 in headers of applications does. Without \
                `encode_raw_headers: true` an Envoy tells us `!` for each such byte: a session beside it stays that \
                user's, one with it is none; 400 is where that is set.",
    },
    Case {
        id: "HD-12",
        tried: "`:scheme` of every kind, pseudo-headers twice, late, unknown or missing, names in upper case, headers \
                of connections, line breaks in HTTP/2 fields, cookies in crumbs",
        must: "an error of the stream",
        ours: &["200 upstream", "closed", "the upstream is told `https`"],
        istio: &["200 upstream", "closed", "the upstream is told `https`"],
        bare: &["200 upstream", "closed", "the upstream is told `https`"],
        tests: &[(FRAMING, "http2_takes_only_what_is_well_formed")],
        apart: "Envoy takes every `:scheme` that is one (RFC 3986) and goes by that of the connection, as do we.",
    },
    Case {
        id: "HD-13",
        tried: "the `User-Agent` of health checks of clouds and Kubernetes; `/ping`, `/healthz` and paths near our \
                own on a host of an application",
        must: "no way around",
        ours: &["200 page", "400 Envoy", "401 Portcullis", "401 `login_required`"],
        istio: &[
            "200 page",
            "400 `ambiguous_request`",
            "401 Portcullis",
            "401 `login_required`",
        ],
        bare: &[
            "200 page",
            "400 `ambiguous_request`",
            "401 Portcullis",
            "401 `login_required`",
        ],
        tests: &[(CREDENTIALS, "no_program_is_let_through_for_what_it_calls_itself")],
        apart: "`401 Portcullis` is the answer that kubectl reads.",
    },
    Case {
        id: "HD-14",
        tried: "90 to 10,000 lines; 55 KiB to 1 MiB",
        must: "431, and no question to us",
        ours: &["200 upstream", "431 Envoy", "431 `headers_too_large`"],
        istio: &["200 upstream", "431 Envoy", "500 Envoy"],
        bare: &["200 upstream", "431 Envoy", "500 Envoy"],
        tests: &[(
            FRAMING,
            "too_many_headers_or_too_large_ones_are_no_question_to_us",
        )],
        apart: "Our listener takes 1,000 lines and 128 KiB, and we refuse in words what leaves no room for our own. \
                Of another's limits (by default 100 lines and 60 KiB) we do not know: where ours no longer fit, it \
                answers with an empty 500.",
    },
    Case {
        id: "HD-15",
        tried: "claims with CR, LF, NUL, commas, white space, text beyond ASCII, formatters and 4 KiB",
        must: "sent as they are, or not at all; no header is split",
        ours: &["200 page", "200 upstream", "as it is", "empty"],
        istio: &["200 page", "200 upstream", "as it is", "empty"],
        bare: &["200 page", "200 upstream", "as it is", "empty"],
        tests: &[(IDENTITY, "a_claim_stays_inside_its_header")],
        apart: "The assertion has every claim as it is. Our own Envoy checks values again (`validate_mutations`); \
                beside others we alone do.",
    },
    Case {
        id: "HD-16",
        tried: "two `Authorization` lines, lists, a token beside a session, two tokens, other spellings of \
                `Pomerium `",
        must: "one identity or 400; no credential goes on",
        ours: &["200 upstream", "400 `bad_request`", "401 `login_required`"],
        istio: &["200 upstream", "400 `bad_request`", "401 `login_required`"],
        bare: &["200 upstream", "400 `bad_request`", "401 `login_required`"],
        tests: &[(CREDENTIALS, "of_two_credentials_none_is_chosen_and_none_goes_on")],
        apart: "Of two lines of `X-Pomerium-Authorization` our own Envoy hands over the first alone, which counts; \
                beside others both are seen, and refused.",
    },
    Case {
        id: "HD-17",
        tried: "`set_request_headers` on names of ours in any spelling, of claims, `Host`, framing, `Cookie`, \
                `x-envoy-*`, pseudo-headers",
        must: "the configuration is refused",
        ours: &["200 upstream", "503 `route_invalid`"],
        istio: &["200 upstream", "503 `route_invalid`"],
        bare: &["200 upstream", "503 `route_invalid`"],
        tests: &[(IDENTITY, "no_route_may_set_what_is_reserved")],
        apart: "`check` says so and fails; in operation the route denies and the others serve.",
    },
];
