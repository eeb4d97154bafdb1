//! Certificates and keys that the vectors of a file share by name.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_policy::{Leaf, PresentedKey};
use serde_json::Value;

pub(super) struct Fixtures(Value);

impl Fixtures {
    pub(super) fn new(value: Option<Value>) -> Self {
        Self(value.unwrap_or_default())
    }

    /// The leaf of this name, or of this PEM text. `Ok(None)` where there is one
    /// that is no certificate, as some vectors want it.
    pub(super) fn leaf(&self, name: &str) -> Result<Option<Leaf>, String> {
        if name.starts_with("-----BEGIN ") {
            return Ok(Leaf::from_pem(name).ok());
        }
        let pem = self.text("certs", name, "pem")?;
        Ok(Leaf::from_pem(pem).ok())
    }

    /// The SSH key of this name; `Ok(None)` where there is one that is no key.
    pub(super) fn key(&self, name: &str) -> Result<Option<PresentedKey>, String> {
        if let Ok(line) = self.text("ssh", name, "authorized_key") {
            return Ok(PresentedKey::from_authorized_key(line).ok());
        }
        let wire = self.text("ssh", name, "wire_base64")?;
        let wire = STANDARD.decode(wire).unwrap_or_default();
        Ok(PresentedKey::from_wire(&wire).ok())
    }

    fn text(&self, kind: &str, name: &str, part: &str) -> Result<&str, String> {
        let fixture = self.0.get(kind).and_then(|fixtures| fixtures.get(name));
        let fixture = fixture.ok_or_else(|| format!("there is no `{name}` among the fixtures `{kind}`"))?;
        let text = fixture.get(part).and_then(Value::as_str);
        text.ok_or_else(|| format!("the fixture `{name}` of `{kind}` has no `{part}`"))
    }
}
