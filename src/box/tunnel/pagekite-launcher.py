"""Runs the packaged PageKite client as it is, with repairs around its sockets, in a cage of its own.

    python3 pagekite-launcher.py /usr/bin/pagekite --clean --optfile=FILE
"""
import errno
import os
import runpy
import socket
import ssl
import sys

from landlock import confine


def local_key(option_file):
    """The box's own port, and what to say there first, so that the box knows its child from other programs."""
    try:
        with open(os.path.join(os.path.dirname(option_file), 'local-key'), 'rb') as file:
            port, key = file.read().split(b'\n', 1)
            return ('127.0.0.1', int(port)), key
    except FileNotFoundError:
        return None, b''


class PromptSocket(socket.socket):
    """Sends small packets at once. Nagle's algorithm would hold each back for the acknowledgement of the one before."""

    box, key = None, b''

    def connect(self, address):
        super().connect(address)
        if address == self.box:
            self.sendall(self.key)
        if self.family in (socket.AF_INET, socket.AF_INET6):
            self.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def plain_errors(method):
    """The client takes every ssl.SSLError for "try again", so that a TLS error would make it spin. What means "try
    again" becomes EAGAIN, which it waits for; everything else ends the connection."""

    def call(self, *args):
        try:
            return method(self, *args)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError(errno.EAGAIN, 'try again') from None
        except ssl.SSLError as error:
            raise ConnectionResetError(errno.ECONNRESET, str(error)) from None

    return call


def in_small_pieces(process):
    """The client handles at most 150 frames of one read and crashes over more. A frame has 14 bytes or more, so that
    2048 bytes hold fewer; what is left of a frame that has begun is one piece, however large."""

    def call(self, data, *args):
        while True:
            size = max(self.want_bytes, 2048)
            piece, data = data[:size], data[size:]
            happy = process(self, piece, *args)
            if not happy or not data:
                return happy

    return call


def awake_until_connected(poll):
    """The tunnel is connected by a thread, and the main loop, asleep for 1.1 s at a time, would not notice before."""

    def call(self, epoll, seconds):
        return poll(self, epoll, seconds if self.conns.conns else 0.02)

    return call


def living_first(look_up):
    """The client goes by the first address of a name alone, and by the same one after each failure. A home may have an
    IPv6 that leads nowhere, and a name a relay that is down: what takes connections comes first."""

    def call(self, host):
        addresses = list(dict.fromkeys(look_up(self, host)))
        ports = [server.rpartition(':')[2] for server in self.servers_manual if server.rpartition(':')[0] == host]
        if len(addresses) > 1 and ports:
            # The client gives a look-up five seconds in all.
            living = next((each for each in addresses[:3] if takes_connections(each, int(ports[0]))), addresses[0])
            addresses.sort(key=lambda address: address != living)
        return addresses

    return call


def takes_connections(address, port):
    try:
        socket.create_connection((address, port), timeout=1.5).close()
        return True
    except OSError:
        return False


socket.socket = PromptSocket
ssl.SSLSocket.recv = plain_errors(ssl.SSLSocket.recv)
ssl.SSLSocket.send = plain_errors(ssl.SSLSocket.send)

from pagekite.pk import PageKite  # noqa: E402 (after the repairs above)
from pagekite.proto.filters import TunnelFilter  # noqa: E402
from pagekite.proto.selectables import ChunkParser  # noqa: E402

PageKite.Epoll = awake_until_connected(PageKite.Epoll)
PageKite.GetHostIpAddrs = living_first(PageKite.GetHostIpAddrs)
# It remembers each visitor for half an hour, and looks through all of them for each new one, so that busy boxes grow
# and slow down. What it remembers is of use only when a visitor arrives (for the PROXY line).
TunnelFilter.IDLE_TIMEOUT = 5
ChunkParser.ProcessData = in_small_pieces(ChunkParser.ProcessData)

sys.argv = sys.argv[1:]
for option_file in (arg.partition('=')[2] for arg in sys.argv if arg.startswith('--optfile=')):
    PromptSocket.box, PromptSocket.key = local_key(option_file)
# It speaks to the internet, and reads what programs and the look-up of names need, and the folder of its own options:
# nothing else of the box that it belongs to. A kernel without Landlock leaves it in the box's own cage.
options = [os.path.dirname(arg.partition('=')[2]) for arg in sys.argv if arg.startswith('--optfile=')]
resolver = os.path.dirname(os.path.realpath('/etc/resolv.conf'))
confine(['/usr', '/lib', '/lib64', '/bin', '/etc', '/dev', sys.base_prefix, resolver, *options])
runpy.run_path(sys.argv[0], run_name='__main__')
