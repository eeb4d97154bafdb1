//! The groups OI, CK and BR of the threat catalogue: what is tried against logins,
//! cookies and browsers. [`CATALOGUE`] says of each id where it is tried.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod browsers;
mod cookies;
mod oidc_login;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// An id, the tests that show it (a file and a function in it), and what of it does not
/// apply, with the reason.
type Case = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
);

/// Shown as a whole.
const WHOLE: &str = "";

const ADDRESSES: &str = "tests/e2e/tests/threats/oidc_login/addresses.rs";
const ANSWERS: &str = "tests/e2e/tests/threats/oidc_login/answers.rs";
const CLIENTS: &str = "tests/e2e/tests/threats/oidc_login/clients.rs";
const OUTAGES: &str = "tests/e2e/tests/threats/oidc_login/outages.rs";
const TABS: &str = "tests/e2e/tests/threats/oidc_login/tabs.rs";
const TOKENS: &str = "tests/e2e/tests/threats/oidc_login/tokens.rs";
const ATTRIBUTES: &str = "tests/e2e/tests/threats/cookies/attributes.rs";
const ENDS: &str = "tests/e2e/tests/threats/cookies/ends.rs";
const FORGED: &str = "tests/e2e/tests/threats/cookies/forged.rs";
const LINES: &str = "tests/e2e/tests/threats/cookies/lines.rs";
const PLANTED: &str = "tests/e2e/tests/threats/cookies/planted.rs";
const SCRIPT: &str = "tests/e2e/tests/threats/cookies/script.rs";
const UPSTREAMS: &str = "tests/e2e/tests/threats/cookies/upstreams.rs";
const ENDPOINTS: &str = "tests/e2e/tests/threats/browsers/endpoints.rs";
const PAGES: &str = "tests/e2e/tests/threats/browsers/pages.rs";
const ADMIN: &str = "tests/e2e/tests/admin.rs";
const LOGOUT: &str = "tests/e2e/tests/logout.rs";
const PROGRAMMATIC: &str = "tests/e2e/tests/programmatic.rs";
const REFRESH: &str = "tests/e2e/tests/refresh.rs";
const ROTATION: &str = "tests/e2e/tests/rotation.rs";
const OWN_LOGINS: &str = "tests/e2e/tests/attacks_login.rs";
const COMPONENT: &str = "authz-server/src/web/tests/threats.rs";
const COMPONENT_LOGIN: &str = "authz-server/src/web/tests/login.rs";
const COMPONENT_REFUSALS: &str = "authz-server/src/web/tests/refusals.rs";
const COMPONENT_REDIRECTS: &str = "authz-server/src/web/tests/redirects.rs";
const COMPONENT_REFRESH: &str = "authz-server/src/web/tests/refresh.rs";
const COMPONENT_REFRESH_ANSWERS: &str = "authz-server/src/web/tests/refresh/answers.rs";
const COMPONENT_REFRESH_THREATS: &str = "authz-server/src/web/tests/refresh/threats.rs";
const COMPONENT_POLICIES: &str = "authz-server/src/web/tests/policies.rs";
const COMPONENT_CIRCLES: &str = "authz-server/src/web/tests/circles.rs";
const COMPONENT_ACROSS: &str = "authz-server/src/web/tests/across.rs";
const COMPONENT_ASKING: &str = "authz-server/src/web/tests/sign_out/asking.rs";
const COMPONENT_LOGOUT_MOMENTS: &str = "authz-server/src/web/tests/backchannel_logout/moments.rs";
const COMPONENT_LURED: &str = "authz-server/src/web/tests/lured.rs";
const COMPONENT_COOKIES: &str = "authz-server/src/web/tests/cookies.rs";
const COMPONENT_ROTATION: &str = "authz-server/src/web/tests/rotation.rs";
const COMPONENT_SWEEP: &str = "authz-server/src/web/tests/sweep.rs";
const COMPONENT_LOGOUT: &str = "authz-server/src/web/tests/backchannel_logout.rs";
const COMPONENT_PLACES: &str = "authz-server/src/web/tests/sign_out/places.rs";
const COMPONENT_PROGRAMMATIC: &str = "authz-server/src/web/tests/programmatic.rs";
const CHECK_IDENTITY: &str = "authz-server/src/check/tests/identity.rs";
const CHECK_TOKENS: &str = "authz-server/src/check/tests/tokens.rs";
const PROVIDER: &str = "crates/idp/src/tests.rs";
const PROVIDER_AVAILABILITY: &str = "crates/idp/src/tests/availability.rs";
const KEYRING: &str = "crates/session/src/keyring/tests.rs";
const KEYRING_ROTATION: &str = "crates/session/src/keyring/rotation_tests.rs";
const HANDLE: &str = "crates/session/src/handle/tests.rs";
const SIGNED_URL: &str = "crates/session/src/signed_url/tests.rs";
const COOKIE_LINES: &str = "crates/session/src/cookies/tests.rs";
const BROWSER: &str = "crates/session/src/browser/tests.rs";

const ONE_PROVIDER: &str = "a configuration has one provider, so that two cannot be mixed up at one redirect \
     address; that sessions and states name their provider is shown in process";

/// Every id of the groups, in their order.
#[rustfmt::skip]
const CATALOGUE: &[Case] = &[
    ("OI-01", &[
        (ANSWERS, "oi_01_an_answer_counts_whole_once_and_in_its_browser_alone"),
        (ANSWERS, "oi_01_a_login_that_the_user_cancels_is_a_page_and_no_session"),
        (COMPONENT, "oi_01_answers_that_nobody_asked_for_leave_nothing"),
        (COMPONENT_REFUSALS, "provider_answer_expires"),
    ], "there is no cookie of one state that could be cleared: the browser's cookie is that of all its \
         tabs, and worth nothing without a state that was sealed for it"),
    ("OI-02", &[(ANSWERS, "oi_02_an_id_token_answers_one_login_alone")], WHOLE),
    ("OI-03", &[
        (ANSWERS, "oi_03_nobody_is_logged_in_as_somebody_else_by_an_address"),
        (PROGRAMMATIC, "a_link_with_a_token_is_no_login"),
        (CHECK_TOKENS, "a_token_in_the_query_does_not_count_where_another_site_has_put_it_there"),
    ], WHOLE),
    ("OI-04", &[
        (ANSWERS, "oi_04_a_code_of_one_login_is_nothing_in_another"),
        (TOKENS, "oi_04_s256_is_always_asked_for_and_no_verifier_serves_twice"),
    ], WHOLE),
    ("OI-05", &[
        (TOKENS, "oi_05_an_id_token_is_for_us_fresh_and_of_its_access_token"),
        (ANSWERS, "oi_01_an_answer_counts_whole_once_and_in_its_browser_alone"),
    ], "`c_hash` is of the hybrid flow, which is not asked for"),
    ("OI-06", &[
        (ANSWERS, "oi_06_an_answer_is_of_the_provider_that_was_asked"),
        (COMPONENT_REFUSALS, "other_provider_settings_are_another_login"),
    ], ONE_PROVIDER),
    ("OI-07", &[
        (TOKENS, "oi_07_userinfo_is_of_the_same_user_or_there_is_no_login"),
        (PROVIDER, "userinfo_of_somebody_else_is_refused"),
    ], WHOLE),
    ("OI-08", &[(ANSWERS, "oi_08_nothing_is_said_twice_and_nothing_comes_from_elsewhere")], WHOLE),
    ("OI-09", &[
        (TOKENS, "oi_09_an_answer_of_the_token_endpoint_that_is_none_ends_the_login"),
        (PROVIDER_AVAILABILITY, "bad_answers_of_each_endpoint_end_the_login"),
    ], WHOLE),
    ("OI-10", &[
        (ADDRESSES, "oi_10_nobody_is_led_elsewhere"),
        (ADDRESSES, "oi_10_a_sign_in_that_we_did_not_sign_leads_nowhere"),
        (ADDRESSES, "oi_10_a_long_address_leads_back_to_its_host"),
        (COMPONENT_REDIRECTS, "only_hosts_of_routes_over_https"),
        (COMPONENT_REDIRECTS, "hosts_of_a_pattern_and_no_others"),
        (COMPONENT_REFUSALS, "even_our_signature_does_not_lead_elsewhere"),
    ], WHOLE),
    ("OI-11", &[
        (COMPONENT_PROGRAMMATIC, "a_login_leads_to_named_hosts_alone"),
        (COMPONENT_PROGRAMMATIC, "the_address_of_a_login_is_signed"),
        (PROGRAMMATIC, "a_token_is_brought_to_this_machine_alone"),
        (PROGRAMMATIC, "another_site_gets_no_token_without_a_question"),
        (COMPONENT_LURED, "who_is_led_to_a_programs_login_is_asked_first"),
        (COMPONENT_LURED, "who_is_led_there_without_a_session_is_asked_after_the_login"),
        (COMPONENT_LURED, "a_listener_that_grows_too_long_is_refused"),
    ], WHOLE),
    ("OI-12", &[
        (ADDRESSES, "oi_12_the_signature_covers_the_whole_address_of_a_sign_in"),
        (ADDRESSES, "oi_12_the_signature_covers_the_whole_address_of_a_sign_out"),
        (ADDRESSES, "oi_12_a_callback_is_sealed_as_a_whole"),
        (SIGNED_URL, "any_change_is_seen"),
        (COMPONENT_REFUSALS, "sign_in_must_carry_our_signature"),
        (COMPONENT_REFUSALS, "callback_works_only_on_its_host_in_its_time_and_unaltered"),
    ], WHOLE),
    ("OI-13", &[
        (TABS, "oi_13_twenty_tabs_opened_at_once_on_a_cold_browser_all_end_logged_in"),
        (TABS, "oi_13_fifty_tabs_of_one_browser_all_finish"),
        (TABS, "oi_13_the_back_button_leads_on"),
        (TABS, "oi_13_without_cookies_nobody_goes_round"),
        (COMPONENT_CIRCLES, "the_third_turn_without_the_session_is_a_diagnosis"),
    ], WHOLE),
    ("OI-14", &[
        (CLIENTS, "oi_14_only_a_navigation_is_led_to_the_login"),
        (CLIENTS, "oi_14_grpc_has_an_answer_of_its_own"),
        (CLIENTS, "oi_14_a_body_is_never_sent_again"),
    ], WHOLE),
    ("OI-15", &[
        (TOKENS, "oi_15_a_login_outlives_a_rotation_of_the_providers_keys"),
        (PROVIDER_AVAILABILITY, "rotated_key_costs_one_fetch_of_the_keys"),
    ], WHOLE),
    ("OI-16", &[
        (TOKENS, "oi_16_metadata_leads_nowhere_else"),
        (PROVIDER, "https_issuer_must_not_lead_to_plain_http"),
    ], "no address of a request is ever fetched: the issuer is the operator's word, which may be one of \
         this machine, and no redirect is followed from it"),
    ("OI-17", &[
        (TOKENS, "oi_17_a_provider_that_hangs_holds_up_its_own_logins_alone"),
        (COMPONENT, "oi_17_a_provider_that_hangs_costs_its_time_and_no_more"),
    ], WHOLE),
    ("OI-18", &[
        (COMPONENT_REFRESH_THREATS, "oi_18_an_hour_without_the_provider"),
        (REFRESH, "a_session_follows_its_provider"),
    ], WHOLE),
    ("OI-19", &[
        (REFRESH, "a_session_follows_its_provider"),
        (REFRESH, "a_refresh_token_is_spent_once"),
        (COMPONENT_REFRESH_ANSWERS, "a_refusal_ends_the_session_on_every_server"),
        (COMPONENT_REFRESH_ANSWERS, "another_user_in_the_answer_ends_the_session"),
        (COMPONENT_REFRESH, "a_provider_that_is_down_for_ten_minutes_ends_no_session"),
    ], WHOLE),
    ("OI-20", &[
        (LOGOUT, "a_logout_token_is_taken_once_and_an_altered_one_never"),
        (LOGOUT, "images_and_scripts_of_a_real_browser_sign_nobody_out"),
        (OWN_LOGINS, "no_other_site_signs_anybody_out"),
        (COMPONENT_LOGOUT, "each_altered_token_is_refused_and_the_session_lives_on"),
        (COMPONENT_LOGOUT, "a_token_is_good_once"),
        (COMPONENT_LOGOUT_MOMENTS, "a_login_that_is_kept_late_ends_too"),
        (COMPONENT_LOGOUT_MOMENTS, "a_login_after_the_logout_lives_on"),
        (COMPONENT_ASKING, "a_browser_without_fetch_metadata_is_asked"),
        (COMPONENT_ASKING, "two_sessions_of_one_browser_end_by_one_answer"),
        (COMPONENT_PLACES, "without_the_flag_nobody_chooses_the_place"),
        (COMPONENT_PLACES, "with_the_flag_the_place_must_still_be_one"),
    ], WHOLE),
    ("OI-21", &[], "no policy asks for an authentication context yet: `acr`, `amr` and `auth_time` are claims like \
         others, and nothing demands a new login"),
    ("OI-22", &[
        (COMPONENT_POLICIES, "a_claim_that_vanished_at_the_provider_stops_matching"),
        (COMPONENT_REFRESH, "userinfo_is_read_once_a_user_every_ten_minutes"),
    ], WHOLE),
    ("OI-23", &[
        (TOKENS, "oi_23_no_token_and_no_session_id_leaves_us"),
    ], "the assertion for the application has `sid`, as Pomerium's has; it is no credential"),
    ("OI-24", &[
        (TOKENS, "oi_24_a_token_of_the_provider_lets_nobody_in"),
    ], "no grant without a browser is offered yet; that none works is shown"),
    ("OI-25", &[
        (COMPONENT, "oi_25_a_thousand_interleaved_logins_are_never_swapped"),
        (OUTAGES, "oi_25_interleaved_logins_of_two_users_are_never_swapped"),
    ], ONE_PROVIDER),
    ("OI-26", &[
        (COMPONENT_SWEEP, "a_bare_request_gets_what_the_table_says"),
        (COMPONENT_SWEEP, "every_path_stands_in_the_table_once"),
    ], WHOLE),
    ("CK-01", &[
        (FORGED, "ck_01_no_flipped_bit_is_a_session_and_all_are_told_the_same"),
        (FORGED, "ck_01_no_flipped_bit_finishes_a_login"),
        (KEYRING, "no_changed_bit_opens"),
    ], WHOLE),
    ("CK-02", &[
        (FORGED, "ck_02_no_other_length_and_no_other_spelling_is_a_session"),
        (KEYRING, "no_truncation_extension_or_other_spelling_opens"),
    ], WHOLE),
    ("CK-03", &[
        (FORGED, "ck_03_a_cookie_is_of_its_host_and_of_its_purpose"),
        (CHECK_IDENTITY, "a_session_of_another_provider_is_none"),
        (COMPONENT_COOKIES, "a_host_outside_of_the_domain_has_a_cookie_of_its_own"),
    ], "there are no tenants"),
    ("CK-04", &[
        (ROTATION, "nobody_is_signed_out_while_the_secrets_are_replaced"),
        (COMPONENT_ROTATION, "nobody_is_signed_out_by_a_rotation"),
        (KEYRING_ROTATION, "what_any_secret_sealed_opens_until_it_is_dropped"),
    ], WHOLE),
    ("CK-05", &[
        (LINES, "ck_05_of_two_cookies_of_our_name_neither_counts"),
        (LINES, "ck_05_a_page_tells_whoever_has_two_what_to_do"),
        (PLANTED, "ck_05_a_browser_with_a_planted_cookie_ends_on_a_page"),
        (PLANTED, "ck_05_under_a_host_name_nothing_can_be_planted"),
    ], "whoever has no session cannot tell a planted one from his own, unless `cookie_name` begins with \
         `__Host-`"),
    ("CK-06", &[
        (FORGED, "ck_06_size_and_number_are_no_way_in_and_no_way_down"),
        (COOKIE_LINES, "many_cookies_take_linear_time"),
    ], "no cookie of ours is cut into chunks"),
    ("CK-07", &[
        (LINES, "ck_07_only_semicolons_separate"),
        (CHECK_IDENTITY, "both_forms_of_headers_give_one_decision"),
    ], WHOLE),
    ("CK-08", &[
        (ATTRIBUTES, "ck_08_the_session_cookie_is_small_and_locked_up"),
        (ATTRIBUTES, "ck_08_every_set_of_attributes_is_taken_back_by_a_sign_out"),
    ], WHOLE),
    ("CK-09", &[
        (ENDS, "ck_09_signing_out_ends_the_session_on_every_host"),
        (ENDS, "ck_09_a_session_ends_with_its_time"),
        (ENDS, "ck_09_a_sign_out_counts_on_another_server_within_a_second"),
        (ADMIN, "who_is_logged_in_is_listed_shown_and_ended"),
        (ADMIN, "with_the_roles_apart_a_word_to_any_of_them_counts_for_all"),
    ], "there is no end by idleness"),
    ("CK-10", &[
        (REFRESH, "a_session_follows_its_provider"),
        (COMPONENT_POLICIES, "a_claim_that_vanished_at_the_provider_stops_matching"),
        (COMPONENT_REFRESH_ANSWERS, "a_refusal_ends_the_session_on_every_server"),
    ], WHOLE),
    ("CK-11", &[(FORGED, "ck_11_garbage_in_our_cookies_is_nobody_and_never_an_error_of_ours")], WHOLE),
    ("CK-12", &[
        (PLANTED, "ck_12_a_login_makes_a_new_session_whatever_was_there"),
        (PLANTED, "ck_12_a_second_login_ends_the_first"),
        (COMPONENT_LOGIN, "a_second_login_makes_a_new_session_and_ends_the_old"),
    ], WHOLE),
    ("CK-13", &[
        (LINES, "ck_13_our_cookies_are_taken_out_and_others_stay"),
        (LINES, "ck_13_cookies_split_by_http2_are_taken_out_too"),
        (LINES, "ck_13_a_real_session_stays_with_us_also_on_a_websocket"),
    ], "no route is a CONNECT tunnel yet"),
    ("CK-14", &[
        (UPSTREAMS, "ck_14_an_upstream_sets_its_own_cookies_and_none_of_ours"),
        (UPSTREAMS, "ck_14_no_other_kind_of_answer_carries_them"),
        (UPSTREAMS, "ck_14_our_own_answers_keep_their_cookies"),
        (UPSTREAMS, "ck_14_a_name_with_a_prefix_is_kept_too"),
        (SCRIPT, "ck_14_a_script_that_fails_lets_no_cookie_through"),
    ], WHOLE),
    ("CK-15", &[(PLANTED, "ck_15_a_failed_login_leaves_the_session_as_it_was")], WHOLE),
    ("CK-16", &[
        (FORGED, "ck_16_nothing_of_ours_is_good_for_anything_else"),
        (CHECK_TOKENS, "a_cookie_or_an_assertion_is_no_token_and_a_token_is_no_cookie"),
    ], "there are no service accounts and no databroker api yet"),
    ("CK-17", &[
        (COMPONENT, "ck_17_what_is_secret_is_compared_in_constant_time"),
        (BROWSER, "only_our_own_values_pass"),
    ], "no clock: on a busy machine it shows less than the sources do"),
    ("CK-18", &[
        (COMPONENT, "ck_18_no_two_seals_are_alike"),
        (KEYRING, "no_changed_bit_opens"),
        (KEYRING, "names_purposes_and_keys_do_not_mix"),
        (HANDLE, "a_cookie_is_bound_to_host_and_name"),
    ], WHOLE),
    ("CK-19", &[
        (REFRESH, "a_refresh_token_is_spent_once"),
        (COMPONENT_REFRESH_THREATS, "ck_19_two_users_are_refreshed_once_each_and_never_mixed"),
        (COMPONENT_REFRESH, "many_requests_and_two_servers_spend_a_token_once"),
    ], WHOLE),
    ("BR-01", &[(ENDPOINTS, "br_01_only_a_preflight_passes_and_only_where_it_may")], WHOLE),
    ("BR-02", &[
        (ENDPOINTS, "br_02_only_our_own_origins_are_let_in_with_credentials_and_only_at_a_signed_address"),
        (COMPONENT_SWEEP, "no_other_origin_reads_what_is_private"),
        (COMPONENT_ACROSS, "an_application_of_ours_reads_a_signed_address_and_nobody_else"),
    ], "with credentials all the same, as in Pomerium: an https origin of our own routes, at an address of the authenticate host that we have signed"),
    ("BR-03", &[
        (ENDPOINTS, "br_03_no_other_site_changes_anything"),
        (COMPONENT_SWEEP, "nothing_is_changed_from_another_site"),
    ], WHOLE),
    ("BR-04", &[
        (ENDPOINTS, "br_04_every_page_of_ours_is_hardened"),
        (COMPONENT_SWEEP, "a_bare_request_gets_what_the_table_says"),
    ], WHOLE),
    ("BR-05", &[
        (ENDPOINTS, "br_05_nothing_of_ours_stays_in_a_shared_cache"),
        (COMPONENT_SWEEP, "what_may_be_kept_is_known_by_its_tag"),
    ], "no `Vary`: what is not for everybody is not kept at all"),
    ("BR-06", &[
        (PAGES, "br_06_no_text_of_an_address_runs_in_a_page_of_ours"),
        (COMPONENT_LOGIN, "claims_cannot_speak_html"),
    ], WHOLE),
    ("BR-07", &[
        (PAGES, "br_07_codes_and_states_are_in_no_referrer"),
        (PAGES, "br_07_the_application_learns_nothing_of_the_login"),
    ], WHOLE),
];

/// The source of a file of the repository.
fn source(file: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read_to_string(root.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

/// The functions of a source that are run as tests.
fn tests(source: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut is_test = false;
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if line.starts_with(concat!("#[", "ignore")) {
            is_test = false;
        } else if let Some((_, rest)) = line.split_once("fn ") {
            let name = rest.split('(').next().unwrap_or_default();
            if is_test {
                found.insert(name.to_owned());
            }
            is_test = false;
        }
    }
    found
}

#[test]
fn every_id_stands_here_once_with_its_tests_or_the_reason_why_there_is_none() {
    let groups = [("OI", 26), ("CK", 19), ("BR", 7)];
    let all = groups.map(|(group, last)| (1..=last).map(move |number| format!("{group}-{number:02}")));
    let all: Vec<String> = all.into_iter().flatten().collect();
    let here: Vec<&str> = CATALOGUE.iter().map(|(id, _, _)| *id).collect();
    assert_eq!(here, all);
    for (id, shown, reason) in CATALOGUE {
        assert!(!shown.is_empty() || !reason.is_empty(), "{id} is dropped");
    }
}

#[test]
fn every_test_that_is_named_exists_and_every_test_of_an_id_is_named() {
    let mut files: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (id, shown, _) in CATALOGUE {
        let distinct: BTreeSet<_> = shown.iter().collect();
        assert_eq!(distinct.len(), shown.len(), "{id} names a test twice");
        for (file, name) in *shown {
            let tests = files.entry(file).or_insert_with(|| tests(&source(file)));
            assert!(tests.contains(*name), "{id}: no test `{name}` in {file}");
        }
    }
    // The other way round, wherever a test's name begins with an id.
    for (file, tests) in files {
        for test in tests {
            let id = test.get(..5).unwrap_or_default().to_uppercase().replace('_', "-");
            let Some((_, shown, _)) = CATALOGUE.iter().find(|(known, _, _)| *known == id) else {
                assert!(!file.contains("/threats/"), "`{test}` in {file} has no id");
                continue;
            };
            assert!(
                shown.contains(&(file, &*test)),
                "{id} does not name `{test}` in {file}"
            );
        }
    }
}
