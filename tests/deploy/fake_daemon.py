"""Plays the admin listener of a daemon: what scale-to-target reads of it."""
import http.server
import json
import socketserver
import threading


def answer(target, current=1, **changed):
    """GET /scale/NAME, of a daemon that knows the lag."""
    return {"target": target, "current": current, "vote": 0, "active": True,
            "lag": 3600, "lagSeconds": 12.3, "stuckPartitions": 0, "stale": False, "complete": True,
            "snapshotAgeSeconds": 1.2, "rule": "lag", "reason": "3600 records of lag", **changed}


class Server(socketserver.ThreadingTCPServer):
    """Not an HTTPServer: that one asks the name service what it is called."""

    allow_reuse_address = True
    daemon_threads = True


class FakeDaemon:
    """`triggers`: name -> answer; an answer that is text is sent as it is. Port 0: any free one."""

    def __init__(self, triggers, address="127.0.0.1", port=0):
        pages = {"/api/triggers": json.dumps({"triggers": [{"trigger": name} for name in triggers]})}
        for name, body in triggers.items():
            pages["/scale/" + name] = body if isinstance(body, str) else json.dumps({"trigger": name, **body})

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = pages.get(self.path, '{"error":"not_found"}').encode()
                self.send_response(200 if self.path in pages else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = Server((address, port), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://{address}:{self.port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
