//! The demo's credentials. They are the same everywhere so that documentation can show them, and they exist nowhere but
//! in the demo, which listens on loopback addresses only.

use annals_auth::{CredentialConfig, Secret};
use annals_model::{Grant, Role};

/// Reads everything.
pub(super) const READER: &str = "demo-reader";
/// Records events.
pub(super) const WRITER: &str = "demo-writer";
/// Does both.
pub(super) const ADMIN: &str = "demo-admin";
/// Signs requests; reads the events of one organization.
pub(super) const SIGNING_KEY: &str = "EXOdecafdecafdecafdecafdeca";
/// The secret of the signing key.
pub(super) const SIGNING_SECRET: &str = "demo-secret-to-sign-requests-with-not-a-real";

/// Signs requests in AWS's manner; reads the events of one organization.
pub(super) const AWS_KEY: &str = "AKIADEMODEMODEMODEMO";
/// The secret of that key.
pub(super) const AWS_SECRET: &str = "demo-secret-to-sign-aws-requests-with";

/// All of them. The signing key and AWS's read the organizations given.
pub(super) fn credentials(signer_organization: &str, aws_organization: &str) -> Vec<CredentialConfig> {
    let grant = |role, organization: Option<&str>| Grant {
        role,
        organization: organization.map(str::to_owned),
        project: None,
    };
    let known = |name: &str, grant| CredentialConfig {
        name: name.to_owned(),
        grants: vec![grant],
        token: None,
        token_sha256: None,
        key: None,
        secret: None,
        subject: None,
    };
    let token = |token: &str, role| CredentialConfig {
        token: Some(Secret::new(token)),
        ..known(token, grant(role, None))
    };
    let signer = |name: &str, key: &str, secret: &str, organization: &str| CredentialConfig {
        key: Some(key.to_owned()),
        secret: Some(Secret::new(secret)),
        ..known(name, grant(Role::Reader, Some(organization)))
    };
    vec![
        token(READER, Role::Reader),
        token(WRITER, Role::Writer),
        token(ADMIN, Role::Admin),
        signer("demo-signer", SIGNING_KEY, SIGNING_SECRET, signer_organization),
        signer("demo-aws-signer", AWS_KEY, AWS_SECRET, aws_organization),
    ]
}
