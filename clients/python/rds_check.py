"""AWS's own Python library lists a database service's events, page by page, in the windows and categories it asks for."""

import os

# Nothing of whoever runs this: no profiles, no credentials of a machine in AWS.
os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull, AWS_EC2_METADATA_DISABLED="true")

from datetime import datetime, timedelta, timezone  # noqa: E402

import boto3  # noqa: E402
from botocore.config import Config  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402

import facts  # noqa: E402


def connect(url, key, secret, region="eu-central-1"):
    """A client with these credentials; it does not try again, so that what it is told is seen."""
    return boto3.client(
        "rds",
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}),
    )


def plain(events):
    """Events as they were stored: boto3 makes times of dates."""

    def text(date):
        return date.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    return [{**event, "Date": text(event["Date"])} for event in events]


def main():
    run, part = facts.read("rds")
    stored = part["events"]
    rds = connect(run["url"], part["key"], part["secret"])
    window = {"StartTime": stored[0]["Date"], "EndTime": "2100-01-01T00:00:00Z"}

    def listed(**parameters):
        pages = rds.get_paginator("describe_events").paginate(**parameters)
        return plain(event for page in pages for event in page["Events"])

    def check(name, test, **parameters):
        facts.some(name, listed(**window, **parameters), [event for event in stored if test(event)])

    check("everything, oldest first", lambda e: True)
    check("everything, by 20", lambda e: True, PaginationConfig={"PageSize": 20})
    found = listed(**window, PaginationConfig={"MaxItems": 130, "PageSize": 50})
    facts.same("the first 130, by 50", found, stored[:130])
    categories = {"backup", "creation"}
    check("of two categories", lambda e: categories & set(e["EventCategories"]), EventCategories=sorted(categories))
    check("of a category of two words", lambda e: e["EventCategories"] == ["low storage"], EventCategories=["low storage"])
    for kind in ["db-instance", "db-snapshot"]:
        check(f"of the source type {kind}", lambda e: e["SourceType"] == kind, SourceType=kind)
    source = stored[len(stored) // 2]
    check(
        "of one source",
        lambda e: (e["SourceType"], e["SourceIdentifier"]) == (source["SourceType"], source["SourceIdentifier"]),
        SourceType=source["SourceType"],
        SourceIdentifier=source["SourceIdentifier"],
    )

    def between(start, end):
        return [event for event in stored if start <= event["Date"] <= end]

    now = datetime.fromisoformat(run["now"])
    middle = source["Date"]
    hour_before = (datetime.fromisoformat(middle) - timedelta(minutes=60)).isoformat().replace("+00:00", "Z")

    def since(minutes):
        return between((now - timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z"), "2100")

    facts.some("the last hour, when nothing is said", listed(), since(60))
    facts.some("the last quarter of an hour", listed(Duration=15), since(15))
    facts.some("from a time on", listed(StartTime=datetime.fromisoformat(middle)), between(middle, "2100"))
    facts.some("until a time", listed(StartTime=stored[0]["Date"], EndTime=middle), between("", middle))
    facts.some("the hour before a time", listed(EndTime=middle), between(hour_before, middle))
    facts.same("of an unknown source", listed(SourceType="db-instance", SourceIdentifier="nobody", **window), [])

    maps = rds.describe_event_categories()["EventCategoriesMapList"]
    told = {entry["SourceType"]: set(entry["EventCategories"]) for entry in maps}
    for kind in ["db-instance", "db-snapshot"]:
        used = {category for e in stored if e["SourceType"] == kind for category in e["EventCategories"]}
        facts.same(f"the categories of {kind} hold all that are used", used - told[kind], set())

    def refused(name, code, client, **parameters):
        facts.refused(name, ClientError, lambda: client.describe_events(**parameters), f"({code})")

    elsewhere = connect(run["url"], part["key"], part["secret"], region="us-gov-west-1")
    facts.same("another region's signature", plain(elsewhere.describe_events()["Events"]), since(60))
    refused("a wrong secret", "SignatureDoesNotMatch", connect(run["url"], part["key"], "wrong"))
    refused("an unknown key", "InvalidClientTokenId", connect(run["url"], "AKIANOBODY", "wrong"))
    stranger = connect(run["url"], run["stranger"]["key"], run["stranger"]["secret"])
    facts.same("another organization's key sees none of it", stranger.describe_events(**window)["Events"], [])
    refused("a source without its type", "InvalidParameterCombination", rds, SourceIdentifier="orders")
    refused("too large a page", "InvalidParameterValue", rds, MaxRecords=101)
    refused("a marker of nobody's", "InvalidParameterValue", rds, Marker="nobody")
    refused("the wrong way round", "InvalidParameterCombination", rds, StartTime=middle, EndTime=stored[0]["Date"])


main()
