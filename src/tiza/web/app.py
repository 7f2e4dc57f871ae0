"""The routes of the page. Each reads run folders or lays something into them; none trains and none takes a path."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import Body, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from fastapi.staticfiles import StaticFiles
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from tiza import runs, storage
from tiza.config import Data, Recipe, make
from tiza.data.seal import Sealed
from tiza.errors import RequestError, TizaError
from tiza.i18n import catalogue
from tiza.panels import panels
from tiza.reports import Report
from tiza.training import probes
from tiza.training.events import COMMANDS, command_from_plain
from tiza.web import choosing, clouds, inside, samples
from tiza.web.guard import Guard
from tiza.web.live import Log, tail
from tiza.web.running import Runs
from tiza.web.searching import Searches

STATIC = Path(__file__).parent / "static"
_STATUS = {
    "page-no-run": 404, "page-no-search": 404, "page-no-samples": 404, "run-in-use": 409, "run-exists": 409,
    "disk-full": 507,
}  # fmt: skip
_SPLIT = Literal["train", "valid", "test"]
_Layer = Annotated[str | None, Query(max_length=200)]
_Number = Annotated[int, Field(ge=0, lt=2**53)]


def create_app(*, token: str, port: int, named: Sequence[Path] = ()) -> FastAPI:
    """The application that serves the page at 127.0.0.1:``port`` to who has the ``token``."""
    app = FastAPI(title="tiza", openapi_url=None, docs_url=None, redoc_url=None)
    app.add_middleware(Guard, token=token, port=port)
    app.add_exception_handler(TizaError, _told)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _refused)
    shelf, searches = Runs(named), Searches()

    @app.get("/api/texts/{language}")
    def texts(language: Literal["es", "en"]) -> dict[str, str]:
        return {
            key: text
            for key, text in catalogue(language).items()
            if key.split(".")[0] in ("page", "status", "split", "col", "search", "verdict")
        }

    @app.get("/api/runs")
    def list_runs() -> list[dict[str, Any]]:
        return [shelf.line(run) for run in shelf.all()]

    @app.post("/api/runs")
    def start(recipe: Annotated[dict[str, Any], Body(embed=True)]) -> dict[str, Any]:
        return shelf.line(shelf.start(_permitted(make(Recipe, recipe), shelf)))

    @app.get("/api/runs/{id}")
    def one(id: str) -> dict[str, Any]:
        return _details(shelf, shelf.find(id))

    @app.delete("/api/runs/{id}")
    def delete(id: str) -> dict[str, Any]:
        shelf.delete(shelf.find(id))
        return {"ok": True}

    @app.post("/api/runs/{id}/restore")
    def restore(id: str) -> dict[str, Any]:
        return shelf.line(shelf.restore(id))

    @app.post("/api/runs/{id}/resume")
    def resume(id: str) -> dict[str, Any]:
        return shelf.line(shelf.resume(shelf.find(id)))

    @app.post("/api/runs/{id}/control")
    def control(id: str, command: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
        run = shelf.find(id)
        if command_from_plain(command) is None:
            raise RequestError("page-command", where=", ".join(COMMANDS))
        storage.append_line(run.path / "control.jsonl", command)
        return {"ok": True}

    @app.get("/api/runs/{id}/history")
    def history(id: str) -> dict[str, Any]:
        return shelf.log(shelf.find(id)).history()

    @app.get("/api/runs/{id}/frames")
    def frames(id: str, n: Annotated[list[_Number], Query(max_length=100)]) -> list[dict[str, Any]]:
        return _there(shelf, id).lines(n)

    @app.get("/api/runs/{id}/bands")
    def bands(id: str, layer: _Number) -> dict[str, Any]:
        return _there(shelf, id).bands(layer)

    @app.get("/api/runs/{id}/live")
    async def live(request: Request, id: str, after: Annotated[int, Query(ge=-1, lt=2**53)] = -1) -> Response:
        log = await run_in_threadpool(shelf.log, shelf.find(id))
        last = request.headers.get("last-event-id", "")
        after = max(after, int(last)) if last.isdecimal() and len(last) < 16 else after
        return StreamingResponse(tail(log, after), media_type="text/event-stream")

    @app.get("/api/runs/{id}/answers")
    def answers(id: str) -> dict[str, Any]:
        run = shelf.find(id)
        return samples.answers(run, samples.data_for(run))

    @app.get("/api/runs/{id}/steps")
    def steps(id: str, index: _Number, split: Literal["train", "valid"] = "valid") -> dict[str, Any]:
        run = shelf.find(id)
        return samples.steps(run, samples.data_for(run), split, index)

    @app.get("/api/runs/{id}/embedding")
    def cloud(
        id: str, method: Literal["pca", "t-sne"] = "pca",
        layer: Annotated[str | None, Query(max_length=200)] = None,
    ) -> dict[str, Any]:  # fmt: skip
        return clouds.cloud(shelf.find(id), method, layer)

    @app.get("/api/runs/{id}/findings")
    def findings(id: str) -> list[dict[str, Any]]:
        return [
            dict(zip(("title", "", "sentence"), str(found).partition(": "), strict=True))
            | {"code": found.code, "severity": found.severity, "advice": found.advice}
            for found in shelf.findings(shelf.find(id))
        ]

    @app.post("/api/runs/{id}/predict")
    async def predict(request: Request, id: str) -> dict[str, Any]:
        return await run_in_threadpool(samples.predict, shelf.find(id), await request.body())

    @app.get("/api/runs/{id}/inside")
    def inside_of(id: str, layer: _Layer = None) -> dict[str, Any]:
        return inside.about(shelf.find(id), layer)

    @app.post("/api/runs/{id}/inside")
    async def inside_for(request: Request, id: str, layer: _Layer = None) -> dict[str, Any]:
        return await run_in_threadpool(inside.answered, shelf.find(id), layer, await request.body())

    @app.get("/api/searches")
    def list_searches() -> list[dict[str, Any]]:
        return [search.line() for search in searches.all()]

    @app.get("/api/searches/{id}")
    def one_search(id: str) -> dict[str, Any]:
        return searches.find(id).details()

    @app.get("/api/searches/{id}/trials/{k}")
    def one_trial(id: str, k: _Number) -> dict[str, Any]:
        return searches.find(id).trial(k, lambda recipe: _is_permitted(recipe, shelf))

    @app.get("/api/pixels/run/{id}/{split}/{chunk}")
    def pixels_of_run(id: str, split: _SPLIT, chunk: _Number) -> Response:
        data = samples.data_for(shelf.find(id))
        return _bytes(samples.pixels(data, split, samples.chunk_of(data, split, chunk), labelled=True))

    @app.get("/api/pixels/run/{id}/{split}")
    def some_pixels_of_run(id: str, split: _SPLIT, n: Annotated[list[_Number], Query(max_length=100)]) -> Response:
        return _bytes(samples.pixels(samples.data_for(shelf.find(id)), split, n))

    @app.get("/api/pixels/data/{name}/{split}/{chunk}")
    def pixels_of_data(name: str, split: _SPLIT, chunk: _Number) -> Response:
        if name not in choosing.SETS:
            raise RequestError("page-no-samples", where=name[:60])
        data = samples.data_of(choosing.start_of(name).data)
        return _bytes(samples.pixels(data, split, samples.chunk_of(data, split, chunk)))

    @app.get("/api/data")
    def data() -> list[dict[str, Any]]:
        return choosing.data_sets()

    @app.get("/api/recipes")
    def recipes() -> list[dict[str, Any]]:
        return choosing.recipe_lines()

    @app.get("/api/schema")
    def schema() -> dict[str, Any]:
        return choosing.schema()

    @app.post("/api/check")
    def check(recipe: Annotated[dict[str, Any], Body(embed=True)]) -> dict[str, Any]:
        try:
            return choosing.check(_permitted(make(Recipe, recipe), shelf))
        except TizaError as error:
            return choosing.faulty(error)

    app.mount("/", StaticFiles(directory=STATIC, html=True, check_dir=False))
    return app


def _permitted(recipe: Recipe, shelf: Runs) -> Recipe:
    """The recipe, where its data is embedded or that of a run which is there: no path comes from the page."""
    if not _is_permitted(recipe, shelf):
        raise RequestError("page-data", where="data.name", name=recipe.data.name)
    if not _has_known_body(recipe, shelf):
        raise RequestError("page-body", where="model.body")
    return recipe


def _has_known_body(recipe: Recipe, shelf: Runs) -> bool:
    """Whether the body of a transfer is named, not a path: of a run it may be one that is there."""
    paths = {str(run.path.resolve()) for run in shelf.all()}
    body, origin = str(recipe.model.options.get("body", "")), recipe.model.options.get("origin")
    from_run = "" if origin is None or origin.run in paths else origin.run or ""
    return not {"/", "\\"} & set(body + from_run)


def _is_permitted(recipe: Recipe, shelf: Runs) -> bool:
    return choosing.set_of(recipe.data) is not None or any(_source(run) == _fixed(recipe.data) for run in shelf.all())


def _source(run: runs.Run) -> Any:
    try:
        return _fixed(run.recipe.data)
    except TizaError:
        return None


def _fixed(data: Data) -> dict[str, Any]:
    """What the page may not change of data that is not embedded."""
    return data.model_dump(exclude=set(choosing.FREE))


def _there(shelf: Runs, id: str) -> Log:
    """The run's log, where it has one."""
    log = shelf.log(shelf.find(id))
    if log.file is None:
        raise RequestError("page-no-run")
    return log


def _bytes(content: bytes) -> Response:
    return Response(content, media_type="application/octet-stream", headers={"Cache-Control": "private, max-age=3600"})


def _details(shelf: Runs, run: runs.Run) -> dict[str, Any]:
    """Everything of a run but its events; of a damaged one the sentence that says so."""
    line = shelf.line(run)
    nothing: dict[str, Any] = {
        "recipe": None, "facts": None, "form": None, "panels": [], "board": None, "layers": [], "report": None,
        "code": None, "failure": shelf.failure(run) if line["status"] == "failed" else None,
    }  # fmt: skip
    try:
        recipe = run.recipe
        details = line | nothing | {"recipe": choosing.plain(recipe), "code": choosing.code(recipe)}
        if not (run.path / "environment.json").exists():
            return details
        facts = run.facts.model_dump(mode="json")
        wanted = ("parameters", "counts", "shape", "classes", "features", "device", "threads", "engine")
        details |= {"facts": {name: facts[name] for name in wanted}, "layers": shelf.log(run).layers()}
        data = samples.data_for(run)
        details |= {"form": samples.form(data), "panels": panels(data)}
        if not isinstance(data.valid, Sealed):
            board = probes.board(data.valid.y.numpy())
            details["board"] = {"index": board.tolist(), "label": data.valid.y.numpy()[board].tolist()}
        if (report := run.report) is not None:
            details["report"] = report | {"openings": Report.from_dict(report).openings()}
    except TizaError as error:
        return line | nothing | {"failure": str(error)}
    return details


async def _told(request: Request, error: Exception) -> JSONResponse:
    """A sentence of tiza's, with the faults it names."""
    assert isinstance(error, TizaError)
    status = _STATUS.get(error.code, 422 if isinstance(error, RequestError) else 409)
    return JSONResponse({"error": error.to_dict() | {"faults": choosing.faults_of(error)}}, status)


async def _malformed(request: Request, error: Exception) -> JSONResponse:
    """What is no request of the page's."""
    assert isinstance(error, RequestValidationError)
    where = ".".join(str(part) for part in error.errors()[0]["loc"])
    return _error(422, "page-request", where=where[:100])


async def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    known = {404: "page-nothing", 405: "page-nothing", 413: "page-too-much"}
    return _error(error.status_code, known.get(error.status_code, "page-request"), where="")


def _error(status: int, code: str, *, where: str) -> JSONResponse:
    told = RequestError(code, where=where)
    return JSONResponse({"error": told.to_dict() | {"faults": []}}, status)
