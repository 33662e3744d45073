"""The command line: python -m core COMMAND."""

from __future__ import annotations

import os
import sys

from core.cli import arguments, run_commands, training_commands
from core.runs import limits
from core.training import distributed


def main(given: list[str] | None = None) -> int:
    """Run one command and return its exit status: 0 done, 1 not reproduced, 2 an error, 130
    Ctrl-C.
    """
    options = arguments.parse(given)
    if threads := getattr(options, "threads", None):
        os.environ["OMP_NUM_THREADS"] = str(threads)  # read once, when torch is imported
    try:
        limits.check_environment()
        return COMMANDS[options.command](options) or 0
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, LookupError, RuntimeError, ArithmeticError, OSError) as error:
        if not _is_told(error):
            raise
        print(f"error: {error}", file=sys.stderr)
        return 2


def _is_told(error: Exception) -> bool:
    """Whether an error is one of ours or of the file system, whose text is meant for people."""
    ours = type(error).__module__.startswith("core.")
    return ours or type(error) is ValueError or isinstance(error, OSError)


COMMANDS = {**training_commands.COMMANDS, **run_commands.COMMANDS}


def run() -> None:
    """What `python -m core` does."""
    distributed.end_process(main())
