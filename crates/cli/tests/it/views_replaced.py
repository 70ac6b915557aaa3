"""Threads whose descriptors another thread replaces, closes and reopens while they wait."""
import os, select, socket, threading

os.mkdir("sub")
for name in ["other", "named", "sub/named"]:
    with open(name, "w") as file:
        file.write("x" * 4)

def waiting(call):
    """Starts a thread and waits until it sleeps in this call."""
    def inside(numbers=call.numbers):
        task = f"/proc/self/task/{thread.native_id}"
        with open(task + "/stat") as stat, open(task + "/syscall") as syscall:
            state, now = stat.read().rsplit(")", 1)[1].split()[0], syscall.read().split()[0]
        return state == "S" and now in numbers
    thread = threading.Thread(target=call)
    thread.start()
    while not inside():
        os.sched_yield()
    return thread

def call(*numbers):
    def marked(function):
        function.numbers = numbers
        return function
    return marked

def replace(fd):
    other = os.open("other", os.O_RDWR)
    os.dup2(other, fd)
    os.close(other)

# read: replaced by another file.
r, w = os.pipe()
# The numbers of x86_64 and of aarch64.
@call("0", "63")
def read(): os.read(r, 4201)
thread = waiting(read)
replace(r)
os.write(w, b"pipe!")
thread.join()
os.close(r)

# recv: closed and opened again as another file.
here, there = socket.socketpair()
fd = here.detach()
waits_for_data = socket.socket(fileno=fd)
@call("45", "207")
def recv(): waits_for_data.recv(4202)
kept = os.dup(fd)
thread = waiting(recv)
os.close(fd)
assert os.open("other", os.O_RDONLY) == fd
there.send(b"socket")
thread.join()
os.close(kept)
waits_for_data.detach()

# accept: the listening socket is replaced.
listening = socket.socket(socket.AF_UNIX)
listening.bind("listening")
listening.listen()
@call("43", "288", "202", "242")
def accept(): listening.accept()
thread = waiting(accept)
replace(listening.fileno())
client = socket.socket(socket.AF_UNIX)
client.connect("listening")
thread.join()

# poll: what it waits for is replaced.
p, q = os.pipe()
@call("7", "73")
def poll():
    poller = select.poll()
    poller.register(p, select.POLLIN)
    poller.poll()
thread = waiting(poll)
replace(p)
os.write(q, b"1")
thread.join()

# dup2: the descriptor that it replaces.
named = os.open("named", os.O_RDONLY)
sub = os.open("sub", os.O_RDONLY)
os.dup2(named, sub)
