"""``tiza.search``: many settings trained, most of them as one, and ranked honestly."""

from tiza.trials.searching import search
from tiza.trials.standing import Progress
from tiza.trials.table import Trials, read

__all__ = ["Progress", "Trials", "read", "search"]
