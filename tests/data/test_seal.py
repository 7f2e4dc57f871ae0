"""tiza.data.seal: looking is free, opening is written down, whoever opens."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tiza.data.seal import Sealed, Split, ledger


def sealed(value: float = 0) -> Sealed:
    return Sealed(Split(torch.full((6, 2), value), torch.arange(6) % 2))


def opened(split: Sealed, by: str = "run") -> int:
    return split.open(data="mine", by=by, purpose="evaluation")[1]


def lines() -> list[dict[str, object]]:
    return [json.loads(line) for line in ledger().read_text(encoding="utf-8").splitlines()]


def test_looking_measuring_and_hashing_write_nothing(home: Path):
    split = sealed()
    assert torch.equal(split.look().y, torch.arange(6) % 2)
    assert len(split) == 6
    assert split.digest == split.look().digest()
    assert split.digest in repr(split)
    assert not [path for path in home.iterdir() if path.name != "cache"]


def test_an_opening_is_one_line_that_says_what_who_why_and_when(home: Path):
    split = sealed()
    inside, number = split.open(data="mine", by="run-1", purpose="evaluation")
    assert inside is split.look()
    assert number == 1
    (line,) = lines()
    assert line.pop("time") == pytest.approx(os.stat(home / "openings.jsonl").st_mtime, abs=5)  # noqa: PTH116
    expected = {"test": split.digest, "opening": 1, "data": "mine", "by": "run-1", "purpose": "evaluation", "n": 6}
    assert line == expected


def test_openings_count_up_per_test_set_and_not_across_different_ones():
    one, twin, other = sealed(0), sealed(0), sealed(1)
    assert [opened(split) for split in (one, other, one, twin, other, one)] == [1, 1, 2, 3, 2, 4]
    assert [line["opening"] for line in lines()] == [1, 1, 2, 3, 2, 4]


def test_openings_are_only_ever_added():
    opened(sealed(0))
    before = ledger().read_bytes()
    opened(sealed(1))
    assert ledger().read_bytes().startswith(before)


@pytest.mark.parametrize("tail", [b'{"test": "a', b"{", b'{"test": "\xff\xc3'])
def test_an_opening_after_a_crash_in_the_middle_of_a_line_is_not_lost(tail: bytes):
    split = sealed()
    assert opened(split) == 1
    with ledger().open("ab") as file:
        file.write(tail)
    assert [opened(split) for _ in range(3)] == [2, 3, 4]


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (torch.zeros(6, 2), torch.tensor([0, 1, 0, 1, 0, 0])),
        (torch.zeros(6, 2).index_fill(0, torch.tensor(3), 1e-30), torch.arange(6) % 2),
        (torch.zeros(6, 2, dtype=torch.uint8), torch.arange(6) % 2),
        (torch.zeros(6, 2, 1, 1), torch.arange(6) % 2),
        (torch.zeros(5, 2), torch.arange(5) % 2),
    ],
)
def test_a_digest_tells_any_other_split(x: torch.Tensor, y: torch.Tensor):
    assert Split(x, y).digest() != sealed().digest


def test_a_digest_is_of_the_values_and_not_of_their_layout():
    x = torch.rand(6, 3, 4, 5)
    y = torch.arange(6)
    assert Split(x, y).digest() == Split(x.to(memory_format=torch.channels_last), y.clone()).digest()


MANY = """
import multiprocessing, sys, torch
from tiza.data.seal import Sealed, Split

def one(start, numbers):
    sealed = Sealed(Split(torch.zeros(4, 2), torch.arange(4)))
    start.wait()
    numbers.put(sealed.open(data="d", by="b", purpose="p")[1])

if __name__ == "__main__":
    fork = multiprocessing.get_context("fork")
    start, numbers = fork.Barrier(20), fork.Queue()
    processes = [fork.Process(target=one, args=(start, numbers)) for _ in range(20)]
    for process in processes:
        process.start()
    print(*sorted(numbers.get(timeout=60) for _ in processes))
    for process in processes:
        process.join()
"""


def test_twenty_processes_that_open_at_once_get_twenty_numbers(tmp_path: Path):
    script = tmp_path / "many.py"
    script.write_text(MANY)
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(i) for i in range(1, 21)]
    assert sorted(int(str(line["opening"])) for line in lines()) == list(range(1, 21))
