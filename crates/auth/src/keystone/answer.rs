//! What Keystone says of a token, and what that grants. It knows nothing of how Keystone is asked.

use std::sync::Arc;

use annals_model::{Grant, Principal, Role, Timestamp};
use serde::Deserialize;

/// A token that Keystone found good.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) principal: Arc<Principal>,
    pub(super) expires: Timestamp,
}

/// The body of an answer about a token. Keystone says more, and other releases say other things beside these.
#[derive(Deserialize)]
struct Body {
    token: Token,
}

#[derive(Deserialize)]
struct Token {
    expires_at: String,
    user: Thing,
    project: Option<Thing>,
    #[serde(default)]
    roles: Vec<Thing>,
    system: Option<System>,
}

#[derive(Deserialize)]
struct Thing {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct System {
    #[serde(default)]
    all: bool,
}

/// When a token ends.
pub(super) fn expiry(body: &[u8]) -> Result<Timestamp, String> {
    expiry_of(&read(body)?)
}

/// Whose token it is and what it grants: to read the events of its project, or everything to an administrator. A token
/// of no project, or of a domain, is good and grants nothing.
pub(super) fn known(body: &[u8], admin_roles: &[String]) -> Result<Known, String> {
    let token = read(body)?;
    let expires = expiry_of(&token)?;
    // OpenStack compares the names of roles without regard to case.
    let is_admin =
        token.roles.iter().any(|role| admin_roles.iter().any(|admin| admin.eq_ignore_ascii_case(&role.name)));
    let is_of_system = token.system.is_some_and(|system| system.all);
    let organization = token.project.map(|project| project.id);
    if organization.as_deref() == Some("") {
        return Err("the answer names a project without an id".to_owned());
    }
    let mut grants = Vec::new();
    if is_admin && (is_of_system || organization.is_some()) {
        grants.push(Grant { role: Role::Reader, organization: None, project: None });
    } else if organization.is_some() {
        grants.push(Grant { role: Role::Reader, organization, project: None });
    }
    let principal =
        Principal { name: token.user.name, subject: Some(token.user.id), token_scopes: None, grants };
    Ok(Known { principal: Arc::new(principal), expires })
}

fn read(body: &[u8]) -> Result<Token, String> {
    let body: Body =
        serde_json::from_slice(body).map_err(|error| format!("the answer is not about a token: {error}"))?;
    Ok(body.token)
}

fn expiry_of(token: &Token) -> Result<Timestamp, String> {
    Timestamp::parse(&token.expires_at).map_err(|error| format!("the answer's `expires_at`: {error}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    type Area = (Option<String>, Option<String>);

    /// What a token that says this lets read.
    fn grants(changes: &Value) -> Result<Vec<Area>, String> {
        let mut token = json!({
            "expires_at": "2026-11-22T04:43:38.000000Z",
            "user": {"id": "dd5c", "name": "alice", "domain": {"id": "default", "name": "Default"}},
            "methods": ["password"],
        });
        for (key, value) in changes.as_object().unwrap() {
            token[key] = value.clone();
        }
        let known = known(json!({ "token": token }).to_string().as_bytes(), &["admin".to_owned()])?;
        assert_eq!(
            (known.principal.name.as_str(), known.principal.subject.as_deref()),
            ("alice", Some("dd5c"))
        );
        assert!(known.principal.grants.iter().all(|grant| grant.role == Role::Reader));
        let grants = known.principal.grants.iter();
        Ok(grants.map(|grant| (grant.organization.clone(), grant.project.clone())).collect())
    }

    #[test]
    fn grants_follow_the_tokens_scope() {
        let role = |name: &str| json!([{"id": "r", "name": "reader"}, {"id": "s", "name": name}]);
        let project = json!({"id": "d393", "name": "k5prj"});
        let of_project = vec![(Some("d393".to_owned()), None)];
        let everything = vec![(None, None)];
        for (changes, expected) in [
            (json!({}), vec![]),
            (json!({"roles": role("admin")}), vec![]),
            (json!({"domain": {"id": "default", "name": "Default"}, "roles": role("admin")}), vec![]),
            (json!({"system": {"all": true}, "roles": role("reader")}), vec![]),
            (json!({"system": {"all": false}, "roles": role("admin")}), vec![]),
            (json!({"system": {"all": true}, "roles": role("admin")}), everything.clone()),
            (json!({"project": project, "roles": role("member")}), of_project.clone()),
            (json!({"project": project, "roles": role("administrator")}), of_project),
            (json!({"project": project, "roles": role("Admin")}), everything),
        ] {
            assert_eq!(grants(&changes), Ok(expected), "{changes}");
        }
    }

    #[test]
    fn what_cannot_be_read_grants_nothing() {
        for changes in [
            json!({"expires_at": null}),
            json!({"expires_at": "tomorrow"}),
            json!({"user": {"name": "alice"}}),
            json!({"project": {"id": "", "name": "none"}}),
            json!({"project": "d393"}),
            json!({"roles": "admin"}),
        ] {
            assert!(grants(&changes).is_err(), "{changes}");
        }
        for body in [&b"<html>"[..], b"", b"{}", b"[]", b"null"] {
            assert!(known(body, &[]).is_err());
        }
    }
}
