"""The error that is meant for the user's eyes, and the one of a run that was asked to stop."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Iterable
from difflib import get_close_matches

from videossl.common.children import stop_with_controller


class UserError(Exception):
    """Something the user can mend: says what was wrong, where, what is valid, and the remedy.

    Command-line entry points print its text without a traceback (see :func:`report_user_errors`).
    """


class DamagedFile(UserError):
    """A file of results that cannot be used: damaged, or another than its name says. Whoever shows many runs goes on
    without that one, and says so."""


class Interrupted(Exception):
    """The run was asked to stop; its checkpoint is written."""


def unknown_name(kind: str, name: object, valid: Iterable[object], where: str = "", remedy: str = "") -> UserError:
    """An error for a name that is not one of `valid`, with the nearest valid ones first, and what else may help."""
    names = [str(value) for value in valid]
    near = get_close_matches(str(name), names, n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    place = f" in {where}" if where else ""
    more = f" {remedy}" if remedy else ""
    return UserError(f"unknown {kind} '{name}'{place}.{hint} Valid: {', '.join(names) or '(none)'}.{more}")


LONGEST_SHOWN = 100
"""Characters of a wrong value in a message."""


def as_given(value: object) -> str:
    """A wrong value for messages, cut where it is long. (Python writes no number of thousands of digits.)"""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        return "a number of thousands of digits" if isinstance(value, int) else f"a {type(value).__name__}"
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


MACHINE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR, errno.EIO, errno.ESTALE}
"""Errors of the system that say something about the machine, and nothing about the code that met them."""

LIMITS = {
    errno.EMFILE: "`ulimit -n`",
    errno.ENFILE: "`sysctl fs.file-max`",
    errno.EAGAIN: "`ulimit -u`, or the container's or job's number of processes",
    errno.ENOMEM: "the memory of the machine, container or job",
}
"""Errors of the system at a limit, with what sets the limit."""
NO_THREAD = "can't start new thread"
"""What Python says where the system gives no further thread."""


def message_of(error: BaseException) -> str | None:
    """What is said to the user of `error`: of a :class:`UserError`, or of an error of the machine such as a full or
    read-only disk or a limit that is too low. None for any other, whose traceback is needed."""
    if isinstance(error, UserError):
        return f"error: {error}"
    if isinstance(error, OSError) and error.errno in MACHINE:
        place = f": {error.filename}" if error.filename else ""
        remedy = "Make it readable and writable, free some space, or set `results_dir` in the configuration."
        return f"error: {error.strerror}{place}. {remedy}"
    number = error.errno if isinstance(error, OSError) else errno.EAGAIN if str(error) == NO_THREAD else None
    if number in LIMITS:
        what = getattr(error, "strerror", None) or error
        return f"error: {what}. Raise the limit ({LIMITS[number]}), or run fewer jobs at a time (`--cores`)."
    return None


def report_user_errors(main: Callable[[], int | None]) -> int:
    """Run `main` and return its exit code; an error that has a message (:func:`message_of`) is printed, exit code 2.

    A job stops with the Snakemake process that started it.
    """
    stop_with_controller()
    try:
        return main() or 0
    except (UserError, OSError, RuntimeError) as error:
        message = message_of(error)
        if message is None:
            raise
        print(message, file=sys.stderr)
    return 2
