"""Errors whose text is for the user, and the exception of a run that was asked to stop."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Iterable
from difflib import get_close_matches

from videossl.common.children import stop_with_controller


class UserError(Exception):
    """A mistake that the user can correct. The text says what is wrong, where, which values are valid, and the remedy.

    Command-line entry points print it without a traceback (:func:`report_user_errors`).
    """


class DamagedFile(UserError):
    """A results file that cannot be used: it is damaged, or is not what its name says. Code that shows many runs leaves
    this one out and says so."""


class OutOfMemory(UserError):
    """A GPU's memory is too small for a job. The same job on the same GPU fails again, so it is not tried again."""


class Interrupted(Exception):
    """The run was asked to stop and has written its checkpoint."""


def unknown_name(kind: str, name: object, valid: Iterable[object], where: str = "", remedy: str = "") -> UserError:
    """A UserError for a name that is not in `valid`. It lists the closest matches, all valid names and the `remedy`."""
    names = [str(value) for value in valid]
    near = get_close_matches(str(name), names, n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    place = f" in {where}" if where else ""
    more = f" {remedy}" if remedy else ""
    return UserError(f"unknown {kind} '{name}'{place}.{hint} Valid: {', '.join(names) or '(none)'}.{more}")


LONGEST_SHOWN = 100
"""Longest part of a wrong value that a message quotes, in characters."""


def as_given(value: object) -> str:
    """A wrong value for a message, shortened if it is long. (Python refuses to print integers with thousands of
    digits.)"""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        return "a number of thousands of digits" if isinstance(value, int) else f"a {type(value).__name__}"
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


MACHINE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR, errno.EIO, errno.ESTALE}
"""System errors that have their cause in the machine, not in the code."""

LIMITS = {
    errno.EMFILE: "`ulimit -n`",
    errno.ENFILE: "`sysctl fs.file-max`",
    errno.EAGAIN: "`ulimit -u`, or the container's or job's number of processes",
    errno.ENOMEM: "the memory of the machine, container or job",
}
"""System errors at a resource limit, and where that limit is set."""
NO_THREAD = "can't start new thread"
"""Python's message when the system allows no more threads."""


def message_of(error: BaseException) -> str | None:
    """The text for the user if `error` is a :class:`UserError` or a problem of the machine, such as a full or read-only
    disk or a limit that is too low. None for all others, which need their traceback."""
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
    """Run `main` and return its exit code. An error with a text for the user (:func:`message_of`) is printed; exit code
    2.

    The job also stops when the Snakemake process that started it ends.
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
