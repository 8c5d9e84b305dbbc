#!/usr/bin/python3
# A random history, and what a report on it must say, computed without any of our code.
#
#   report_history.py sql NOW                                    the history, as SQL
#   report_history.py check NOW --days N [--by WHAT] <report     compares a report in JSON
#
# Times keep a minute's distance from the ends of the periods that are asked for, since the report is
# made some moments after NOW.
import json
import random
import sys
import time

ACCOUNTS = ["alice", "bob", "carol", "dave", "o'hara", "張三"]
DAY = 86400


def history(now):
    random.seed(20250707)
    ends = [now - days * DAY for days in (3, 30, 60)]
    records = []
    for number in range(1500):
        account = random.choice(ACCOUNTS)
        kind = random.choice(["run", "manual"])
        start = now - random.randrange(3600, 70 * DAY)
        for gpu in random.sample(range(8), random.choice([1, 1, 2, 4])):
            end = min(start + random.randrange(60, 5 * DAY), now - 600)
            if all(abs(t - e) > 60 for t in (start, end) for e in ends):
                records.append((f"id-{number}", account, kind, gpu, start, end))
    return records


def day_of(seconds):
    return time.strftime("%Y-%m-%d", time.localtime(seconds))


def hours_by_day(begin, end, rows):
    while begin < end:
        # The next hour of the clock: no day begins within one.
        step = min(end, begin - begin % 3600 + 3600)
        rows[day_of(begin)] = rows.get(day_of(begin), 0) + (step - begin) / 3600
        begin = step


def expect(now, days, by):
    hours, counts, seen, accounts = {}, {}, set(), set()
    for ident, account, kind, gpu, start, end in history(now):
        begin, stop = max(start, now - days * DAY), min(end, now)
        if begin >= stop:
            continue
        key = {"user": account, "gpu": gpu, "day": day_of(begin)}[by]
        if by == "day":
            hours_by_day(begin, stop, hours)
        else:
            hours[key] = hours.get(key, 0) + (stop - begin) / 3600
        if ident not in seen or by == "gpu":
            counts[key, kind] = counts.get((key, kind), 0) + 1
        seen.add(ident)
        accounts.add(account)
    return hours, counts, len(seen), len(accounts)


def check(report, now, days, by):
    hours, counts, reservations, accounts = expect(now, days, by)
    label, rows = {
        "user": ("name", "users"), "gpu": ("gpu_id", "gpus"), "day": ("date", "dates")}[by]
    total = sum(hours.values())
    assert abs(report["total_gpu_hours"] - total) < 0.5, (report["total_gpu_hours"], total)
    assert report["total_reservations"] == reservations, reservations
    assert report["unique_users"] == accounts, accounts
    assert {row[label] for row in report[rows]} >= set(hours)
    for row in report[rows]:
        key = row[label]
        share = 100 * hours.get(key, 0) / total
        assert abs(row["gpu_hours"] - hours.get(key, 0)) < 0.2, (row, hours.get(key))
        assert abs(row["percentage"] - share) < 0.1, (row, share)
        assert row["run_count"] == counts.get((key, "run"), 0), row
        assert row["manual_count"] == counts.get((key, "manual"), 0), row


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


now = int(sys.argv[2])
if sys.argv[1] == "sql":
    print("BEGIN;")
    for key, (ident, account, kind, gpu, start, end) in enumerate(history(now)):
        name = quoted(account)
        print(f"INSERT INTO usage_history(end_ns, key, reservation_id, user, account, uid, type, gpu, start_ns, reason, actor) VALUES ({end}000000000, -{key + 1}, '{ident}', {name},"
              f" {name}, NULL, '{kind}', {gpu}, {start}000000000, 'released', NULL);")
    print("COMMIT;")
else:
    options = dict(zip(sys.argv[3::2], sys.argv[4::2]))
    check(json.load(sys.stdin), now, int(options["--days"]), options.get("--by", "user"))
