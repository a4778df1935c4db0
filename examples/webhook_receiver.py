"""Hear of jobs as they start and end. Needs nothing but Python; any library for Standard Webhooks does the same.

    python examples/webhook_receiver.py --key myna_…

Registers its own address with Myna, prints every event whose signature is right, and takes the address back in the end
(Ctrl+C, or after `--count` events). To let a node talk to an address of its own machine or network, start it with
`MYNA_FETCH_ALLOW=127.0.0.0/8`.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import json
import os
import sys
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

TOLERANCE = 300
"""Seconds by which a timestamp may be off, so that nobody can send an old event again."""


def main() -> None:
    options = read_options()
    server = Receiver(("127.0.0.1", options.port), Hook)
    address = f"http://127.0.0.1:{server.server_port}/"
    endpoint = call(options, "POST", "/myna/v1/webhooks", {"url": address})
    server.secret = endpoint["secret"]
    print(f"Listening on {address}", flush=True)
    try:
        while server.heard < options.count or not options.count:
            server.handle_request()
    except KeyboardInterrupt:
        pass
    finally:
        call(options, "DELETE", f"/myna/v1/webhooks/{endpoint['id']}")


class Receiver(HTTPServer):
    secret = ""
    heard = 0


class Hook(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        genuine = is_genuine(self.server.secret, self.headers, body)
        self.send_response(204 if genuine else 401)
        self.end_headers()
        if genuine:
            event = json.loads(body)
            self.server.heard += 1
            print(f"{event['type']}  {event['data']['id']}  {event['data']['status']}", flush=True)

    def log_message(self, *_: object) -> None:
        """No line for each request."""


def is_genuine(secret: str, headers: Any, body: bytes) -> bool:
    """Whether one of the signatures is right (standardwebhooks.com). Several are sent while a secret is exchanged."""
    message_id, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
    if not message_id or not timestamp or abs(time.time() - int(timestamp)) > TOLERANCE:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    expected = "v1," + base64.b64encode(digest).decode()
    return any(hmac.compare_digest(expected, given) for given in headers["webhook-signature"].split())


def call(options: argparse.Namespace, method: str, path: str, body: object = None) -> Any:
    request = urllib.request.Request(
        f"{options.url}{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {options.key}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        sys.exit(f"{error.code}: {json.loads(error.read())['detail']}")


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--port", type=int, default=9000, help="where to listen; 0 takes a free one")
    parser.add_argument("--count", type=int, default=0, help="leave after so many events")
    parser.add_argument("--url", default=os.environ.get("MYNA_URL", "http://127.0.0.1:8311"))
    parser.add_argument("--key", default=os.environ.get("MYNA_KEY"), required="MYNA_KEY" not in os.environ)
    return parser.parse_args()


if __name__ == "__main__":
    main()
