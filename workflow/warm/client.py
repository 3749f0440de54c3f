"""Runs a script in a fork of the warm interpreter: `python -SE client.py SCRIPT ARGUMENTS...`.

Standard library only, so that it starts in milliseconds. If the warm interpreter does not answer, the script runs in an
interpreter of its own.
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
"""Exit code when the job ended without giving one: something killed it."""


def main() -> int:
    """Hand over, forward signals, and return the job's exit code."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        process = hand_over(connection)
        if process:
            for number in FORWARDED:
                signal.signal(number, lambda number, frame: forward(process, number))
            return answer(connection, otherwise=KILLED)
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])


def hand_over(connection: socket.socket) -> int:
    """Ask for a fork that runs the script; its process id, or 0 if there is none, and nothing of the script has run."""
    folder = os.getcwd()  # noqa: PTH109  (importing pathlib would double the time this takes)
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
    """Whether the process at the other end is of the same user: names without a file are anybody's to take."""
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
    """Pass a signal on to the job, if it has not just ended."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)


if __name__ == "__main__":
    sys.exit(main())
