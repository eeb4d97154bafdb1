//! The contract of ext_authz (XA): what is tried, and what must happen in each shape.

use super::Case;

mod again;
mod asked;
mod bodies;
mod config;
mod denials;
mod filters;
mod forms;
mod resets;
mod routes;
mod server;
mod strangers;
mod whole;

const AGAIN: &str = "tests/e2e/tests/shapes/contract/again.rs";
const BODIES: &str = "tests/e2e/tests/shapes/contract/bodies.rs";
const CONFIG: &str = "tests/e2e/tests/shapes/contract/config.rs";
const DENIALS: &str = "tests/e2e/tests/shapes/contract/denials.rs";
const FILTERS: &str = "tests/e2e/tests/shapes/contract/filters.rs";
const FORMS: &str = "tests/e2e/tests/shapes/contract/forms.rs";
const RESETS: &str = "tests/e2e/tests/shapes/contract/resets.rs";
const ROUTES: &str = "tests/e2e/tests/shapes/contract/routes.rs";
const SERVER: &str = "tests/e2e/tests/shapes/contract/server.rs";
const STRANGERS: &str = "tests/e2e/tests/shapes/contract/strangers.rs";
const WHOLE: &str = "tests/e2e/tests/shapes/contract/whole.rs";

const COMPONENT: &str = "authz-server/src/check/tests/contract.rs";
const DOOR: &str = "authz-server/src/serve/contract_tests.rs";
const PAGES: &str = "authz-server/src/web/tests/in_band.rs";
const BROKEN_OFF: &str = "authz-server/src/web/tests/broken_off.rs";
const ONE_FILE: &str = "authz-server/src/check/tests/failures.rs";
const MATCHED: &str = "authz-server/src/check/tests/routes.rs";
const ENVOY_CONFIG: &str = "crates/envoy-config/src/tests.rs";

pub(crate) const CASES: &[Case] = &[
    Case {
        id: "XA-01",
        tried: "our server killed, its port closed, connections ended at once, HTTP/1, killed within a call, clear text for TLS, a certificate nobody knows, none of Envoy's",
        must: "503 from Envoy, nothing at the upstream, for signed-in and public requests and our own pages alike; no configuration of ours says `failure_mode_allow`",
        ours: &["503 Envoy"],
        istio: &["503 Envoy"],
        bare: &["503 Envoy"],
        tests: &[
            (SERVER, "a_server_that_is_down_denies_in_every_shape"),
            (SERVER, "a_server_that_is_killed_within_a_call_denies"),
            (SERVER, "a_server_that_shows_the_wrong_tls_denies"),
            (CONFIG, "no_example_and_no_page_says_that_errors_allow"),
            (
                ENVOY_CONFIG,
                "nothing_ever_lets_a_failed_check_pass_or_switches_the_check_off",
            ),
        ],
        apart: "Behind our own Envoy the server is a process of its own (the roles apart): with `portcullis run` Envoy ends with it.",
    },
    Case {
        id: "XA-02",
        tried: "a server that stands still on an open connection; one that accepts connections and never says a word",
        must: "503 when the filter's time is over, nothing at the upstream; decisions again when it is back",
        ours: &["503 Envoy"],
        istio: &["503 Envoy"],
        bare: &["503 Envoy"],
        tests: &[(
            SERVER,
            "a_server_that_does_not_answer_denies_in_the_end_and_recovers",
        )],
        apart: "",
    },
    Case {
        id: "XA-03",
        tried: "every gRPC status, 0 without a message, other HTTP statuses, broken messages, non-zero statuses with each response, `error_response`; and the answers that Envoy takes for an ALLOW: the empty message, a denied response with status 0",
        must: "errors 503, denials 403; nothing of ours is one of the last: one function builds an allow, from a proof, and no input whatever leads to another answer without a status",
        ours: &["200 upstream", "403 Envoy", "503 Envoy"],
        istio: &["200 upstream", "403 Envoy", "503 Envoy"],
        bare: &["200 upstream", "403 Envoy", "503 Envoy"],
        tests: &[
            (SERVER, "no_error_and_no_denial_lets_a_request_pass"),
            (
                COMPONENT,
                "whatever_bytes_come_no_answer_allows_that_no_policy_allowed",
            ),
            (ONE_FILE, "one_file_alone_builds_answers"),
        ],
        apart: "200 is what the empty message and its like get, from a server that stands in for ours.",
    },
    Case {
        id: "XA-04",
        tried: "the configuration that the running Envoy shows: `disabled` routes, `failure_mode_allow`, `filter_enabled`, `shadow_mode`",
        must: "none; of our own routes each says to the check what it is",
        ours: &["every route is asked about"],
        istio: &["every route is asked about"],
        bare: &["every route is asked about"],
        tests: &[
            (CONFIG, "nothing_is_switched_off_and_no_error_allows"),
            (
                ENVOY_CONFIG,
                "nothing_ever_lets_a_failed_check_pass_or_switches_the_check_off",
            ),
            (
                ENVOY_CONFIG,
                "every_route_of_every_host_tells_the_check_what_it_is",
            ),
        ],
        apart: "A route on which somebody else's configuration switches the filter off is not asked about; nothing of ours can see it.",
    },
    Case {
        id: "XA-05",
        tried: "routes that redirect or answer by themselves, by nobody and by somebody, with a policy that lets in and one that does not",
        must: "asked about first; the answer only to whom the policy lets in",
        ours: &["302 login", "302 Envoy", "410 Envoy", "403 `policy_denied`"],
        istio: &["302 login", "302 Envoy", "410 Envoy", "403 `policy_denied`"],
        bare: &["302 login", "302 Envoy", "410 Envoy", "403 `policy_denied`"],
        tests: &[(ROUTES, "routes_that_answer_by_themselves_are_asked_about_first")],
        apart: "",
    },
    Case {
        id: "XA-06",
        tried: "contexts that name a route of the request, none, one that does not exist, one of another path or host, an empty one, our own Envoy's; further keys; the same said by a client in headers",
        must: "the route of that name where host and path are its own, without a name the one of host and path, else denied; keys that are not ours and headers change nothing",
        ours: &[],
        istio: &["200 upstream", "404 `no_route`", "404 `not_found`"],
        bare: &["200 upstream", "404 `no_route`", "404 `not_found`"],
        tests: &[
            (ROUTES, "a_context_names_the_route_of_the_request_or_denies"),
            (MATCHED, "a_route_that_is_named_must_be_for_the_request"),
            (ONE_FILE, "only_the_contexts_that_we_write_count"),
        ],
        apart: "Our own Envoy says what we tell it; what it never says is tried at the server alone (`only_the_contexts_that_we_write_count`).",
    },
    Case {
        id: "XA-07",
        tried: "calls of Check, the feed, the store, Envoy's configuration and access log services by who is not Envoy: without a certificate, with one nobody knows, without a token, with a user's credential",
        must: "refused; where a Check can be asked by anybody it says what the credential in the question is worth",
        ours: &["in a directory of mode 0700"],
        istio: &["404: there is no such service", "a denial"],
        bare: &["404: there is no such service", "a denial"],
        tests: &[
            (STRANGERS, "a_stranger_finds_nothing_behind_our_doors"),
            (
                "tests/e2e/tests/drop_in.rs",
                "checks_come_over_a_socket_or_mutual_tls_and_from_no_stranger",
            ),
            (
                "tests/e2e/tests/roles.rs",
                "nobody_gets_in_without_the_key_or_with_a_user_s_credential",
            ),
            (
                "proto/src/listener/tests.rs",
                "mutual_tls_lets_in_only_whom_the_authority_knows",
            ),
        ],
        apart: "There is no access log service. Over loopback in clear text whoever is on the machine may ask for a decision.",
    },
    Case {
        id: "XA-08",
        tried: "gRPC paths without the slash in front, with two, with one behind, in upper case, escaped, with dots, of other services; at the door of the checks and at that of the control plane, with and without Envoy's token",
        must: "no method; the guard is asked before anybody looks at the path",
        ours: &[],
        istio: &["no check"],
        bare: &["no check"],
        tests: &[
            (STRANGERS, "only_the_exact_path_of_a_method_is_one"),
            (STRANGERS, "no_path_leads_round_the_guard_of_the_control_plane"),
            (DOOR, "what_is_not_exactly_the_path_of_a_check_is_none"),
        ],
        apart: "Behind our own Envoy both doors are sockets that nobody else reaches; the same services stand there.",
    },
    Case {
        id: "XA-09",
        tried: "cookies and credentials in one line, in several, twice, after a comma; once as `headers`, once as `header_map`; both, and neither; a filter that shows some headers and hides others",
        must: "one decision, or the joined form denies; both at once 400; neither is nobody; where lines are missing that every request has, what only we may say is taken out unseen",
        ours: &[],
        istio: &["200 upstream", "302 login", "400 `bad_request`"],
        bare: &["200 upstream", "302 login", "400 `bad_request`"],
        tests: &[
            (FORMS, "both_forms_of_headers_are_decided_alike_or_denied"),
            (FORMS, "what_a_filter_hides_is_not_said_in_our_name"),
            (
                COMPONENT,
                "a_form_of_headers_lets_nobody_in_whom_the_other_does_not_know",
            ),
            (COMPONENT, "without_headers_in_either_form_nobody_asks"),
            (ONE_FILE, "what_cannot_be_read_is_400"),
        ],
        apart: "Our own Envoy sends lines alone; what the joined form would do is tried at the server. Of a filter that hides headers the names that we vouch for are taken out unseen, with `_` for `-` too, but with no other mark; one that hides those alone cannot be told from one that hides none: `disallowed_headers` must not name any of ours.",
    },
    Case {
        id: "XA-10",
        tried: "connections that end at eight stages, from the handshake to the answer of the upstream; some 3,000 streams that are broken off by the hundred; checks that are broken off while the provider is waited for",
        must: "others are served all the while; memory and descriptors as before; what is broken off asks the provider for nothing more",
        ours: &["others are served all the while"],
        istio: &["others are served all the while"],
        bare: &["others are served all the while"],
        tests: &[
            (
                RESETS,
                "clients_that_go_leave_nothing_behind_and_cost_nobody_an_answer",
            ),
            (DOOR, "calls_that_are_broken_off_cost_nobody_else_theirs"),
            (
                BROKEN_OFF,
                "a_login_that_is_broken_off_asks_the_provider_for_nothing_more",
            ),
        ],
        apart: "Use after free is a question for Envoy's own builds with sanitisers.",
    },
    Case {
        id: "XA-11",
        tried: "a policy that needs the body, and a page that does, where the filter sends none, refuses what is too long, or sends a part; announced and in chunks; with the filter's own word forged by the client",
        must: "denied",
        ours: &["403 `policy_denied`", "413 Envoy"],
        istio: &["403 `policy_denied`", "405 `body_not_delivered`", "413 Envoy"],
        bare: &["403 `policy_denied`", "405 `body_not_delivered`", "413 Envoy"],
        tests: &[
            (
                BODIES,
                "behind_our_own_envoy_a_body_that_is_too_long_to_judge_denies",
            ),
            (BODIES, "a_body_that_is_needed_and_is_not_there_whole_denies"),
            (PAGES, "what_needs_a_body_says_so_where_there_is_none"),
        ],
        apart: "Our own Envoy sends our pages what is posted to them over HTTP.",
    },
    Case {
        id: "XA-12",
        tried: "HEAD, gRPC, several cookies at the end of a login, a page of 100 KiB",
        must: "HEAD has the headers and no body; gRPC its status in headers; each cookie a line; the page whole; never a byte of the upstream's",
        ours: &[
            "302 login",
            "401 `login_required`",
            "403 `policy_denied`",
            "200, grpc-status 16",
            "200, grpc-status 7",
            "several cookies, each a line",
        ],
        istio: &[
            "302 login",
            "401 `login_required`",
            "403 `policy_denied`",
            "200, grpc-status 16",
            "200, grpc-status 7",
            "several cookies, each a line",
        ],
        bare: &[
            "302 login",
            "401 `login_required`",
            "403 `policy_denied`",
            "200, grpc-status 16",
            "200, grpc-status 7",
            "several cookies, each a line",
        ],
        tests: &[
            (DENIALS, "a_denial_is_whole_to_whoever_hears_it"),
            (
                DENIALS,
                "several_cookies_stay_several_and_a_long_page_stays_whole",
            ),
        ],
        apart: "",
    },
    Case {
        id: "XA-13",
        tried: "internal redirects to public, private and forbidden paths, retries, mirrors of what is let through and of what is denied",
        must: "ours: none is configured; another's: a redirect is asked about anew, a retry is the same request, what is denied is not mirrored",
        ours: &["configured nowhere"],
        istio: &[
            "401 `login_required`",
            "no identity in the mirror",
            "the mirror gets what the upstream gets",
            "the same decision, three times upstream",
        ],
        bare: &[
            "401 `login_required`",
            "no identity in the mirror",
            "the mirror gets what the upstream gets",
            "the same decision, three times upstream",
        ],
        tests: &[
            (
                AGAIN,
                "what_envoy_sends_again_was_asked_about_and_what_is_denied_goes_nowhere",
            ),
            (
                CONFIG,
                "our_routes_send_nothing_twice_and_the_check_changes_no_pseudo_header",
            ),
        ],
        apart: "A mirror that another's Envoy makes carries what the upstream gets, identity included, unless its `request_headers_mutations` take that out. After an internal redirect there is no session: our cookie was taken out before the first upstream.",
    },
    Case {
        id: "XA-14",
        tried: "bodies with a length and in chunks, `TE`, a `Connection` that names our headers; routes and claims that name framing headers; every field of the answer that changes a request",
        must: "host, path, length and content as they came; nothing of ours names a framing or pseudo-header; our Envoy would ignore it (`decoder_header_mutation_rules`)",
        ours: &["as it came, with our headers"],
        istio: &["as it came, with our headers"],
        bare: &["as it came, with our headers"],
        tests: &[
            (WHOLE, "host_path_length_and_content_go_on_as_they_came"),
            (COMPONENT, "no_route_and_no_client_makes_us_touch_the_framing"),
            (
                CONFIG,
                "our_routes_send_nothing_twice_and_the_check_changes_no_pseudo_header",
            ),
        ],
        apart: "",
    },
    Case {
        id: "XA-15",
        tried: "the order of filters; `jwt_authn` that is content with anything, a script that rewrites the path and makes up who somebody is, CORS, in front of us; a script behind",
        must: "the order of the documents; who is in front decides nothing, what it rewrites is what we are asked about; who is behind sees what we say; a preflight never reaches the application",
        ours: &["ext_authz, header_mutation, router"],
        istio: &[
            "rbac, ext_authz, grpc_stats, fault, cors, router",
            "401 `login_required`",
            "403 `policy_denied`",
            "200 upstream",
            "200 by the CORS filter",
        ],
        bare: &[
            "ext_authz, router",
            "401 `login_required`",
            "403 `policy_denied`",
            "200 upstream",
            "200 by the CORS filter",
        ],
        tests: &[
            (CONFIG, "the_filters_stand_in_the_order_that_is_documented"),
            (
                FILTERS,
                "filters_in_front_decide_nothing_and_filters_behind_see_what_we_say",
            ),
            (
                FILTERS,
                "a_preflight_is_answered_by_who_comes_first_and_never_by_the_application",
            ),
        ],
        apart: "Nothing that changes host or path may stand behind us: no server could know.",
    },
    Case {
        id: "XA-16",
        tried: "1,001 and 10,000 headers; checks of more than 1 and more than 4 MiB; no attributes; damaged and random messages; 30,000 names that only we may say",
        must: "denied; no panic, and no work without end",
        ours: &["431 Envoy"],
        istio: &["200 upstream", "431 Envoy", "503 Envoy"],
        bare: &["200 upstream", "431 Envoy", "503 Envoy"],
        tests: &[
            (WHOLE, "too_many_headers_are_refused"),
            (WHOLE, "a_check_that_is_too_large_denies_and_the_server_lives_on"),
            (
                DOOR,
                "more_than_a_check_holds_is_refused_and_the_next_is_answered",
            ),
            (
                COMPONENT,
                "whatever_bytes_come_no_answer_allows_that_no_policy_allowed",
            ),
            (COMPONENT, "names_of_ours_without_end_are_no_work_without_end"),
            (
                "authz-server/src/check/message/tests.rs",
                "what_is_no_message_is_refused",
            ),
            (ONE_FILE, "what_cannot_be_read_is_400"),
        ],
        apart: "Our own filter sends no bodies, so that a check is as large as its headers.",
    },
];
