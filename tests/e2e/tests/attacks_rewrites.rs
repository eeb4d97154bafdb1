//! Paths that a rewrite could turn into others than the policy was asked about.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use portcullis_harness::SharedSite;

const ROUTES: &str = "
- {from: 'https://rewrite.example.test:{port}', prefix: /pub, prefix_rewrite: /in/, to: '{upstream}', allow_public_unauthenticated_access: true}
- {from: 'https://root.example.test:{port}', prefix: /pub, prefix_rewrite: /, to: '{upstream}', allow_public_unauthenticated_access: true}
- {from: 'https://base.example.test:{port}', prefix: /pub, to: '{upstream}/base/', allow_public_unauthenticated_access: true}
- {from: 'https://dot.example.test:{port}', prefix: /pub, prefix_rewrite: /in/., to: '{upstream}', allow_public_unauthenticated_access: true}
- {from: 'https://plain.example.test:{port}', prefix: /pub, prefix_rewrite: /in, to: '{upstream}', allow_public_unauthenticated_access: true}
";

static SITE: SharedSite = SharedSite::new(ROUTES);

#[test]
fn no_rewrite_leads_out_of_what_the_route_leads_to() {
    let site = SITE.get();
    for host in ["rewrite", "root", "base", "dot", "plain"] {
        for path in [
            "/pub../x",
            "/pub..;/x",
            "/pub..;a=1/x",
            "/pub%2e%2e/x",
            "/pub%2E./x",
            "/pub..",
            "/pub./x",
            "/pub../../x",
            "/pub/../x",
            "/pub/..;/x",
            "/pub..\\x",
            "/pub..%2fx",
        ] {
            let authority = format!("{host}.example.test:{}", site.port());
            let request = format!("GET {path}?mark=out HTTP/1.1\r\nHost: {authority}\r\n\r\n");
            site.client().raw(&site.url(host, "/"), request.as_bytes());
        }
        let url = site.url(host, &format!("/pub/x?mark=kept-{host}"));
        assert_eq!(site.client().get(&url).status, 200, "{host}");
    }
    let mut seen = 0;
    for request in site.upstream.recorded() {
        let target = request.target();
        let path = target.split('?').next().unwrap();
        let up = |segment: &str| segment.split(';').next() == Some("..");
        assert!(!path.split('/').any(up), "{target} was asked for");
        seen += u32::from(target.contains("mark=out"));
    }
    assert!(seen > 0, "some of them are names like others");
}
