#!/usr/bin/env python3
"""Puts packets on a wire and says what became of each: wire.py NAMESPACE-OF-THE-ROUTER

A line of input is a list of packets, a line of output the list of their fates. The two ends of the router's interfaces, a0 and b0,
are in this process's namespace; what the router keeps for itself is seen by raw sockets inside it.
"""
import ctypes, json, os, select, socket, struct, sys, time

CODES = {0: "icmp-net-unreachable", 1: "icmp-host-unreachable", 2: "icmp-proto-unreachable", 3: "icmp-port-unreachable",
         9: "icmp-net-prohibited", 10: "icmp-host-prohibited", 13: "icmp-admin-prohibited"}
QUIET, LONGEST = 0.012, 0.5  # seconds without anything new, and at most


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def frame(p):
    source, destination = socket.inet_aton(p["source"]), socket.inet_aton(p["destination"])
    tcp = p["protocol"] == "TCP"
    number = 6 if tcp else 17
    payload = struct.pack("!I", p["id"]) + bytes(p["length"])
    if tcp:
        body = struct.pack("!HHIIBBHHH", p["source_port"], p["destination_port"], p["id"], 0, 5 << 4, 2, 65535, 0, 0)
        body += payload[4:4 + p["length"] - 40]
    else:
        payload = payload[:p["length"] - 28]
        body = struct.pack("!HHHH", p["source_port"], p["destination_port"], 8 + len(payload), 0) + payload
    pseudo = source + destination + struct.pack("!BBH", 0, number, len(body))
    at = 16 if tcp else 6
    body = body[:at] + struct.pack("!H", checksum(pseudo + body)) + body[at + 2:]
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), p["id"] & 0xFFFF, 0, 64, number, 0, source, destination)
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return bytes.fromhex("020000000101" "020000000102" "0800") + ip + body


def parse(ip):
    """Protocol, addresses, ports and the id of a packet of ours; None for others."""
    if len(ip) < 28 or ip[0] >> 4 != 4:
        return None
    head = (ip[0] & 15) * 4
    number, body = ip[9], ip[head:]
    sport, dport = struct.unpack("!HH", body[:4])
    seen = {"source": socket.inet_ntoa(ip[12:16]), "source_port": sport, "destination": socket.inet_ntoa(ip[16:20]), "destination_port": dport}
    if number == 6 and len(body) >= 20:
        flags = body[13]
        return (struct.unpack("!I", body[4:8])[0], "syn", seen) if flags == 2 else \
               (struct.unpack("!I", body[8:12])[0] - 1, "reset", seen) if flags & 4 else None
    if number == 17 and len(body) >= 12:
        return struct.unpack("!I", body[8:12])[0], "datagram", seen
    if number == 1 and body[0] == 3:
        inner = body[8:]
        return struct.unpack("!H", inner[4:6])[0], CODES.get(body[1], "icmp-code-%d" % body[1]), seen
    return None


def main():
    libc = ctypes.CDLL(None, use_errno=True)
    here, there = os.open("/proc/self/ns/net", os.O_RDONLY), os.open(sys.argv[1], os.O_RDONLY)
    wires = {}
    for name in ("a0", "b0"):
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
        wire.bind((name, 0x0800))
        wires[wire] = name
    libc.setns(there, 0x40000000)
    own = [socket.socket(socket.AF_INET, socket.SOCK_RAW, number) for number in (6, 17)]
    libc.setns(here, 0x40000000)
    sender = next(w for w, name in wires.items() if name == "a0")
    for line in sys.stdin:
        packets = json.loads(line)
        by_id = {p["id"]: n for n, p in enumerate(packets)}
        by_short = {p["id"] & 0xFFFF: n for n, p in enumerate(packets)}
        fates = [{"kind": "silence"} for _ in packets]
        for p in packets:
            sender.send(frame(p))
        started = last = time.monotonic()
        while time.monotonic() - last < QUIET and time.monotonic() - started < LONGEST:
            for ready in select.select(list(wires) + own, [], [], QUIET / 4)[0]:
                if ready in wires:
                    data, address = ready.recvfrom(4096)
                    if address[2] == socket.PACKET_OUTGOING:
                        continue
                    data = data[14:]
                else:
                    data = ready.recv(4096)
                seen = parse(data)
                if seen is None:
                    continue
                token, what, addresses = seen
                at = by_short.get(token) if what.startswith("icmp") else by_id.get(token)
                if what == "reset" and at is None:  # it also acknowledges the data that came with the SYN
                    at = by_id.get(token - 500)
                if at is None:
                    continue
                last = time.monotonic()
                if ready not in wires:
                    # the router answers from its own port: that answer is not ours
                    if what != "reset":
                        fates[at] = {"kind": "delivered", "destination_port": addresses["destination_port"]}
                elif what in ("syn", "datagram"):
                    fates[at] = {"kind": "forwarded", "device": {"a0": "in0", "b0": "out0"}[wires[ready]], **addresses}
                elif fates[at]["kind"] == "silence":
                    fates[at] = {"kind": "refused", "with": "tcp-reset" if what == "reset" else what}
        # a refusal by the router's own closed port arrives after the delivery, and does not replace it
        print(json.dumps(fates), flush=True)


main()
