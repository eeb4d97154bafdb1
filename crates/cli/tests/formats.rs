//! `examples/formats`: one configuration in three formats.

use std::path::Path;

use portcullis_control_plane::FileSource;

/// Keys that are made up at each reading would make each bundle another one.
const SECRET: &str = "Zm9yLXRoZS10ZXN0cy1hbG9uZS0zMi1ieXRlcy1sb24=";

/// Who may pass stands in the bundle alone, which Envoy never sees.
#[test]
fn they_let_the_same_people_in() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/formats");
    let versions = ["yaml", "json", "toml"].map(|format| {
        let secrets = ["SHARED_SECRET", "COOKIE_SECRET"];
        let environment = secrets.map(|name| (name.to_owned(), SECRET.to_owned()));
        let file = folder.join(format!("config.{format}"));
        let source = FileSource::new(&file)
            .unwrap()
            .with_environment(environment.to_vec());
        let loaded = source.load();
        assert_eq!(loaded.diagnostics, [], "{format}");
        let bundle = loaded.bundle.unwrap();
        assert_eq!(bundle.routes.len(), 3, "{format}");
        bundle.version.clone()
    });
    assert_eq!(versions[0], versions[1]);
    assert_eq!(versions[0], versions[2]);
}
