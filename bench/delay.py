# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A database that is further away: `python -m bench.delay PORT TARGET SECONDS`.

Listens on 127.0.0.1:PORT and passes bytes on to TARGET there, each way after half of
the round trip that is asked for.
"""

import contextlib
import socket
import sys
import threading
import time

# What the sleep itself takes longer than it is told to, and passing on.
OVERHEAD = 0.00008


def main(port, target, seconds):
    delay = max(seconds / 2 - OVERHEAD, 0)
    with socket.create_server(("127.0.0.1", port), backlog=64) as server:
        while True:
            near, _address = server.accept()
            far = socket.create_connection(("127.0.0.1", target))
            for source, sink in ((near, far), (far, near)):
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(
                    target=_pass_on, args=(source, sink, delay), daemon=True
                ).start()


def _pass_on(source, sink, delay):
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            time.sleep(delay)
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
