"""A client written from ipcbroker-protocol(7) alone, and what the page says, one function a claim.

    python3 protocol_client.py NAME     with the broker's socket in $IPCBROKER_SOCKET
"""
import array
import errno
import os
import socket
import struct
import sys

ACQUIRE, LIST, SHOW, STATUS, WHOAMI, CAN, CANCEL, AWAIT, CONFIG, PROVE = range(1, 11)
RELOAD, PURGE = 64, 67
SENTENCE, INDEX, ITEM, DESCRIPTOR, NAME, CURSOR, OBJECT, FACT, ACCESS = range(1, 10)
SERIAL, NONCE = 13, 15
CRITICAL = 0x8000
QUEUE, EVENTFD, PIPE = 1, 2, 3
WRITE, READ = 1, 2


def fields_of(data):
    """The fields that are in DATA, as pairs of type and value."""
    fields = []
    while data:
        kind, size = struct.unpack_from("<HH", data)
        assert len(data) >= 4 + size, "a field is cut off"
        fields.append((kind, data[4:4 + size]))
        data = data[4 + size:]
    return fields


def facts_of(fields):
    """The facts that are among FIELDS; those that may come again are lists."""
    facts = {}
    for _, value in [field for field in fields if field[0] == FACT]:
        key, rest = value[2:2 + value[1]].decode(), value[2 + value[1]:]
        kind = value[0] & 0x7f
        if kind == 1:
            known = struct.unpack("<Q", rest)[0]
        elif kind == 2:
            known = rest.decode()
        elif kind == 3:
            known = {0: False, 1: True}[rest[0]]
        else:
            continue
        if value[0] & 0x80:
            facts.setdefault(key, []).append(known)
        else:
            assert key not in facts, key
            facts[key] = known
    return facts


class Reply:
    def __init__(self, kind, status, serial, fields, descriptors):
        self.kind, self.status, self.serial = kind, status, serial
        self.fields, self.descriptors = fields, descriptors

    def all(self, kind):
        return [value for type_, value in self.fields if type_ == kind]

    def sentence(self):
        return self.all(SENTENCE)[0].decode()


class Client:
    def __init__(self, path=os.environ.get("IPCBROKER_SOCKET")):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect(path)
        self.serial = 0

    def send(self, kind, *fields):
        self.serial += 1
        frame = struct.pack("<BBHII", 1, kind, 0, self.serial, 0)
        for type_, value in fields:
            frame += struct.pack("<HH", type_, len(value)) + value
        self.socket.send(frame)
        return self.serial

    def receive(self):
        """The next frame that is not to be skipped; None at the end."""
        while True:
            data, control, flags, _ = self.socket.recvmsg(
                32768, socket.CMSG_SPACE(253 * 4), socket.MSG_CMSG_CLOEXEC)
            assert not flags & (socket.MSG_CTRUNC | socket.MSG_TRUNC)
            if not data:
                return None
            descriptors = array.array("i")
            for level, type_, content in control:
                assert (level, type_) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
                descriptors.frombytes(content)
            version, kind, flags, serial, status = struct.unpack_from("<BBHII", data)
            assert version == 1
            if kind == 0 and status == 0:
                continue  # an event
            assert flags == (0 if kind == 0 else 1)
            return Reply(kind, status, serial, fields_of(data[12:]), list(descriptors))

    def ask(self, kind, *fields):
        serial = self.send(kind, *fields)
        reply = self.receive()
        assert (reply.kind, reply.serial) == (kind, serial)
        return reply

    def acquire(self, *items):
        """Of tuples: access, name, and if you like flags and kinds."""
        return self.ask(ACQUIRE, *[(ITEM, item(*one)) for one in items])

    def list(self):
        """All pages, and how many they were."""
        objects, pages, reply = [], 1, self.ask(LIST)
        while True:
            assert reply.status == 0
            objects += [facts_of(fields_of(value)) for value in reply.all(OBJECT)]
            if not reply.all(CURSOR):
                return objects, pages
            reply, pages = self.ask(LIST, (CURSOR, reply.all(CURSOR)[0])), pages + 1


def item(access, name, flags=0, kinds=0):
    return struct.pack("<BBH", access, flags, kinds) + name.encode()


def number(value):
    return struct.pack("<I", value)


def expect(reply, wanted, *texts):
    assert reply.status == wanted, f"{errno.errorcode.get(reply.status, reply.status)}: {reply.fields}"
    assert not reply.descriptors
    for text in texts:
        assert text in reply.sentence(), reply.sentence()
    return reply


# ---- what the page says ----

def acquires():
    reply = Client().acquire((WRITE, "orders"), (READ, "/orders", 1), (0, "wake"), (0, "outlet", 0, 1 << PIPE))
    assert reply.status == 0 and len(reply.descriptors) == 4
    modes = [os.O_WRONLY, os.O_RDONLY, os.O_RDWR, os.O_RDWR]
    found = [struct.unpack_from("<BBHQQ", value) for value in reply.all(DESCRIPTOR)]
    assert [one[:3] for one in found] == [
        (QUEUE, WRITE, 0), (QUEUE, READ, 1), (EVENTFD, WRITE | READ, 1), (PIPE, WRITE | READ, 0)], found
    for fd, mode, (_, _, flags, device, inode) in zip(reply.descriptors, modes, found):
        assert os.get_blocking(fd) == (not flags) and not os.get_inheritable(fd)
        if device:
            assert (os.fstat(fd).st_dev, os.fstat(fd).st_ino) == (device, inode)
        else:
            with open(f"/proc/self/fdinfo/{fd}") as info:
                assert f"eventfd-id: {inode}\n" in info or inode == 0
        with open(f"/proc/self/fdinfo/{fd}") as info:
            assert int(dict(line.split(":", 1) for line in info)["flags"], 8) & os.O_ACCMODE == mode
    os.eventfd_write(reply.descriptors[2], 42)
    assert os.eventfd_read(reply.descriptors[2]) == 42
    os.write(reply.descriptors[3], b"through")
    assert os.read(reply.descriptors[3], 9) == b"through"


def acquires_all_or_none():
    client = Client()
    for access, name, status in [(0, "nothing", errno.ENOENT), (READ, "inbox", errno.EACCES),
                                 (WRITE, "wake", errno.EINVAL), (0, ".", errno.EINVAL), (4, "orders", errno.EINVAL)]:
        reply = expect(client.acquire((0, "orders"), (access, name)), status)
        assert reply.all(INDEX) == [number(1)] and reply.sentence()
    expect(client.acquire((0, "orders", 0, 1 << PIPE)), errno.EINVAL, "queue")
    expect(client.acquire(*[(0, "wake")] * 254), errno.E2BIG)
    assert len(client.acquire(*[(0, "wake")] * 253).descriptors) == 253


def lists_in_pages():
    objects, pages = Client().list()
    names = [one["name"] for one in objects]
    assert pages > 1 and len(names) == 504 and names == sorted(names), (pages, len(names))
    assert {one["kind"] for one in objects} == {"queue", "eventfd", "pipe"}


def tells():
    client = Client()
    assert facts_of(client.ask(SHOW, (NAME, b"/orders")).fields)["message_size"] == 64
    expect(client.ask(SHOW, (NAME, b"nothing")), errno.ENOENT, "nothing")
    assert facts_of(client.ask(STATUS).fields)["state"] == "ok"
    assert facts_of(client.ask(WHOAMI).fields)["uid"] == os.geteuid()
    for access, name, allowed in [(READ, b"orders", True), (READ, b"inbox", False)]:
        assert facts_of(client.ask(CAN, (NAME, name), (ACCESS, number(access))).fields)["allowed"] is allowed
    expect(client.ask(CAN, (NAME, b"wake"), (ACCESS, number(READ))), errno.EINVAL)
    expect(client.ask(RELOAD), errno.EACCES)
    expect(client.ask(PURGE), errno.EACCES)


def waits_and_cancels():
    client = Client()
    assert client.ask(AWAIT, (NAME, b"orders")).status == 0
    waits = [client.send(AWAIT, (NAME, b"later")) for _ in range(16)]
    expect(client.ask(AWAIT, (NAME, b"later")), errno.EBUSY)
    assert client.ask(STATUS).status == 0  # others are answered meanwhile
    cancel = client.send(CANCEL, (SERIAL, number(waits[3])))
    replies = {reply.serial: (reply.kind, reply.status) for reply in (client.receive(), client.receive())}
    assert replies == {cancel: (CANCEL, 0), waits[3]: (AWAIT, errno.ECANCELED)}, replies
    expect(client.ask(CANCEL, (SERIAL, number(waits[3]))), errno.ENOENT)
    expect(client.ask(AWAIT, (NAME, b"later"), (99, bytes(1024))), errno.EMSGSIZE)


def answers_in_order():
    client = Client()
    serials = [client.send(kind) for kind in (STATUS, WHOAMI, 50, LIST)]
    replies = [client.receive() for _ in serials]
    assert [reply.serial for reply in replies] == serials
    assert [reply.status for reply in replies] == [0, 0, errno.ENOSYS, 0]


def skips_what_it_does_not_know():
    client = Client()
    assert client.ask(STATUS, (99, b"?")).status == 0
    expect(client.ask(STATUS, (99 | CRITICAL, b"?")), errno.EOPNOTSUPP)
    assert client.ask(STATUS).status == 0


def refuses_other_versions():
    client = Client()
    client.socket.send(struct.pack("<BBHII", 7, STATUS, 0, 1, 0))
    expect(client.receive(), errno.EPROTONOSUPPORT)
    assert client.ask(STATUS).status == 0


def closes_on_the_malformed():
    client = Client()
    client.socket.send(struct.pack("<BBHIIHH", 1, SHOW, 0, 5, 0, NAME, 9) + b"cut off")
    assert expect(client.receive(), errno.EBADMSG).serial == 5
    assert client.receive() is None
    for frame in (b"short", struct.pack("<BBHII", 1, STATUS, 0, 0, 0), struct.pack("<BBHII", 1, STATUS, 4, 1, 0)):
        client = Client()
        client.socket.send(frame)
        reply = expect(client.receive(), errno.EBADMSG)
        assert (reply.kind, reply.serial) == (0, 0) and reply.sentence()
        assert client.receive() is None


def proves():
    """For a broker on a kernel that does not tell who has connected."""
    client = Client()
    expect(client.ask(PROVE, (NONCE, b"?")), errno.EINVAL)
    nonce = expect(client.acquire((0, "units")), errno.ENOKEY).all(NONCE)
    assert len(nonce) == 1
    assert expect(client.acquire((0, "units")), errno.ENOKEY).all(NONCE) == nonce
    assert client.ask(PROVE, (NONCE, nonce[0])).status == 0
    expect(client.acquire((0, "units")), errno.EACCES)
    client = Client()
    expect(client.acquire((0, "units")), errno.ENOKEY)
    expect(client.ask(PROVE, (NONCE, b"another")), errno.EACCES)
    expect(client.acquire((0, "units")), errno.EACCES)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
    print("as written")
