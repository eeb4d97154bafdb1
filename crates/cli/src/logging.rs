//! The process's log: one line an event, JSON or text, on standard error.

use portcullis_authz_server::check::audit::{DecisionSink, LineFormat, Lines};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, reload};

use crate::args::LogFormat;

/// Changes the level once the configuration is read.
pub(crate) struct Level(reload::Handle<EnvFilter, Registry>);

impl Level {
    /// Sets the level; libraries stay at `warn` unless we are at `trace`.
    pub(crate) fn set(&self, level: &str) {
        if self.0.reload(filter(level)).is_err() {
            tracing::warn!(level, "the log level cannot be changed");
        }
    }
}

/// Where decisions are logged: among the other lines and in their form. Each write
/// to standard error locks it, so that no line stands inside of another.
pub(crate) fn decisions(format: LogFormat) -> Box<dyn DecisionSink> {
    let format = match format {
        LogFormat::Json => LineFormat::Json,
        LogFormat::Text => LineFormat::Text,
    };
    Box::new(Lines::new(format, std::io::stderr()))
}

/// Starts logging at `info`; [`Level::set`] changes that once the configuration is read.
pub(crate) fn start(format: LogFormat) -> Level {
    let (filter, handle) = reload::Layer::new(filter("info"));
    let registry = tracing_subscriber::registry().with(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // A second start (in tests) keeps the first subscriber.
    let _already = match format {
        LogFormat::Json => registry
            .with(lines.json().flatten_event(true).with_current_span(false))
            .try_init(),
        LogFormat::Text => registry.with(lines.with_ansi(false)).try_init(),
    };
    Level(handle)
}

fn filter(level: &str) -> EnvFilter {
    match level {
        // What watches the files tells of each write beside them: of our own log
        // too, where that lies in the configuration's directory, and without end.
        "trace" => EnvFilter::new("trace,h2=debug,hyper=debug,mio=info,notify=info"),
        "off" => EnvFilter::new("off"),
        level => EnvFilter::new(format!("warn,portcullis={level},envoy={level}")),
    }
}

#[cfg(test)]
mod tests {
    use super::filter;

    /// At `trace` a line about the log's own growth would write the next one.
    #[test]
    fn the_file_watcher_never_tells_of_every_write() {
        for level in ["trace", "debug", "info", "warn", "error", "off"] {
            let directives = filter(level).to_string();
            let quiet = level != "trace" || directives.split(',').any(|one| one == "notify=info");
            assert!(quiet, "{level}: {directives}");
        }
    }
}
