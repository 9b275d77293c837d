"""Exports of every kind, read by other people's tools, are what is stored: NDJSON by Python's json, CSV by its csv. Every field
of every event is compared with the native list."""

import csv
import io
import json
import urllib.parse
import urllib.request
from datetime import datetime, timezone

import facts

JSON_COLUMNS = {"before", "after", "data"}
NUMBERS = {"seq", "request.status", "request.elapsed_ms"}
INSTANTS = {"time", "recorded"}


def get(run, path, **parameters):
    """The body of an answer, whole."""
    request = urllib.request.Request(
        f"{run['url']}{path}?{urllib.parse.urlencode(parameters)}",
        headers={"Authorization": f"Bearer {run['cloudfoundry']['token']}"},
    )
    with urllib.request.urlopen(request) as answer:
        assert "error" not in answer.headers.get("content-type", ""), path
        return answer.read()


def listed(run, **parameters):
    """Every event that matches, page by page, oldest first."""
    events, cursor = [], {}
    while True:
        page = json.loads(get(run, "/api/v1/events", order="asc", limit=100, **parameters, **cursor))
        events += page["events"]
        if page["next"] is None:
            return events
        cursor = {"cursor": page["next"]}


def nanoseconds(text):
    """An RFC 3339 instant in UTC as nanoseconds since 1970."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    seconds = int(datetime.fromisoformat(whole).replace(tzinfo=timezone.utc).timestamp())
    return seconds * 10**9 + int(fraction.ljust(9, "0") or 0)


def flat(event, columns):
    """The cells of an event, by column: JSON as values, instants as nanoseconds, None for what is absent."""
    cells = {}
    for column in columns:
        value = event
        for key in column.split("."):
            value = value.get(key) if value is not None else None
        cells[column] = value
    for column in INSTANTS:
        cells[column] = nanoseconds(cells[column])
    cells["categories"] = cells["categories"] or []
    cells["labels"] = cells["labels"] or {}
    return cells


def from_csv(row):
    """A row of a CSV file as cells: the guard against formulas taken off, and an empty cell as absent."""
    cells = {}
    for column, cell in row.items():
        text = None if cell == "" else cell.removeprefix("'")
        if text is None and column in {"categories", "labels"}:
            cells[column] = [] if column == "categories" else {}
        elif text is not None and column in JSON_COLUMNS | {"categories", "labels"}:
            cells[column] = json.loads(text)
        elif text is not None and column in NUMBERS:
            cells[column] = int(text)
        elif column in INSTANTS:
            cells[column] = nanoseconds(text)
        else:
            cells[column] = text
    return cells


def main():
    run, _ = facts.read("cloudfoundry")
    for what, parameters in [("everything", {}), ("failures", {"outcome": "failure"})]:
        events = listed(run, **parameters)
        lines = get(run, "/api/v1/export", format="ndjson", **parameters).decode().splitlines()
        facts.some(f"NDJSON by json: {what}", [json.loads(line) for line in lines], events)

        text = get(run, "/api/v1/export", format="csv", **parameters).decode()
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        columns = list(rows[0])
        cells = [flat(event, columns) for event in events]
        facts.some(f"CSV by csv: {what}", [from_csv(row) for row in rows], cells)
        formulas = [cell for row in rows for cell in row.values() if cell[:1] in set("=+-@\t\r")]
        facts.same("CSV without formulas", formulas, [])
    newest = get(run, "/api/v1/export", format="ndjson", order="desc").decode().splitlines()
    facts.same("newest first", [json.loads(line) for line in newest], listed(run)[::-1])


main()
