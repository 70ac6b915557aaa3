import json, sqlite3
db = sqlite3.connect('out')
def one(question): return db.execute(question).fetchone()
assert one('PRAGMA integrity_check') == ('ok',) and one('PRAGMA user_version') == (2,)
assert not list(db.execute('PRAGMA foreign_key_check'))
print(*one("""SELECT count(*), sum(duration_ns), sum(errno IS NOT NULL), sum(bytes) FROM calls
    WHERE log = 0"""))
print(*one('SELECT count(*), sum(end_ns IS NOT NULL) FROM tasks WHERE log = 0'))
print(*one('SELECT count(*) FROM programs p JOIN tasks USING (log, task) WHERE log = 1'))
print(one("""SELECT data FROM regions r JOIN calls c USING (log, event) JOIN open_files f
    USING (log, file_id) WHERE f.name LIKE '%/out' AND c.call = 'write' AND r.direction = 'in'
    AND log = 0""")[0].decode())
print(*one("""SELECT f.family, f.type FROM sockets s JOIN open_files f
    ON f.log = s.log AND f.file_id = s.socket WHERE s.role = 'pair' LIMIT 1"""))
print(json.loads(one("SELECT argv FROM programs WHERE exe LIKE '%/perl'")[0])[1])
print(*one('SELECT complete, missing FROM logs WHERE log = 1'))
