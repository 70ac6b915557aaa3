import re
def unescape(text):
    def one(m):
        e = m.group(1)
        if e[0] == 'x': return bytes([int(e[1:], 16)])
        if e[0] == 'u': return chr(int(e[2:-1], 16)).encode()
        return {'n': b'\n', 'r': b'\r', 't': b'\t', '\\': b'\\'}[e]
    out, at = b'', 0
    for m in re.finditer(r'\\(x[0-9a-f]{2}|u\{[0-9a-f]+\}|[nrt\\])', text):
        out += text[at:m.start()].encode() + one(m)
        at = m.end()
    return out + text[at:].encode()
