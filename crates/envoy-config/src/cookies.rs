//! What keeps upstreams from setting cookies of ours: a session that an application
//! hands out would be whoever it likes to everybody behind it.
//!
//! The filter stands on the way from the upstream (`upstream_http_filters`) and not in
//! the connection manager's chain, where it would also meet what the check answers,
//! whose cookies are ours. Our own services have a chain of their own without it.

use crate::http::filter;
use crate::proto::inline;
use core::fmt::Write as _;
use envoy_types::pb::envoy::extensions::common::matching::v3::ExtensionWithMatcher;
use envoy_types::pb::envoy::extensions::filters::common::matcher::action::v3::SkipFilter;
use envoy_types::pb::envoy::extensions::filters::http::lua::v3::Lua;
use envoy_types::pb::envoy::extensions::filters::http::upstream_codec::v3::UpstreamCodec;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::HttpFilter;
use envoy_types::pb::envoy::r#type::matcher::v3::HttpResponseHeaderMatchInput;
use envoy_types::pb::xds::core::v3 as xds;
use envoy_types::pb::xds::r#type::matcher::v3 as matcher;
use matcher::matcher::matcher_list::predicate::{MatchType, SinglePredicate, single_predicate};
use matcher::matcher::matcher_list::{FieldMatcher, Predicate};
use matcher::matcher::on_match::OnMatch as Then;
use matcher::matcher::{MatcherList, MatcherType, OnMatch};
use prost::{Message, Name};

/// The body of the script; the table `ours` stands before it.
const SCRIPT: &str = include_str!("cookies.lua");

/// The chain of every upstream: answers pass the script only where a `set-cookie` has
/// the configured name in it anywhere, which hardly any has.
pub(crate) fn upstream_filters(names: &[String]) -> Vec<HttpFilter> {
    let Some(configured) = names.first() else {
        return Vec::new();
    };
    let script = Lua {
        default_source_code: Some(inline(&format!("{}{SCRIPT}", table(names)))),
        ..Default::default()
    };
    let guard = ExtensionWithMatcher {
        extension_config: Some(crate::proto::extension("envoy.filters.http.lua", &script)),
        xds_matcher: Some(skip_without(configured)),
        ..Default::default()
    };
    vec![filter("portcullis.own_cookies", &guard), codec()]
}

/// The chain of our own services.
pub(crate) fn no_guard() -> Vec<HttpFilter> {
    vec![codec()]
}

/// The last of a chain, which writes to the upstream.
fn codec() -> HttpFilter {
    filter("envoy.filters.http.upstream_codec", &UpstreamCodec::default())
}

/// The names in lower case and what is said of each, every byte escaped: the
/// configuration must not be able to say anything else than a name.
fn table(names: &[String]) -> String {
    let text = |name: &str| {
        name.bytes().fold(String::new(), |mut text, byte| {
            // Cannot fail: the text has no end.
            let _ = write!(text, "\\{byte:03}");
            text
        })
    };
    let entries: String = names
        .iter()
        .map(|name| format!("[\"{}\"]=\"{}\",", text(&name.to_ascii_lowercase()), text(name)))
        .collect();
    format!("local ours = {{{entries}}}\n")
}

/// Skips the filter where no `set-cookie`, all taken as one text, contains `name`, in
/// any case.
fn skip_without(name: &str) -> matcher::Matcher {
    let input = HttpResponseHeaderMatchInput {
        header_name: "set-cookie".to_owned(),
    };
    let contains = matcher::StringMatcher {
        ignore_case: true,
        match_pattern: Some(matcher::string_matcher::MatchPattern::Contains(name.to_owned())),
    };
    let has_it = Predicate {
        match_type: Some(MatchType::SinglePredicate(SinglePredicate {
            input: Some(extension("set-cookie", &input)),
            matcher: Some(single_predicate::Matcher::ValueMatch(contains)),
        })),
    };
    let has_it_not = Predicate {
        match_type: Some(MatchType::NotMatcher(Box::new(has_it))),
    };
    let skip = OnMatch {
        on_match: Some(Then::Action(extension("skip", &SkipFilter::default()))),
        ..Default::default()
    };
    matcher::Matcher {
        matcher_type: Some(MatcherType::MatcherList(MatcherList {
            matchers: vec![FieldMatcher {
                predicate: Some(has_it_not),
                on_match: Some(skip),
            }],
        })),
        ..Default::default()
    }
}

fn extension<M: Message + Name>(name: &str, message: &M) -> xds::TypedExtensionConfig {
    xds::TypedExtensionConfig {
        name: name.to_owned(),
        typed_config: Some(crate::proto::any(message)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_say_anything_else() {
        assert_eq!(
            table(&["_A".to_owned()]),
            "local ours = {[\"\\095\\097\"]=\"\\095\\065\",}\n"
        );
        let hostile = table(&["\"]=1} os.exit() --\n".to_owned()]);
        assert_eq!(hostile.matches('\n').count(), 1);
        assert!(!hostile.contains("exit"));
    }

    #[test]
    fn without_names_there_is_nothing_to_keep() {
        assert!(upstream_filters(&[]).is_empty());
    }
}
