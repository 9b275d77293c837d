//! What clients ask before they ask for events: where things are, which version is spoken, where tokens come from.
//!
//! None of it needs a credential. It must know nothing of events.

use annals_model::Principal;
use serde_json::{Value, json};

use super::Config;
use crate::host::Call;

/// The version of the v2 API whose events are served.
const V2_VERSION: &str = "2.293.0";
/// The version of the v3 API whose events are served.
const V3_VERSION: &str = "3.228.0";
/// The version of the Open Service Broker API that goes with them.
const BROKER_API_VERSION: &str = "2.15";
const DESCRIPTION: &str = "Platform events through the Cloud Foundry API";

fn login_url<'u>(call: &'u Call, settings: &'u Config) -> &'u str {
    settings.login_url.as_deref().unwrap_or(&call.base_url)
}

fn link(href: &str) -> Value {
    json!({ "href": href })
}

/// `GET /`
pub(super) fn root(call: &Call, settings: &Config) -> String {
    let base = &call.base_url;
    let login = link(login_url(call, settings));
    let versioned = |path: &str, version: &str| json!({ "href": format!("{base}{path}"), "meta": { "version": version } });
    json!({
        "links": {
            "self": link(base),
            "cloud_controller_v2": versioned("/v2", V2_VERSION),
            "cloud_controller_v3": versioned("/v3", V3_VERSION),
            "network_policy_v0": null,
            "network_policy_v1": null,
            "login": login,
            "uaa": login,
            "credhub": null,
            "routing": null,
            "logging": null,
            "log_cache": null,
            "log_stream": null,
            "app_ssh": null,
        }
    })
    .to_string()
}

/// `GET /v2/info`
pub(super) fn v2_info(call: &Call, settings: &Config, user: Option<&Principal>) -> String {
    let login = login_url(call, settings);
    // Clients insist on an address for logs and never use it to read events.
    let logs = match call.base_url.split_once("://") {
        Some(("https", host)) => format!("wss://{host}"),
        Some((_, host)) => format!("ws://{host}"),
        None => String::new(),
    };
    let mut info = json!({
        "name": settings.name,
        "build": "",
        "support": "",
        "version": 0,
        "description": DESCRIPTION,
        "authorization_endpoint": login,
        "token_endpoint": login,
        "min_cli_version": null,
        "min_recommended_cli_version": null,
        "app_ssh_endpoint": "",
        "app_ssh_host_key_fingerprint": null,
        "app_ssh_oauth_client": null,
        "doppler_logging_endpoint": logs,
        "api_version": V2_VERSION,
        "osbapi_version": BROKER_API_VERSION,
    });
    if let (Some(user), Value::Object(members)) = (user, &mut info) {
        let guid = user.subject.as_deref().unwrap_or(&user.name);
        members.insert("user".to_owned(), guid.into());
    }
    info.to_string()
}

/// `GET /v3`
pub(super) fn v3_root(call: &Call) -> String {
    let base = &call.base_url;
    json!({
        "links": {
            "self": link(&format!("{base}/v3")),
            "audit_events": link(&format!("{base}/v3/audit_events")),
            "organizations": link(&format!("{base}/v3/organizations")),
            "spaces": link(&format!("{base}/v3/spaces")),
            "apps": link(&format!("{base}/v3/apps")),
            "info": link(&format!("{base}/v3/info")),
        }
    })
    .to_string()
}

/// `GET /v3/info`
pub(super) fn v3_info(call: &Call, settings: &Config) -> String {
    let base = &call.base_url;
    json!({
        "build": "",
        "cli_version": { "minimum": "", "recommended": "" },
        "custom": {},
        "description": DESCRIPTION,
        "name": settings.name,
        "version": 0,
        "osbapi_version": BROKER_API_VERSION,
        "links": { "self": link(&format!("{base}/v3/info")), "support": link("") },
    })
    .to_string()
}

/// `GET /login`, which the command line asks of the login server.
pub(super) fn login(call: &Call, settings: &Config) -> String {
    let login = login_url(call, settings);
    // What the command line asks its user for. Where the login server is another one, it is that one to say.
    let prompts = match settings.login_url {
        None => json!({ "username": ["text", "Credential"], "password": ["password", "Token"] }),
        Some(_) => json!({}),
    };
    json!({ "links": { "uaa": login, "login": login }, "prompts": prompts }).to_string()
}
