"""Trained models as files that other programs and machines use."""

from typing import TYPE_CHECKING

from tiza.lazy import lazily

if TYPE_CHECKING:
    from tiza.exports.writing import export

__all__ = ["export"]

__getattr__, __dir__ = lazily("tiza.exports", {"export": "tiza.exports.writing"})
