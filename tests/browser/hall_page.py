"""The web server of a hall's own page, which has an origin of its own."""

import http.server
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

File = tuple[str, bytes]  # media type, content


@contextmanager
def served(files: Mapping[str, File], page: File = ("text/html", b"<!doctype html>")) -> Iterator[int]:
    """Serve files by path, and the page at every other; the port is given. 127.0.0.1 and localhost are two origins."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            media_type, body = files.get(self.path, page)
            self.send_response(200)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
