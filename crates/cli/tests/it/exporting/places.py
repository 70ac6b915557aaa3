import ctypes, os, socket, threading
# Each part waits for the one before it, so that reads come after writes.
r, w = os.pipe()
for n in range(3):
    os.write(w, b'x'); os.read(r, 1)
a, b = socket.socketpair()
for n in range(4):
    a.send(b'x'); b.recv(1)
l = socket.socket(); l.bind(('127.0.0.1', 0)); l.listen(1)
c = socket.create_connection(l.getsockname()); s, _ = l.accept()
for n in range(5):
    c.sendmsg([b'x']); s.recvmsg(1)
word = ctypes.c_int(0); libc = ctypes.CDLL(None); futex = lambda *args: libc.syscall(202, *args)
t = threading.Thread(target=lambda: futex(ctypes.byref(word), 128, 0, None))
t.start()
# The number of tasks that a wake has woken says when there is one.
while futex(ctypes.byref(word), 129, 1) == 0: pass
t.join()
