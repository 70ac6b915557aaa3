import os, socket
def serve(listener, sizes):
    pid = os.fork()
    if pid: return pid
    s, _ = listener.accept()
    while True:
        data = s.recv(65536)
        if not data: break
        s.sendall(data.upper() * 3)
    s.close()
    os._exit(0)
for family, host in (socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '::1'):
    l = socket.socket(family); l.bind((host, 0)); l.listen(1)
    pid = serve(l, 0)
    c = socket.create_connection(l.getsockname()[:2])
    for size in 5, 1400, 4000, 60000:
        c.sendall(b'q' * size)
        left = size * 3
        while left: left -= len(c.recv(left))
    c.shutdown(socket.SHUT_WR)
    assert c.recv(10) == b''
    os.waitpid(pid, 0); c.close(); l.close()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(('127.0.0.1', 0))
v = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); v.connect(u.getsockname())
v.send(b'one datagram'); data, peer = u.recvfrom(100); u.sendto(b'answer', peer); v.recv(100)
w = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); w.bind(('127.0.0.1', 0))
w.sendto(b'to itself', w.getsockname()); w.recv(100)
a, b = socket.socketpair()
a.sendall(b'over a unix socket'); b.recv(100); b.sendall(b'back'); a.recv(100)
