"""Says on a line of its own what reaches it: `tcp 443`, `udp 5353`, `ip 2`. listener.py TCP,… UDP,…"""
import selectors
import socket
import sys

waiting = selectors.DefaultSelector()


def wait(kind, what, sock):
    waiting.register(sock, selectors.EVENT_READ, (kind, what))


for port in map(int, sys.argv[1].split(',')):
    sock = socket.create_server(('::', port), family=socket.AF_INET6, dualstack_ipv6=True)
    wait('tcp', port, sock)
for port in map(int, sys.argv[2].split(',')):
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.bind(('::', port))
    wait('udp', port, sock)
wait('ip', 2, socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_IGMP))
print('listening', flush=True)
while True:
    for key, _ in waiting.select():
        kind, what = key.data
        key.fileobj.accept() if kind == 'tcp' else key.fileobj.recv(2048)
        print(kind, what, flush=True)
