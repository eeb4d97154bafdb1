//! Durations.

use core::time::Duration;

use crate::codes::{BELOW_MILLISECOND, WRONG_VALUE};
use crate::report::{Problem, Report};
use crate::schema::Fields;
use crate::value;

/// A duration of which zero means no limit.
pub(super) fn limit(report: &mut Report, fields: &Fields<'_>, name: &str) -> Option<Duration> {
    let span = fields.get(name)?.node.span;
    let nanos = fields.get(name)?.node.as_scalar().and_then(value::nanoseconds)?;
    let Ok(nanos) = u64::try_from(nanos) else {
        let message = format!("`{name}` cannot be negative");
        report.add(Problem::error(WRONG_VALUE, span, message));
        return None;
    };
    if (1..1_000_000).contains(&nanos) {
        let message =
            format!("`{name}` is less than a millisecond, which counts as no limit, as in Pomerium");
        report.add(Problem::warning(BELOW_MILLISECOND, span, message));
    }
    Some(Duration::from_nanos(nanos))
}
