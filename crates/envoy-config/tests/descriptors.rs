//! `generated/descriptors.bin` is what this test cuts from the descriptors of the
//! `envoy-types` crate that the lock file names. After an upgrade:
//! `UPDATE_DESCRIPTORS=1 cargo test -p portcullis-envoy-config --test descriptors`.

#[cfg(test)]
mod freshness {
    use prost::Message as _;
    use prost_reflect::prost_types::{
        DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FieldOptions, FileDescriptorProto,
        FileDescriptorSet, MessageOptions,
    };
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::{Path, PathBuf};
    use std::process::Command;

    /// The messages that a static bootstrap is made of; what they refer to follows.
    const ROOTS: [&str; 19] = [
        "envoy.config.cluster.v3.Cluster",
        "envoy.config.listener.v3.Listener",
        "envoy.extensions.clusters.dns.v3.DnsCluster",
        "envoy.extensions.common.matching.v3.ExtensionWithMatcher",
        "envoy.extensions.filters.common.matcher.action.v3.SkipFilter",
        "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
        "envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute",
        "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
        "envoy.extensions.filters.http.lua.v3.Lua",
        "envoy.extensions.filters.http.router.v3.Router",
        "envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec",
        "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
        "envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig",
        "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "envoy.type.matcher.v3.HttpResponseHeaderMatchInput",
    ];

    #[test]
    fn descriptors_are_those_of_envoy_types() {
        let source = std::fs::read(envoy_types().join("src/generated/types.bin")).unwrap();
        let fresh = prune(&source);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("generated/descriptors.bin");
        if std::env::var_os("UPDATE_DESCRIPTORS").is_some() {
            std::fs::write(&path, &fresh).unwrap();
        }
        let kept = std::fs::read(&path).unwrap_or_default();
        assert!(
            kept == fresh,
            "{} is stale ({} bytes, fresh: {})",
            path.display(),
            kept.len(),
            fresh.len()
        );
    }

    /// Where cargo keeps the source of the crate.
    fn envoy_types() -> PathBuf {
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--locked", "--offline"])
            .args([
                "--manifest-path",
                concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
            ])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let packages = metadata["packages"].as_array().unwrap();
        let package = packages
            .iter()
            .find(|package| package["name"] == "envoy-types")
            .unwrap();
        Path::new(package["manifest_path"].as_str().unwrap())
            .parent()
            .unwrap()
            .to_owned()
    }

    /// A top-level message or enum and the file it stands in.
    enum Item {
        Message(DescriptorProto),
        Enum(EnumDescriptorProto),
    }

    /// Keeps the top-level types that the roots reach, without comments and without
    /// options other than those that change the encoding.
    fn prune(source: &[u8]) -> Vec<u8> {
        let set = FileDescriptorSet::decode(source).unwrap();
        let mut items: BTreeMap<String, (String, Item)> = BTreeMap::new();
        let mut files: BTreeMap<String, FileDescriptorProto> = BTreeMap::new();
        for mut file in set.file {
            let package = file.package().to_owned();
            for mut message in std::mem::take(&mut file.message_type) {
                strip(&mut message);
                let name = format!("{package}.{}", message.name());
                items.insert(name, (file.name().to_owned(), Item::Message(message)));
            }
            for mut item in std::mem::take(&mut file.enum_type) {
                strip_enum(&mut item);
                let name = format!("{package}.{}", item.name());
                items.insert(name, (file.name().to_owned(), Item::Enum(item)));
            }
            let bare = FileDescriptorProto {
                name: file.name.clone(),
                package: file.package.clone(),
                syntax: file.syntax.clone(),
                ..Default::default()
            };
            files.insert(file.name().to_owned(), bare);
        }

        let mut reached = BTreeSet::new();
        let mut depends: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut open: Vec<String> = ROOTS.map(str::to_owned).to_vec();
        while let Some(name) = open.pop() {
            let (file, item) = items.get(&name).unwrap_or_else(|| panic!("{name} is unknown"));
            if !reached.insert(name.clone()) {
                continue;
            }
            let Item::Message(message) = item else { continue };
            for reference in references(message) {
                let target = top_level(&items, &reference);
                let (its_file, _) = &items[&target];
                if its_file != file {
                    depends.entry(file.clone()).or_default().insert(its_file.clone());
                }
                open.push(target);
            }
        }

        let mut used = BTreeSet::new();
        for name in &reached {
            let (file, item) = &items[name];
            used.insert(file.clone());
            let into = files.get_mut(file).unwrap();
            match item {
                Item::Message(message) => into.message_type.push(message.clone()),
                Item::Enum(item) => into.enum_type.push(item.clone()),
            }
        }
        let file = used
            .iter()
            .map(|name| {
                let mut file = files[name].clone();
                file.dependency = depends.remove(name).unwrap_or_default().into_iter().collect();
                file
            })
            .collect();
        FileDescriptorSet { file }.encode_to_vec()
    }

    /// The longest prefix of a type's name that is a top-level type.
    fn top_level(items: &BTreeMap<String, (String, Item)>, name: &str) -> String {
        let mut name = name.trim_start_matches('.');
        while !items.contains_key(name) {
            name = name
                .rsplit_once('.')
                .unwrap_or_else(|| panic!("{name} is unknown"))
                .0;
        }
        name.to_owned()
    }

    fn references(message: &DescriptorProto) -> Vec<String> {
        let own = message
            .field
            .iter()
            .filter(|field| field.type_name.is_some())
            .map(|f| f.type_name().to_owned());
        own.chain(message.nested_type.iter().flat_map(references))
            .collect()
    }

    fn strip(message: &mut DescriptorProto) {
        message.options = message
            .options
            .take()
            .filter(MessageOptions::map_entry)
            .map(|_| MessageOptions {
                map_entry: Some(true),
                ..Default::default()
            });
        message.extension.clear();
        message.reserved_name.clear();
        message.reserved_range.clear();
        message.field.iter_mut().for_each(strip_field);
        message.nested_type.iter_mut().for_each(strip);
        message.enum_type.iter_mut().for_each(strip_enum);
        message
            .oneof_decl
            .iter_mut()
            .for_each(|oneof| oneof.options = None);
    }

    fn strip_field(field: &mut FieldDescriptorProto) {
        let packed = field.options.take().and_then(|options| options.packed);
        field.options = packed.map(|packed| FieldOptions {
            packed: Some(packed),
            ..Default::default()
        });
    }

    fn strip_enum(item: &mut EnumDescriptorProto) {
        let alias = item.options.take().filter(|options| options.allow_alias());
        item.options = alias.map(|_| prost_reflect::prost_types::EnumOptions {
            allow_alias: Some(true),
            ..Default::default()
        });
        item.value.iter_mut().for_each(|value| value.options = None);
    }
}
