//! What becomes of a route's requests.

use portcullis_document::Span;
use portcullis_model::HostPattern;

use super::{redirect, respond, to, upstream};
use crate::codes::{SHADOWED_KEY, TO_MISSING};
use crate::report::{Problem, Report};
use crate::schema::Fields;
use crate::{Action, To};

/// `redirect` wins over `response`, and that over `to`, as in Pomerium; one is needed. `None` if an error
/// has been reported. Beside it, the `to` that does not count, as it goes into the route id. `from` and
/// `insecure` (plain HTTP) are for what is said of redirects in circles.
pub(super) fn read(
    report: &mut Report,
    fields: &Fields<'_>,
    route: Span,
    from: Option<&HostPattern>,
    insecure: bool,
) -> (Option<Action>, Vec<To>) {
    let set = ["redirect", "response", "to"]
        .into_iter()
        .filter(|name| fields.present(name).is_some());
    let set: Vec<&str> = set.collect();
    let (winner, losers) = match set.split_first() {
        Some((winner, losers)) => (*winner, losers),
        None => {
            let message = "the route has no `to`, `redirect` or `response`";
            report.add(Problem::error(TO_MISSING, route, message));
            return (None, Vec::new());
        }
    };
    for field in losers.iter().filter_map(|name| fields.present(name)) {
        let message = format!("`{}` is not used because `{winner}` is set", field.name);
        report.add(Problem::warning(SHADOWED_KEY, field.key_span, message));
    }
    let redirect = redirect::read(report, fields, from, insecure);
    let respond = respond::read(report, fields);
    let to = to::read(report, fields, winner == "to");
    match winner {
        "redirect" => (redirect.map(Action::Redirect), to.unwrap_or_default()),
        "response" => (respond.map(Action::Respond), to.unwrap_or_default()),
        _ => (
            upstream::read(report, fields, to).map(Action::Upstream),
            Vec::new(),
        ),
    }
}
