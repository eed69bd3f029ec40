"""The embedded Prefect server: a process that serves one build, and ends when its parent does, however that ends.

Prefect would start one too, but in the terminal's process group: Ctrl-C would stop the server first, and the build
would wait for it in vain. Run as `python -m flows.server_process`; prints its port, serves until its input closes.
"""

from __future__ import annotations

import socket
import sys
import threading

import uvicorn


def serve() -> None:
    """Serves on a free port of this machine."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    print(bound.getsockname()[1], flush=True)
    from prefect.server.api.server import create_app

    app = create_app(ephemeral=True, final=True)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
    threading.Thread(target=_end_with_parent, args=(server,), daemon=True).start()
    server.run(sockets=[bound])


def _end_with_parent(server: uvicorn.Server) -> None:
    sys.stdin.buffer.read()
    server.should_exit = True


if __name__ == "__main__":
    serve()
