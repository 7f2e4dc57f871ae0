"""Packs of trials as Ray tasks: on this machine, or on a cluster."""

from collections.abc import Iterator, Sequence

from tiza.errors import RequestError
from tiza.trials.outcome import Outcome
from tiza.trials.packs import Datasets, Pack


def results(on: str, planned: Sequence[Pack], datasets: Datasets) -> Iterator[tuple[Pack, list[Outcome]]]:
    """The packs as they are done; ``on``: ``ray``, or ``ray=ADDRESS``."""
    raise RequestError("search-on", where="on", on=on)
