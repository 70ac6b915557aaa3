"""Restricts itself by the rules of the file out, and executes the words after it."""
import ctypes, json, os, struct, sys

FS = ('execute write_file read_file read_dir remove_dir remove_file make_char make_dir make_reg '
    'make_sock make_fifo make_block make_sym refer truncate ioctl_dev').split()
NET = 'bind_tcp connect_tcp'.split()
libc = ctypes.CDLL(None, use_errno=True)


def call(*args):
    done = libc.syscall(*args)
    assert done >= 0, (args, os.strerror(ctypes.get_errno()))
    return done


def bits(known, names): return sum(1 << at for at, name in enumerate(known) if name in names)


config = json.load(open('out'))
[ruleset] = config['ruleset']
assert config['abi'] == 5 and ruleset['handledAccessFs'] == ['abi.all']
net = bits(NET, NET) if ruleset.get('handledAccessNet') == ['abi.all'] else 0
ruleset = call(444, struct.pack('QQ', bits(FS, FS), net), 16, 0)
for rule in config['pathBeneath']:
    allowed = rule['allowedAccess']
    assert allowed and set(allowed) <= set(FS), allowed
    for path in rule['parent']:
        try: parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError: continue
        call(445, ruleset, 1, struct.pack('=Qi', bits(FS, allowed), parent), 0)
call(157, 38, 1, 0, 0, 0)
call(446, ruleset, 0)
os.execvp(sys.argv[1], sys.argv[1:])
