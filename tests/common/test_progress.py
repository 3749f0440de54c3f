"""Progress: a bar in a terminal, else plain lines."""

from __future__ import annotations

import io
import sys

from videossl.common.progress import track


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_with_the_time_left(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert list(track("abcd", "letters")) == ["a", "b", "c", "d"]
    last = terminal.getvalue().split("\r")[-1]
    assert "letters: 100%" in last and "4/4" in last and "00:00<00:00" in last


def test_a_log_gets_lines_without_control_characters(monkeypatch):
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    assert list(track("abcd", "letters")) == ["a", "b", "c", "d"]
    assert log.getvalue().startswith("letters: 4/4 (100 %), ") and "\r" not in log.getvalue()
