"""What tiza says when it can't go on: one sentence in the user's language (what, where, what to do)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from tiza.i18n import t


class TizaError(ValueError):
    """The work failed. ``code`` names the sentence ``error.CODE`` of the catalogue, ``fields`` fill it in.

    ``where`` is the file, field, layer or step at fault, for programs that read the error as JSON.
    """

    exit_code = 1

    def __init__(self, code: str, *, where: str | None = None, **fields: Any) -> None:
        super().__init__(code)
        self.code = code
        self.where = where
        self.fields = fields

    def __str__(self) -> str:
        return t(f"error.{self.code}", where=self.where, **self.fields)

    def to_dict(self) -> dict[str, Any]:
        """As ``--json`` prints it."""
        return {"code": self.code, "message": str(self), "where": self.where}


class RequestError(TizaError):
    """What was asked for can't be right, whatever the data: a wrong name, field or value."""

    exit_code = 2


class Faults(RequestError):
    """Several things wrong with one request, each told on a line of its own."""

    def __init__(self, faults: Sequence[TizaError]) -> None:
        super().__init__("faults", where=", ".join(fault.where or "" for fault in faults), n=len(faults))
        self.faults = tuple(faults)

    def __str__(self) -> str:
        return "\n".join([super().__str__(), *(f"  · {fault}" for fault in self.faults)])


@dataclass(frozen=True)
class Note:
    """Something that was done to the user's data unasked: the sentence ``note.CODE`` with its ``fields``."""

    code: str
    fields: Mapping[str, Any]

    def __str__(self) -> str:
        return t(f"note.{self.code}", **self.fields)


def note(code: str, /, **fields: Any) -> Note:
    """The note ``code``."""
    return Note(code, fields)


def together(faults: Sequence[TizaError]) -> TizaError:
    """One error for all ``faults``: itself if there is one, else :class:`Faults`."""
    return faults[0] if len(faults) == 1 else Faults(faults)


def unknown(kind: str, name: object, known: Sequence[str], *, where: str | None = None) -> RequestError:
    """The error for a ``name`` that is none of the ``known`` ones: says the nearest, else all of them."""
    spelt = {str(k).lower(): str(k) for k in known}
    nearest = get_close_matches(str(name).lower(), spelt, n=1, cutoff=0.5)
    hint = t("hint.nearest", name=spelt[nearest[0]]) if nearest else t("hint.known", names=", ".join(known) or "–")
    return RequestError("unknown", where=where or str(name), kind=t(f"kind.{kind}"), name=name, hint=hint)
