"""`myna jobs`: the work that was accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from myna.cli.local import account_named, run
from myna.cli.show import AsJson, credits, show_row, show_rows
from myna.errors import NotFound

if TYPE_CHECKING:
    from myna.http.services import Services
    from myna.jobs.schemas import Job

app = typer.Typer(help="Jobs: look and cancel.", no_args_is_help=True)
JobId = Annotated[str, typer.Argument(help="Id of the job.")]


@app.command("list")
def list_jobs(
    name: Annotated[str, typer.Argument(help="Name of the account.")],
    failed: Annotated[bool, typer.Option("--failed", help="Only those that failed.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Newest jobs to show.")] = 20,
    as_json: AsJson = False,
) -> None:
    """The newest jobs of an account."""

    async def work(services: Services) -> None:
        account = await account_named(services, name)
        page = await services.jobs.list(account.id, limit=limit, status="failed" if failed else None)
        show_rows(map(_row, page.items), as_json)

    run(work)


@app.command()
def show(job_id: JobId, as_json: AsJson = False) -> None:
    """All about one job."""

    async def work(services: Services) -> None:
        job = await _found(services, job_id)
        show_row({**_row(job), "stage": job.stage, "why": job.error_message, "request": job.request}, as_json)

    run(work)


@app.command()
def cancel(job_id: JobId) -> None:
    """Stop a job. Nothing is charged for it."""

    async def work(services: Services) -> None:
        job = await _found(services, job_id)
        await services.speech.cancel(job.account_id, job.id)
        print(f"Canceled {job.id}.")

    run(work)


async def _found(services: Services, job_id: str) -> Job:
    if job := await services.jobs.find(job_id):
        return job
    raise NotFound(f"There is no job `{job_id}`.")


def _row(job: Job) -> dict[str, object]:
    return {
        "id": job.id,
        "kind": job.kind,
        "api": job.api,
        "status": job.status,
        "progress": f"{job.progress:.0%}",
        "credits": credits(job.charged),
        "made": job.created_at,
        "error": job.error_code,
    }
