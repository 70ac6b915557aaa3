import json
stacks = {}
for line in open('folded'):
    stack, ns = line.rsplit(' ', 1)
    stacks[tuple(f.replace(r'\x3b', ';') for f in stack.split(';'))] = int(ns)
s = json.load(open('speedscope')); p = s['profiles'][0]
names = [f['name'] for f in s['shared']['frames']]
other = {tuple(names[f] for f in t): w for t, w in zip(p['samples'], p['weights'])}
assert stacks == other, (stacks, other)
assert p['endValue'] == sum(p['weights']) and len(names) == len(set(names))
assert any(s[-1].endswith('/a;b/c') for s in stacks), stacks
assert any(s[1].endswith('nanosleep') and len(s) == 2 and w > 5e7 for s, w in stacks.items())
print(sum(stacks.values()))
