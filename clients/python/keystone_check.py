"""Tokens of a real Keystone open the Fujitsu dialect: found through the catalog, refused, revoked, and not judged."""

import contextlib
import pathlib
import subprocess
import sys
import time

import requests
from keystoneauth1.adapter import Adapter
from keystoneauth1.exceptions.http import Forbidden, ServiceUnavailable, Unauthorized
from keystoneauth1.identity.v3 import Password
from keystoneauth1.session import Session
from keystoneauth1.token_endpoint import Token

import facts

START_SECONDS_MAX = 60
REGION = "region-1"


class Keystone:
    """Keystone as a child process."""

    def __init__(self, part):
        self.url = part["url"]
        self.arguments = [part["directory"], str(part["port"])]
        self.process = None

    def start(self):
        server = pathlib.Path(__file__).with_name("keystone_server.py")
        with open(pathlib.Path(self.arguments[0]) / "output", "ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, server, "serve", *self.arguments],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
            )
        begun = time.monotonic()
        while time.monotonic() < begun + START_SECONDS_MAX:
            if self.process.poll() is not None:
                sys.exit(f"Keystone ended at once: {pathlib.Path(output.name).read_text(encoding='utf-8')}")
            with contextlib.suppress(requests.ConnectionError):
                if requests.get(self.url, timeout=START_SECONDS_MAX).ok:
                    return
            time.sleep(0.05)
        sys.exit(f"Keystone was not there after {START_SECONDS_MAX} seconds")

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def login(part, user, **scope):
    """A session of a user, in the project that is theirs unless another scope is asked for."""
    who = part["users"][user]
    scope = scope or {"project_name": who["project"], "project_domain_id": "default"}
    auth = Password(part["url"], username=who["name"], password=who["password"], user_domain_id="default", **scope)
    return Session(auth=auth)


def register(session, keystone, url):
    """Enters the service into Keystone's catalog, as an operator does."""
    service = session.post(
        f"{keystone}/services", json={"service": {"type": "database", "name": "annals"}}, authenticated=True
    ).json()["service"]
    session.post(f"{keystone}/regions", json={"region": {"id": REGION}})
    endpoint = {
        "service_id": service["id"],
        "interface": "public",
        "region_id": REGION,
        "url": f"{url}/v1.0/$(project_id)s",
    }
    session.post(f"{keystone}/endpoints", json={"endpoint": endpoint})


def main():
    run, part = facts.read("keystone")
    database = run["fujitsu"]
    tenant = database["organization"]
    stored = database["events"][::-1]
    window = {"startTime": stored[-1]["date"], "endTime": "2100-01-01T00:00Z"}
    newest = [event for event in stored if event["date"] >= stored[19]["date"]]
    keystone = Keystone(part)
    keystone.start()

    def events(session, of=tenant):
        adapter = Adapter(session, endpoint_override=f"{run['url']}/v1.0/{of}")
        return adapter.get("/events", params=window).json()["events"]

    def with_token(token):
        return Session(auth=Token(run["url"], token))

    try:
        admin = login(part, "admin")
        register(admin, part["url"], run["url"])
        alice = login(part, "alice")
        adapter = Adapter(alice, service_type="database", region_name=REGION)
        found = adapter.get("/events", params=window).json()["events"]
        facts.same("a user of the project, by the catalog's address", found, newest)
        facts.same("an administrator", events(admin), newest)
        bob = login(part, "bob")
        facts.same("another project's own events", events(bob, of=bob.get_project_id()), [])
        facts.refused("another project's token", Forbidden, lambda: events(bob))
        facts.refused("a token of no project", Forbidden, lambda: events(login(part, "alice", unscoped=True)))

        path = f"{run['url']}/v1.0/{tenant}/events"
        for name, headers in [("no token", {}), ("garbage", {"X-Auth-Token": "gAAAAA-garbage"})]:
            answer = requests.get(path, headers=headers, timeout=60)
            body = {
                "error": {
                    "code": 401,
                    "title": "Unauthorized",
                    "message": "The request you have made requires authentication.",
                }
            }
            facts.same(f"{name}: as Keystone's middleware refuses it", (answer.status_code, answer.json()), (401, body))
            facts.same(
                f"{name}: and where tokens come from",
                answer.headers["WWW-Authenticate"],
                f'Keystone uri="{part["url"]}"',
            )

        revoked = alice.get_token()
        admin.delete(f"{part['url']}/auth/tokens", headers={"X-Subject-Token": revoked})
        time.sleep(part["cache_seconds"] + 1)
        facts.refused("a revoked token, after the time it is remembered", Unauthorized, lambda: events(with_token(revoked)))
        facts.same("its user's client gets a new one by itself", events(alice), newest)
        facts.same("which is another", alice.get_token() != revoked, True)

        unseen = login(part, "alice").get_token()
        keystone.stop()
        facts.refused("a new token while Keystone is away", ServiceUnavailable, lambda: events(with_token(unseen)))
        facts.same("a static token while Keystone is away", events(with_token(database["token"])), newest)
        keystone.start()
        facts.same("the same new token when Keystone is back", events(with_token(unseen)), newest)
    finally:
        keystone.stop()


main()
