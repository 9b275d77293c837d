"""A real Keystone on a loopback port.

`prepare DIRECTORY` makes its configuration, keys and database, with two projects and their users, and writes
`facts.json` beside them. `serve DIRECTORY PORT` serves it for as long as its standard input is open, so that it never
outlives who started it. Preparing takes half a minute and is done once; a copy of it serves after a few seconds.
"""

import json
import os
import pathlib
import secrets
import subprocess
import sys
import threading

CONFIGURATION = """\
[DEFAULT]
use_stderr = true
[database]
connection = sqlite:///{directory}/keystone.db
[token]
provider = fernet
expiration = 3600
[fernet_tokens]
key_repository = {directory}/fernet
[credential]
key_repository = {directory}/credentials
[identity]
# The fewest rounds there are: nothing is kept here that passwords would protect.
password_hash_rounds = 4
"""


def configure(directory):
    """Writes the configuration for where the directory is now, and leads Keystone to it."""
    path = directory / "keystone.conf"
    path.write_text(CONFIGURATION.format(directory=directory), encoding="utf-8")
    os.environ["OS_KEYSTONE_CONFIG_FILES"] = str(path)
    return path


def prepare(directory):
    """Makes a Keystone with projects and users."""
    for name in ["fernet", "credentials"]:
        (directory / name).mkdir(parents=True, mode=0o700)
    configuration = configure(directory)
    passwords = {name: secrets.token_urlsafe(24) for name in ["admin", "validator", "alice", "bob"]}
    manage = [pathlib.Path(sys.executable).parent / "keystone-manage", "--config-file", configuration]
    owner = ["--keystone-user", str(os.getuid()), "--keystone-group", str(os.getgid())]
    for step in [
        ["db_sync"],
        ["fernet_setup", *owner],
        ["credential_setup", *owner],
        ["bootstrap", "--bootstrap-password", passwords["admin"]],
    ]:
        subprocess.run([*manage, *step], check=True)
    facts = people(passwords)
    (directory / "facts.json").write_text(json.dumps(facts), encoding="utf-8")


def people(passwords):
    """Two projects, a user in each, one who may have tokens validated; and their ids and passwords."""
    from keystone.wsgi.api import application
    from werkzeug.test import Client

    client = Client(application)
    token = None

    def call(method, path, body=None):
        headers = {"X-Auth-Token": token} if token else {}
        answer = client.open(path, method=method, json=body, headers=headers)
        if answer.status_code >= 300:
            sys.exit(f"{method} {path}: {answer.status} {answer.text}")
        return answer

    def named(kind, **wanted):
        return call("POST", f"/v3/{kind}s", {kind: wanted}).json[kind]["id"]

    user = {"name": "admin", "domain": {"id": "default"}, "password": passwords["admin"]}
    project = {"name": "admin", "domain": {"id": "default"}}
    identity = {"methods": ["password"], "password": {"user": user}}
    answer = call("POST", "/v3/auth/tokens", {"auth": {"identity": identity, "scope": {"project": project}}})
    token = answer.headers["X-Subject-Token"]
    roles = {role["name"]: role["id"] for role in call("GET", "/v3/roles").json["roles"]}
    facts = {"admin": {"name": "admin", "password": passwords["admin"], "project": "admin"}}
    for project, name, role in [
        ("databases", "alice", "member"),
        ("elsewhere", "bob", "member"),
        ("service", "validator", "service"),
    ]:
        project_id = named("project", name=project, domain_id="default")
        user_id = named("user", name=name, domain_id="default", password=passwords[name])
        call("PUT", f"/v3/projects/{project_id}/users/{user_id}/roles/{roles[role]}")
        facts[name] = {"name": name, "password": passwords[name], "project": project, "project_id": project_id}
    return facts


def serve(directory, port):
    """Serves until standard input ends."""

    def end_with_input():
        sys.stdin.read()
        os._exit(0)

    threading.Thread(target=end_with_input, daemon=True).start()
    configure(directory)
    from keystone.wsgi.api import application
    from werkzeug.serving import run_simple

    run_simple("127.0.0.1", port, application, threaded=True)


def main():
    command, directory, *rest = sys.argv[1:]
    # Keystone reads the arguments too, when it is loaded.
    del sys.argv[1:]
    directory = pathlib.Path(directory).resolve()
    if command == "prepare":
        prepare(directory)
    else:
        serve(directory, int(rest[0]))


main()
