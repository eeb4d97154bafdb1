//! The codes of diagnostics. They are stable: scripts and documentation refer to them.
//!
//! Beside these, a diagnostic can carry a code of the readers of YAML, JSON and TOML
//! ([`portcullis_document::SYNTAX_CODES`]) or of the policy language (`policy_…`).

macro_rules! codes {
    ($($name:ident = $code:literal: $meaning:literal;)+) => {
        $(#[doc = $meaning] pub const $name: &str = $code;)+

        /// Every code of this crate, with its meaning in one line.
        pub const CODES: &[(&str, &str)] = &[$(($code, $meaning)),+];
    };
}

codes! {
    ADDRESS = "address_invalid": "a listening address is not IP:PORT";
    ADVICE_CUT = "advice_cut": "what a sub-policy says is longer than a page shows";
    BARE_DURATION = "bare_duration": "a duration without a unit counts nanoseconds";
    BELOW_MILLISECOND = "below_millisecond": "a time of less than a millisecond counts as no limit";
    BRANDING = "branding_invalid": "a colour or image that pages cannot show";
    COOKIE_DOMAIN = "cookie_domain_invalid": "`cookie_domain` is no domain";
    COOKIE_DOMAIN_SCOPE = "cookie_domain_scope": "browsers refuse the session cookie on some host";
    COOKIE_EXPIRE = "cookie_expire": "sessions end at once";
    COOKIE_NAME = "cookie_name_invalid": "browsers do not take a cookie of this name";
    DEPENDS_ON = "depends_on_too_long": "more than five hosts to log in to";
    DUPLICATE_KEY = "duplicate_key": "an option stands twice, in different case";
    EMPTY_DOCUMENT = "empty_document": "the file says nothing";
    EMPTY_ENTRY = "empty_entry": "an empty text in a list is left out";
    EXCLUSIVE_KEYS = "exclusive_keys": "two options exclude each other";
    FROM_INVALID = "from_invalid": "`from` is not a URL with a host that can be served";
    FROM_MISSING = "from_missing": "a route has no `from`";
    FROM_PATH = "from_path": "`from` has a path";
    HALF_PAIR = "half_pair": "of two options that belong together one is missing";
    HEADER_NAME = "header_name_invalid": "a header has a name that HTTP does not allow";
    HEADER_RESERVED = "header_reserved": "a header is Portcullis' own or part of how a message is sent";
    HEADER_VALUE = "header_value_invalid": "a header has a value that HTTP does not allow";
    HEADER_SUBSTITUTION =
        "header_substitution": "a value that Envoy could fill in is sent as it stands";
    HOSTED_AUTHENTICATE = "hosted_authenticate": "the hosted authenticate service cannot be used";
    HOST_INVALID = "host_invalid": "a host that requests are sent or led to is none";
    HTTP_SCHEME = "http_scheme": "an `http` URL is served over https";
    IDP_INCOMPLETE = "idp_incomplete": "nobody can log in: settings of the identity provider are missing";
    IGNORED_PART = "ignored_part": "a part of a URL has no effect";
    NO_EFFECT = "no_effect": "an option has no effect, as in Pomerium, or beside an Envoy of others";
    NO_SOURCE = "no_source": "a criterion asks for data that nobody has";
    NOT_IMPLEMENTED = "not_implemented": "an option is not implemented yet and ignored";
    NOT_IMPLEMENTED_UNSAFE =
        "not_implemented_unsafe": "an option is not implemented yet and must not be ignored";
    ONE_SOURCE = "one_source": "there is more than one configuration file";
    API_ONLY_KEY = "api_only_key": "an option can be set only through Pomerium's API";
    PATH_INVALID = "path_invalid": "a path that requests are sent or led to cannot stand in a request";
    PATH_WITHOUT_SLASH = "path_without_slash": "a path that does not begin with a slash never matches";
    POLICY_CONFLICT = "policy_conflict": "two ways to say who may pass contradict each other";
    REDIRECT_INVALID = "redirect_invalid": "a redirect leads to a scheme or port that it cannot lead to";
    REDIRECT_LOOP = "redirect_loop": "a redirect leads back to the same URL";
    REGEX_INVALID = "regex_invalid": "Envoy does not take a regular expression, or reads it otherwise";
    REGO_UNSUPPORTED = "rego_unsupported": "a policy in Rego, which must not be ignored";
    REMOVED_KEY = "removed_key": "Pomerium removed an option";
    RESPONSE_INVALID = "response_invalid": "a fixed answer that cannot be given";
    ROUTE_DENIES_ALL = "route_denies_all": "a route has no policy and denies everybody";
    SECRET_INVALID = "secret_invalid": "a secret or key has the wrong shape";
    SECRET_REPEATED = "secret_repeated": "a secret or key stands in its list twice";
    SHADOWED_KEY = "shadowed_key": "an option is not used because another one wins";
    STORAGE_CONNECTION = "storage_connection": "the storage's connection string is missing or wrong";
    STORAGE_NEEDS_SECRET = "storage_needs_secret": "file storage needs `shared_secret`";
    TEMPLATE_REFERENCE = "template_reference": "a header's value refers to something that does not exist";
    TLS_CA = "tls_ca_invalid": "authorities are not certificates in PEM";
    TLS_SKIP_VERIFY = "tls_skip_verify": "upstream certificates are not checked";
    TO_INVALID = "to_invalid": "`to` is not a URL with a host";
    TO_MISSING = "to_missing": "a route leads nowhere";
    TO_SCHEME = "to_scheme": "`to` has a scheme that does not exist";
    TO_TOO_MANY = "to_too_many": "`to` has more URLs than are served";
    TO_WEIGHT = "to_weight": "a weight of `to` is not a number from 1, only some URLs have one, or they add up to too much";
    TOO_MANY_PROBLEMS = "too_many_problems": "there are more problems than are listed";
    UNKNOWN_KEY = "unknown_key": "there is no such option";
    URL_INVALID = "url_invalid": "a URL is not http or https with a host";
    WILDCARD_HIDDEN = "wildcard_hidden": "requests to a host do not go on to a wildcard route";
    WILDCARD_LOGIN = "wildcard_login": "nobody can log in to hosts that anybody can register";
    WRONG_TYPE = "wrong_type": "a value has the wrong shape";
    WRONG_VALUE = "wrong_value": "a value is none of those allowed";
}
