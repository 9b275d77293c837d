//! `cargo xtask schemathesis`: requests made up from the OpenAPI documents, valid and invalid, against the real server.
//!
//! Schemathesis holds every answer to the document: no server error, only statuses, content types, headers and bodies
//! that are described, and nothing for those without a credential. Requests follow from a fixed seed. The native API,
//! through which events can be recorded, has a server of its own, so that the dialects show the same events in every run;
//! the dialects are asked in two groups at once.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use annals_model::{Clock, SystemClock, Timestamp};
use annals_testkit::{Generator, Platform, ServerProcess};
use serde_json::{Value, json};

use crate::{
    command::{binary, call, cargo, root},
    venv,
};

/// Requests follow from it.
const SEED: &str = "7";
/// Requests made up for one operation, beside those that try every single thing.
const EXAMPLES: &str = "25";
/// Seconds one request may take.
const REQUEST_SECONDS_MAX: &str = "30";
/// What every answer is held to, whatever the platform.
const CHECKS: &str = "status_code_conformance,content_type_conformance,response_headers_conformance,\
    response_schema_conformance,allow_header_conformance,every_operation_answers";
/// Events of each platform.
const EVENTS: usize = 60;
/// The events happened within the shortest time that a platform lists by default.
const HISTORY: Duration = Duration::from_secs(50 * 60);
/// The organization of the events whose shape names none.
const ORGANIZATION: &str = "3c90c3cc-0d44-4b50-8888-8dd25736052a";
const KEY: &str = "EXOschemathesis";
const SECRET: &str = "secret-of-schemathesis";

/// What is said when packages cannot be had: a step that was not taken must not look like one that passed.
const UNREACHABLE: &str = "\
xtask: schemathesis: schemathesis could not be installed, so NOTHING was checked with it. It comes from Python's package
registry, as `pip` is configured here; without a network it must have been installed into .cache/schemathesis before.";

/// A document, and what it takes to ask what it describes.
struct Target {
    name: &'static str,
    document: &'static str,
    /// Where its paths begin.
    base: &'static str,
    credential: Credential,
    /// What its answers are held to beside [`CHECKS`].
    checks: &'static str,
}

enum Credential {
    /// This header; the server's token stands for `{}`.
    Header(&'static str),
    /// This kind of signature.
    Signature(&'static str),
}

const STRICT: &str = "not_a_server_error,ignored_auth";
/// For platforms of which a status of 500 or more is an answer.
const PLATFORMS_ERRORS: &str = "no_unmeant_server_error,ignored_auth";
/// AWS calls a header that is no signature at all a bad request.
const BAD_SIGNATURE_IS_BAD_REQUEST: &str = "not_a_server_error";

const NATIVE: Target = Target {
    name: "native",
    document: "/openapi.json",
    base: "",
    credential: Credential::Header("Authorization: Bearer {}"),
    checks: STRICT,
};

const DIALECTS: &[Target] = &[
    Target {
        name: "cloudfoundry",
        document: "/openapi/cloudfoundry.json",
        base: "",
        credential: Credential::Header("Authorization: bearer {}"),
        checks: PLATFORMS_ERRORS,
    },
    Target {
        name: "exoscale",
        document: "/openapi/exoscale.json",
        base: "/v2",
        credential: Credential::Signature("exoscale"),
        checks: STRICT,
    },
    Target {
        name: "fujitsu",
        document: "/openapi/fujitsu.json",
        base: "",
        credential: Credential::Header("X-Auth-Token: {}"),
        checks: STRICT,
    },
    Target {
        name: "qovery",
        document: "/openapi/qovery.json",
        base: "",
        credential: Credential::Header("Authorization: Token {}"),
        checks: STRICT,
    },
    Target {
        name: "rafay",
        document: "/openapi/rafay.json",
        base: "",
        credential: Credential::Header("x-api-key: {}"),
        checks: PLATFORMS_ERRORS,
    },
    Target {
        name: "rds",
        document: "/openapi/rds.json",
        base: "",
        credential: Credential::Signature("aws"),
        checks: BAD_SIGNATURE_IS_BAD_REQUEST,
    },
];

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let is_known = |name: &String| *name == NATIVE.name || DIALECTS.iter().any(|target| target.name == name);
    if let Some(unknown) = arguments.iter().find(|name| !is_known(name)) {
        let names: Vec<_> = DIALECTS.iter().map(|target| target.name).collect();
        return Err(format!("`{unknown}` has no document: use native or some of {}", names.join(", ")));
    }
    let chosen = |target: &&Target| arguments.is_empty() || arguments.iter().any(|name| name == target.name);
    let root = root();
    let hooks = root.join("xtask/schemathesis");
    let programs = venv::make(&root.join(".cache/schemathesis"), &hooks, "schemathesis", UNREACHABLE)?;
    call(&cargo(), &["build", "--quiet", "--locked", "--package", "annals"])?;
    let begun = Instant::now();
    let tool = Tool { program: programs.join("schemathesis"), hooks: hooks.join("hooks.py") };
    // Cloud Foundry has as many paths as the other platforms together.
    let (most, others) = DIALECTS.split_at(1);
    let failures: Vec<String> = thread::scope(|scope| {
        let groups = [&[NATIVE][..], most, others].map(|group| {
            let group: Vec<_> = group.iter().filter(chosen).collect();
            scope.spawn(|| tool.check_all(&root, group))
        });
        let ended = groups.map(|group| group.join().unwrap_or_else(|_| Err("a thread panicked".to_owned())));
        ended.into_iter().filter_map(Result::err).collect()
    });
    if !failures.is_empty() {
        return Err(failures.join("\n"));
    }
    println!("xtask: schemathesis: every answer is as described, after {} s", begun.elapsed().as_secs());
    Ok(())
}

/// Schemathesis, and what it must be told.
struct Tool {
    program: PathBuf,
    hooks: PathBuf,
}

impl Tool {
    /// Holds one server to these documents; says all that differ.
    fn check_all(&self, root: &Path, targets: Vec<&Target>) -> Result<(), String> {
        if targets.is_empty() {
            return Ok(());
        }
        let directory = tempfile::tempdir().map_err(|error| format!("no temporary directory: {error}"))?;
        let settings = format!(
            "[[credential]]\nname = \"signer\"\nkey = \"{KEY}\"\nsecret = \"{SECRET}\"\ngrants = [{{ role = \"reader\" }}]\n"
        );
        let server = ServerProcess::start(&binary(root), directory.path(), &settings)
            .map_err(|error| format!("the server: {error}"))?;
        fill(&server, SystemClock.now())?;
        let failures: Vec<String> = targets
            .into_iter()
            .filter_map(|target| self.check(target, &server, directory.path()).err())
            .collect();
        if failures.is_empty() { Ok(()) } else { Err(failures.join("\n")) }
    }

    fn check(&self, target: &Target, server: &ServerProcess, directory: &Path) -> Result<(), String> {
        let mut command = Command::new(&self.program);
        command
            .arg("run")
            .arg(server.url(target.document))
            .args(["--url", &server.url(target.base), "--seed", SEED, "--max-examples", EXAMPLES])
            .args(["--checks", &format!("{},{CHECKS}", target.checks)])
            .args(["--phases", "examples,coverage,fuzzing", "--continue-on-failure", "--warnings", "off"])
            .args(["--generation-database", "none", "--generation-with-security-parameters", "false"])
            .args(["--request-timeout", REQUEST_SECONDS_MAX, "--no-color"])
            // An answer without end is none that it could look at; `crates/server/tests/it/stream.rs` does.
            .args(["--exclude-path", "/api/v1/events/stream"])
            .current_dir(directory)
            .stdin(Stdio::null())
            .env("SCHEMATHESIS_HOOKS", &self.hooks)
            .env("ANNALS_ORGANIZATION", ORGANIZATION)
            .env("ANNALS_KEY", KEY)
            .env("ANNALS_SECRET", SECRET)
            // The client follows the environment's proxies; the server is on this machine.
            .env("no_proxy", "*")
            .env("NO_PROXY", "*")
            .env("PYTHONDONTWRITEBYTECODE", "1");
        match target.credential {
            Credential::Header(header) => {
                let authorization = server.authorization();
                let token = authorization.trim_start_matches("Bearer ");
                command.args(["--header", &header.replace("{}", token)]);
            }
            Credential::Signature(kind) => {
                command.env("ANNALS_SIGNATURE", kind);
            }
        }
        let begun = Instant::now();
        let output = command.output().map_err(|error| format!("{}: {error}", self.program.display()))?;
        let said = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{said}{errors}\nxtask: schemathesis: {} failed", target.name));
        }
        let cases = said.lines().find(|line| line.contains(" generated,")).unwrap_or_default().trim();
        println!("xtask: schemathesis: {}: {cases}, {:.1} s", target.name, begun.elapsed().as_secs_f64());
        Ok(())
    }
}

/// Imports events of every platform.
fn fill(server: &ServerProcess, now: Timestamp) -> Result<(), String> {
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    let mut generator = Generator::new(7);
    for platform in Platform::ALL {
        let times = generator.instants(EVENTS, now, HISTORY);
        let events: Vec<Value> =
            times.into_iter().map(|time| generator.sample(platform, time).event).collect();
        let dialect = platform.dialect();
        let url = server.url(&format!("/api/v1/import/{dialect}?organization={ORGANIZATION}"));
        let failed = |error: ureq::Error| format!("import {dialect}: {error}");
        let request = agent.post(&url).header("authorization", server.authorization());
        let request = request.header("content-type", "application/json");
        let mut answer = request.send(Value::Array(events).to_string()).map_err(failed)?;
        let body = answer.body_mut().read_to_string().map_err(failed)?;
        let counts: Value = serde_json::from_str(&body).unwrap_or_default();
        if counts["rejected"] != json!([]) || counts["accepted"] == 0 {
            return Err(format!("import {dialect}: the server answered {}: {body}", answer.status()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn every_document_is_a_target() {
        let mut described = Vec::new();
        for entry in fs::read_dir(root().join("crates/dialects/src")).unwrap().map(Result::unwrap) {
            if entry.path().join("openapi.json").exists() {
                described.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        described.sort();
        assert_eq!(described, DIALECTS.iter().map(|target| target.name).collect::<Vec<_>>());
        for target in DIALECTS {
            assert_eq!(target.document, format!("/openapi/{}.json", target.name));
        }
    }
}
