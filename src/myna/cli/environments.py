"""`myna engines`: what there is, and environments of their own for the engines that need one."""

from __future__ import annotations

from typing import Annotated

import typer

from myna.cli import voices
from myna.cli.local import load_settings
from myna.cli.names import told_of_changes
from myna.cli.show import AsJson

app = typer.Typer(help="All kinds of engines here, and what they can do; environments for engines with torch.")
NameOfEngine = Annotated[str, typer.Argument(metavar="NAME", help="chatterbox, demucs, pocket or qwen-tts.")]


@app.callback(invoke_without_command=True)
def engines(context: typer.Context, as_json: AsJson = False) -> None:
    """What speaks, hears, translates, separates and denoises on this machine, and what each engine can do."""
    if context.invoked_subcommand is None:
        voices.engines(as_json)


@app.command()
def install(
    name: NameOfEngine,
    torch_index: Annotated[
        str | None,
        typer.Option(
            help="Where torch comes from; empty: where pip looks anyway. "
            "Else PyTorch's builds for processors, or PyPI's for engines that want a graphics card."
        ),
    ] = None,
) -> None:
    """Make an environment with the libraries of an engine, anew if there is one. Downloads one to several gigabytes."""
    from myna.engines.environments import install as make
    from myna.engines.environments import recipe_of
    from myna.engines.kinds import KINDS
    from myna.engines.registry import EngineRegistry

    settings, recipe = load_settings(), recipe_of(name)
    folder = settings.environments_dir / name
    print(f"Making an environment for {name}, about {recipe.gigabytes:g} GB, in {folder}.", flush=True)
    with told_of_changes([name]):
        python = make(name, folder, torch_index)
    registry = EngineRegistry.load([name], {name: python})
    reasons = [why for kind in KINDS for engine, why in registry.unavailable_of(kind).items() if engine == name]
    print(f"{name} is installed, but not ready: {reasons[0]}" if reasons else f"{name} is ready.")


@app.command()
def remove(name: NameOfEngine) -> None:
    """Take the environment of an engine away. Its models stay."""
    from myna.engines.environments import recipe_of
    from myna.engines.environments import remove as take_away

    recipe_of(name)
    there = take_away(load_settings().environments_dir / name)
    print(f"The environment of {name} is gone." if there else f"There is no environment of {name}.")
