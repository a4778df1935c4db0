"""Webhook endpoints of accounts, and what is to be told to them."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import structlog

from myna.db.session import Database
from myna.errors import AddressRefused, Conflict, InvalidRequest, NotFound
from myna.jobs.schemas import Job
from myna.kit import clock, ids
from myna.kit.addresses import AddressRule, parse_address
from myna.kit.pagination import Cursor, Page
from myna.kit.signatures import keyed_hash
from myna.settings import Settings
from myna.webhooks.repository import WebhookRepository
from myna.webhooks.schemas import JOB_STYLES, STYLES, Delivery, Endpoint, EndpointSecret, Event

log = structlog.get_logger()

MAX_URL_CHARACTERS = 2_000


class WebhookService:
    """Who wants to hear of what, and what has been recorded for them."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database = database
        self._secret = settings.secret_key
        self._rule = AddressRule.parse(settings.fetch_allow)
        self._max_endpoints = settings.max_webhook_endpoints
        self.on_recorded: Callable[[str], Awaitable[None]] | None = None
        """Called with a job's id when an event of it that somebody wants to hear of has been committed."""

    async def add_endpoint(
        self, account_id: str, url: str, *, style: str = "standard", events: Iterable[str] = ()
    ) -> Endpoint:
        """Register an address. Raises `InvalidRequest`, `AddressRefused`, and `Conflict` when there are too many.

        A name is resolved and checked on every connection, since it may lead elsewhere by then.
        """
        wanted = tuple(dict.fromkeys(events))
        _check_style(style, wanted)
        self.check_url(url)
        endpoint = Endpoint(ids.prefixed("ep"), account_id, url, style, wanted, True, 1, clock.now(), None)
        async with self.database.transaction() as connection:
            repository = WebhookRepository(connection)
            if not await repository.lock_account(account_id):
                raise NotFound
            if await repository.count_endpoints(account_id) >= self._max_endpoints:
                raise Conflict(f"This account has {self._max_endpoints} webhook endpoints, which is the limit.")
            await repository.insert_endpoint(endpoint)
        return endpoint

    def check_url(self, url: str, field: str = "url") -> None:
        """Raises `InvalidRequest` and `AddressRefused` for an address to which nothing would ever be sent."""
        _check_url(url, self._rule, field)

    async def list_endpoints(self, account_id: str) -> list[Endpoint]:
        """The oldest first."""
        async with self.database.reading() as connection:
            return await WebhookRepository(connection).endpoints(account_id)

    async def get_endpoint(self, account_id: str, endpoint_id: str) -> Endpoint:
        """Raises `NotFound`."""
        async with self.database.reading() as connection:
            return await _own(WebhookRepository(connection), account_id, endpoint_id)

    async def delete_endpoint(self, account_id: str, endpoint_id: str) -> None:
        """Deliveries on their way to it end as failed."""
        await self._change(account_id, endpoint_id, deleted_at=clock.now())

    async def set_enabled(self, account_id: str, endpoint_id: str, enabled: bool) -> Endpoint:
        """A disabled endpoint gets no new events; what was on its way waits for its next attempts."""
        endpoint = await self._change(account_id, endpoint_id, enabled=enabled, failing_since=None)
        return replace(endpoint, enabled=enabled, failing_since=None)

    async def rotate_secret(self, account_id: str, endpoint_id: str) -> Endpoint:
        """Make a new secret. The one before it signs too, until the next rotation."""
        async with self.database.transaction() as connection:
            repository = WebhookRepository(connection)
            await _own(repository, account_id, endpoint_id)
            await repository.rotate_secret(endpoint_id)
            return await _own(repository, account_id, endpoint_id)

    def secret_of(self, endpoint: Endpoint) -> EndpointSecret:
        """Derived from the server's secret, never stored."""
        version = endpoint.secret_version
        previous = self._derive(endpoint.id, version - 1) if version > 1 else None
        return EndpointSecret(self._derive(endpoint.id, version), previous)

    async def record(self, job: Job, type: str) -> Event:
        """Note an event and whom to tell, in the caller's transaction. A second event of this type is the first."""
        event = Event(ids.prefixed("evt"), job.account_id, type, job.id, _facts(job), clock.now())
        return await self._record(event, job.api, without=None, named=job.details.get("webhook"))

    async def disable(self, endpoint: Endpoint, event: Event, reason: str) -> None:
        """Stop sending to an endpoint, in the caller's transaction, and tell the account's other endpoints."""
        async with self.database.transaction() as connection:
            if not await WebhookRepository(connection).disable_endpoint(endpoint.id):
                return
        log.warning("webhooks.endpoint_disabled", endpoint=endpoint.id, account=endpoint.account_id, reason=reason)
        data = {"id": endpoint.id, "url": endpoint.url, "reason": reason}
        news = Event(ids.prefixed("evt"), endpoint.account_id, "endpoint.disabled", event.job_id, data, clock.now())
        await self._record(news, "", without=endpoint.id)

    async def deliveries(
        self, account_id: str, endpoint_id: str, *, before: Cursor | None = None, limit: int = 50
    ) -> Page[Delivery]:
        """The newest first."""
        async with self.database.reading() as connection:
            repository = WebhookRepository(connection)
            await _own(repository, account_id, endpoint_id)
            found = await repository.deliveries_to(endpoint_id, before, limit + 1)
        return Page(found[:limit], has_more=len(found) > limit)

    async def replay(self, account_id: str, delivery_id: str) -> Delivery:
        """Begin a delivery anew, whatever has become of it: the first attempt is due now."""
        async with self.database.transaction() as connection:
            repository = WebhookRepository(connection)
            shipment = await repository.shipment(delivery_id)
            if shipment is None or shipment.event.account_id != account_id:
                raise NotFound
            if shipment.endpoint.deleted_at is not None:
                raise Conflict("The endpoint of this delivery was deleted.")
            fresh: dict[str, Any] = {
                "status": "pending",
                "attempts": 0,
                "next_attempt_at": clock.now(),
                "delivered_at": None,
            }
            if not await repository.update_delivery(shipment.delivery, **fresh):
                raise Conflict("This delivery is just being made. Look at it again in a moment.")
        return replace(shipment.delivery, **fresh)

    async def _record(
        self, event: Event, api: str, *, without: str | None, named: Mapping[str, str] | None = None
    ) -> Event:
        """`named` is the address that the job's own request gave."""
        async with self.database.transaction() as connection:
            repository = WebhookRepository(connection)
            if not await repository.insert_event(event):
                return await repository.event_of(event.job_id, event.type)
            listeners = [
                endpoint
                for endpoint in await repository.endpoints(event.account_id)
                if endpoint.wants(event.type, api) and endpoint.id != without
            ]
            if named and event.type in JOB_STYLES.get(named["style"], ()):
                listeners.append(await _endpoint_of_job(repository, event, named))
            await repository.insert_deliveries(_new_delivery(event, endpoint) for endpoint in listeners)
            if listeners:
                await self.database.after_commit(lambda: self._tell_of(event.job_id))
        return event

    async def _tell_of(self, job_id: str) -> None:
        """The event is safe by now; a runtime that is not ready finds it later."""
        if self.on_recorded is None:
            return
        try:
            await self.on_recorded(job_id)
        except Exception:
            log.warning("webhooks.not_announced", job=job_id, exc_info=True)

    async def _change(self, account_id: str, endpoint_id: str, **values: Any) -> Endpoint:
        async with self.database.transaction() as connection:
            repository = WebhookRepository(connection)
            endpoint = await _own(repository, account_id, endpoint_id)
            await repository.update_endpoint(endpoint_id, **values)
        return endpoint

    def _derive(self, endpoint_id: str, version: int) -> str:
        digest = keyed_hash(self._secret, "webhook", f"{endpoint_id}:{version}".encode())
        return "whsec_" + base64.b64encode(digest).decode()


async def _endpoint_of_job(repository: WebhookRepository, event: Event, named: Mapping[str, str]) -> Endpoint:
    """One for each address and account, so that a receiver that never answers holds up only itself."""
    account_id, url, style = event.account_id, named["url"], named["style"]
    endpoint_id = f"ep_{ids.derived_cuid('endpoint', account_id, style, url)[1:]}"
    endpoint = Endpoint(endpoint_id, account_id, url, style, (), True, 1, clock.now(), None)
    await repository.ensure_endpoint(endpoint)
    return endpoint


async def _own(repository: WebhookRepository, account_id: str, endpoint_id: str) -> Endpoint:
    endpoint = await repository.endpoint(endpoint_id)
    if endpoint is None or endpoint.account_id != account_id:
        raise NotFound
    return endpoint


def _check_style(style: str, events: tuple[str, ...]) -> None:
    if style not in STYLES:
        raise InvalidRequest(f"The style must be one of: {', '.join(sorted(STYLES))}.", field="style")
    if unknown := [type for type in events if type not in STYLES[style]]:
        raise InvalidRequest(
            f"{unknown[0]} is no event of the style {style}; it has: {', '.join(sorted(STYLES[style]))}.",
            field="events",
        )


def _check_url(url: str, rule: AddressRule, field: str) -> None:
    if len(url) > MAX_URL_CHARACTERS:
        raise InvalidRequest(f"The URL has more than {MAX_URL_CHARACTERS} characters.", field=field)
    if any(character.isspace() or not character.isprintable() for character in url):
        raise InvalidRequest("The URL has spaces or control characters in it.", field=field)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise InvalidRequest("The URL cannot be read.", field=field) from None
    if parts.scheme not in ("http", "https") or not host or port == 0:
        raise InvalidRequest("The URL must be like https://example.com/hook.", field=field)
    if "@" in parts.netloc:
        raise InvalidRequest("The URL must not hold a user name or a password.", field=field)
    if parse_address(host) is not None and not rule.permits(host):
        raise AddressRefused(field=field)


def _new_delivery(event: Event, endpoint: Endpoint) -> Delivery:
    return Delivery(
        id=ids.prefixed("dlv"),
        event_id=event.id,
        endpoint_id=endpoint.id,
        status="pending",
        attempts=0,
        last_status=None,
        last_error=None,
        created_at=event.created_at,
        next_attempt_at=event.created_at,
        delivered_at=None,
    )


def _facts(job: Job) -> dict[str, Any]:
    """What an event says of its job: thin, the receiver asks for the rest."""
    return {
        "id": job.id,
        "kind": job.kind,
        "api": job.api,
        "name": job.name,
        "status": job.status,
        "error": None if job.error_code is None else {"code": job.error_code, "message": job.error_message or ""},
        "created_at": _text(job.created_at),
        "started_at": _text(job.started_at),
        "finished_at": _text(job.finished_at),
    }


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else clock.milliseconds_z(moment)
