"""Who may ask: this machine's browser that was given the token, through the server's own address, and nobody else."""

import json
import secrets
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tiza.i18n import speaking, t

MOST = 64 * 1024  # bytes of a request's body …
MOST_PICTURE = 32 * 1024 * 1024  # … and of one that is a picture
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
}  # fmt: skip


class Guard:
    """Middleware before every route, event streams included.

    A page of another site can make a browser send requests here: they carry its Origin, or no cookie (SameSite), or,
    by DNS rebinding, its own name as Host. Each is refused. Sentences come in the language of Accept-Language.
    """

    def __init__(self, app: ASGIApp, *, token: str, port: int) -> None:
        self.app, self.token, self.port = app, token, port
        self.hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self.cookie = f"tiza-{port}"  # cookies know no ports: two servers on one machine share the jar

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer for the application, or let the request through."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = Headers(scope=scope)
        with speaking("es" if headers.get("accept-language", "").lower().startswith("es") else "en"):
            refusal = self.refuse(scope, headers)
            if refusal is not None:
                await refusal(scope, receive, _with_headers(send))
                return
            limit = MOST_PICTURE if headers.get("content-type", "").startswith("image/") else MOST
            await self.app(scope, _capped(receive, limit), _with_headers(send))

    def refuse(self, scope: Scope, headers: Headers) -> Response | None:
        """The answer to who may not ask, or to who comes with the token for the first time; None for all others."""
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0] not in self.hosts:
            return _refused(403, "page-host", headers)
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        foreign = origin is not None and origin != f"http://{hosts[0]}"
        if foreign or site not in (None, "same-origin", "none") or (origin is None and scope["method"] not in _READING):
            return _refused(403, "page-origin", headers)
        asked = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        if scope["path"] == "/" and asked and secrets.compare_digest(asked[0].encode(), self.token.encode()):
            inside = RedirectResponse("/", status_code=303)
            inside.set_cookie(self.cookie, self.token, httponly=True, samesite="strict", path="/")
            return inside
        if not secrets.compare_digest(_cookies(headers).get(self.cookie, "").encode(), self.token.encode()):
            return _refused(401, "page-token", headers)
        return None


_READING = ("GET", "HEAD")


def _cookies(headers: Headers) -> dict[str, str]:
    pairs = (part.strip().partition("=") for part in headers.get("cookie", "").split(";"))
    return {name: value for name, _, value in pairs}


def _refused(status: int, code: str, headers: Headers) -> Response:
    """One sentence, as JSON or, where a person typed the address, as text."""
    sentence = t(f"error.{code}")
    if "text/html" in headers.get("accept", ""):
        return Response(sentence, status, media_type="text/plain; charset=utf-8")
    return Response(
        json.dumps({"error": {"code": code, "message": sentence, "where": ""}}), status, media_type="application/json"
    )


def _with_headers(send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return with_headers


def _capped(receive: Receive, limit: int) -> Receive:
    """The same request, whose body may not grow beyond ``limit`` bytes, whatever its header promises."""
    read = 0

    async def capped() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > limit:
            raise HTTPException(413)
        return message

    return capped
