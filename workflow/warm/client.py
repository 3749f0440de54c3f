"""Runs a script in a fork of the warm interpreter: `python -SE client.py SCRIPT ARGUMENTS...`.

Uses only the standard library, so that it starts in milliseconds. If the warm interpreter does not answer, the script
runs in its own interpreter.
"""

import contextlib
import json
import os
import signal
import socket
import struct
import sys

FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGURG)
KILLED = 137
"""Exit code of a job that ended without reporting one, because it was killed."""


def main() -> int:
    """Hand the job over, forward signals, and return the job's exit code."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        process = hand_over(connection)
        if process:
            for number in FORWARDED:
                signal.signal(number, lambda number, frame: forward(process, number))
            return answer(connection, otherwise=KILLED)
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])


def hand_over(connection: socket.socket) -> int:
    """Request a fork that runs the script. Returns its process id, or 0 if no part of the script has run."""
    folder = os.getcwd()  # noqa: PTH109  (importing pathlib would double the start time)
    job = {"arguments": sys.argv[1:], "folder": folder, "environment": dict(os.environ)}
    message = json.dumps(job).encode()
    try:
        connection.connect("\0" + os.environ["VIDEOSSL_WARM"])
        if not of_this_user(connection):
            return 0
        socket.send_fds(connection, [len(message).to_bytes(8, "big")], [0, 1, 2])
        connection.sendall(message)
    except OSError:
        return 0
    return answer(connection, otherwise=0)


def of_this_user(connection: socket.socket) -> bool:
    """Whether the process at the other end belongs to the same user: any process can bind an abstract socket name."""
    size = struct.calcsize("3i")
    return struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))[1] == os.getuid()


def answer(connection: socket.socket, otherwise: int) -> int:
    """The next number from the other end; `otherwise` if it has ended."""
    try:
        number = connection.recv(8)
    except ConnectionError:
        return otherwise
    return int.from_bytes(number, "big") if number else otherwise


def forward(process: int, number: int) -> None:
    """Forward a signal to the job, unless it has just ended."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)


if __name__ == "__main__":
    sys.exit(main())
