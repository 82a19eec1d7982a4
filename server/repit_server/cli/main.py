"""The command line: the commands, and how each of them ends."""

from collections.abc import Sequence

import click

from repit import __version__
from repit_server.cli.apply import apply
from repit_server.cli.ask import ask
from repit_server.cli.claims import claims
from repit_server.cli.completion import completion
from repit_server.cli.config import config
from repit_server.cli.demo import demo
from repit_server.cli.diff import diff
from repit_server.cli.explain import explain
from repit_server.cli.failure import INTERRUPTED, SERVER_FAILED, WRONG_USE, Failure, one_line
from repit_server.cli.importing import import_events
from repit_server.cli.lint import lint
from repit_server.cli.replay import replay
from repit_server.cli.rollback import rollback
from repit_server.cli.schema import schema
from repit_server.cli.serve import serve
from repit_server.cli.shadow import shadow
from repit_server.cli.versions import versions
from repit_server.cli.wiring import Wiring, wiring_of


def _print_version(context: click.Context, _parameter: click.Parameter, is_wanted: bool) -> None:
    if is_wanted and not context.resilient_parsing:
        click.echo(f"repit {__version__} (engine {wiring_of(context).engine_version})")
        context.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Print the version."
)
def cli() -> None:
    """May I contact this customer now, by this channel, for this campaign?"""


for _command in (
    serve,
    ask,
    claims,
    explain,
    lint,
    apply,
    diff,
    versions,
    rollback,
    shadow,
    import_events,
    replay,
    demo,
    config,
    schema,
    completion,
):
    cli.add_command(_command)


def run(wiring: Wiring, args: Sequence[str] | None = None) -> int:
    """Run a command with what commands work with; gives its exit status.

    0 done, 1 the answer is no, 2 wrong use or input, 3 the server or store failed. An error says in its first line what
    went wrong and in its second what to do next.
    """
    try:
        status = cli.main(args, prog_name="repit", obj=wiring, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return WRONG_USE
    except click.UsageError as error:
        _show_usage(error)
        return WRONG_USE
    except Failure as error:
        error.show()
        return error.status
    except click.Abort:
        _show("stopped before the end", "run the command again")
        return INTERRUPTED
    except OSError as error:
        _show(str(error), "make room or permission there, and run the command again")
        return SERVER_FAILED
    return status if isinstance(status, int) else 0


def _show_usage(error: click.UsageError) -> None:
    command = error.ctx.command_path if error.ctx else "repit"
    _show(error.format_message(), f"see `{command} --help`")


def _show(problem: str, remedy: str) -> None:
    click.echo(f"error: {one_line(problem)}\nnext: {remedy}", err=True)
