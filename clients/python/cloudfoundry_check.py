"""The community's Python client for Cloud Foundry lists, filters and pages through everything, v2 and v3."""

from datetime import datetime, timedelta

from cloudfoundry_client.client import CloudFoundryClient
from cloudfoundry_client.errors import InvalidStatusCode
from oauth2_client.credentials_manager import OAuthError

import facts


def plain(entities):
    """Resources as plain JSON."""
    return [{"metadata": dict(entity["metadata"]), "entity": dict(entity["entity"])} for entity in entities]


def logged_in(url, name, password):
    """A client that has logged in as a person does."""
    client = CloudFoundryClient(url)
    client.init_with_user_credentials(name, password)
    return client


def login(url, name, password, stored):
    """The ways in: as a user, as a client of its own, by a refresh token; and what is no way in."""

    def first_events(client):
        return plain(client.v2.event.list(**{"results-per-page": 5}))[:5]

    client = logged_in(url, name, password)
    facts.same("a user logs in", first_events(client), stored[:5])
    renewed = CloudFoundryClient(url)
    renewed.init_with_token(client.refresh_token)
    facts.same("and again with the refresh token", first_events(renewed), stored[:5])
    client._access_token = "of-yesterday"
    facts.same("a token that is no longer good is renewed, v2", first_events(client), stored[:5])
    client._access_token = "of-yesterday"
    found = client.v3.audit_events.get(stored[0]["metadata"]["guid"])["guid"]
    facts.same("a token that is no longer good is renewed, v3", found, stored[0]["metadata"]["guid"])
    machine = CloudFoundryClient(url, client_id=name, client_secret=password)
    machine.init_with_client_credentials()
    facts.same("a client logs in by itself", first_events(machine), stored[:5])
    given = CloudFoundryClient(url)
    given._access_token = password
    facts.same("a token is taken without logging in", first_events(given), stored[:5])

    facts.refused("a wrong password", OAuthError, lambda: logged_in(url, name, "wrong"), "401", "Bad credentials")
    facts.refused("an unknown user", OAuthError, lambda: logged_in(url, "nobody", password), "401", "Bad credentials")
    intruder = CloudFoundryClient(url, client_id=name, client_secret="wrong")
    facts.refused("a wrong secret", OAuthError, intruder.init_with_client_credentials, "401", "Bad client credentials")
    late = CloudFoundryClient(url)
    facts.refused("a wrong refresh token", OAuthError, lambda: late.init_with_token("wrong"), "401")
    nobody = CloudFoundryClient(url)
    nobody._access_token = "nobody"
    facts.refused("a wrong token", InvalidStatusCode, lambda: nobody.v2.event.list(), "UNAUTHORIZED", "CF-InvalidAuthToken")


def v2(client, stored):
    """`GET /v2/events` with every filter that the client can send."""

    def entity(event, name):
        return event["entity"][name]

    def check(name, test, **parameters):
        facts.some(f"v2: {name}", plain(client.v2.event.list(**parameters)), [e for e in stored if test(e)])

    check("every event, oldest first", lambda e: True)
    check("every event, by 100", lambda e: True, **{"results-per-page": 100})
    backwards = client.v2.event.list(**{"results-per-page": 37, "order-direction": "desc"})
    facts.same("v2: every event, newest first", plain(backwards), stored[::-1])
    facts.same("v2: the total", backwards.total_results, len(stored))

    middle = stored[len(stored) // 2]
    kind = entity(middle, "type")
    check("of one type", lambda e: entity(e, "type") == kind, type=kind)
    kinds = sorted({entity(event, "type") for event in stored})[:3]
    check("of three types", lambda e: entity(e, "type") in kinds, type=kinds)
    actee = entity(middle, "actee")
    check("of one actee", lambda e: entity(e, "actee") == actee, actee=actee)
    check(
        "of one actee and type, by 1",
        lambda e: entity(e, "actee") == actee and entity(e, "type") == kind,
        actee=actee,
        type=kind,
        **{"results-per-page": 1},
    )
    space = entity(middle, "space_guid")
    check("of one space", lambda e: entity(e, "space_guid") == space, space_guid=space)
    check("of no space", lambda e: entity(e, "space_guid") == "", space_guid="")
    organization = entity(middle, "organization_guid")
    check("of one organization", lambda e: True, organization_guid=organization)
    time = entity(middle, "timestamp")
    for operator, test in {
        ">=": lambda e: entity(e, "timestamp") >= time,
        ">": lambda e: entity(e, "timestamp") > time,
        "<=": lambda e: entity(e, "timestamp") <= time,
        "<": lambda e: entity(e, "timestamp") < time,
    }.items():
        check(f"timestamp {operator}", test, timestamp={operator: time})
    check("timestamp :", lambda e: entity(e, "timestamp") == time, timestamp=time)
    later = stored[3 * len(stored) // 4]["entity"]["timestamp"]
    check("between two", lambda e: time < entity(e, "timestamp") <= later, timestamp={">": time, "<=": later})
    zoned = (datetime.fromisoformat(time) - timedelta(hours=4)).strftime("%Y-%m-%d %H:%M:%S-04:00")
    check("timestamp in another zone", lambda e: entity(e, "timestamp") > time, timestamp={">": zoned})
    facts.same("v2: of a type that is none", plain(client.v2.event.list(type="audit.none")), [])
    facts.same("v2: one by guid", plain([client.v2.event.get(middle["metadata"]["guid"])]), [middle])


def v3(client, stored):
    """`GET /v3/audit_events` of the same events."""

    def event(audit):
        """What v3 and v2 both say of an event, in v2's words."""
        return {
            "guid": audit["guid"],
            "type": audit["type"],
            "timestamp": audit["created_at"],
            "actor": (audit["actor"]["guid"], audit["actor"]["type"], audit["actor"]["name"]),
            "actee": (audit["target"]["guid"], audit["target"]["type"], audit["target"]["name"]),
            "metadata": audit["data"],
            "space_guid": (audit["space"] or {"guid": ""})["guid"],
            "organization_guid": (audit["organization"] or {"guid": ""})["guid"],
        }

    def of_v2(resource):
        entity = resource["entity"]
        names = ["type", "timestamp", "metadata", "space_guid", "organization_guid"]
        return {name: entity[name] for name in names} | {
            "guid": resource["metadata"]["guid"],
            "actor": (entity["actor"], entity["actor_type"], entity["actor_name"]),
            "actee": (entity["actee"], entity["actee_type"], entity["actee_name"]),
        }

    wanted = [of_v2(resource) for resource in stored]

    def check(name, test, **parameters):
        found = [event(audit) for audit in client.v3.audit_events.list(**parameters)]
        facts.some(f"v3: {name}", found, [e for e in wanted if test(e)])

    check("every event, oldest first", lambda e: True, order_by="created_at")
    backwards = client.v3.audit_events.list(per_page=37, order_by="-created_at")
    facts.same("v3: every event, newest first", [event(audit) for audit in backwards], wanted[::-1])
    facts.same("v3: the total", client.v3.audit_events.len(), len(wanted))
    middle = wanted[len(wanted) // 2]
    kinds = sorted({e["type"] for e in wanted})[:3]
    check("of three types", lambda e: e["type"] in kinds, types=kinds, per_page=7)
    target = middle["actee"][0]
    check("of one target", lambda e: e["actee"][0] == target, target_guids=target)
    check("of all but one target", lambda e: e["actee"][0] != target, **{"target_guids[not]": target, "per_page": 20})
    check("of one space", lambda e: e["space_guid"] == middle["space_guid"], space_guids=middle["space_guid"])
    organization = middle["organization_guid"]
    check("of one organization", lambda e: True, organization_guids=organization)
    time = middle["timestamp"]
    check("created after", lambda e: e["timestamp"] > time, **{"created_ats[gt]": time})
    check("created until", lambda e: e["timestamp"] <= time, **{"created_ats[lte]": time})
    one = client.v3.audit_events.get(middle["guid"])
    facts.same("v3: one by guid", event(one), middle)


def main():
    run, part = facts.read("cloudfoundry")
    stored = part["events"]
    # The name of a credential is the user's, its token the password.
    login(run["url"], part["token"], part["token"], stored)
    client = logged_in(run["url"], part["token"], part["token"])
    v2(client, stored)
    v3(client, stored)

    def guids(entities):
        return sorted(entity["guid"] if "guid" in entity else entity["metadata"]["guid"] for entity in entities)

    facts.same("the organization, v2", guids(client.v2.organizations.list()), [part["organization"]])
    facts.same("the organization, v3", guids(client.v3.organizations.list()), [part["organization"]])
    spaces = sorted({event["entity"]["space_guid"] for event in stored} - {""})
    organization = part["organization"]
    facts.some("its spaces, v2", guids(client.v2.spaces.list(organization_guid=organization)), spaces)
    facts.some("its spaces, v3", guids(client.v3.spaces.list(organization_guids=organization, per_page=2)), spaces)
    apps = {}
    for event in stored:
        if event["entity"]["actee_type"] == "app":
            apps[event["entity"]["actee"]] = event["entity"]
    of_space = sorted(guid for guid, entity in apps.items() if entity["space_guid"] == spaces[0])
    facts.some("a space's apps, v3", guids(client.v3.apps.list(space_guids=spaces[0], per_page=3)), of_space)
    named = next(iter(apps.values()))
    found = guids(client.v3.apps.list(names=named["actee_name"], space_guids=named["space_guid"]))
    facts.same("an app by its name, as `cf events` looks it up", found, [named["actee"]])

    one = stored[0]["metadata"]["guid"]
    stranger = logged_in(run["url"], "stranger", run["stranger"]["token"])
    facts.same("another organization's token sees nothing, v2", plain(stranger.v2.event.list()), [])
    facts.same("another organization's token sees nothing, v3", list(stranger.v3.audit_events.list()), [])
    facts.refused("nor one event, v2", InvalidStatusCode, lambda: stranger.v2.event.get(one), "CF-NotAuthorized")
    facts.refused("nor one event, v3", InvalidStatusCode, lambda: stranger.v3.audit_events.get(one), "CF-ResourceNotFound")
    facts.refused(
        "a filter that is none",
        InvalidStatusCode,
        lambda: client.v2.event.list(guid=one),
        "CF-BadQueryParameter",
        "The query parameter is invalid: guid",
    )


main()
