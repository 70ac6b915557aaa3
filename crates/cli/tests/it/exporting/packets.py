import struct, collections
data = open('out', 'rb').read()
def options(body, at):
    found = {}
    while True:
        code, n = struct.unpack_from('<HH', body, at); at += 4
        if code == 0: break
        found[code] = body[at:at+n]; at += (n + 3) // 4 * 4
    assert at == len(body), (at, len(body))
    return found
def total(*parts):
    whole = b''.join(parts); whole += b'\0' * (len(whole) % 2)
    n = sum(struct.unpack('>%dH' % (len(whole) // 2), whole))
    while n >> 16: n = (n & 0xffff) + (n >> 16)
    return n
packets, at, kinds, last = [], 0, [], 0
while at < len(data):
    kind, n = struct.unpack_from('<II', data, at)
    assert n % 4 == 0 and data[at+n-4:at+n] == data[at+4:at+8]
    body = data[at+8:at+n-4]; at += n; kinds.append(kind)
    if kind == 0x0a0d0d0a:
        assert body[:16] == struct.pack('<IHHq', 0x1a2b3c4d, 1, 0, -1); options(body, 16)
    elif kind == 1:
        assert struct.unpack_from('<HHI', body) == (101, 0, 0)
        o = options(body, 8); assert o[9] == b'\x09' and b'synthetic' in o[1], o
    else:
        i, hi, lo, n, orig = struct.unpack_from('<IIIII', body)
        assert kind == 6 and i == 0 and n == orig
        assert last <= hi << 32 | lo; last = hi << 32 | lo
        packets.append((body[20:20+n], options(body, 20 + (n + 3) // 4 * 4)))
assert kinds[:2] == [0x0a0d0d0a, 1]
acks = set(); tcp = collections.OrderedDict(); udp = []; comments = []
for p, o in packets:
    comments += [o[1].decode()] if 1 in o else []
    if p[0] >> 4 == 4:
        assert total(p[:20]) == 0xffff and struct.unpack_from('>H', p, 2)[0] == len(p)
        proto, src, dst, seg = p[9], p[12:16], p[16:20], p[20:]
        pseudo = src + dst + struct.pack('>BBH', 0, proto, len(seg))
    else:
        assert struct.unpack_from('>H', p, 4)[0] == len(p) - 40
        proto, src, dst, seg = p[6], p[8:24], p[24:40], p[40:]
        pseudo = src + dst + struct.pack('>IHBB', len(seg), 0, 0, proto)
    assert total(pseudo, seg) == 0xffff, p.hex()
    sp, dp = struct.unpack_from('>HH', seg)
    if proto == 17:
        assert struct.unpack_from('>H', seg, 4)[0] == len(seg)
        udp.append((sp, dp, seg[8:])); continue
    assert proto == 6 and len(seg) - 20 <= 1400
    seq, ack, off, flags = struct.unpack_from('>IIBB', seg, 4)
    me, other = (src, sp), (dst, dp)
    if flags & 2 and not flags & 16:
        assert (me, other) not in tcp and (other, me) not in tcp
        tcp[me, other] = {me: [seq + 1, b'', 0], other: [None, b'', 0]}; continue
    c = tcp[(me, other) if (me, other) in tcp else (other, me)]
    if flags & 2: c[me][0] = seq + 1; assert ack == c[other][0]; continue
    assert seq == c[me][0] and ack == c[other][0], (seq, ack, c)
    # A second acknowledgement of the same byte would look like a loss.
    if len(seg) == 20 and not flags & 1: assert (me, ack) not in acks, (seq, ack)
    if flags & 16: acks.discard((me, ack)) if len(seg) > 20 else acks.add((me, ack))
    c[me][0] += len(seg) - 20; c[me][1] += seg[20:]
    if flags & 1: c[me][0] += 1; c[me][2] = 1
for c in tcp.values():
    print(*(f'{len(s)}:{bytes(sorted(set(s))).decode()!r}:{end}' for _, s, end in c.values()))
for _, _, payload in udp: print(payload.decode())
assert all(c.startswith('event ') for c in comments)
print(sum('unix socket' in c for c in comments), len(comments) > 20)
