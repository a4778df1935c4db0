"""The account of the caller: keys, credits, usage."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request

from myna.errors import InvalidRequest
from myna.http.idempotency import keep_instead
from myna.http.native import mapping, schemas
from myna.http.native.keyed import caller_of, keyed_route
from myna.http.native.parameters import CursorText, Limit, Moment, position
from myna.kit import clock

if TYPE_CHECKING:
    from myna.http.services import Services

_LONGEST_PERIOD = timedelta(days=366)


def account_router(services: Services) -> APIRouter:
    router = APIRouter(tags=["account"], route_class=keyed_route(services))

    @router.get("/myna/v1/account")
    async def get_account(request: Request) -> schemas.Account:
        caller = caller_of(request)
        return mapping.account(caller.account)

    @router.get("/myna/v1/keys")
    async def list_keys(request: Request) -> schemas.Listing[schemas.Key]:
        """The account's API keys, also revoked ones."""
        caller = caller_of(request)
        keys = await services.accounts.list_keys(caller.account.id)
        return schemas.Listing(data=[mapping.key(key) for key in keys])

    @router.post("/myna/v1/keys", status_code=201)
    async def create_key(request: Request, body: schemas.NewKey) -> schemas.KeyWithToken:
        """A further key for the account. The token is in this answer only."""
        caller = caller_of(request)
        key, token = await services.accounts.create_key(caller.account.id, body.name)
        keep_instead(request, mapping.key_with_token(key, None).model_dump_json().encode())
        return mapping.key_with_token(key, token)

    @router.delete("/myna/v1/keys/{key_id}", status_code=204)
    async def revoke_key(request: Request, key_id: str) -> None:
        """From now on the key is refused."""
        caller = caller_of(request)
        await services.accounts.revoke_key(key_id, caller.account.id)

    @router.get("/myna/v1/credits")
    async def get_credits(request: Request) -> schemas.Credits:
        """What is left, and what it is made of."""
        caller = caller_of(request)
        credits = await services.credits.list_credits(caller.account.id)
        balance = await services.credits.balance(caller.account.id)
        return schemas.Credits(
            balance=mapping.credits_of(balance), credits=[mapping.credit(credit) for credit in credits]
        )

    @router.get("/myna/v1/credits/entries")
    async def list_entries(
        request: Request, cursor: CursorText = None, limit: Limit = 50
    ) -> schemas.Page[schemas.LedgerEntry]:
        """The ledger, the newest entry first."""
        caller = caller_of(request)
        page = await services.credits.entries(caller.account.id, before=position(cursor), limit=limit)
        return mapping.ledger_page(page)

    @router.get("/myna/v1/usage")
    async def get_usage(request: Request, since: Moment | None = None, until: Moment | None = None) -> schemas.Usage:
        """What was spent, by day (UTC) and API. The last 30 days by default."""
        caller = caller_of(request)
        begin, end = _period(since, until)
        days = await services.jobs.usage(caller.account.id, begin, end)
        return schemas.Usage(
            since=begin,
            until=end,
            spent=mapping.credits_of(sum(day.spent for day in days)),
            days=[
                schemas.DayOfUse(day=day.day, api=day.api, jobs=day.jobs, spent=mapping.credits_of(day.spent))
                for day in days
            ],
        )

    return router


def _period(since: datetime | None, until: datetime | None) -> tuple[datetime, datetime]:
    end = until or clock.now()
    begin = since or end - timedelta(days=30)
    if begin > end:
        raise InvalidRequest("`since` must not be after `until`.", field="since")
    if end - begin > _LONGEST_PERIOD:
        raise InvalidRequest(f"The period is longer than {_LONGEST_PERIOD.days} days.", field="since")
    return begin, end
