"""Exoscale's own Python client lists everything, windows of it, and is refused without the right to it."""

from datetime import datetime, timedelta

from exoscale.api.exceptions import ExoscaleAPIAuthException, ExoscaleAPIClientException
from exoscale.api.v2 import Client

import facts


def main():
    run, part = facts.read("exoscale")
    stored = part["events"]
    url = run["url"] + "/v2"
    client = Client(part["key"], part["secret"], url=url)

    def list_events(**window):
        return client.list_events(**{name.rstrip("_"): value for name, value in window.items()})

    def between(start, end):
        return [event for event in stored if start <= event["timestamp"] < end]

    first, last = stored[0]["timestamp"], stored[-1]["timestamp"]
    facts.same("everything, oldest first", list_events(from_=first[:10], to="2100-01-01"), stored)
    facts.same("from alone: until now", list_events(from_=first), stored)

    yesterday = (datetime.fromisoformat(run["now"]) - timedelta(hours=24)).isoformat().replace("+00:00", "Z")
    facts.some("neither: the last 24 hours", list_events(), between(yesterday, "2100"))

    middle = stored[len(stored) // 2]["timestamp"]
    day = middle[:10]
    tomorrow = str(datetime.fromisoformat(day).date() + timedelta(days=1))
    facts.some("one day, by dates", list_events(from_=day, to=tomorrow), between(day, tomorrow))
    zoned = {"from_": day + "T02:00:00+02:00", "to": tomorrow + "T02:00:00+02:00"}
    facts.some("one day, in another zone", list_events(**zoned), between(day, tomorrow))
    facts.some("from an event's own time on", list_events(from_=middle), between(middle, "2100"))
    facts.some("to alone: the 24 hours before", list_events(to=tomorrow), between(day, tomorrow))
    week = str(datetime.fromisoformat(day).date() - timedelta(days=7))
    facts.some("until, but without, an event's own time", list_events(from_=week, to=middle), between(week, middle))
    crowd = [event for event in stored if event["timestamp"] == first]
    next_instant = (datetime.fromisoformat(first) + timedelta(milliseconds=1)).isoformat()
    facts.some("all of one instant", list_events(from_=first, to=next_instant), crowd)
    facts.same("nothing before", list_events(from_="1999-01-01", to=first), [])
    facts.same("nothing in an empty window", list_events(from_=last, to=last), [])
    facts.same("nothing the wrong way round", list_events(from_=last, to=first), [])
    facts.refused(
        "a time that is none",
        ExoscaleAPIClientException,
        lambda: list_events(from_="yesterday"),
        "Invalid value `yesterday` at 'from': should be a Instant",
    )

    zones = Client("nobody", "nothing", url=url).list_zones()["zones"]
    facts.same("zones, which need no rights, lead here", {zone["api-endpoint"] for zone in zones}, {url})
    forged = Client(part["key"], "wrong", url=url)
    facts.refused("a wrong secret", ExoscaleAPIAuthException, forged.list_events, "Invalid request signature")
    unknown = Client("EXOunknown", part["secret"], url=url)
    facts.refused("an unknown key", ExoscaleAPIAuthException, unknown.list_events, "Invalid request signature")
    stranger = Client(run["stranger"]["key"], run["stranger"]["secret"], url=url)
    facts.same("another organization's key sees none of it", stranger.list_events(**{"from": first}), [])


main()
