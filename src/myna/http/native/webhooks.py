"""Webhooks: who hears of what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request

from myna.http.idempotency import keep_instead
from myna.http.native import mapping, schemas
from myna.http.native.keyed import caller_of, keyed_route
from myna.http.native.parameters import CursorText, Limit, position

if TYPE_CHECKING:
    from myna.http.services import Services
    from myna.webhooks.schemas import Endpoint


def webhooks_router(services: Services) -> APIRouter:
    router = APIRouter(tags=["webhooks"], route_class=keyed_route(services))

    @router.post("/myna/v1/webhooks", status_code=201)
    async def add_webhook(request: Request, body: schemas.NewWebhook) -> schemas.WebhookWithSecret:
        """Register an address. The secret is in this answer only."""
        caller = caller_of(request)
        endpoint = await services.webhooks.add_endpoint(
            caller.account.id, body.url, style=body.style, events=tuple(body.events)
        )
        return _with_secret(endpoint, request, services)

    @router.get("/myna/v1/webhooks")
    async def list_webhooks(request: Request) -> schemas.Listing[schemas.Webhook]:
        caller = caller_of(request)
        endpoints = await services.webhooks.list_endpoints(caller.account.id)
        return schemas.Listing(data=[mapping.webhook(endpoint) for endpoint in endpoints])

    @router.get("/myna/v1/webhooks/{webhook_id}")
    async def get_webhook(request: Request, webhook_id: str) -> schemas.Webhook:
        caller = caller_of(request)
        return mapping.webhook(await services.webhooks.get_endpoint(caller.account.id, webhook_id))

    @router.patch("/myna/v1/webhooks/{webhook_id}")
    async def change_webhook(request: Request, webhook_id: str, body: schemas.WebhookChange) -> schemas.Webhook:
        """Switch it off or on again."""
        caller = caller_of(request)
        return mapping.webhook(await services.webhooks.set_enabled(caller.account.id, webhook_id, body.enabled))

    @router.delete("/myna/v1/webhooks/{webhook_id}", status_code=204)
    async def delete_webhook(request: Request, webhook_id: str) -> None:
        caller = caller_of(request)
        await services.webhooks.delete_endpoint(caller.account.id, webhook_id)

    @router.post("/myna/v1/webhooks/{webhook_id}/rotate")
    async def rotate_secret(request: Request, webhook_id: str) -> schemas.WebhookWithSecret:
        """Make a new secret. For a while, events are signed with both."""
        caller = caller_of(request)
        endpoint = await services.webhooks.rotate_secret(caller.account.id, webhook_id)
        return _with_secret(endpoint, request, services)

    @router.get("/myna/v1/webhooks/{webhook_id}/deliveries")
    async def list_deliveries(
        request: Request, webhook_id: str, cursor: CursorText = None, limit: Limit = 50
    ) -> schemas.Page[schemas.Delivery]:
        """What was sent there, the newest first."""
        caller = caller_of(request)
        page = await services.webhooks.deliveries(caller.account.id, webhook_id, before=position(cursor), limit=limit)
        return mapping.delivery_page(page)

    @router.post("/myna/v1/deliveries/{delivery_id}/replay", status_code=202)
    async def replay_delivery(request: Request, delivery_id: str) -> schemas.Delivery:
        """Send an event again, under the same event id."""
        caller = caller_of(request)
        return mapping.delivery(await services.delivery.replay(caller.account.id, delivery_id))

    return router


def _with_secret(endpoint: Endpoint, request: Request, services: Services) -> schemas.WebhookWithSecret:
    keep_instead(request, mapping.webhook_with_secret(endpoint, None).model_dump_json().encode())
    return mapping.webhook_with_secret(endpoint, services.webhooks.secret_of(endpoint))
