import os, threading, time
def child():
    for n in range(20): os.getppid()
    os._exit(3)
pids = []
for n in range(3):
    pid = os.fork()
    if pid == 0: child()
    pids.append(pid)
gate = threading.Event()
def wait(): gate.wait()
ts = [threading.Thread(target=wait, daemon=True) for n in range(3)]
for t in ts: t.start()
for pid in pids: os.waitpid(pid, 0)
t = threading.Thread(target=lambda: os.execvp("sleep", ["sleep", "0.01"]))
t.start()
time.sleep(5)
