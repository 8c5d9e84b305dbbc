#!/usr/bin/env python3
"""Compares our TOML reader with Python's tomllib, on random documents, valid and broken.

usage: toml_compare.py TOML_DUMP [ROUNDS [SEED]]

Both must take the same documents and read the same values from them. Two differences are intended:
we refuse NUL characters, and whole numbers beyond 64 bits. Skipped (77) before Python 3.11, and from
3.15 on, whose tomllib reads TOML 1.1.
"""

import datetime
import json
import math
import random
import subprocess
import sys

BATCH = 500


def word(rng):
    return rng.choice(["a", "b", "c", "run", "gpus", "x-1", "_", "42", "true", "é"])


def key_part(rng):
    w = word(rng)
    form = rng.randrange(6)
    if form == 0:
        return '"' + w + '"'
    if form == 1:
        return "'" + w + "'"
    if form == 2 and rng.random() < 0.2:
        return rng.choice(['""', "''", '"\\u00e9"', '"a.b"', '"\\t"', "'a\"b'"])
    return w if w.isascii() else '"' + w + '"'


def key(rng, most=3):
    return rng.choice([".", ".", " . "]).join(key_part(rng) for _ in range(rng.randint(1, most)))


def digits(rng, low=1, high=6):
    text = "".join(rng.choice("0123456789") for _ in range(rng.randint(low, high)))
    if rng.random() < 0.15:
        at = rng.randint(0, len(text))
        text = text[:at] + "_" + text[at:]
    return text


def number(rng):
    form = rng.randrange(10)
    sign = rng.choice(["", "", "+", "-"])
    if form < 4:
        return sign + (rng.choice("123456789") + digits(rng, 0, 5))
    if form == 4:
        return sign + digits(rng)
    if form == 5:
        return rng.choice(["0x", "0o", "0b", "+0x", "0X"]) + rng.choice(
            ["ff", "DEAD_beef", "17", "101", "1_0", "8", "_1", "1_", ""]
        )
    if form == 6:
        return sign + rng.choice(["inf", "nan", "infinity", "Inf", "nan1"])
    if form == 7:
        return rng.choice(
            ["9223372036854775807", "-9223372036854775808", "9223372036854775808", "-0", "+0", "00"]
        )
    exponent = rng.choice(["", "e", "E"])
    if exponent:
        exponent += rng.choice(["", "+", "-"]) + digits(rng, 1, 2)
    return sign + rng.choice(["0", "1", "12", "0_1", "03"]) + rng.choice(
        ["", "." + digits(rng, 1, 4), "." + digits(rng, 0, 1)]
    ) + exponent


def date(rng):
    day = "%04d-%02d-%02d" % (
        rng.choice([0, 1, 1900, 2000, 2023, 2024, 9999]), rng.randint(0, 13), rng.choice([0, 1, 28, 29, 30, 31, 32]))
    time = "%02d:%02d:%02d" % (rng.randint(0, 24), rng.randint(0, 60), rng.randint(0, 60))
    if rng.random() < 0.4:
        time += "." + digits(rng, 0, 9)
    if rng.random() < 0.05:
        time = time[:5]
    zone = rng.choice(["", "", "Z", "z", "+01:00", "-23:59", "+24:00", "+1:00"])
    form = rng.randrange(4)
    if form == 0:
        return day
    if form == 1:
        return time
    return day + rng.choice(["T", "t", " ", "  ", "_"]) + time + zone


PIECES = [
    "plain", "é", "日本", "🎉", " ", "\t", "#", "=", "'", '"', '""', "''", "\\n", "\\\\", "\\t", "\\\"", "\\e", "\\x41",
    "\\u00e9", "\\U0001F389", "\\ud800", "\\U00110000", "\\u12", "\\ ", "\\", "\n", "\r\n", "\r", "\x01", "\x7f",
    "\\\n   ", "\\  \r\n\n  ", "\\u0041",
]


def string(rng):
    form = rng.randrange(5)
    odd = rng.random() < 0.25
    pieces = PIECES if odd else PIECES[:7] + (PIECES[12:15] if form != 1 else [])
    body = "".join(rng.choice(pieces) for _ in range(rng.randint(0, 4)))
    if form == 0:
        return '"' + body + '"'
    if form == 1:
        return "'" + body + "'"
    quotes = '"""' if form < 4 else "'''"
    if rng.random() < 0.3:
        body = rng.choice(["\n", "\r\n", "\n\n", "\\\n"]) + body
    if rng.random() < 0.2:
        body += rng.choice(['"', '""', "'", "''", '\\"', "\n"])
    return quotes + body + quotes


def blank(rng):
    if rng.random() < 0.85:
        return rng.choice(["", " ", "", "\t"])
    return rng.choice(["\n", "\r\n", " # note\n", "\n\n\t", "# é\n", "\n#\x02\n"])


def array(rng, depth):
    items = [blank(rng) + value(rng, depth + 1) + blank(rng) for _ in range(rng.randint(0, 3))]
    return "[" + ",".join(items) + rng.choice(["", "", ",", blank(rng), ",,"][: 4 if rng.random() < 0.9 else 5]) + "]"


def table(rng, depth):
    pairs = [key(rng, 2) + " = " + value(rng, depth + 1) for _ in range(rng.randint(0, 3))]
    return "{" + rng.choice(["", " "]) + ", ".join(pairs) + rng.choice(["", " ", "", "", "", ",", "\n"]) + "}"


def value(rng, depth=0):
    form = rng.randrange(12 if depth < 4 else 9)
    if form < 3:
        return number(rng)
    if form < 6:
        return string(rng)
    if form == 6:
        return rng.choice(["true", "false", "true", "false", "True", "yes", "null", ""])
    if form < 9:
        return date(rng)
    return array(rng, depth) if form < 10 else table(rng, depth)


def line(rng):
    form = rng.randrange(10)
    end = rng.choice(["\n", "\n", "\n", "\r\n", " # note\n", "\t\n"])
    if form == 0:
        return rng.choice(["", " ", "\t", "# only a note", "#", "\r"]) + "\n"
    if form <= 2:
        return "[" + rng.choice(["", " "]) + key(rng) + "]" + end
    if form == 3:
        return "[[" + key(rng) + "]]" + end
    return rng.choice(["", "  "]) + key(rng) + rng.choice([" = ", "=", "\t=\t"]) + value(rng) + end


SIMPLE = ["1", '"x"', "true", "[1, 2]", "{}", "{a = 1}", "{b.c = 2}", "[{a = 1}]", "1979-05-27", "0.5"]


def structure_line(rng):
    """Only tables and keys of few names: what may be defined how often is what this is about."""
    name = ".".join(rng.choice("abc") for _ in range(rng.randint(1, 3)))
    form = rng.randrange(6)
    if form <= 1:
        return "[" + name + "]\n"
    if form == 2:
        return "[[" + name + "]]\n"
    return name + " = " + rng.choice(SIMPLE) + "\n"


def document(rng):
    make = rng.choice([line, structure_line])
    text = "".join(make(rng) for _ in range(rng.randint(1, 8)))
    if rng.random() < 0.15 and text:
        at = rng.randrange(len(text))
        text = text[:at] + rng.choice(["", "\x00", "[", "]", "{", "}", "=", '"', "'", ".", ",", "\n", " ", "\\", "0"]) + text[at + rng.randint(0, 2):]
    if rng.random() < 0.1:
        text = text.rstrip("\n")
    return text


def expected(node):
    """What toml_dump prints for a value of tomllib's."""
    if isinstance(node, dict):
        return {k: expected(v) for k, v in node.items()}
    if isinstance(node, list):
        return ["list"] + [expected(v) for v in node]
    if isinstance(node, bool):
        return ["bool", "true" if node else "false"]
    if isinstance(node, int):
        return ["int", str(node)]
    if isinstance(node, float):
        return ["float", node]
    if isinstance(node, (datetime.date, datetime.time)):
        return ["date", node]
    return ["string", node]


def same_date(node, text):
    text = text.upper().replace(" ", "T").replace("Z", "+00:00")
    head, dot, tail = text.partition(".")
    if dot:
        count = next((i for i, c in enumerate(tail) if not c.isdigit()), len(tail))
        text = head + "." + tail[:count][:6].ljust(6, "0") + tail[count:]
    return type(node).fromisoformat(text) == node


def same(want, got):
    if isinstance(want, dict):
        return isinstance(got, dict) and want.keys() == got.keys() and all(same(want[k], got[k]) for k in want)
    if not isinstance(got, list) or not got or want[0] != got[0]:
        return False
    if want[0] == "list":
        return len(want) == len(got) and all(same(w, g) for w, g in zip(want[1:], got[1:]))
    if want[0] == "float":
        have = float(got[1])
        return have == want[1] or (math.isnan(have) and math.isnan(want[1]))
    if want[0] == "date":
        return same_date(want[1], got[1])
    return want[1] == got[1]


def holds_what_we_refuse(node):
    if isinstance(node, dict):
        return any("\0" in k or holds_what_we_refuse(v) for k, v in node.items())
    if isinstance(node, list):
        return any(holds_what_we_refuse(v) for v in node)
    if isinstance(node, str):
        return "\0" in node
    return isinstance(node, int) and not -(2**63) <= node < 2**63


def judge(text, answer):
    """Returns what is wrong, or None, and whether the document was valid."""
    try:
        tree = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, ValueError):
        return (None if answer.startswith("error: ") else "tomllib refuses this, we take it"), False
    if answer.startswith("error: "):
        return (None if holds_what_we_refuse(tree) else "tomllib takes this: " + answer), True
    return (None if same(expected(tree), json.loads(answer)) else "different values: " + answer), True


def main():
    program = sys.argv[1]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 6000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    rng = random.Random(seed)
    valid = 0
    for start in range(0, rounds, BATCH):
        texts = [document(rng) for _ in range(min(BATCH, rounds - start))]
        coded = [t.encode() for t in texts]
        request = b"".join(b"%d\n%s" % (len(c), c) for c in coded)
        done = subprocess.run([program, "--many"], input=request, stdout=subprocess.PIPE, check=True)
        answers = done.stdout.decode().splitlines()
        if len(answers) != len(texts):
            sys.exit("%d documents, %d answers" % (len(texts), len(answers)))
        for text, answer in zip(texts, answers):
            wrong, was_valid = judge(text, answer)
            valid += was_valid
            if wrong:
                sys.exit("seed %d: %s\n%r\n%s" % (seed, wrong, text, text))
    print("%d documents, %d of them valid" % (rounds, valid))
    if valid < rounds // 20:
        sys.exit("too few valid documents: the generator is broken")


if __name__ == "__main__":
    if not (3, 11) <= sys.version_info[:2] < (3, 15):
        sys.exit(77)
    import tomllib

    main()
