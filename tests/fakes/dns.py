#!/usr/bin/python3
"""A name server for tests: answers from zone files, and misbehaves on request. UDP and TCP on one port of loopback.

    dns.py --port 0 --zone FILE... [--ready-file F] [--address A] [--log F] [--control F] [--negative-ttl N]

It prints the port that it got on its first line of output (and writes it to the ready file, whole or not at all),
rereads the zones on SIGHUP (a zone that cannot be read leaves the old ones in force), and ends on SIGTERM with status 0.

Zone files are in master-file form (RFC 1035 section 5): $ORIGIN, $TTL, blank owner, parentheses, comments, wildcards. A name
without a final dot is relative to $ORIGIN, which starts as the root; so `example.test A 192.0.2.1` is what it looks like.
No SOA is needed: one is made up for negative answers. A name that is nowhere is NXDOMAIN; a name that is there without the
type asked for, or has names below it, is NOERROR without data. CNAMEs are followed. Two more forms:

    NAME ERROR WORD [ARGUMENT]    how a question for NAME goes wrong; NAME may be a wildcard
    NAME BIGTXT BYTES             a TXT record of that many bytes

    SERVFAIL REFUSED FORMERR NOTIMP   that response code                         for types of which NAME has no record
    TIMEOUT                           no answer at all                           for types of which NAME has no record
    SLOW MS                           the right answer, MS milliseconds late
    TRUNCATE                          over UDP an empty answer with TC, over TCP the right one
    GARBAGE                           bytes that are no DNS message, after the right id
    CUT                               the right answer without its second half
    WRONGID                           the right answer under another id
    SILENTTCP                         TC over UDP, no answer over TCP

The control file holds one WORD [ARGUMENT] that applies to every question while it is there (all types); without the file,
or when it is empty, all is well.
"""
import argparse
import asyncio
import os
import signal
import sys

# This file has the name of the package that it needs: look for that elsewhere.
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path = [p for p in sys.path if os.path.realpath(p or ".") != HERE]

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.tokenizer

DEFAULT_TTL = 60
CNAME_CHAIN_MAX = 32
RCODE_WORDS = {"SERVFAIL", "REFUSED", "FORMERR", "NOTIMP"}
WORDS = RCODE_WORDS | {"TIMEOUT", "SLOW", "TRUNCATE", "GARBAGE", "CUT", "WRONGID", "SILENTTCP"}
ONLY_WITHOUT_RECORD = RCODE_WORDS | {"TIMEOUT"}


class ZoneError(Exception):
    pass


class Zones:
    """What the zone files say: records by (name, type), faults by name, and which names exist."""

    def __init__(self, files, negative_ttl):
        self.records = {}
        self.faults = {}
        self.names = set()
        self.negative_ttl = negative_ttl
        for path in files:
            self.read(path)

    def read(self, path):
        with open(path, encoding="utf-8", errors="surrogateescape") as f:
            tok = dns.tokenizer.Tokenizer(f.read(), path)
        origin, ttl, owner = dns.name.root, DEFAULT_TTL, None
        while True:
            try:
                token = tok.get(want_leading=True)
                if token.is_eof():
                    return
                if token.is_eol():
                    continue
                if token.is_whitespace():
                    token = tok.get()
                    if token.is_eol_or_eof():
                        continue
                    tok.unget(token)
                elif token.value == "$ORIGIN":
                    origin = tok.get_name(origin)
                    tok.get_eol()
                    continue
                elif token.value == "$TTL":
                    ttl = tok.get_ttl()
                    tok.get_eol()
                    continue
                else:
                    owner = dns.name.from_text(token.value, origin)
                if owner is None:
                    raise ZoneError("a record without an owner")
                self.read_record(tok, owner, ttl, origin)
            except (dns.exception.DNSException, ZoneError, ValueError) as e:
                raise ZoneError("%s:%d: %s" % (path, tok.where()[1], e)) from None

    def read_record(self, tok, owner, ttl, origin):
        word = tok.get_string().upper()
        if word.isdigit():
            ttl, word = int(word), tok.get_string().upper()
        if word == "IN":
            word = tok.get_string().upper()
        if word.isdigit():
            ttl, word = int(word), tok.get_string().upper()
        if word == "ERROR":
            words = [t.value for t in tok.get_remaining()]
            tok.get_eol()
            self.faults[owner] = parse_fault(words)
        elif word == "BIGTXT":
            size = tok.get_int()
            tok.get_eol()
            strings = [b"x" * min(255, size - i) for i in range(0, size, 255)]
            rdata = dns.rdata.from_text("IN", "TXT", " ".join('"%s"' % s.decode() for s in strings))
            self.add(owner, rdata, ttl)
        else:
            self.add(owner, dns.rdata.from_text("IN", word, tok, origin, False), ttl)
        self.note_name(owner)

    def add(self, owner, rdata, ttl):
        rrset = self.records.setdefault((owner, rdata.rdtype), dns.rrset.RRset(owner, rdata.rdclass, rdata.rdtype))
        rrset.add(rdata, ttl)

    def note_name(self, name):
        while name not in self.names:
            self.names.add(name)
            if name == dns.name.root:
                return
            name = name.parent()

    def source(self, name):
        """The owner whose records answer for `name`: itself, or the wildcard at its closest encloser (RFC 4592)."""
        if name in self.names:
            return name
        above = name
        while above != dns.name.root:
            above = above.parent()
            if above in self.names:
                break
        wild = dns.name.Name((b"*",) + above.labels)
        return wild if wild in self.names else None

    def fault(self, name, rdtype):
        source = self.source(name)
        fault = self.faults.get(source)
        if fault and fault[0] in ONLY_WITHOUT_RECORD and (
                (source, rdtype) in self.records or (source, dns.rdatatype.CNAME) in self.records):
            return None
        return fault

    def soa(self, name):
        while True:
            found = self.records.get((name, dns.rdatatype.SOA))
            if found:
                return found
            if name == dns.name.root:
                text = ". . 1 3600 600 86400 %d" % self.negative_ttl
                return dns.rrset.from_text(name, self.negative_ttl, "IN", "SOA", text)
            name = name.parent()

    def answer(self, query):
        response = dns.message.make_response(query, recursion_available=True)
        question = query.question[0]
        name, seen = question.name, 0
        while True:
            source = self.source(name)
            if source is None:
                response.set_rcode(dns.rcode.NXDOMAIN)
                break
            found = self.records.get((source, question.rdtype))
            if found:
                response.answer.append(renamed(found, name))
                return response
            alias = self.records.get((source, dns.rdatatype.CNAME))
            if not alias:
                break
            response.answer.append(renamed(alias, name))
            name, seen = alias[0].target, seen + 1
            if seen > CNAME_CHAIN_MAX or any(name == rr.name for rr in response.answer):
                return response
            fault = self.fault(name, question.rdtype)
            if fault and fault[0] in RCODE_WORDS:
                response.set_rcode(dns.rcode.from_text(fault[0]))
                return response
        response.authority.append(self.soa(name))
        return response


def renamed(rrset, name):
    if rrset.name == name:
        return rrset
    copy = dns.rrset.RRset(name, rrset.rdclass, rrset.rdtype)
    copy.update(rrset)
    return copy


def parse_fault(words):
    if not words or words[0].upper() not in WORDS:
        raise ZoneError("ERROR wants one of " + " ".join(sorted(WORDS)))
    word = words[0].upper()
    if word == "SLOW":
        if len(words) != 2 or not words[1].isdigit():
            raise ZoneError("SLOW wants milliseconds")
        return word, int(words[1])
    if len(words) != 1:
        raise ZoneError("%s has no argument" % word)
    return word, None


class Server:
    def __init__(self, args):
        self.args = args
        self.zones = Zones(args.zone, args.negative_ttl)
        self.wires = {}
        self.log = open(args.log, "a", buffering=1) if args.log else None

    def reload(self):
        try:
            self.zones = Zones(self.args.zone, self.args.negative_ttl)
            self.wires = {}
        except (ZoneError, OSError) as e:
            print("dns.py: the old zones stay in force: %s" % e, file=sys.stderr, flush=True)

    def control(self):
        if not self.args.control:
            return None
        try:
            with open(self.args.control) as f:
                words = f.read().split()
            return parse_fault(words) if words else None
        except FileNotFoundError:
            return None
        except ZoneError as e:
            print("dns.py: %s: %s" % (self.args.control, e), file=sys.stderr, flush=True)
            return None

    def respond(self, data, tcp):
        """The bytes of the answer, or None, and the delay in seconds."""
        key = (data[2:], tcp)
        known = self.wires.get(key)
        if known is None:
            known = self.compose(data, tcp)
            if len(self.wires) < 4096:
                self.wires[key] = known
        name, rdtype, wire, fault = known
        if self.log:
            self.log.write("%s %s %s\n" % (name, rdtype, "tcp" if tcp else "udp"))
        control = self.control()
        if control and rdtype != "?":
            wire, fault = self.spoil(data, tcp, control), control
        if wire is None:
            return None, 0
        first = data[:2] if not fault or fault[0] != "WRONGID" else bytes([data[0] ^ 0x55, data[1] ^ 0xAA])
        return first + wire[2:], fault[1] / 1000 if fault and fault[0] == "SLOW" else 0

    def compose(self, data, tcp):
        try:
            query = dns.message.from_wire(data)
            question = query.question[0]
        except (dns.exception.DNSException, IndexError):
            return "?", "?", None, None
        rdtype = dns.rdatatype.to_text(question.rdtype)
        fault = self.zones.fault(question.name, question.rdtype)
        return question.name, rdtype, self.spoil(data, tcp, fault), fault

    def spoil(self, data, tcp, fault):
        query = dns.message.from_wire(data)
        word = fault[0] if fault else None
        if word == "TIMEOUT" or (word == "SILENTTCP" and tcp):
            return None
        if word == "GARBAGE":
            return data[:2] + b"\xff" * 41
        if word in RCODE_WORDS:
            response = dns.message.make_response(query, recursion_available=True)
            response.set_rcode(dns.rcode.from_text(word))
            return response.to_wire()
        if word in ("TRUNCATE", "SILENTTCP") and not tcp:
            return cut_short(query)
        response = self.zones.answer(query)
        limit = 65535 if tcp else max(512, query.payload)
        try:
            wire = response.to_wire(max_size=limit)
        except dns.exception.TooBig:
            wire = cut_short(query)
        return wire[:len(wire) // 2] if word == "CUT" else wire


def cut_short(query):
    response = dns.message.make_response(query, recursion_available=True)
    response.flags |= dns.flags.TC
    return response.to_wire()


class Udp(asyncio.DatagramProtocol):
    def __init__(self, server):
        self.server = server

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        wire, delay = self.server.respond(data, False)
        if wire is None:
            return
        if delay:
            asyncio.get_running_loop().call_later(delay, self.transport.sendto, wire, addr)
        else:
            self.transport.sendto(wire, addr)


async def serve_tcp(server, reader, writer):
    async def send(wire, delay):
        await asyncio.sleep(delay)
        writer.write(len(wire).to_bytes(2, "big") + wire)
        await writer.drain()

    try:
        while True:
            size = int.from_bytes(await reader.readexactly(2), "big")
            wire, delay = server.respond(await reader.readexactly(size), True)
            if wire is not None:
                await send(wire, delay)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    except asyncio.CancelledError:
        pass
    finally:
        writer.close()


async def bind(server, address, port):
    """UDP and TCP on one port; where any port will do, until one is free for both."""
    loop = asyncio.get_running_loop()
    for attempt in range(50):
        udp, _ = await loop.create_datagram_endpoint(lambda: Udp(server), local_addr=(address, port))
        got = udp.get_extra_info("sockname")[1]
        try:
            tcp = await asyncio.start_server(lambda r, w: serve_tcp(server, r, w), address, got)
            return got, udp, tcp
        except OSError:
            udp.close()
            if port or attempt == 49:
                raise


async def run(args):
    server = Server(args)
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    for sig in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sig, done.set)
    loop.add_signal_handler(signal.SIGHUP, server.reload)
    port, udp, tcp = await bind(server, args.address, args.port)
    print(port, flush=True)
    if args.ready_file:
        with open(args.ready_file + ".new", "w") as f:
            f.write("%d\n" % port)
        os.rename(args.ready_file + ".new", args.ready_file)
    await done.wait()
    udp.close()
    tcp.close()


def main():
    parser = argparse.ArgumentParser(description="A name server for tests.", epilog=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--zone", action="append", nargs="+", default=[], metavar="FILE")
    parser.add_argument("--ready-file", metavar="F", help="the port is written here once it is open")
    parser.add_argument("--log", metavar="F", help="a line 'NAME TYPE udp|tcp' a question")
    parser.add_argument("--control", metavar="F", help="a file with WORD [ARGUMENT] that applies to every question")
    parser.add_argument("--negative-ttl", type=int, default=5, help="minimum of the made-up SOA")
    args = parser.parse_args()
    args.zone = [path for group in args.zone for path in group]
    try:
        asyncio.run(run(args))
    except (ZoneError, OSError) as e:
        print("dns.py: %s" % e, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
