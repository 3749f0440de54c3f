"""Texts from class names, and token numbers from texts.

Published models use CLIP's byte-pair encoding, whose two files the user provides. Small models use whole words: their
vocabulary consists of their own training captions and templates; other words are unknown to them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from videossl.common.errors import UserError

START, UNKNOWN = "<start>", "<unknown>"


def phrase(name: str) -> str:
    """A class name in ordinary spelling: ApplyEyeMakeup -> apply eye makeup, brush_hair -> brush hair."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return " ".join(apart.replace("_", " ").split()).lower()


def fill(templates: Sequence[str], names: Sequence[str]) -> list[list[str]]:
    """Every template with every name: one list of texts per template. Raises UserError for a template without {}."""
    for template in templates:
        if template.count("{}") != 1:
            raise UserError(f"the prompt template {template!r} must have exactly one {{}} for the name of the class.")
    return [[template.replace("{}", name) for name in names] for template in templates]


class Tokenizer(Protocol):
    """Converts texts to token numbers."""

    def __call__(self, texts: Sequence[str], context: int) -> np.ndarray:
        """Texts (P) -> int64 (P, context): start, tokens, end, zeros. The end token has the largest number."""
        ...

    def state(self) -> dict[str, Any]:
        """The arguments from which :func:`tokenizer_of` recreates the tokenizer."""
        ...


def tokenised(texts: Sequence[Sequence[str]], tokenizer: Tokenizer, context: int) -> np.ndarray:
    """Token numbers of the output of :func:`fill`: int64 (templates, names, context)."""
    return np.stack([tokenizer(row, context) for row in texts])


def _rows(encoded: Iterable[list[int]], context: int, end: int) -> np.ndarray:
    """Pad to `context`. A longer text is truncated, as in CLIP, and keeps its end token."""
    cut = [[*tokens[: context - 1], end] for tokens in encoded]
    return np.array([tokens + [0] * (context - len(tokens)) for tokens in cut], dtype=np.int64)


class WordTokenizer:
    """One token per word, numbered alphabetically."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = list(words)
        self.numbers = {word: number for number, word in enumerate((START, UNKNOWN, *self.words), start=1)}
        self.end = len(self.numbers) + 1
        self.size = self.end + 1
        """Size of the embedding table; 0 is padding."""

    @classmethod
    def of(cls, texts: Iterable[str]) -> WordTokenizer:
        """The tokenizer whose vocabulary is the words of `texts`."""
        return cls(sorted({word for text in texts for word in cls.split(text)}))

    @staticmethod
    def split(text: str) -> list[str]:
        """Lower-case words, without punctuation."""
        return re.findall(r"[a-z0-9]+", text.lower())

    def __call__(self, texts: Sequence[str], context: int) -> np.ndarray:
        unknown = self.numbers[UNKNOWN]
        encoded = ([self.numbers[START], *(self.numbers.get(w, unknown) for w in self.split(t))] for t in texts)
        return _rows(encoded, context, self.end)

    def state(self) -> dict[str, Any]:
        return {"kind": "words", "words": self.words}


class ClipTokenizer:
    """CLIP's byte-pair encoding, through `transformers`."""

    def __init__(self, vocabulary: Mapping[str, int], merges: Sequence[str]) -> None:
        from transformers import CLIPTokenizer

        import videossl.common.torchvision_operators  # noqa: F401 - before transformers imports torchvision

        self.vocabulary, self.merges = dict(vocabulary), list(merges)
        pairs = [tuple(line.split()) for line in self.merges]
        self._tokenizer = CLIPTokenizer(vocab=self.vocabulary, merges=pairs)
        self.end = self.vocabulary["<|endoftext|>"]
        if self.end != max(self.vocabulary.values()):
            raise UserError("the tokeniser's <|endoftext|> is not its last token: these are not CLIP's files.")

    @classmethod
    def read(cls, folder: Path) -> ClipTokenizer:
        """Read vocab.json and merges.txt, whose first line is a version."""
        import json

        try:
            lines = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()
            merges = [line for line in lines if line and not line.startswith("#version")]
            return cls(json.loads((folder / "vocab.json").read_text(encoding="utf-8")), merges)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(
                f"{folder}: vocab.json and merges.txt cannot be read as CLIP's tokeniser ({type(error).__name__}: "
                f"{error}). Get them again: the key `vifm.tokenizer` names their folder."
            ) from error

    def __call__(self, texts: Sequence[str], context: int) -> np.ndarray:
        encoded = self._tokenizer(list(texts), add_special_tokens=True)["input_ids"]
        return _rows((tokens[:-1] for tokens in encoded), context, self.end)

    def state(self) -> dict[str, Any]:
        return {"kind": "clip", "vocabulary": self.vocabulary, "merges": self.merges}


def tokenizer_of(state: Mapping[str, Any]) -> Tokenizer:
    """The tokenizer described by :meth:`Tokenizer.state`."""
    if state["kind"] == "words":
        return WordTokenizer(state["words"])
    return ClipTokenizer(state["vocabulary"], state["merges"])
