"""`repit completion`: the script that teaches a shell the commands and options."""

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from repit_server.cli.options import json_option
from repit_server.cli.output import print_json

_SHELLS: dict[str, type[ShellComplete]] = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


@click.command()
@click.argument("shell", type=click.Choice(sorted(_SHELLS)))
@json_option
@click.pass_context
def completion(context: click.Context, shell: str, as_json: bool) -> None:
    """Print the completion script for SHELL; for bash: `eval "$(repit completion bash)"`."""
    group = context.find_root().command
    writer = _SHELLS[shell](group, {}, "repit", "_REPIT_COMPLETE")
    script = writer.source_template % writer.source_vars()
    if as_json:
        print_json({"shell": shell, "script": script})
    else:
        click.echo(script)
