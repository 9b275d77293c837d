//! `annals check`: reads a configuration as `annals serve` would and says what it means, without opening anything.

use std::{fmt::Write, fs, os::unix::fs::PermissionsExt, path::Path, process::ExitCode, sync::Arc};

use annals_auth::CredentialConfig;
use annals_model::{Clock, Grant, Role, SystemClock};

use crate::{
    cli::CheckArgs,
    config::{self, Config},
    failure::Failure,
    output,
};

/// Permission bits that let others than the owner and the group read a file.
const READABLE_BY_OTHERS: u32 = 0o004;

pub(super) fn run(arguments: &CheckArgs) -> Result<ExitCode, Failure> {
    if arguments.print_default {
        output::print(config::DEFAULT_FILE)?;
        return Ok(ExitCode::SUCCESS);
    }
    let path = arguments.config.as_deref();
    let config =
        config::load(path, &arguments.overrides).map_err(|error| Failure::Refused(error.to_string()))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    config.authenticator(&clock).map_err(|error| Failure::Refused(error.to_string()))?;
    crate::logging::check(&config.log_level)?;
    output::print(&described(&config)?)?;
    for warning in warnings(path, &config) {
        output::note(&format!("warning: {warning}"));
    }
    Ok(ExitCode::SUCCESS)
}

fn described(config: &Config) -> Result<String, Failure> {
    let mut text = String::new();
    let external_url = config.settings.external_url.as_deref().unwrap_or("as each request says");
    let dialects = annals_dialects::all(&config.dialects);
    let names: Vec<&str> = dialects.iter().map(|dialect| dialect.name()).collect();
    let mut line = |name: &str, value: &str| writeln!(text, "{name:<14}{value}");
    let written = (|| {
        line("listen", &config.settings.listen.to_string())?;
        line("external_url", external_url)?;
        line("data_dir", &config.store.data_dir.display().to_string())?;
        line("log", &format!("{:?}, {}", config.log_format, config.log_level).to_lowercase())?;
        line("dialects", &names.join(", "))?;
        for credential in &config.credentials {
            line("credential", &described_credential(credential))?;
        }
        if let Some(jwt) = &config.jwt {
            line("jwt", &format!("issued by {}", jwt.issuer.as_deref().unwrap_or("anybody")))?;
        }
        if let Some(keystone) = &config.keystone {
            line("keystone", &format!("{} as {}", keystone.url, keystone.username))?;
        }
        line("", "the configuration is good")
    })();
    written.map_err(|error| Failure::Refused(error.to_string()))?;
    Ok(text)
}

fn described_credential(credential: &CredentialConfig) -> String {
    let proof = if credential.key.is_some() {
        "signing key"
    } else if credential.subject.is_some() {
        "subject of tokens"
    } else {
        "token"
    };
    let grants: Vec<String> = credential.grants.iter().map(described_grant).collect();
    let grants = if grants.is_empty() { "nothing".to_owned() } else { grants.join("; ") };
    format!("{} ({proof}): {grants}", credential.name)
}

fn described_grant(grant: &Grant) -> String {
    let role = match grant.role {
        Role::Reader => "reader",
        Role::Writer => "writer",
        Role::Admin => "admin",
    };
    match (&grant.organization, &grant.project) {
        (None, None) => format!("{role} of everything"),
        (Some(organization), None) => format!("{role} of organization {organization}"),
        (None, Some(project)) => format!("{role} of project {project}"),
        (Some(organization), Some(project)) => {
            format!("{role} of project {project} of organization {organization}")
        }
    }
}

/// What is allowed and probably not meant.
fn warnings(path: Option<&Path>, config: &Config) -> Vec<String> {
    let mut found = Vec::new();
    if config.credentials.is_empty() && config.jwt.is_none() && config.keystone.is_none() {
        found.push("there is no credential, so nobody can read or record events".to_owned());
    }
    let has_secrets = config.credentials.iter().any(|known| known.token.is_some() || known.secret.is_some())
        || config.jwt.as_ref().is_some_and(|jwt| jwt.hs256_secret.is_some())
        || config.keystone.is_some()
        || config.login.secret.is_some();
    let mode = path.and_then(|path| fs::metadata(path).ok()).map(|metadata| metadata.permissions().mode());
    if has_secrets && mode.is_some_and(|mode| mode & READABLE_BY_OTHERS != 0) {
        found.push(
            "the file holds secrets and everybody on this machine can read it: chmod 640 it".to_owned(),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_told_apart() {
        let grant = |organization: Option<&str>, project: Option<&str>| {
            described_grant(&Grant {
                role: Role::Reader,
                organization: organization.map(Into::into),
                project: project.map(Into::into),
            })
        };
        assert_eq!(grant(None, None), "reader of everything");
        assert_eq!(grant(Some("acme"), None), "reader of organization acme");
        assert_eq!(grant(None, Some("shop")), "reader of project shop");
        assert_eq!(grant(Some("acme"), Some("shop")), "reader of project shop of organization acme");
    }
}
