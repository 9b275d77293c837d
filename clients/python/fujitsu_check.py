"""OpenStack's client library walks a tenant's database events by marker, in the windows and categories it asks for."""

from datetime import datetime, timedelta

from keystoneauth1.adapter import Adapter
from keystoneauth1.exceptions.http import BadRequest, Forbidden, NotFound
from keystoneauth1.session import Session
from keystoneauth1.token_endpoint import Token

import facts

PAGES_MAX = 100


def walk(adapter, **parameters):
    """Everything, page by page, as the manual says: the marker is the date of the last event. And the pages' sizes."""
    found, sizes = [], []
    for _ in range(PAGES_MAX):
        page = adapter.get("/events", params=parameters).json()["events"]
        if not page:
            return found, sizes
        found += page
        sizes.append(len(page))
        parameters["marker"] = page[-1]["date"]
    raise SystemExit(f"the walk did not end after {PAGES_MAX} pages")


def main():
    run, part = facts.read("fujitsu")
    stored = part["events"][::-1]
    endpoint = f"{run['url']}/v1.0/{part['organization']}"

    def adapter(token, at=endpoint):
        return Adapter(Session(auth=Token(at, token)), endpoint_override=at)

    api = adapter(part["token"])
    window = {"startTime": stored[-1]["date"] + "Z", "endTime": "2100-01-01T00:00Z"}

    def check(name, test, **parameters):
        found, _ = walk(api, **window, **parameters)
        facts.some(name, found, [event for event in stored if test(event)])

    found, sizes = walk(api, **window)
    facts.same("everything by marker, newest first", found, stored)
    facts.same("pages hold 20, unless an instant does not end there", all(size >= 20 for size in sizes[:-1]), True)
    check("pages of 100", lambda e: True, limit=100)
    categories = {"backup", "creation"}
    check("of two categories", lambda e: categories & set(e["eventCategories"]), eventCategories=sorted(categories))
    check("of a category of two words", lambda e: e["eventCategories"] == ["low storage"], eventCategories="low storage")
    for kind in ["db-instance", "db-snapshot"]:
        check(f"of the source type {kind}", lambda e: e["sourceType"] == kind, sourceType=kind)
    source = stored[len(stored) // 2]["sourceIdentifier"]
    check("of one source", lambda e: e["sourceIdentifier"] == source, sourceId=source)
    check(
        "of one source and category",
        lambda e: e["sourceIdentifier"] == source and e["eventCategories"] == ["backup"],
        sourceId=source,
        eventCategories=["backup"],
    )

    def events(**parameters):
        return api.get("/events", params=parameters).json()["events"]

    now = datetime.fromisoformat(run["now"])

    def since(minutes):
        start = (now - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S")
        return [event for event in stored if event["date"] >= start]

    facts.some("the last hour, when nothing is said", events(), since(60))
    facts.some("the last quarter of an hour", events(duration=15), since(15))
    middle = stored[len(stored) // 2]["date"]
    start = (datetime.fromisoformat(middle) - timedelta(minutes=60)).strftime("%Y-%m-%dT%H:%M:%S")
    before = [event for event in stored if start <= event["date"] <= middle]
    facts.some("the hour before a time", events(endTime=middle, limit=100), before)
    facts.same("of an unknown source", events(sourceId="dbinst_nobody", **window), [])

    for kind in ["db-instance", "db-snapshot"]:
        maps = api.get(f"/eventcategories/{kind}/").json()["eventCategoriesMaps"]
        told = next(entry["eventCategories"] for entry in maps if entry["sourceType"] == kind)
        used = {category for event in stored if event["sourceType"] == kind for category in event["eventCategories"]}
        facts.same(f"the categories of {kind} hold all that are used", used - set(told), set())

    facts.refused("a time that is none", BadRequest, lambda: events(startTime="yesterday"))
    facts.refused("an unknown path", NotFound, lambda: api.get("/instances"))
    stranger = adapter(run["stranger"]["token"])
    facts.refused("another tenant's token", Forbidden, lambda: stranger.get("/events"))


main()
