"""
What stands between a page and a stranger: the address that was asked, who asked, and what a page may load.

The console is for the person at this machine. Another site in the same browser must not reach it (a name that is
rebound to 127.0.0.1 comes with its own Host), must not make it act (a POST comes with its own Origin), and must not
show it in a frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["BODY_MAX", "Guard"]

#: The most bytes of a form.
BODY_MAX = 64 << 10
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
_SAFE = frozenset({"GET", "HEAD"})
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Guard:
    """Lets through what the person at this machine asked for, and puts the headers on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand before an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refusal = _refusal(scope)
        await (refusal or self._app)(scope, receive, guarded)


def _refusal(scope: Scope) -> PlainTextResponse | None:
    """Say why a request is not answered; None when it is."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    host = headers.get("host", "")
    if _name(host) not in _LOCAL:
        text = f"expected the console to be asked as 127.0.0.1 or localhost, got {host[:100]!r}: it is for this machine only"
        return PlainTextResponse(text, 421)
    if scope["method"] in _SAFE:
        return None
    if not headers.get("content-length", "").isdigit() or int(headers["content-length"]) > BODY_MAX:
        return PlainTextResponse(f"expected a form of at most {BODY_MAX} bytes", 413)
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "same-origin")
    if origin is None or urlsplit(origin).netloc != host or site != "same-origin":
        text = "expected a form of this console, got one from elsewhere: nothing was done. Open the page again and send it from there"
        return PlainTextResponse(text, 403)
    return None


def _name(host: str) -> str | None:
    """Give the name of a Host header, without the port."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
