"""Types a session into a shell on a new terminal, and tells all that the terminal has shown.

    job_control.py SESSION SHELL [ARGUMENT...]

Lines of the session:

    > TEXT           types TEXT, with Python's escapes
    < TEXT           waits until TEXT is shown, after what was waited for before
    asleep NAME...   waits until a process of each name sleeps
    stopped NAME     waits until a process of that name is stopped
    foreground NAME  waits until a process of that name runs in the foreground
    traced NAME      waits until a process of that name has a tracer
    untraced NAME    waits until a process of that name runs without one
    job STATE        waits until a child of the shell is in that state: S, T
    kill SIG NAME    sends a signal to processes of that name; `the job`: to the shell's children
    make FILE        makes an empty file
    note NAME        tells whether the group of that process is in the foreground
"""
import os, pty, re, select, signal, sys, time

LIMIT = 60


def stat(pid):
    try:
        text = open(f"/proc/{pid}/stat", errors="replace").read()
    except OSError:
        return None
    name, rest = text[text.index("(") + 1:text.rindex(")")], text[text.rindex(")") + 2:].split()
    return {"pid": pid, "name": name, "state": rest[0], "parent": int(rest[1]),
            "group": int(rest[2]), "session": int(rest[3]), "foreground": int(rest[5])}


def status(pid):
    try:
        return open(f"/proc/{pid}/status", errors="replace").read()
    except OSError:
        return ""


def traced(pid):
    return "TracerPid:\t0\n" not in status(pid)


def in_foreground(process):
    return process["group"] == process["foreground"]


class Session:
    def __init__(self, command):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvp(command[0], command)
        self.seen, self.at, self.notes, self.open = b"", 0, [], True

    def read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return
        try:
            more = os.read(self.fd, 65536)
        except OSError:  # EIO: nobody has the terminal open any more.
            more = b""
        self.open = bool(more)
        self.seen += more

    def until(self, what, so):
        end = time.monotonic() + LIMIT
        while not so():
            if time.monotonic() > end or not self.open:
                seen = self.seen.decode(errors="replace")
                print(f"does not happen: {what}. Shown so far:\n{seen}")
                for process in self.processes():
                    print(process)
                    os.kill(process["pid"], 9)
                sys.exit(1)
            self.read(0.005)

    def processes(self):
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
        return [s for s in map(stat, pids) if s and s["session"] == self.pid]

    def children(self):
        return [s for s in self.processes() if s["parent"] == self.pid]

    def named(self, name, states):
        return [s for s in self.processes() if s["name"] == name and s["state"] in states]

    def stays(self, process):
        """Whether it does not run for some time. State t may also be the short stop of a call."""
        switches = status(process["pid"])[-100:]
        time.sleep(0.2)
        now = stat(process["pid"])
        return now and now["state"] in "Tt" and status(process["pid"])[-100:] == switches

    def shows(self, text):
        at = self.seen.find(text, self.at)
        if at >= 0:
            self.at = at + len(text)
        return at >= 0

    def do(self, line):
        verb, _, text = line.partition(" ")
        raw = text.encode().decode("unicode_escape").encode()
        if verb == ">":
            while raw:
                raw = raw[os.write(self.fd, raw):]
        elif verb == "<":
            self.until(line, lambda: self.shows(raw))
        elif verb == "asleep":
            names = text.split()
            self.until(line, lambda: all(len(self.named(n, "S")) >= names.count(n) for n in names))
        elif verb == "stopped":
            self.until(line, lambda: any(map(self.stays, self.named(text, "Tt"))))
        elif verb == "job":
            self.until(line, lambda: [s for s in self.children() if s["state"] in text])
        elif verb == "untraced":
            self.until(line, lambda: [s for s in self.named(text, "SR") if not traced(s["pid"])])
        elif verb == "traced":
            self.until(line, lambda: [s for s in self.named(text, "SRt") if traced(s["pid"])])
        elif verb == "foreground":
            self.until(line, lambda: [s for s in self.named(text, "SR") if in_foreground(s)])
        elif verb == "make":
            open(text, "w").close()
        elif verb == "kill":
            number, _, name = text.partition(" ")
            for process in self.children() if name == "the job" else self.named(name, "SRtT"):
                os.kill(process["pid"], signal.Signals[f"SIG{number}"])
        elif verb == "note":
            self.notes += [f"{text}: {'foreground' if in_foreground(s) else 'background'}"
                           for s in self.named(text, "SRDTt")]
        else:
            sys.exit(f"no such verb: {line}")


os.environ["PS1"] = "%% "
session = Session(sys.argv[2:])
for line in open(sys.argv[1]).read().splitlines():
    if line.strip():
        session.do(line.strip())
# Descriptors of what the session leaves behind keep the terminal open: the end is that of the
# shell.
while session.open and not os.waitid(os.P_PID, session.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
    session.until("the end", lambda: session.read(0.05) or True)
while select.select([session.fd], [], [], 0)[0] and session.open:
    session.read(0)
for process in session.processes():
    if process["pid"] != session.pid:
        os.kill(process["pid"], 9)
_, code = os.waitpid(session.pid, 0)
shown = session.seen.decode(errors="replace").replace("\r\n", "\n")
# Ids differ between runs.
print(re.sub(r"\[(\d)\] \d+", r"[\1] PID", shown))
print("\n".join(session.notes))
print("exit", os.waitstatus_to_exitcode(code))
