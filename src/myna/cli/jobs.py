"""`myna jobs`: the work that was accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from myna.cli.local import LocalData, account_named, run
from myna.cli.show import AsJson, credits, show_row, show_rows
from myna.errors import NotFound

if TYPE_CHECKING:
    from myna.jobs.schemas import Job

app = typer.Typer(help="Jobs: look and cancel.", no_args_is_help=True)
JobId = Annotated[str, typer.Argument(metavar="JOB_ID", help="Id of the job, as `myna jobs list` shows.")]
Status = Literal["queued", "running", "succeeded", "failed", "canceled"]


@app.command("list")
def list_jobs(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the account.")],
    status: Annotated[Status | None, typer.Option(help="Only those in this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Newest jobs to show.")] = 20,
    as_json: AsJson = False,
) -> None:
    """The newest jobs of an account, whatever became of them."""

    async def work(data: LocalData) -> None:
        account = await account_named(data, name)
        page = await data.jobs.list(account.id, limit=limit, status=status)
        show_rows((_row(job, as_json) for job in page.items), as_json)

    run(work)


@app.command()
def show(job_id: JobId, as_json: AsJson = False) -> None:
    """All about one job, also why it failed."""

    async def work(data: LocalData) -> None:
        job = await _found(data, job_id)
        outputs = [output.id for output in await data.outputs.of_job(job.id)]
        details = {
            "stage": job.stage,
            "why": job.error_message,
            "outputs": outputs,
            "started": job.started_at,
            "finished": job.finished_at,
            "request": job.request,
        }
        show_row({**_row(job, as_json), **details}, as_json)

    run(work)


@app.command()
def cancel(job_id: JobId) -> None:
    """Stop a job. Nothing is charged for it."""

    async def work(data: LocalData) -> None:
        job = await _found(data, job_id)
        await data.jobs.cancel(job.account_id, job.id)
        print(f"Canceled {job.id}.")

    run(work)


async def _found(data: LocalData, job_id: str) -> Job:
    if job := await data.jobs.find(job_id):
        return job
    raise NotFound(f"There is no job `{job_id}`. `myna jobs list NAME` shows those of an account.")


def _row(job: Job, as_json: bool) -> dict[str, object]:
    return {
        "id": job.id,
        "kind": job.kind,
        "api": job.api,
        "status": job.status,
        "progress": job.progress if as_json else f"{job.progress:.0%}",
        "credits": credits(job.charged),
        "made": job.created_at,
        "error": job.error_code,
    }
