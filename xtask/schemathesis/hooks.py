"""What schemathesis must be told to speak with every dialect: how requests are signed, where there are events, and which
statuses of 500 and more are answers.

The environment says which signature is wanted (`ANNALS_SIGNATURE`, `exoscale` or `aws`; without it none), the
credential that signs (`ANNALS_KEY`, `ANNALS_SECRET`), and an organization that has events (`ANNALS_ORGANIZATION`).
Requests are signed when they are ready to be sent, so what is signed is what is sent.
"""

import base64
import hashlib
import hmac
import os
import time
from urllib.parse import parse_qsl, urlsplit

import requests
import schemathesis

SIGNATURE_SECONDS = 600


def sign(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class Exoscale(requests.auth.AuthBase):
    """EXO2-HMAC-SHA256, as Exoscale's clients make it."""

    def __call__(self, request):
        url = urlsplit(request.url)
        pairs = parse_qsl(url.query, keep_blank_values=True, errors="replace")
        names = sorted({name for name, _ in pairs if name in ("from", "to")})
        values = [[value for name, value in pairs if name == wanted] for wanted in names]
        once = "".join(found[0] for found in values if len(found) == 1)
        expires = int(time.time()) + SIGNATURE_SECONDS
        message = f"{request.method} {url.path}\n{as_text(request.body)}\n{once}\n\n{expires}"
        signature = base64.b64encode(sign(os.environ["ANNALS_SECRET"].encode(), message)).decode()
        signed = f",signed-query-args={';'.join(names)}" if names else ""
        request.headers["Authorization"] = (
            f"EXO2-HMAC-SHA256 credential={os.environ['ANNALS_KEY']}{signed},expires={expires},signature={signature}"
        )
        return request


class Aws(requests.auth.AuthBase):
    """AWS Signature Version 4 of requests without a query string."""

    SCOPE = ("eu-central-1", "rds", "aws4_request")

    def __call__(self, request):
        url = urlsplit(request.url)
        date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        body = request.body or b""
        digest = hashlib.sha256(body if isinstance(body, bytes) else body.encode()).hexdigest()
        headers = "host;x-amz-date"
        canonical = f"{request.method}\n{url.path}\n{url.query}\nhost:{url.netloc}\nx-amz-date:{date}\n\n{headers}\n{digest}"
        scope = "/".join((date[:8], *self.SCOPE))
        hashed = hashlib.sha256(canonical.encode()).hexdigest()
        key = f"AWS4{os.environ['ANNALS_SECRET']}".encode()
        for step in (date[:8], *self.SCOPE):
            key = sign(key, step)
        signature = sign(key, f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashed}").hex()
        request.headers["X-Amz-Date"] = date
        request.headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={os.environ['ANNALS_KEY']}/{scope}, SignedHeaders={headers}, Signature={signature}"
        )
        return request


def as_text(body) -> str:
    return body.decode() if isinstance(body, bytes) else body or ""


SIGNATURES = {"exoscale": Exoscale, "aws": Aws}
if "ANNALS_SIGNATURE" in os.environ:
    schemathesis.auth.set_from_requests(SIGNATURES[os.environ["ANNALS_SIGNATURE"]]())


def is_left_alone(values) -> bool:
    """One in four: the others are led to where events are."""
    return sum(repr(sorted(map(str, values.items()))).encode()) % 4 == 0


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    for name in ("organizationId", "tenantId"):
        if path_parameters and name in path_parameters and not is_left_alone(path_parameters):
            path_parameters[name] = os.environ["ANNALS_ORGANIZATION"]
    return path_parameters


@schemathesis.hook
def map_query(context, query):
    if not query or is_left_alone(query):
        return query
    if "range_from" in query:
        # Of the filters none would fit.
        return {"range_from": "2020-01-01", "range_to": "2100-01-01T00:00:00Z"} | keep(query, "limit", "order", "orderby")
    if context.operation.path.endswith(("/events", "/events/")):
        return keep(query, "limit", "pageSize", "page", "per_page", "results-per-page", "order", "order_by", "total")
    return query


def keep(query, *names):
    return {name: value for name, value in query.items() if name in names}


def has_events(response) -> bool:
    if "xml" in str(response.headers.get("content-type")):
        return b"<Event>" in response.content
    answer = response.json()
    lists = [answer.get(name) for name in ("events", "resources", "items")] if isinstance(answer, dict) else [answer]
    return any(lists)


@schemathesis.check
class every_operation_answers:
    """Holds the run to have got something: every operation answered well at least once, every list of events showed one.

    A run in which each request is refused would pass all other checks.
    """

    # Nobody makes up a password.
    SECRET = "POST /oauth/token"

    LISTS = ("/v2/events", "/v3/audit_events", "/event", "/events", "/events/", "/instance", "/api/v1/events", "POST /")

    def __init__(self):
        self.tested = set()
        self.answered = set()
        self.shown = set()

    def after_response(self, ctx, response, case):
        label = case.operation.label
        self.tested.add(label)
        if response.status_code in (200, 204):
            self.answered.add(label)
            if self.is_list(label) and has_events(response):
                self.shown.add(label)

    def after_run(self, ctx):
        silent = self.tested - self.answered - {self.SECRET}
        assert not silent, f"never answered well: {sorted(silent)}"
        empty = {label for label in self.tested if self.is_list(label)} - self.shown
        assert not empty, f"never showed an event: {sorted(empty)}"

    def is_list(self, label):
        return label == "POST /" or label.startswith("GET ") and label.endswith(self.LISTS)


# What some platforms answer by design to what a client should not have asked.
MEANT = {
    # Cloud Foundry, to an order it does not have.
    (500, 10012),
    # Rafay's gateway, to a method it does not have.
    (501, 12),
}


@schemathesis.check
def no_unmeant_server_error(ctx, response, case):
    """What `not_a_server_error` checks, but for a platform's own answers."""
    if response.status_code < 500:
        return
    try:
        code = response.json().get("code")
    except ValueError:
        code = None
    assert (response.status_code, code) in MEANT, f"server error {response.status_code}"
