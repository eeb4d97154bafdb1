//! Every case of `tests/conformance/config`: what is said of a configuration, word for word, and where.

#[cfg(test)]
#[path = "support/fixtures.rs"]
mod support;

const PRELUDE: &str = include_str!("../../../tests/conformance/config/prelude.yaml");

/// `cases!(name, prelude)`: a test that reads the file of this name.
macro_rules! cases {
    ($test:ident, $file:literal, $prelude:expr) => {
        #[test]
        fn $test() {
            run(
                include_str!(concat!(
                    "../../../tests/conformance/config/",
                    $file,
                    ".cases"
                )),
                $prelude,
            );
        }
    };
}

cases!(actions, "actions", PRELUDE);
cases!(combinations, "combinations", PRELUDE);
cases!(from, "from", PRELUDE);
cases!(headers, "headers", PRELUDE);
cases!(matching, "matching", PRELUDE);
cases!(options, "options", PRELUDE);
cases!(pages, "pages", PRELUDE);
cases!(policies, "policies", PRELUDE);
cases!(route_options_1, "route-options-1", PRELUDE);
cases!(route_options_2, "route-options-2", PRELUDE);
cases!(routes, "routes", PRELUDE);
cases!(services, "services", PRELUDE);
cases!(shapes_1, "shapes-1", PRELUDE);
cases!(shapes_2, "shapes-2", PRELUDE);
cases!(shapes_whole, "shapes-whole", "");
cases!(sub_policies, "sub-policies", PRELUDE);
cases!(texts, "texts", "");
cases!(tls, "tls", PRELUDE);
cases!(to, "to", PRELUDE);

fn run(file: &str, prelude: &str) {
    let mut count = 0;
    let mut wrong = String::new();
    for case in file.split("\n===").skip(1) {
        let (title, body) = case.split_once('\n').unwrap_or((case, ""));
        let lines = || body.lines();
        let text: Vec<&str> = lines().take_while(|line| !line.starts_with(">>> ")).collect();
        let text = format!("{}\n{prelude}", text.join("\n").trim_end());
        let expected: Vec<&str> = lines().filter_map(|line| line.strip_prefix(">>> ")).collect();
        let found: Vec<String> = support::read(&text)
            .diagnostics
            .iter()
            .flat_map(|d| {
                let shown = d.to_string().replacen(" config.yaml:", " ", 1);
                shown
                    .lines()
                    .map(|line| line.trim().to_owned())
                    .collect::<Vec<_>>()
            })
            .collect();
        if found != expected {
            wrong.push_str(&format!(
                "==={title}\n{text}--- expected {expected:#?}\n--- found {found:#?}\n\n"
            ));
        }
        count += 1;
    }
    assert!(count > 0, "the file has no case");
    assert!(wrong.is_empty(), "{wrong}");
}
