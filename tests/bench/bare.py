"""The least that could answer: a server that sends one file.

python bare.py json FILE     the bytes from memory, by a FastAPI route
python bare.py file FILE     a FileResponse, by a Starlette route
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Response
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Route


def from_memory(path: Path) -> FastAPI:
    content, app = path.read_bytes(), FastAPI()

    @app.get("/")
    async def answer() -> Response:
        return Response(content, media_type="application/json")

    return app


def from_disk(path: Path) -> Starlette:
    async def answer(request: Request) -> FileResponse:
        return FileResponse(path)

    return Starlette(routes=[Route("/", answer)])


if __name__ == "__main__":
    what, name = sys.argv[1:]
    listening = socket.create_server(("127.0.0.1", 0))
    # As on the sockets that uvicorn opens itself.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sys.stderr.write(f"at http://127.0.0.1:{listening.getsockname()[1]}\n")
    sys.stderr.flush()
    app = {"json": from_memory, "file": from_disk}[what](Path(name))
    uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listening])
