"""python3-zeroconf as another device: finds boxes, and asks for a name that may be taken. Prints lines of JSON."""
import json
import sys
import time

from zeroconf import NonUniqueNameException, ServiceInfo, Zeroconf

address, instance = sys.argv[1:]
kind = "_porchlight._tcp.local."
zeroconf = Zeroconf(interfaces=[address])
info = None
for _ in range(5):
    info = zeroconf.get_service_info(kind, f"{instance}.{kind}", timeout=3000)
    if info is not None:
        break
print(
    json.dumps(
        info
        and {
            "server": info.server,
            "port": info.port,
            "addresses": sorted(info.parsed_addresses()),
            "id": info.properties[b"id"].decode(),
        }
    ),
    flush=True,
)
try:
    zeroconf.register_service(
        ServiceInfo(kind, f"{instance}.{kind}", port=1, server="stranger.local.", parsed_addresses=[address])
    )
    print(json.dumps("registered"), flush=True)
except NonUniqueNameException:
    print(json.dumps("taken"), flush=True)
zeroconf.close()
