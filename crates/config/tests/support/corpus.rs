//! What there is to try things on.

/// Every configuration that the project shows or tests with, as name and text.
pub(crate) fn texts() -> Vec<(String, String)> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let mut texts = Vec::new();
    let mut folders = vec![std::path::PathBuf::from(format!("{root}/examples"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && name != "node_modules" {
                folders.push(path);
            } else if ["config.yaml", "config.json", "config.toml"].contains(&name) {
                texts.push((name.to_owned(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!texts.is_empty(), "there is no example");
    let folder = format!("{root}/tests/conformance/config");
    let prelude = std::fs::read_to_string(format!("{folder}/prelude.yaml")).unwrap();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let (prelude, name) = match path.file_name().unwrap().to_str().unwrap() {
            "json.cases" => ("", "config.json"),
            "toml.cases" => ("", "config.toml"),
            name if name.ends_with(".cases") && name != "environment.cases" => {
                (prelude.as_str(), "config.yaml")
            }
            _ => continue,
        };
        let file = std::fs::read_to_string(&path).unwrap();
        for case in file.split("\n===").skip(1) {
            let lines: Vec<_> = case
                .lines()
                .skip(1)
                .take_while(|line| !line.starts_with(">>> "))
                .collect();
            texts.push((name.to_owned(), format!("{}\n{prelude}", lines.join("\n"))));
        }
    }
    texts.push(("config.yaml".to_owned(), include_str!("../seed.yaml").to_owned()));
    texts
}
