#!/usr/bin/python3
"""Measures ipcbrokerd beside the bare kernel and its peers: see bench/README.md.

    run.py --build DIRECTORY [--rounds N] [--milliseconds N] [--smoke] [--json FILE] [--svg FILE]

Runs in an IPC name space that scripts/bench has made, so that queues of nobody else are met.
"""

import argparse
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import report

CPU = max(os.sched_getaffinity(0))
FIRST_UID = 1_500_000_000  # each server has a user of its own, for RLIMIT_MSGQUEUE counts by user


class Failed(Exception):
    """A part of the bench cannot be run; the others can."""


class Bench:
    """What all parts share: the directory, the processes, the size of a round."""

    def __init__(self, options):
        self.options = options
        self.build = os.path.abspath(options.build)
        os.environ["LD_LIBRARY_PATH"] = os.path.join(self.build, ".libs")
        self.directory = tempfile.mkdtemp(prefix="ipcbroker-bench-", dir="/tmp")
        os.chmod(self.directory, 0o755)
        self.children = []
        self.uids = FIRST_UID + os.getpid() * 64

    def path(self, name):
        return os.path.join(self.directory, name)

    def program(self, name):
        return os.path.join(self.build, "bench", name)

    def spawn(self, arguments, own_user=False, **more):
        """A child on the one processor; with OWN_USER as a user of its own, where we may."""
        if own_user and os.geteuid() == 0:
            self.uids += 1
            more.update(user=self.uids, group=self.uids, extra_groups=[])
        child = subprocess.Popen(
            arguments, preexec_fn=lambda: os.sched_setaffinity(0, [CPU]), text=True, **more)
        self.children.append(child)
        return child

    def end(self, child):
        if child in self.children:
            self.children.remove(child)
            if child.stdin:
                child.stdin.close()  # which ends it
            else:
                child.send_signal(signal.SIGTERM)
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def end_all(self):
        for child in reversed(list(self.children)):
            self.end(child)

    def clear(self):
        """The next part finds no socket of a server that is no more."""
        self.end_all()
        for entry in os.scandir(self.directory):
            if entry.is_dir():
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                os.unlink(entry.path)

    def clean_up(self):
        self.end_all()
        shutil.rmtree(self.directory, ignore_errors=True)

    # ---- servers ----

    def own_directory(self, name):
        """A directory that the next spawned server of its own user may write."""
        path = self.path(name)
        os.mkdir(path)
        os.chmod(path, 0o777 | 0o1000)
        return path

    def broker(self, name, configuration):
        """Starts a broker and waits for READY=1. Returns (child, socket, seconds)."""
        directory = self.own_directory(name)
        config = os.path.join(directory, "conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(configuration)
        return self.start_broker(directory, config)

    def start_broker(self, directory, config):
        address = os.path.join(directory, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(address)
            os.chmod(address, 0o666)
            notify.settimeout(60)
            run = os.path.join(directory, "run")
            begin = time.perf_counter()
            with open(os.path.join(directory, "log"), "a+", encoding="utf-8") as log:
                child = self.spawn(
                    [os.path.join(self.build, "ipcbrokerd"), "--config", config, "--quiet",
                     "--socket", os.path.join(run, "socket")],
                    own_user=True, stderr=log,
                    env={**os.environ, "NOTIFY_SOCKET": address})
                while b"READY=1" not in self.hear(notify, child, log):
                    pass
            seconds = time.perf_counter() - begin
        os.unlink(address)
        return child, os.path.join(run, "socket"), seconds

    @staticmethod
    def hear(notify, child, log):
        notify.settimeout(0.5)
        for _ in range(120):
            try:
                return notify.recv(4096)
            except socket.timeout:
                if child.poll() is not None:
                    break
        log.seek(0)
        raise Failed("the broker does not become ready: " + log.read().strip())

    def bare_server(self, name, mode, queues):
        path = os.path.join(self.own_directory(name), "socket")
        child = self.spawn([self.program("bare-server"), path, name + "-", str(queues), mode],
                           own_user=True, stdout=subprocess.PIPE)
        self.await_ready(child)
        return child, path

    def await_ready(self, child):
        if child.stdout.readline().strip() != "ready":
            raise Failed(f"{child.args[0]} ended with {child.wait()}")

    def run(self, arguments):
        """A program that ends by itself, on the one processor."""
        if self.spawn(arguments, stdout=subprocess.DEVNULL).wait() != 0:
            raise Failed(" ".join(arguments) + " failed")

    def ctl(self, path, *arguments):
        """ipcbrokerctl itself: what lies in the build directory is libtool's script around it."""
        return [os.path.join(self.build, ".libs", "ipcbrokerctl"), "--socket", path, *arguments]

    # ---- clients ----

    def worker(self, *arguments):
        child = self.spawn([self.program(arguments[0]), *arguments[1:]],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.await_ready(child)
        return child


def run_worker(child, milliseconds):
    child.stdin.write(f"run {milliseconds}\n")
    child.stdin.flush()
    line = child.stdout.readline()
    if not line:
        raise Failed(f"{' '.join(child.args)} ended with {child.wait()}")
    return json.loads(line)


def processor_ns(pid):
    """The processor time that a process has used."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0])


def memory(pid):
    """Private and resident bytes of a process."""
    values = {"Private": 0, "Rss": 0}
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        for line in file:
            for key in values:
                if line.startswith(key):
                    values[key] += int(line.split()[1]) * 1024
    return values["Private"], values["Rss"]


def slab():
    """Bytes of the kernel's small objects, whoever made them: sockets, queues and their like."""
    with open("/proc/meminfo", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Slab:"))


def measure(bench, ways):
    """WAYS: name -> (worker, pids of its servers). Interleaved, shuffled rounds."""
    results = {name: {"rate": [], "p50": [], "p99": [], "server_us": []} for name in ways}
    for _ in range(bench.options.rounds):
        for name in random.sample(list(ways), len(ways)):
            worker, servers = ways[name]
            before = sum(map(processor_ns, servers))
            run = run_worker(worker, bench.options.milliseconds)
            used = sum(map(processor_ns, servers)) - before
            result = results[name]
            result["rate"].append(run["things"] * 1e9 / run["ns"])
            result["p50"].append(run["p50"] / 1e3)
            result["p99"].append(run["p99"] / 1e3)
            result["server_us"].append(used / 1e3 / run["things"])
    return results


# ---- configurations ----

def queues(prefix, n, access="use = any", extra=""):
    return extra + "".join(
        f"[queue:{prefix}{i:04}]\nmax_messages = 1\nmessage_size = 1\n{access}\n" for i in range(n))


def eventfds(prefix, n):
    return "".join(f"[eventfd:{prefix}{i:04}]\nuse = any\n" for i in range(n))


CLIENTS = "[broker]\nmax_clients = {0}\nmax_clients_per_user = {0}\n"


# ---- peers ----

def start_s6(bench, name):
    path = os.path.join(bench.own_directory(name), "socket")
    rules = bench.path(name + ".rules")
    for directory, file in (("uid/default", "allow"), ("uid/default/env", None)):
        os.makedirs(os.path.join(rules, directory), exist_ok=True)
        if file:
            open(os.path.join(rules, directory, file), "w", encoding="ascii").close()
    environment = os.path.join(rules, "uid/default/env")
    for variable in ("S6_FDHOLDER_STORE_REGEX", "S6_FDHOLDER_RETRIEVE_REGEX"):
        with open(os.path.join(environment, variable), "w", encoding="ascii") as file:
            file.write(".*\n")
    compiled = rules + ".cdb"
    subprocess.run(["s6-accessrules-cdb-from-fs", compiled, rules], check=True)
    child = bench.spawn(["s6-ipcserver-socketbinder", "-B", "--", path, "s6-fdholderd", "-1", "-n",
                         "1000", "-c", "256", "-x", compiled], stdout=subprocess.PIPE)
    child.stdout.readline()
    return child, path


BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path={}</listen><policy context="default">
<allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/><allow user="*"/></policy>
</busconfig>
"""


def start_bus(bench, name, command):
    """A private bus and the service on it. COMMAND: how the bus is started with a configuration."""
    path = bench.path(name)
    config = path + ".conf"
    with open(config, "w", encoding="utf-8") as file:
        file.write(BUS.format(path))
    bus = bench.spawn([*command(path), "--config-file=" + config],
                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(500):
        if os.path.exists(path):
            break
        time.sleep(0.01)
    address = "unix:path=" + path
    service = bench.spawn([bench.program("bus-service"), address], stdout=subprocess.PIPE)
    bench.await_ready(service)
    return tree(bus.pid) + [service.pid], address


def tree(pid):
    """A process and all below it."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [pid] + [p for child in file.read().split() for p in tree(int(child))]


def journal_socket():
    """dbus-broker-launch does not start without one. scripts/bench has made a place for it."""
    address = "/run/systemd/journal/socket"
    if os.path.exists(address) or not os.access(os.path.dirname(address), os.W_OK):
        return None
    journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    journal.bind(address)
    return journal


def dbus_daemon(_path):
    return ["dbus-daemon", "--nofork", "--nopidfile"]


def dbus_broker(path):
    """Its launcher wants a journal and another bus to speak with, where services would start."""
    if not os.path.exists("/run/systemd/journal/socket"):
        raise Failed("dbus-broker-launch needs the journal's socket (as root the bench makes one)")
    other = os.path.join(os.path.dirname(path), "dbus-daemon")
    return ["systemd-socket-activate", "-E", "DBUS_SESSION_BUS_ADDRESS=unix:path=" + other,
            "-l", path, "dbus-broker-launch", "--scope", "user"]


# ---- parts ----

def try_peer(part, name, start):
    """A peer that cannot be had is left out, and said."""
    try:
        return start()
    except (Failed, OSError, subprocess.CalledProcessError) as error:
        part.setdefault("left_out", {})[name] = str(error)
        return None


def part_acquire(bench, part):
    """One object at a time, on one connection and on a new one for each."""
    broker, socket_path, _ = bench.broker("broker", queues("q", 1))
    ways = {}
    for mode in ("held", "reopened"):
        server, path = bench.bare_server("bare-" + mode, mode, 1)
        ways["bare, " + mode] = (bench.worker("client", path, "q", "1", "kept"), [server.pid])
        ways[f"once: bare, {mode}"] = (bench.worker("client", path, "q", "1", "once"), [server.pid])
    ways["ipcbrokerd"] = (bench.worker("client", socket_path, "q", "1", "kept"), [broker.pid])
    ways["once: ipcbrokerd"] = (bench.worker("client", socket_path, "q", "1", "once"), [broker.pid])
    ways["ipcbrokerd, by libipcbroker"] = (bench.worker("library-client", socket_path, "q0000"),
                                           [broker.pid])
    ways["mq_open by hand"] = (bench.worker("by-hand", "/bare-held-0000"), [])
    holder = try_peer(part, "s6-fdholderd", lambda: start_s6(bench, "s6"))
    if holder:
        for mode, prefix in (("kept", ""), ("once", "once: ")):
            ways[prefix + "s6-fdholderd"] = (bench.worker("s6-client", holder[1], mode),
                                             [holder[0].pid])
    for name, command in (("dbus-daemon", dbus_daemon), ("dbus-broker", dbus_broker)):
        bus = try_peer(part, name, lambda name=name, command=command:
                       start_bus(bench, name, command))
        if bus:
            for mode, prefix in (("kept", ""), ("once", "once: ")):
                ways[prefix + name] = (bench.worker("bus-client", bus[1], mode), bus[0])
    part["ways"] = measure(bench, ways)


def part_batch(bench, part):
    """Many objects in one request."""
    broker, path, _ = bench.broker("broker", queues("q", 253) + eventfds("e", 253))
    server, bare = bench.bare_server("bare", "reopened", 253)
    held, bare_held = bench.bare_server("bare-held", "held", 253)
    ways = {}
    for n in ("1", "8", "64", "253"):
        ways[f"{n}: queues, ipcbrokerd"] = (bench.worker("client", path, "q", n, "kept"),
                                            [broker.pid])
        ways[f"{n}: queues, bare, reopened"] = (bench.worker("client", bare, "q", n, "kept"),
                                                [server.pid])
        ways[f"{n}: eventfds, ipcbrokerd"] = (
            bench.worker("client", path, "e", n, "kept", "both"), [broker.pid])
        ways[f"{n}: bare, held"] = (bench.worker("client", bare_held, "q", n, "kept"), [held.pid])
    part["ways"] = measure(bench, ways)


def part_active(bench, part):
    """Many clients that all ask."""
    broker, path, _ = bench.broker("broker", queues("q", 1))
    part["ways"] = measure(bench, {
        f"{n} active": (bench.worker("client", path, "q", "1", str(n)), [broker.pid])
        for n in (1, 2, 4, 8, 16, 32, 64)})


def part_idle(bench, part):
    """Clients that are connected and say nothing."""
    ways = {}
    for n in (0, 240, 10000):
        broker, path, _ = bench.broker(f"broker-{n}", CLIENTS.format(n + 64) + queues(f"idle{n}-", 1))
        before, kernel = memory(broker.pid)[0], slab()
        if n:
            idle = bench.spawn([bench.program("idle-clients"), path, str(n)],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            bench.await_ready(idle)
        ways[f"ipcbrokerd, {n} idle"] = (
            bench.worker("client", path, f"idle{n}-", "1", "kept"), [broker.pid])
        run_worker(ways[f"ipcbrokerd, {n} idle"][0], 10)  # all before it are accepted now
        if n:
            part.setdefault("bytes_a_client", {})[str(n)] = (memory(broker.pid)[0] - before) / n
        if n >= 1000:  # of fewer it would be lost among what others do
            part["kernel_bytes_a_client_both_ends"] = {str(n): (slab() - kernel) / n}
    holder = try_peer(part, "s6-fdholderd", lambda: start_s6(bench, "s6"))
    if holder:
        worker = bench.worker("s6-client", holder[1], "kept")
        idle = bench.spawn([sys.executable, "-c", IDLE_STREAM, holder[1], "240"],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        bench.await_ready(idle)
        ways["s6-fdholderd, 240 idle"] = (worker, [holder[0].pid])
    part["ways"] = measure(bench, ways)


IDLE_STREAM = """
import socket, sys
kept = []
for _ in range(int(sys.argv[2])):
    kept.append(socket.socket(socket.AF_UNIX)); kept[-1].connect(sys.argv[1])
print("ready", flush=True); sys.stdin.read()
"""


def part_objects(bench, part):
    """Few and many objects: what an acquire costs among them, and what they take."""
    ways = {}
    part["bytes_an_object"], part["kernel_bytes_an_object"], part["descriptors"] = {}, {}, {}
    for kind, sections, n in (("queues", queues, 10), ("queues", queues, 1000),
                              ("queues", queues, 8000), ("eventfds", eventfds, 10),
                              ("eventfds", eventfds, 10000)):
        prefix, name = f"{kind[0]}{n}-", f"{n} {kind}"
        kernel = slab()
        broker, path, _ = bench.broker(name, sections(prefix, n))
        if n >= 1000:
            part["bytes_an_object"][name] = memory(broker.pid)[0] / n
            part["kernel_bytes_an_object"][name] = (slab() - kernel) / n
            part["descriptors"][name] = len(os.listdir(f"/proc/{broker.pid}/fd"))
        ways[name] = (bench.worker("client", path, prefix, "1", "kept",
                                   *(["both"] if kind == "eventfds" else [])), [broker.pid])
    part["ways"] = measure(bench, ways)


def part_start(bench, part):
    """From the start to READY, with 8,000 queues, beside a bare loop with inih; and a reload with
    one change among them."""
    config = bench.path("start.conf")
    with open(config, "w", encoding="utf-8") as file:
        file.write(queues("q", 8000))
    results = {"bare loop and inih": {"ms": []}, "ipcbrokerd": {"ms": []}, "reload": {"ms": []}}
    for round_number in range(bench.options.rounds):
        begin = time.perf_counter()
        bare = bench.spawn([bench.program("bare-start"), config], own_user=True,
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        bench.await_ready(bare)
        results["bare loop and inih"]["ms"].append((time.perf_counter() - begin) * 1e3)
        bench.end(bare)
        broker, path, seconds = bench.broker(f"start-{round_number}", queues("q", 8000))
        results["ipcbrokerd"]["ms"].append(seconds * 1e3)
        results["reload"]["ms"].append(reload_one_change(bench, f"start-{round_number}", path))
        if round_number == 0:
            part["facts"] = calls_of_a_reload(bench, broker, f"start-{round_number}", path)
        bench.end(broker)
        remove_queues(bench)
    part["ways"] = results


def reload_one_change(bench, name, path):
    """Milliseconds of a reload after one more eventfd is declared."""
    with open(os.path.join(bench.path(name), "conf"), "a", encoding="utf-8") as file:
        file.write(f"[eventfd:more{time.monotonic_ns()}]\nuse = any\n")
    begin = time.perf_counter()
    bench.run(bench.ctl(path, "reload"))
    return (time.perf_counter() - begin) * 1e3


def calls_of_a_reload(bench, broker, name, path):
    """How many system calls the broker makes for it, where strace can tell."""
    if not shutil.which("strace"):
        return {}
    counts = bench.path("strace")
    tracer = bench.spawn(["strace", "-f", "-qq", "-c", "-o", counts, "-p", str(broker.pid)],
                         stderr=subprocess.DEVNULL)
    while f"TracerPid:\t{tracer.pid}\n" not in open(f"/proc/{broker.pid}/status").read():
        time.sleep(0.01)
    reload_one_change(bench, name, path)
    tracer.send_signal(signal.SIGINT)
    tracer.wait()
    with open(counts, encoding="ascii") as file:
        rows = [line.split() for line in file if line.strip()[:1].isdigit()]
    return {"calls of a reload: " + row[-1]: int(row[3]) for row in rows if row[-1] != "total"}


def remove_queues(bench):
    """What a broker leaves is its queues."""
    subprocess.run([bench.program("remove-queues"), "q", "8000"], check=True)


def part_data(bench, part):
    """What passes through an object, by the library and by the bare calls."""
    part["ways"] = measure(bench, {
        f"{kind}, {how}": (bench.worker("data-path", kind, how), [])
        for kind in ("queue", "eventfd", "pipe") for how in ("bare", "library")})


def part_calls(bench, part):
    """What a request is made of, each alone and in one process."""
    part["ways"] = measure(bench, {name: (bench.worker("calls", name), []) for name in (
        "getppid", "fstat", "epoll_wait", "mq_open, close", "send, recv",
        "sendmsg, recvmsg, close")})


def part_rest(bench, part):
    """With nothing to do."""
    broker, path, _ = bench.broker("broker", CLIENTS.format(1064) + queues("q", 1))
    idle = bench.spawn([bench.program("idle-clients"), path, "1000"],
                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    bench.await_ready(idle)
    run_worker(bench.worker("client", path, "q", "1", "kept"), 10)
    time.sleep(1)  # the end of that client wakes it up, too
    before = wake_ups(broker.pid)
    time.sleep(bench.options.rest)
    part["facts"] = {
        "seconds of rest": bench.options.rest,
        "wake-ups with 1000 clients": wake_ups(broker.pid) - before,
        "private bytes": memory(broker.pid)[0],
        "resident bytes": memory(broker.pid)[1],
        "bytes of ipcbrokerd": os.path.getsize(
            os.path.realpath(os.path.join(bench.build, "ipcbrokerd"))),
    }
    for name in ("s6-fdholderd", "dbus-broker", "dbus-daemon"):
        program = shutil.which(name)
        if program:
            part["facts"]["bytes of " + name] = os.path.getsize(os.path.realpath(program))


def part_tools(bench, part):
    """A process for each acquire: the tools that hand a descriptor to a program."""
    _, path, _ = bench.broker("broker", queues("q", 1))
    commands = {"ipcbrokerctl exec": bench.ctl(path, "exec", "q0000", "--", "/bin/true"),
                "bare /bin/true": ["/bin/true"]}
    holder = try_peer(part, "s6-fdholderd", lambda: start_s6(bench, "s6"))
    if holder:
        bench.worker("s6-client", holder[1], "kept")  # which stores the descriptor
        commands["s6-fdholder-retrieve"] = ["s6-fdholder-retrieve", holder[1], "bench", "/bin/true"]
    part["ways"] = {name: {"ms": []} for name in commands}
    for _ in range(bench.options.rounds):
        for name in random.sample(list(commands), len(commands)):
            begin = time.perf_counter()
            for _ in range(20):
                bench.run(commands[name])
            part["ways"][name]["ms"].append((time.perf_counter() - begin) * 1e3 / 20)


def part_size(bench, part):
    """What a server takes and how long it starts, with one object."""
    facts = part["facts"] = {}

    def state(name, start, pids):
        begin = time.perf_counter()
        started = try_peer(part, name, start)
        if not started:
            return
        seconds = time.perf_counter() - begin
        facts[f"{name}: microseconds of a start"] = seconds * 1e6
        facts[f"{name}: resident bytes"] = sum(memory(pid)[1] for pid in pids(started))
        facts[f"{name}: private bytes"] = sum(memory(pid)[0] for pid in pids(started))

    state("ipcbrokerd", lambda: bench.broker("broker", queues("q", 1)), lambda s: [s[0].pid])
    state("s6-fdholderd", lambda: start_s6(bench, "s6"), lambda s: [s[0].pid])
    for name, command in (("dbus-daemon", dbus_daemon), ("dbus-broker", dbus_broker)):
        state(name, lambda name=name, command=command: start_bus(bench, name, command),
              lambda s: s[0][:-1])  # without the service on it


def wake_ups(pid):
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as file:
            total += sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)
    return total


PARTS = {"acquire": part_acquire, "batch": part_batch, "active": part_active, "idle": part_idle,
         "objects": part_objects, "start": part_start, "data": part_data, "calls": part_calls, "tools": part_tools,
         "size": part_size, "rest": part_rest}


# ---- the whole ----

def command_line():
    parser = argparse.ArgumentParser(description="Measures ipcbrokerd beside the kernel and peers.")
    parser.add_argument("--build", required=True, help="where the programs were built")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--milliseconds", type=int, default=250, help="of each way in each round")
    parser.add_argument("--rest", type=int, default=60, help="seconds of watching it rest")
    parser.add_argument("--smoke", action="store_true", help="only see that all of it works")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this; may be repeated")
    parser.add_argument("--json", help="file for all figures")
    parser.add_argument("--svg", help="file for the plot")
    options = parser.parse_args()
    if options.smoke:
        options.rounds, options.milliseconds, options.rest = 1, 20, 1
    return options


def raise_limits():
    import resource
    for limit in (resource.RLIMIT_NOFILE, resource.RLIMIT_MSGQUEUE):
        _, most = resource.getrlimit(limit)
        resource.setrlimit(limit, (most, most))
    with open("/proc/sys/fs/mqueue/queues_max", "w", encoding="ascii") as file:
        file.write("100000")


def main():
    options = command_line()
    bench = Bench(options)
    result = {"head": report.head(CPU, options), "parts": {}}
    failed = False
    _journal = journal_socket()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        raise_limits()
        for name in options.part or PARTS:
            print(f"... {name}: {PARTS[name].__doc__.strip()}", file=sys.stderr, flush=True)
            part = result["parts"][name] = {}
            try:
                PARTS[name](bench, part)
            except (Failed, OSError) as error:
                part["failed"] = str(error)
                failed = True
            bench.clear()
            remove_queues(bench)
    finally:
        bench.clean_up()
    report.add_ratios(result)
    report.print_table(result)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
    if options.svg:
        report.write_svg(result, options.svg)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
