"""
``tieout serve``: the console, for the person at this machine.
"""

from __future__ import annotations

import socket
import sys
from typing import Annotated

import typer

from tieout.cli._asked import JsonOption, WorkspaceOption, asked
from tieout.cli._opening import opened
from tieout.cli._output import say, say_json
from tieout.errors import WrongUse

__all__ = ["serve"]

_HOST = "127.0.0.1"
_PORT = 8765

_Port = Annotated[int, typer.Option("--port", metavar="N", min=0, max=65_535, help="Listen there; 0: any free port.")]


def serve(
    context: typer.Context,
    port: _Port = _PORT,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer calls it so
) -> None:
    """
    Serve the console to the browser on this machine, until Ctrl-C.

    It listens on 127.0.0.1 only and asks nobody to sign in: whoever uses this machine can see everything in it.
    """
    import uvicorn

    from tieout.observe.proofs.proving import prover
    from tieout.web.application import create_app

    wanted = asked(context, workspace, as_json=as_json)
    with opened(wanted) as (known, store), _listening(port) as listener:
        address = f"http://{_HOST}:{listener.getsockname()[1]}/"
        if wanted.as_json:
            say_json({"console": address, "workspace": str(known.folder)})
        else:
            say(f"The console of {known.name} is at {address}")
            say(
                "It is for this machine only: nobody has to sign in, and no other machine can reach it. Ctrl-C ends it."
            )
        sys.stdout.flush()
        config = uvicorn.Config(
            create_app(known, store, prover(store, known)), log_level="warning", server_header=False
        )
        uvicorn.Server(config).run(sockets=[listener])


def _listening(port: int) -> socket.socket:
    """
    Take the port before anything is said.

    :raises WrongUse: somebody else has it.
    """
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        message = f"expected port {port} to be free, got: {error.strerror or error}; --port names another"
        raise WrongUse(message) from None
    return listener
