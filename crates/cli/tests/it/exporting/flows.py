"""Prints from which call to which call flows lead, and the last value of each counter."""
import collections, json
from decimal import Decimal
trace = json.load(open('out'), parse_float=Decimal)['traceEvents']
slices = [e for e in trace if e['ph'] == 'X']


def around(event):
    """The slice of the track at that time."""
    found = [s for s in slices if (s['pid'], s['tid']) == (event['pid'], event['tid'])
        and s['ts'] <= event['ts'] < s['ts'] + s['dur']]
    return found[0]['name'] if found else None


starts = {e['id']: around(e) for e in trace if e['ph'] == 's'}
ways = collections.Counter((starts[e['id']], around(e)) for e in trace if e['ph'] == 'f')
last = {(e['pid'], e['name']): e['args']['value'] for e in trace if e['ph'] == 'C'}
totals = collections.Counter()
for (_, name), value in last.items(): totals[name] += value
print(json.dumps({'ways': [[a, b, n] for (a, b), n in ways.items()], 'totals': totals}))
