import json, collections
from decimal import Decimal
trace = json.load(open('out'), parse_float=Decimal)
tracks, starts, ends, events = collections.defaultdict(list), {}, [], set()
for e in trace['traceEvents']:
    if e['ph'] == 'X':
        tracks[e['pid'], e['tid']].append((e['ts'], e['dur'], e['name']))
        events.add(e['args']['event'])
    elif e['ph'] == 's': starts[e['id']] = e['ts']
    elif e['ph'] == 'f': ends.append((e['id'], e['ts']))
for slices in tracks.values():
    slices.sort()
    for (t, d, n), (u, _, m) in zip(slices, slices[1:]): assert t + d <= u, (t, d, n, u, m)
    assert all(d > 0 for _, d, _ in slices)
assert len({i for i, _ in ends}) == len(ends)
for i, t in ends: assert starts[i] <= t, (i, t, starts[i])
names = {e['args']['name'] for e in trace['traceEvents'] if e['name'] == 'process_name'}
assert 'sleep' in names, names
print(len(events), len(starts), len(ends), len(tracks))
