"""What every script needs: the facts of the run, and comparisons that say where two things differ."""

import json
import sys


def read(dialect):
    """The facts of the run, and those of one dialect. The path of a JSON file is the only argument."""
    with open(sys.argv[1], encoding="utf-8") as file:
        run = json.load(file)
    return run, run[dialect]


def same(name, found, expected):
    """Ends the script unless both are equal, and, where they are lists, in the same order."""
    if found == expected:
        count = f" ({len(found)})" if isinstance(found, list) else ""
        print(f"  {name}{count}")
        return
    if isinstance(found, list) and isinstance(expected, list):
        for position, (one, two) in enumerate(zip(found, expected)):
            if one != two:
                sys.exit(f"{name}: differs at {position}\n  found    {json.dumps(one)}\n  expected {json.dumps(two)}")
        sys.exit(f"{name}: found {len(found)}, expected {len(expected)}")
    sys.exit(f"{name}:\n  found    {json.dumps(found)}\n  expected {json.dumps(expected)}")


def some(name, found, expected):
    """As `same`, for a part of all: one that is empty or everything would prove nothing."""
    if not expected:
        sys.exit(f"{name}: no event is expected, so nothing would be proved")
    same(name, found, expected)


def refused(name, error, call, *said):
    """Ends the script unless the call raises that error with these texts in it."""
    try:
        answer = call()
    except error as raised:
        text = str(raised)
        missing = [part for part in said if part not in text]
        if missing:
            sys.exit(f"{name}: the error does not say {missing}: {text}")
        print(f"  {name}")
    else:
        sys.exit(f"{name}: was answered: {answer}")
