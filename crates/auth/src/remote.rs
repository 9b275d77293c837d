//! Other servers that judging a credential needs: which addresses may be asked, and how. What is asked belongs to
//! whoever asks.

use std::{fs, net::IpAddr, path::Path, sync::Arc, time::Duration};

use annals_model::Timestamp;
use ureq::{
    Agent,
    http::Uri,
    tls::{PemItem, RootCerts, TlsConfig, parse_pem},
};

/// An address that may be asked: `https://`, or `http://` to this machine or where `http_allowed_by` says so.
///
/// # Errors
/// What is wrong with it, to be put behind the name of its key.
pub(crate) fn check_url(url: &str, http_allowed: bool, http_allowed_by: &str) -> Result<Uri, String> {
    let uri: Uri = url.parse().map_err(|_| "is not a URL".to_owned())?;
    let host = uri.host().unwrap_or_default();
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err("must not hold a user or a password".to_owned());
    }
    match uri.scheme_str() {
        Some("https") if !host.is_empty() => Ok(uri),
        Some("http") if is_loopback(host) || (http_allowed && !host.is_empty()) => Ok(uri),
        Some("http") => Err(format!(
            "must be https: whoever can change this traffic can make tokens; set `{http_allowed_by} = true` if the \
             network between is trusted"
        )),
        _ => Err("must start with https://".to_owned()),
    }
}

/// What asks at such an address, trusting the certificate authorities of a file or else those of the public web.
///
/// # Errors
/// What is wrong with the file, to be put behind the name of its key.
pub(crate) fn agent(uri: &Uri, ca_file: Option<&Path>, time_max: Duration) -> Result<Agent, String> {
    let mut config = Agent::config_builder()
        .timeout_global(Some(time_max))
        .http_status_as_error(false)
        // A redirect could lead to http or to a server that nobody configured.
        .max_redirects(0);
    if is_loopback(uri.host().unwrap_or_default()) {
        // A proxy named in the environment is not on the way to this machine.
        config = config.proxy(None);
    }
    if let Some(file) = ca_file {
        config = config.tls_config(TlsConfig::builder().root_certs(read_roots(file)?).build());
    }
    Ok(config.build().into())
}

/// Whether at least `duration` lies between the two. A clock that was set back must not keep old answers for ever.
pub(crate) fn elapsed(since: Timestamp, now: Timestamp, duration: Duration) -> bool {
    now < since || now >= since.plus(duration)
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

fn read_roots(file: &Path) -> Result<RootCerts, String> {
    let fault = |problem: String| format!("cannot be used: {}: {problem}", file.display());
    let pem = fs::read(file).map_err(|error| fault(error.to_string()))?;
    let mut roots = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| fault(error.to_string()))? {
            roots.push(certificate);
        }
    }
    if roots.is_empty() {
        return Err(fault("it holds no certificate".to_owned()));
    }
    Ok(RootCerts::Specific(Arc::new(roots)))
}
