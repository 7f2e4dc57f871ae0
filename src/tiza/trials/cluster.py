"""Packs of trials as Ray tasks: on this machine, or on a cluster.

A pack is trained with the engine, the threads and the device that were chosen for it here, so that its answers are
those of a local search. The pack of a worker that dies is trained again, by another one. Who may give a cluster tasks
may run anything on its machines: it has to ask for a token, unless the user says otherwise (``RAY_AUTH_MODE``).
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tiza.data.dataset import Dataset
from tiza.errors import RequestError, TizaError
from tiza.training.machine import choose_device
from tiza.trials.outcome import Outcome
from tiza.trials.packs import Datasets, Line, Pack
from tiza.trials.space import Search
from tiza.trials.work import outcomes_of

DEATHS = 5  # workers that may die on one pack
PATIENCE = 5  # seconds that a cluster has to answer in
AHEAD = 64  # packs handed out at least; a million trials at once would fill the memory
_PLACE = re.compile(r"ray=((?:ray://)?(?:\[[0-9a-fA-F:]+\]|[^\s/:]+):\d{1,5})")


@dataclass(frozen=True)
class Job:
    """What all packs have in common; ``given`` is the user's own data, where no recipe names it."""

    tiza: str
    search: Search
    given: Dataset | None
    fingerprint: str
    test: str


def check(on: str) -> None:
    """Raise a :class:`TizaError` where ``on`` is no place, Ray is not there, or no cluster at the address takes us."""
    address = _address(on)
    if not _ray().is_initialized() and address is not None:
        _greet(address)


def results(on: str, planned: Sequence[Pack], datasets: Datasets) -> Iterator[tuple[Pack, list[Outcome]]]:
    """The packs as they are done; ``on``: ``ray``, or ``ray=ADDRESS``. Where Ray is connected already, it stays so."""
    base = datasets.base
    given = base if base.config.name == "external" else None
    with _connected(on) as ray:
        job = ray.put(Job(version("tiza"), datasets.search, given, base.fingerprint, base.test.digest))
        task = ray.remote(_outcomes)
        left, running = list(reversed(planned)), {}
        try:
            while left or running:
                nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
                ahead = max(AHEAD, 2 * int(sum(node.get("CPU", 0) for node in nodes)))
                while left and len(running) < ahead:
                    pack = left.pop()
                    running[task.options(**_needs(pack, nodes)).remote(_placed(pack), [job])] = pack
                done, outcomes = _first(ray, list(running))
                yield running.pop(done), outcomes
        finally:
            for reference in running if ray.is_initialized() else ():
                ray.cancel(reference, force=True)


def _address(on: str) -> str | None:
    """Where the cluster is; None for one of this machine alone."""
    said = f"ray={os.environ.get('RAY_ADDRESS') or 'local'}" if on == "ray" else on
    if said == "ray=local":
        return None
    if (found := _PLACE.fullmatch(said)) is None:
        raise RequestError("search-on", where="on", on=on)
    return found[1]


def _ray() -> Any:
    """Ray, told that a cluster asks for a token, and that stdout is not for what it has to say about its nodes.

    It reads both as it is imported; where that has happened before, it is told the first again.
    """
    said = os.environ.get("RAY_AUTH_MODE")
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
    try:
        ray = import_module("ray")
    except ImportError:
        raise RequestError("search-ray-missing", where="on") from None
    if said is None and not ray.is_initialized():
        import_module("ray._raylet").Config.initialize("")
    return ray


@contextmanager
def _connected(on: str) -> Iterator[Any]:
    """Ray, inside connected to where ``on`` says, without its own words on how it goes."""
    address, ray = _address(on), _ray()
    if ray.is_initialized():
        yield ray
        return
    if address is not None:
        _greet(address)
    ours: dict[str, Any] = {"include_dashboard": False} if address is None else {}
    try:
        ray.init(address or "local", log_to_driver=False, logging_level="ERROR", **ours)
    except (OSError, RuntimeError, ray.exceptions.RayError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise TizaError("search-ray-failed", where=address or "local", reason=reason) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _greet(address: str) -> None:
    """Raise a :class:`TizaError` unless a cluster at ``address`` answers, asks for a token and takes ours.

    Ray itself would try for up to minutes, and take what asks for nothing.
    """
    secret = os.environ["RAY_AUTH_MODE"].lower() == "token"
    answers = _ask(address, None)
    if answers is None:
        raise TizaError("search-ray-silent", where=address)
    if answers and secret:
        raise RequestError("search-ray-open", where=address)
    token = _token() if secret else None
    if not answers and not (token and _ask(address, token)):
        raise RequestError("search-ray-token", where=address)
    if not address.startswith("ray://") and not _is_node(address, token):
        raise RequestError("search-ray-join", where=address)


def _ask(address: str, token: str | None) -> bool | None:
    """Whether a cluster takes a question with this token; None where no cluster answers."""
    import grpc

    client = address.startswith("ray://")
    try:
        _call(address, "RayletDriver/ClusterInfo" if client else "NodeInfoGcsService/CheckAlive", token)
    except grpc.RpcError as error:
        code = error.code()  # type: ignore[attr-defined]
        return {grpc.StatusCode.UNAUTHENTICATED: False, grpc.StatusCode.NOT_FOUND: client or None}.get(code)
    return True


def _call(address: str, method: str, token: str | None) -> bytes:
    """A question without words, put to a cluster."""
    import grpc

    metadata = (("authorization", f"Bearer {token}"),) if token else None
    with grpc.insecure_channel(address.removeprefix("ray://"), [("grpc.enable_http_proxy", 0)]) as channel:
        return channel.unary_unary(f"/ray.rpc.{method}")(b"", timeout=PATIENCE, metadata=metadata)


def _is_node(address: str, token: str | None) -> bool:
    """Whether this machine is a node of the cluster; from another one, Ray would end the whole process."""
    reply = import_module("ray.core.generated.gcs_service_pb2").GetAllNodeInfoReply()
    reply.ParseFromString(_call(address, "NodeInfoGcsService/GetAllNodeInfo", token))
    sockets = [node.raylet_socket_name for node in reply.node_info_list if node.state == 0]
    return any(not name.startswith("/") or Path(name).exists() for name in sockets)


def _token() -> str:
    """The token, where Ray looks for it."""
    if token := os.environ.get("RAY_AUTH_TOKEN", "").strip():
        return token
    path = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token")
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _needs(pack: Pack, nodes: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """What Ray reserves for the pack: never more than a node has, or it would wait for ever."""
    cores = max((node.get("CPU", 0) for node in nodes), default=0) or pack.threads
    cuda = choose_device(pack.lines[0].recipe.plan.device).type == "cuda"
    devices = max((node.get("GPU", 0) for node in nodes), default=0)
    return {"num_cpus": min(pack.threads, cores), "num_gpus": min(int(cuda), devices), "max_retries": DEATHS}


def _placed(pack: Pack) -> Pack:
    """The pack with the device named, so that a worker with another one in it takes that of here."""

    def placed(line: Line) -> Line:
        plan = line.recipe.plan
        plan = plan.model_copy(update={"device": str(choose_device(plan.device))})
        return replace(line, recipe=line.recipe.model_copy(update={"plan": plan}))

    return replace(pack, lines=tuple(map(placed, pack.lines)))


def _first(ray: Any, running: list[Any]) -> tuple[Any, list[Outcome]]:
    """The first task that is done, and what it found; raises :class:`TizaError` where one failed or died too often."""
    try:
        (done, *_), _ = ray.wait(running)
        return done, ray.get(done)
    except ray.exceptions.RayTaskError as error:
        if "failed to import" in str(error.cause):
            raise TizaError("search-ray-bare", where="on") from error
        raise error.cause from error
    except (ray.exceptions.RayError, ConnectionError):
        raise TizaError("search-worker", where="on") from None


_at_hand: dict[str, Datasets] = {}  # in a worker: of the job that it works on


def _outcomes(pack: Pack, job: Sequence[Any]) -> list[Outcome]:
    """In a worker: the pack's outcomes. ``job``: a reference, in a list so that the worker fetches it only once."""
    key = job[0].hex()
    if key not in _at_hand:
        _at_hand.clear()
        _at_hand[key] = _datasets(_ray().get(job[0]))
    return outcomes_of(pack, _at_hand[key])


def _datasets(job: Job) -> Datasets:
    """In a worker: the data of the job; raises where they, or tiza, are not those of who asked."""
    if (own := version("tiza")) != job.tiza:
        raise TizaError("search-ray-version", where="on", own=own, tiza=job.tiza)
    datasets = Datasets(job.search, job.given)
    if (datasets.base.fingerprint, datasets.base.test.digest) != (job.fingerprint, job.test):
        raise TizaError("search-ray-data", where=job.search.recipe.data.name)
    return datasets
