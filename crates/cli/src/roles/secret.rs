//! The shared secrets, where no configuration file holds them.

use std::path::{Path, PathBuf};

use portcullis_config::{SecretsProblem, keys_from_list, secrets_in};
use portcullis_model::Secrets;
use portcullis_proto::credential::Key;
use secrecy::zeroize::Zeroizing;

use super::tls;
use crate::process::Failure;

const VARIABLE: &str = "SHARED_SECRET";
const FILE_VARIABLE: &str = "SHARED_SECRET_FILE";

/// The key that derives from the secrets in `file`, else in what the environment
/// says; `None` where neither says anything. Of several, with commas or line ends
/// between them, the first makes tokens.
pub(super) fn key(file: Option<&Path>, environment: &[(String, String)]) -> Result<Option<Key>, Failure> {
    let variable = |name: &str| {
        let found = environment.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value)
    };
    let (name, text) = if let Some(file) = file {
        ("--shared-secret-file", from_file("--shared-secret-file", file)?)
    } else if let Some(text) = variable(VARIABLE) {
        (VARIABLE, Zeroizing::new(text.clone()))
    } else if let Some(file) = variable(FILE_VARIABLE) {
        (FILE_VARIABLE, from_file(FILE_VARIABLE, &PathBuf::from(file))?)
    } else {
        return Ok(None);
    };
    let (secrets, problems) = keys_from_list(&secrets_in(&text));
    let secrets = Zeroizing::new(secrets);
    let wrong = problems.iter().find(|(_, problem)| !problem.is_warning());
    if let Some((_, why)) = wrong {
        return Err(refused(name, why));
    }
    match Secrets::new(secrets.iter().copied()) {
        Ok(secrets) => Ok(Some(Key::derive(&secrets))),
        Err(_) => Err(refused(name, &SecretsProblem::TooMany)),
    }
}

fn refused(name: &str, why: &SecretsProblem) -> Failure {
    let what = "it is the control plane's `shared_secret`: 32 bytes in base64, without a line end";
    format!("{name}: {why}; {what}").into()
}

fn from_file(name: &str, file: &Path) -> Result<Zeroizing<String>, Failure> {
    let text = String::from_utf8(tls::read(name, file)?);
    let text = text.map_err(|_| format!("{name} `{}` is not text", file.display()))?;
    Ok(Zeroizing::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    const SECRET: &str = "c2hhcmVkLXNlY3JldC1vZi10aGUtdGVzdHMtMzJieXQ=";

    fn environment(variables: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        variables.iter().map(owned).collect()
    }

    #[test]
    fn the_file_wins_over_the_environment() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("secret");
        std::fs::write(&file, SECRET).unwrap();
        let wanted = Key::derive(&(*b"shared-secret-of-the-tests-32byt").into()).xds_token();
        let other = "b3RoZXItc2VjcmV0LW9mLXRoZS10ZXN0cy1pcy0zMmI=";
        let token = |file: Option<&Path>, variables: &[(&str, &str)]| {
            key(file, &environment(variables))
                .unwrap()
                .map(|key| key.xds_token())
        };
        let path = file.to_str().unwrap();
        assert_eq!(token(Some(&file), &[(VARIABLE, other)]).as_ref(), Some(&wanted));
        assert_eq!(
            token(None, &[(VARIABLE, SECRET), (FILE_VARIABLE, "/no")]).as_ref(),
            Some(&wanted)
        );
        assert_eq!(token(None, &[(FILE_VARIABLE, path)]).as_ref(), Some(&wanted));
        assert_ne!(token(None, &[(VARIABLE, other)]), Some(wanted));
        assert_eq!(token(None, &[]), None);
        assert!(
            key(None, &environment(&[(VARIABLE, SECRET)]))
                .unwrap()
                .unwrap()
                .verify("", Timestamp::UNIX_EPOCH)
                .is_err()
        );
    }

    #[test]
    fn of_several_secrets_the_first_makes_tokens() {
        let other = "b3RoZXItc2VjcmV0LW9mLXRoZS10ZXN0cy1pcy0zMmI=";
        let of = |text: &str| key(None, &environment(&[(VARIABLE, text)])).unwrap().unwrap();
        let now = Timestamp::UNIX_EPOCH;
        for text in [format!("{SECRET},{other}"), format!("{SECRET}\n{other}\n")] {
            let both = of(&text);
            assert_eq!(of(SECRET).verify(&both.mint(now), now), Ok(()));
            assert_eq!(both.verify(&of(other).mint(now), now), Ok(()));
        }
        for (bad, what) in [
            (format!("{SECRET},short"), "number 2 of the list"),
            ([SECRET; 9].join(","), "more than 8 secrets"),
        ] {
            let error = key(None, &environment(&[(VARIABLE, &bad)]))
                .unwrap_err()
                .to_string();
            assert!(error.contains(what) && !error.contains(SECRET), "{error}");
        }
    }

    #[test]
    fn a_bad_secret_is_named_and_not_shown() {
        for (bad, variable) in [("short", VARIABLE), ("/nonexistent/secret", FILE_VARIABLE)] {
            let error = key(None, &environment(&[(variable, bad)]))
                .unwrap_err()
                .to_string();
            assert!(error.starts_with(variable), "{error}");
            assert!(variable == FILE_VARIABLE || !error.contains(bad), "{error}");
        }
    }
}
