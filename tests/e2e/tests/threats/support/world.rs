//! A gateway whose provider does what a test wants.

use portcullis_harness::certificates::Authority;
use portcullis_harness::wait::poll;
use portcullis_harness::{Client, Gateway, Response, Upstream, assertion, ports};
use tempfile::TempDir;

use super::evil::{Evil, Twist};

/// A gateway, an [`Evil`] provider and a recording upstream.
pub(crate) struct World {
    pub(crate) gateway: Gateway,
    pub(crate) evil: Evil,
    pub(crate) upstream: Upstream,
    authority: Authority,
    port: u16,
    _directory: TempDir,
}

impl World {
    /// With the routes `app` and `other`, which let in everybody who is signed in.
    #[track_caller]
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let here = directory.path();
        let authority = Authority::new("Portcullis tests").unwrap();
        authority.issue(&["*.example.test"]).unwrap().write(here).unwrap();
        let (port, health) = (ports::free(), ports::free());
        let evil = Evil::start();
        let upstream = Upstream::start();
        let to = upstream.url();
        let config = format!(
            "address: 127.0.0.1:{port}
health_check_addr: 127.0.0.1:{health}
certificates: [{{cert: tls.crt, key: tls.key}}]
authenticate_service_url: https://authenticate.example.test:{port}
idp_provider: oidc
idp_provider_url: {issuer}
idp_client_id: the-client
idp_client_secret: the-client-secret
shared_secret: c2hhcmVkLXNlY3JldC1vZi10aGUtdGVzdHMtMzJieXQ=
cookie_secret: Y29va2llLXNlY3JldC1vZi10aGUtdGVzdHMtMzJieXQ=
pass_identity_headers: true
log_level: debug
routes:
- {{from: 'https://app.example.test:{port}', to: '{to}', allow_any_authenticated_user: true}}
- {{from: 'https://other.example.test:{port}', to: '{to}', allow_any_authenticated_user: true}}
",
            issuer = evil.issuer()
        );
        let gateway = Gateway::start(here, &config, health);
        Self {
            gateway,
            evil,
            upstream,
            authority,
            port,
            _directory: directory,
        }
    }

    pub(crate) fn url(&self, host: &str, path: &str) -> String {
        format!("https://{host}.example.test:{}{path}", self.port)
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.authority.der())
    }

    /// The claims of the assertion that a recorded request to `app` had.
    #[track_caller]
    pub(crate) fn assertion(&self, mark: &str) -> serde_json::Value {
        let recorded = self.upstream.one(mark);
        let token = recorded.header("x-pomerium-jwt-assertion").expect("an assertion");
        assertion::verify(&mut self.client(), &self.url("app", ""), token)
    }

    /// Breaks these rules, and what was known of the provider is read anew: the page at
    /// the end of the first login after that.
    #[track_caller]
    pub(crate) fn read_anew(&self, twist: Twist) -> Response {
        const DISCOVERY: &str = "/.well-known/openid-configuration";
        self.evil.twist(twist);
        let before = self.evil.asked(DISCOVERY).len();
        self.gateway.edit("the-client-secret", "the-client-secret-");
        let page = poll(portcullis_harness::wait::PATIENCE, || {
            let page = self.client().open(&self.url("app", "/"));
            (self.evil.asked(DISCOVERY).len() > before).then_some(page)
        });
        page.expect("the edit takes effect")
    }

    /// A login is as it should be, and the next one is a new one.
    #[track_caller]
    pub(crate) fn assert_login_works(&self) -> Client {
        let mut client = self.client();
        let page = client.open(&self.url("app", "/"));
        assert_eq!(page.status, 200, "{}", page.text());
        client
    }

    /// A login ends with this status on a page of ours, and gives no session.
    #[track_caller]
    pub(crate) fn assert_login_fails(&self, status: u16, what: &str) {
        let mut client = self.client();
        let page = client.open(&self.url("app", "/"));
        assert_eq!(page.status, status, "{what}: {}", page.text());
        assert!(page.text().contains("id=\"code\""), "{what}: {}", page.text());
        super::assert_no_session(&page, what);
        for host in ["app", "authenticate"] {
            for name in ["_pomerium", "_pomerium_authenticate"] {
                assert_eq!(super::cookie(&client, host, name), None, "{what}");
            }
        }
        assert_eq!(client.get(&self.url("app", "/")).status, 302, "{what}");
    }
}
