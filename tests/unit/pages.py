#!/usr/bin/python3
"""The option tables, the help and the manual pages tell the same, and so does the configuration file of the host.

Usage: pages.py OPTIONS_DUMP [SOURCE]. Prints TAP. One process asks for all tables; see options_dump.c.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else pathlib.Path(__file__).resolve().parents[2]
MAN = ROOT / "man"
DUMP = json.loads(subprocess.run([sys.argv[1]], check=True, capture_output=True, text=True).stdout)
COMMANDS = {command["name"]: command for command in DUMP["commands"]}
# Every key of the configuration.
KEYS = [option["key"] for rows in [DUMP, *DUMP["commands"]] for option in rows["options"]]

# What has a setting of each of these for every group.
GROUPS = {option["key"].partition(".")[0] + ".groups" for option in DUMP["options"] if option["per_group"]}


def page(name):
    return (MAN / f"{name}.scd").read_text(encoding="utf-8")


def pages():
    return {path.name.removesuffix(".scd"): path.read_text(encoding="utf-8") for path in sorted(MAN.glob("*.scd"))}


def section(text, begin, end):
    """The lines from one that begins like that to one that begins with the other text."""
    lines = text.splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith(begin))
    last = next((i for i, line in enumerate(lines) if i > first and re.match(end, line)), len(lines))
    return lines[first:last]


def options_of_help(text):
    """The options under "Options:", as a page writes them: "*-j*, *--json*"."""
    found = []
    for line in section(text, "Options:", "$"):
        if match := re.match(r" +-([A-Za-z]), --([a-z-]+)", line):
            found.append(f"*-{match[1]}*, *--{match[2]}*")
        elif match := re.match(r" {6}--([a-z-]+)", line):
            found.append(f"*--{match[1]}*")
    return found


def own_options(command):
    return [option for option in options_of_help(command["help"]) if not option.endswith("--help*")]


def explained(text):
    """The options that a page explains, in the form above. Some share a paragraph."""
    return [
        match[0]
        for line in text.splitlines()
        if line.startswith("*-")
        for match in re.finditer(r"(\*-[A-Za-z]\*, )?\*--[a-z-]+\*", line)
    ]


def explained_keys():
    lines = section(page("canhazgpu.yaml.5"), "# KEYS", "# EXAMPLES")
    return [key for line in lines if line.startswith("*") for key in re.findall(r"\*([a-z.-]+)\*", line)]


def same(what, expected, got):
    if sorted(expected) != sorted(got):
        missing, surplus = set(expected) - set(got), set(got) - set(expected)
        yield f"{what}: missing {sorted(missing)}, there is no {sorted(surplus)}" + (
            "" if missing or surplus else ": something twice"
        )


def help_has_every_row():
    """the help has every row of the tables, and nothing else"""
    for name, rows, text in [("canhazgpu", DUMP, DUMP["help"])] + [(n, c, c["help"]) for n, c in COMMANDS.items()]:
        names = [option["name"] for option in rows["options"] if option["typed"]]
        names += ["help", "version"] if name == "canhazgpu" else ["help"]
        yield from same(name, names, [option.split("--")[1].strip("*") for option in options_of_help(text)])


def global_options():
    """the page of the program explains every global option, and no other"""
    yield from same("canhazgpu.1", options_of_help(DUMP["help"]), explained(page("canhazgpu.1")))


def options_of_commands():
    """the page of every command explains its options, and no other"""
    for name, command in COMMANDS.items():
        yield from same(name, own_options(command), explained(page(f"canhazgpu-{name}.1")))


def mentioned_options():
    """options that a page mentions are options"""
    options = set(re.findall(r"--[a-z-]*", " ".join(options_of_help(DUMP["help"]))))
    for command in DUMP["commands"]:
        options.update(re.findall(r"--[a-z-]*", " ".join(own_options(command))))
    for name, text in pages().items():
        for option in re.findall(r"\*(--[a-z][a-z-]*)", text):
            if option not in options:
                yield f"{name} mentions {option}"


def list_of_commands():
    """the page of the program has every command, in the order of the help, and names its page"""
    text = page("canhazgpu.1")
    lines = section(text, "# COMMANDS", "# GLOBAL")
    listed = [match[1] for line in lines if (match := re.match(r"\*([a-z]*)\*", line))]
    if listed != list(COMMANDS):
        yield f"the page lists {listed}"
    for name in COMMANDS:
        if f"see *canhazgpu-{name}*(1)" not in text:
            yield f"no word about the page of {name}"
    yield from same("pages", COMMANDS, [path.name[10:-6] for path in MAN.glob("canhazgpu-*.1.scd")])


def keys():
    """every key of the configuration is COMMAND.OPTION or explained in its page"""
    told = explained_keys()
    for key in KEYS:
        command, _, option = key.partition(".")
        own = own_options(COMMANDS[command]) if command in COMMANDS else []
        # "config" names the file itself.
        if key != "config" and key not in told and not any(o.endswith(f"*--{option}*") for o in own):
            yield f"no word about {key}"
    yield from (f"no word about {key}" for key in GROUPS if key not in told)
    yield from (f"there is no key {key}" for key in told if key not in KEYS and key not in GROUPS)


def mentioned_keys():
    """keys and variables that pages mention in passing exist"""
    variables = ["CANHAZGPU_" + re.sub("[.-]", "_", key.upper()) for key in KEYS]
    for name, text in pages().items():
        for variable in re.findall(r"\*(CANHAZGPU_[A-Z_]+)\*", text):
            if variable not in ("CANHAZGPU_", "CANHAZGPU_RESERVATION_ID") and variables.count(variable) != 1:
                yield f"{name} mentions {variable}"
        for key in re.findall(r"\*((?:run|reserve|release|status|report|admin|config)\.[a-z-]+)\*", text):
            if key not in KEYS:
                yield f"{name} mentions {key}"


def usage_lines():
    """the usage line of a command has its options, or says that there are some"""
    for command in DUMP["commands"]:
        line = command["help"].splitlines()[0]
        if line != f"Usage: canhazgpu {command['name']} {command['usage']}".rstrip():
            yield f"the first line is {line}"
        for option in [] if "[OPTIONS]" in line else own_options(command):
            if not re.search(option.split("--")[1].strip("*") + r"\b", line):
                yield f"{line} lacks {option}"


def examples():
    """the help of every command has two examples, of options that there are, and one that waits where it can"""
    for name, command in COMMANDS.items():
        lines = section(command["help"], "Examples:", "$")[1:]
        if len(lines) != 2 or not all(f"canhazgpu {name}" in line for line in lines):
            yield f"{name} has the examples {lines}"
        own = re.findall(r"--[a-z-]+", " ".join(options_of_help(command["help"])))
        for option in re.findall(r"--[a-z-]+", re.sub(r" -- .*", "", "\n".join(lines))):
            if option not in own:
                yield f"{name} has no {option}, which an example has"
        if "--wait" in own and "--wait" not in " ".join(lines):
            yield f"no example of {name} waits"


def file_of_host():
    """the configuration file of the host has every key that is no option of a command"""
    lines = (ROOT / "packaging/config.yaml").read_text(encoding="utf-8").splitlines()
    there = {match[1] for line in lines if (match := re.match(r"#([a-z][a-z.-]*): ", line))}
    for key in KEYS:
        # The file itself; for tests; a matter of taste.
        if key not in ("config", "fake.state", "no-color") and key.split(".")[0] not in COMMANDS and key not in there:
            yield f"no {key}"


def built_pages():
    """all pages pass scdoc, are built, and name each other right"""
    build = (MAN / "meson.build").read_text(encoding="utf-8")
    there = pages()
    for name, text in there.items():
        title, _, number = name.rpartition(".")
        if text.splitlines()[0] != f"{title}({number})":
            yield f"{name} begins with {text.splitlines()[0]}"
        if f"'{name}'" not in build:
            yield f"{name} is not built"
        for other, number in re.findall(r"\*(canhazgpu[a-z.-]*)\*\(([0-9])\)", text):
            if f"{other}.{number}" not in there:
                yield f"{name} names {other}({number})"
        if shutil.which("scdoc"):
            made = subprocess.run(["scdoc"], input=text, capture_output=True, text=True, check=False)
            if made.returncode != 0 or not made.stdout:
                yield f"scdoc refuses {name}: {made.stderr.strip()}"


TESTS = [
    help_has_every_row,
    global_options,
    options_of_commands,
    mentioned_options,
    list_of_commands,
    keys,
    mentioned_keys,
    usage_lines,
    examples,
    file_of_host,
    built_pages,
]
failed = False
print(f"1..{len(TESTS)}")
for number, test in enumerate(TESTS, 1):
    try:
        problems = list(test())
    except (OSError, StopIteration, RuntimeError) as error:
        problems = [repr(error)]
    print(f"{'not ok' if problems else 'ok'} {number} - {test.__doc__}")
    for problem in problems:
        print("#", problem)
    failed = failed or bool(problems)
sys.exit(failed)
