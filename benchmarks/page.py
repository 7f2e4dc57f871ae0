"""``make page-cost``: what the page costs the training it shows, and how fast it moves; writes benchmarks/PAGE.md.

    python benchmarks/page.py [--pairs N]

Wants a quiet machine, about eight minutes, and the Chromium of ``scripts/browser.py``. Cost: processor seconds (user
and system) of ``tiza train mnist`` on one thread by itself, and with the page open on it in a drawing tab whose panels
move ten times a second, in turn. Scrubbing: the main thread's frames while the slider jumps about a finished run.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))
from browser import get
from playwright.sync_api import Browser, Page, sync_playwright
from screenshots import FLAGS, TIZA, environment, served

from tiza.web.running import id_of

HERE = Path(__file__).parent
TRAIN = ["mnist", "--set", "plan.threads=1", "--sealed", "--json"]
EVENTS = 100_000
MOVES = 200


def trained(home: Path, name: str, *options: str, then: Any = None) -> tuple[float, float]:
    """Processor and wall seconds of one training; ``then(folder)`` is called when it begins."""
    folder = home / "runs" / name
    began = time.perf_counter()
    process = subprocess.Popen(
        [*TIZA, "train", *TRAIN, *options, "--run", str(folder)], env=environment(home), stdout=subprocess.DEVNULL
    )
    if then is not None:
        while not (folder / "environment.json").exists():
            time.sleep(0.05)
        then(folder)
    _, _, usage = os.wait4(process.pid, 0)
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - began


def cost(home: Path, address: str, browser: Browser, pairs: int) -> list[dict[str, float]]:
    """Pairs of a training alone and one that is watched."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(address)

    def watch(folder: Path) -> None:
        page.goto(f"{address.partition('/?')[0]}/#/run/{id_of(folder)}")

    found = []
    for i in range(pairs):
        alone = trained(home, f"alone-{i}")
        watched = trained(home, f"watched-{i}", "--set", "plan.probe=0.1", then=watch)
        found.append({"alone": alone[0], "watched": watched[0], "alone_wall": alone[1], "watched_wall": watched[1]})
        print(f"    alone {alone[0]:.1f} s, watched {watched[0]:.1f} s", flush=True)
    page.close()
    return found


def scrubbing(browser: Browser, page: Page, trace: Path) -> tuple[list[float], list[float]]:
    """Milliseconds of every frame (input, script, style, layout, paint, commit) and of the longest after each move.

    A tile that changes sides flies for a fifth of a second: a move has several frames, and each has 16 ms.
    """
    box = page.get_by_role("slider").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    timeline = ["devtools.timeline", "disabled-by-default-devtools.timeline"]
    browser.start_tracing(page=page, path=trace, categories=timeline)
    for x in np.random.default_rng(0).random(MOVES):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + box["height"] / 2)
        page.wait_for_timeout(120)
    browser.stop_tracing()
    page.mouse.up()
    events = json.loads(trace.read_text())["traceEvents"]
    drawn = [event for event in events if event["name"] == "FireAnimationFrame"]
    thread = drawn[0]["pid"], drawn[0]["tid"]
    ours = [event for event in events if (event["pid"], event.get("tid")) == thread]
    tasks = sorted((event["ts"], event["dur"]) for event in ours if event["name"] == "RunTask" and "dur" in event)
    begins = np.array([begin for begin, _ in tasks])
    at = np.array(sorted(event["ts"] for event in drawn))
    frames = np.array([duration for _, duration in tasks])[np.searchsorted(begins, at, side="right") - 1] / 1000
    inputs = [event for event in ours if event["name"] == "EventDispatch"]
    moves = sorted(event["ts"] for event in inputs if event["args"]["data"]["type"] == "pointermove")
    parts = np.split(frames, np.searchsorted(at, moves))[1:]
    return frames.tolist(), [float(part.max()) for part in parts if len(part)]


def grown(folder: Path, into: Path) -> None:
    """A copy of a run whose events are a hundred thousand."""
    shutil.copytree(folder, into)
    lines = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    start, end = lines[0] | {"epochs": EVENTS // 100, "steps_per_epoch": 100}, lines[-1]
    middle = [line for line in lines if line["kind"] in ("stepped", "probed", "answered")]
    with (into / "events.jsonl").open("w") as file:
        file.write(json.dumps(start) + "\n")
        for i in range(EVENTS - 2):
            file.write(json.dumps(middle[i % len(middle)] | {"step": i, "epoch": i // 100}) + "\n")
        file.write(json.dumps(end | {"step": EVENTS, "epoch": EVENTS // 100}) + "\n")


def opened(address: str, folder: Path, browser: Browser) -> tuple[float, float]:
    """Seconds until all panels of a run are drawn, labels too, and the megabytes of the tab's heap then."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(address)
    page.wait_for_timeout(8000)  # the server has the embedded sets at hand
    began = time.perf_counter()
    page.goto(f"{address.partition('/?')[0]}/#/run/{id_of(folder)}")
    page.wait_for_function(
        "() => ['loss', 'accuracy', 'weights', 'biases'].every(name =>"
        " document.querySelector(`.l-${name} .l-end`)?.textContent?.match(/[0-9]/))"
        " && ['batch', 'validation'].every(name => document.querySelector(`.l-${name} .l-note`)?.textContent)",
        timeout=60_000,
    )
    seconds = time.perf_counter() - began
    heap = page.evaluate("performance.memory.usedJSHeapSize") / 1e6
    page.close()
    return seconds, heap


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="What the page costs the training it shows.")
    parser.add_argument("--pairs", type=int, default=10)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home = Path(folder)
        browser = playwright.chromium.launch(executable_path=get(), args=FLAGS)
        trained(home, "first")
        with served(home) as address:
            pairs = cost(home, address, browser, asked.pairs)
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(address)
            page.goto(f"{address.partition('/?')[0]}/#/run/{id_of(home / 'runs' / 'watched-0')}")
            page.wait_for_timeout(5000)
            frames, moves = scrubbing(browser, page, home / "trace.json")
            page.close()
        grown(home / "runs" / "watched-0", home / "runs" / "grown")
        with served(home) as address:
            seconds, heap = opened(address, home / "runs" / "grown", browser)
        browser.close()
    ratios = [pair["watched"] / pair["alone"] - 1 for pair in pairs]
    bound = np.mean(ratios) + stats.t.ppf(0.95, len(ratios) - 1) * np.std(ratios, ddof=1) / len(ratios) ** 0.5
    walls = median(pair["watched_wall"] / pair["alone_wall"] for pair in pairs)
    rows = [
        ("extra processor seconds of the trainer, mean", f"{np.mean(ratios):+.1%}", ""),
        (f"… upper 95 % bound over {len(ratios)} pairs", f"{bound:+.1%}", "< 10 %"),
        ("wall clock with a drawing tab on the same two cores, median ratio", f"{walls:.2f}", "–"),
        (f"a frame while the slider moves, p95 of {len(frames)}", f"{np.percentile(frames, 95):.1f} ms", "≤ 16 ms"),
        (f"… the longest frame of a move, p95 of {len(moves)}", f"{np.percentile(moves, 95):.1f} ms", ""),
        (f"a run of {EVENTS:,} events opens in", f"{seconds:.2f} s", "< 1 s"),
        ("… heap of the tab then", f"{heap:.0f} MB", "< 300 MB"),
    ]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    sheet = f"# Results of `make page-cost`\n\n{platform.system()} {platform.machine()}, {cores} cores.\n\n"
    sheet += "| what | measured | owed |\n| --- | --- | --- |\n" + "".join(f"| {a} | {b} | {c} |\n" for a, b, c in rows)
    print(sheet)
    (HERE / "PAGE.md").write_text(sheet)


if __name__ == "__main__":
    main()
