//! The codes of this crate's diagnostics, beside those that it shares with the
//! configuration: a policy that does not compile has the policy's own code, a file
//! that cannot be read `portcullis_config::UNREADABLE_FILE`.

/// `address` names no IP address (Envoy listens on nothing else).
pub const ADDRESS_INVALID: &str = "address_invalid";
/// A certificate or its key cannot serve.
pub const CERTIFICATE_INVALID: &str = "certificate_invalid";
/// The authorities that a route trusts cannot be used.
pub const AUTHORITY_INVALID: &str = "authority_invalid";
/// What client certificates are judged by cannot be used.
pub const CLIENT_AUTHORITY_INVALID: &str = "client_authority_invalid";
/// So many authorities of client certificates that clients may not take all their names
/// (a warning).
pub const MANY_CLIENT_AUTHORITIES: &str = "many_client_authorities";
/// A secret or key has the wrong shape.
pub const SECRET_INVALID: &str = "secret_invalid";
/// A secret or key stands in its list twice (a warning).
pub const SECRET_REPEATED: &str = "secret_repeated";
/// A route that matches and leads to the same as an earlier one (a warning).
pub const ROUTE_DUPLICATE: &str = "route_duplicate";
/// Two different routes have one id.
pub const ROUTE_COLLISION: &str = "route_collision";

/// Routes of one host are for different ports and have no names, beside an Envoy of
/// others (a warning).
pub const TWO_PORTS: &str = "two_ports";

/// Each with its meaning in one line.
pub const CODES: &[(&str, &str)] = &[
    (ADDRESS_INVALID, "a listening address is not an IP address"),
    (CERTIFICATE_INVALID, "a certificate or its key cannot serve"),
    (
        AUTHORITY_INVALID,
        "the certificates of `tls_custom_ca` or its file cannot be used; the route denies",
    ),
    (
        CLIENT_AUTHORITY_INVALID,
        "the certificates or the lists of `downstream_mtls` cannot be used",
    ),
    (
        MANY_CLIENT_AUTHORITIES,
        "`downstream_mtls.ca` holds more authorities than every client takes the names of",
    ),
    (SECRET_INVALID, "a secret or key has the wrong shape"),
    (SECRET_REPEATED, "a secret or key stands in its list twice"),
    (
        ROUTE_DUPLICATE,
        "a route matches and leads to the same as an earlier one, which serves",
    ),
    (
        ROUTE_COLLISION,
        "two different routes have one id; the later one denies",
    ),
    (
        TWO_PORTS,
        "beside an Envoy of others, routes of one host are for different ports and not named",
    ),
];
