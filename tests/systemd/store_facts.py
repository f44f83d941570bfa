#!/usr/bin/env python3
"""A service that notes which descriptors came back to it, and has some kept at its first start.

store_facts.py FILE NAME=I[,I]...: each NAME is kept with the I-th of its eventfds, or with several
of them in one message. FILE gets a line for each start: the names that came back.
"""

import os
import signal
import socket
import sys


def notify(text, fds=()):
    """Tells the service manager, which must take it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.connect(os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1))
        socket.send_fds(manager, [text.encode()], list(fds))


def main():
    came = os.environ.get("LISTEN_FDNAMES", "")
    with open(sys.argv[1], "a", encoding="ascii") as file:
        file.write(f"{came}\n")
    events = [os.eventfd(0) for _ in range(8)]
    for wish in sys.argv[2:] if not came else ():
        name, numbers = wish.split("=")
        notify(f"FDSTORE=1\nFDNAME={name}", [events[int(i)] for i in numbers.split(",")])
    notify("READY=1")
    signal.pause()


main()
