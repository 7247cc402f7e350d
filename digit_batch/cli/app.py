"""The application: its commands, and what becomes of an error.

Exit codes: 0 done; 1 failed; 2 usage; 3 done, some images unreadable;
4 below --fail-under; 5 no image found; 130 interrupted.
"""

import gc
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from digit_batch import __version__
from digit_batch.cli import classify, dataset, evaluate, explain, merge, review, train
from digit_batch.cli.codes import DONE, FAILED, INTERRUPTED, NO_IMAGE
from digit_batch.cli.interrupt import interruptible, leave_threads
from digit_batch.cli.streams import close_stdout, is_of_stdout, show_any_text
from digit_batch.errors import DigitBatchError, NoImageError
from digit_batch.report.names import plain


class Commands(TyperGroup):
    """The commands, with every error turned into one sentence and its exit code."""

    def make_context(self, *words: Any, **more: Any) -> Any:
        """Read the words of the command line; Typer would end a Ctrl-C here without a word."""
        try:
            return super().make_context(*words, **more)
        except KeyboardInterrupt:
            _tell("Interrupted.")
            sys.exit(INTERRUPTED)

    def invoke(self, ctx: Any) -> Any:
        """Run a command; no traceback reaches a user, except with --debug."""
        try:
            with interruptible():
                return super().invoke(ctx)
        except DigitBatchError as error:
            _tell(str(error))
            sys.exit(NO_IMAGE if isinstance(error, NoImageError) else FAILED)
        except KeyboardInterrupt as interrupt:
            _tell(str(interrupt) or "Interrupted.")
            sys.exit(INTERRUPTED)
        except BrokenPipeError:  # the reader of stdout has what it wanted, as in `... -o - | head`
            close_stdout()
            sys.exit(DONE)
        except (typer.Exit, typer.Abort, TyperException):
            raise
        except Exception as error:
            if ctx.params["debug"] or is_of_stdout(error):
                raise
            _tell(_say(error))
            sys.exit(FAILED)


app = typer.Typer(cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="rich")
app.command()(classify.classify)
app.command()(evaluate.evaluate)
app.command()(train.train)
app.command()(explain.explain)
app.command()(merge.merge)
app.command()(review.review)
app.command()(dataset.dataset)


def _tell(sentence: str) -> None:
    print(f"digit-batch: {plain(sentence)}", file=sys.stderr)


def _say(error: Exception) -> str:
    """Return the sentence for an error that no room expected: of a file or a folder it tells which, and why."""
    if isinstance(error, OSError) and isinstance(error.filename, str | bytes) and error.strerror:
        name = os.fsdecode(error.filename)
        return f"Cannot use {name}: {error.strerror}. Check the name and who may use it, or give another."
    if isinstance(error, FileNotFoundError) and not _is_somewhere():
        return "The folder that you are in was deleted. Go to another one, and run this again there."
    return f"Failed: {type(error).__name__}: {error}. Run again with `digit-batch --debug` and report it."


def _is_somewhere() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"digit-batch {__version__}")
        raise typer.Exit()


@app.callback()
def digit_batch(
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Read folders of scanned handwritten digits into a CSV you can trust."""


def main() -> None:
    """Run the command line."""
    show_any_text()
    try:
        app()
    except SystemExit as end:
        if end.code == INTERRUPTED:
            leave_threads()
        raise
    except OSError as error:
        if not is_of_stdout(error):
            raise
        close_stdout()
        _tell(f"Cannot write to stdout: {error.strerror}. Send it elsewhere; an output that has its name is whole.")
        sys.exit(FAILED)
    finally:
        gc.freeze()  # Python ends with a last collection: without it, a run with Dask ends 0.09 s sooner
