"""What a command says, for the tests that ask it."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass
class Said:
    """What a command said, and its exit status."""

    code: int
    out: str
    err: str

    def json(self) -> dict[str, Any]:
        """The one object on stdout."""
        (line,) = self.out.splitlines()
        return json.loads(line)
