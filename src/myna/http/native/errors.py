"""Errors as problem details (RFC 9457), with our stable `code` and the request id."""

from __future__ import annotations

import structlog
from starlette.responses import JSONResponse, Response

from myna.errors import InvalidRequest, MethodNotAllowed, MynaError, ReferenceRefused
from myna.http.errors import retry_headers

_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    413: "Content Too Large",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    503: "Service Unavailable",
}
_TYPES = {
    429: "https://iana.org/assignments/http-problem-types#quota-exceeded",
    503: "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity",
}


class Problem(JSONResponse):
    media_type = "application/problem+json"


def error_response(error: MynaError) -> Response:
    body = {
        "type": _TYPES.get(error.status, "about:blank"),
        "title": _TITLES.get(error.status, "Internal Server Error"),
        "status": error.status,
        "detail": error.message,
        "code": error.code,
        "request_id": structlog.contextvars.get_contextvars().get("request_id"),
    }
    if isinstance(error, InvalidRequest) and error.field:
        body["errors"] = [{"pointer": f"#/{error.field.replace('.', '/')}", "detail": error.message}]
    if policy := error.details.get("policy"):
        body["violated-policies"] = [policy]
    if isinstance(error, ReferenceRefused) and (report := error.details.get("report")):
        body["report"] = report
    headers = retry_headers(error)
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, MethodNotAllowed) and (allow := error.details.get("allow")):
        headers["Allow"] = allow
    return Problem(body, error.status, headers)
