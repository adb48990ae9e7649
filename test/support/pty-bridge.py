# A pseudo-terminal whose other end is a TCP connection to the port given: a serial line for tests. Prints the name of
# the terminal and runs until its input ends.
import os
import pty
import select
import socket
import sys
import tty

master, slave = pty.openpty()
tty.setraw(slave)
link = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
print(os.ttyname(slave), flush=True)
while True:
    ready, _, _ = select.select([master, link, sys.stdin], [], [])
    if sys.stdin in ready and not os.read(0, 1):
        break
    if master in ready:
        link.sendall(os.read(master, 4096))
    if link in ready:
        data = link.recv(4096)
        if not data:
            break
        os.write(master, data)
