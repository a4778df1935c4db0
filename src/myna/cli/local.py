"""What commands work with: this machine's data, without a running server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from myna.errors import NotFound, StartupError

if TYPE_CHECKING:
    from pydantic import ValidationError

    from myna.accounts.schemas import Account
    from myna.accounts.service import AccountService
    from myna.credits.service import CreditService
    from myna.db.session import Database
    from myna.jobs.service import JobService
    from myna.outputs.service import OutputService
    from myna.settings import Settings
    from myna.storage.base import ObjectStorage
    from myna.webhooks.service import WebhookService

Result = TypeVar("Result")


@dataclass(frozen=True)
class LocalData:
    """The records of this installation and what looks after them: no engines, no HTTP, no queue."""

    settings: Settings
    database: Database
    storage: ObjectStorage
    accounts: AccountService
    credits: CreditService
    jobs: JobService
    outputs: OutputService
    webhooks: WebhookService


def run(work: Callable[[LocalData], Awaitable[Result]], settings: Settings | None = None) -> Result:
    """Open this machine's data, do the work, close it."""
    import asyncio

    settings = settings or load_settings()
    quiet_logs(settings)
    return asyncio.run(_run(work, settings))


async def _run(work: Callable[[LocalData], Awaitable[Result]], settings: Settings) -> Result:
    data = open_data(settings)
    try:
        await data.database.migrate()
        return await work(data)
    finally:
        await data.database.close()


def open_data(settings: Settings) -> LocalData:
    """Nothing is read or written yet, except the secret."""
    from myna.accounts.service import AccountService
    from myna.credits.service import CreditService
    from myna.db.session import Database
    from myna.jobs.service import JobService
    from myna.outputs.service import OutputService
    from myna.storage.objects import open_storage
    from myna.webhooks.service import WebhookService

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.resolved_database_url)
    storage = open_storage(settings.resolved_storage_url, settings.storage_endpoint)
    accounts = AccountService(database, settings.secret_key)
    credits = CreditService(database)
    webhooks = WebhookService(database, settings)
    return LocalData(
        settings=settings,
        database=database,
        storage=storage,
        accounts=accounts,
        credits=credits,
        jobs=JobService(database, credits, webhooks, accounts, settings),
        outputs=OutputService(database, storage),
        webhooks=webhooks,
    )


def load_settings(**given: Any) -> Settings:
    """The settings, with what was given on the command line. Raises `StartupError` that names what is wrong."""
    import tomllib

    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from myna.settings import Settings

    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise StartupError(_in_words(error)) from None
    except SettingsError as error:
        raise StartupError(f"The environment cannot be read: {error}. docs/settings.md lists every setting.") from None
    except tomllib.TOMLDecodeError as error:
        raise StartupError(f"`myna.toml` cannot be read: {error}. docs/settings.md shows its form.") from None


def _in_words(error: ValidationError) -> str:
    """Without the values: they may be secret."""
    wrong = [
        f"MYNA_{'.'.join(map(str, item['loc'])).upper()}: {item['msg'].removeprefix('Value error, ')}"
        for item in error.errors()
    ]
    return f"{'; '.join(wrong)}. docs/settings.md lists every setting."


def quiet_logs(settings: Settings) -> None:
    """A command says itself what it does; logs are for what goes wrong, and for who asks for them."""
    from myna.logs import set_up_logs

    level = "warning" if settings.log_level == "info" else settings.log_level
    set_up_logs(settings.model_copy(update={"log_level": level}))


async def account_named(data: LocalData, name: str) -> Account:
    """Raises `NotFound` with the names there are."""
    if account := await data.accounts.find_account(name):
        return account
    known = ", ".join(sorted(f"`{account.name}`" for account in await data.accounts.list_accounts()))
    there_are = f"There are: {known}." if known else "There are none yet."
    raise NotFound(f"There is no account `{name}`. {there_are} `myna keys create NAME` makes one.")
