#!/usr/bin/env python3
"""The tidy test: project rules that a compiler does not check. Usage: tidy.py [PROJECT]

Prints `file:line: what: what to do instead` and exits 1 when a rule is broken. Lines that begin
with `note:` are for reading only: long files, long functions, long lines.
"""
import os
import re
import sys

FOLDERS = ("src", "tests", "bench")
SOURCE_ENDS = (".cpp", ".hpp")

# What a folder may include besides itself: the order of the house, lowest first.
MAY_INCLUDE = {
    "base": (),
    "async": ("base",),
    "config": ("base",),
    "text": ("base", "config"),
    "audience": ("base", "config"),
    "campaign": ("base", "config", "text", "audience"),
    "pace": ("base",),
    "gateway": ("base", "config", "text", "audience", "campaign", "pace"),
    "net": ("base", "async"),
    "journal": ("base", "async"),
    "service": ("base", "async"),
    "plan": ("base", "config", "text", "audience", "campaign", "pace", "gateway"),
    "dispatch": ("base", "async", "config", "text", "audience", "campaign", "net", "journal",
                 "pace", "gateway", "plan"),
    "desk": ("base", "async", "config", "text", "audience", "campaign", "journal", "pace", "gateway",
             "plan", "dispatch"),
    "api": ("base", "async", "config", "text", "audience", "campaign", "net", "dispatch", "desk"),
    "audit": ("base", "config", "text", "audience", "campaign", "journal", "gateway", "plan",
              "dispatch"),
    "intake": ("base", "async", "config", "text", "audience", "campaign", "net", "journal", "desk"),
    "drill": ("base", "async", "campaign", "journal", "plan", "dispatch"),
    "sim": ("base", "async"),
}
PURE = ("base", "config", "text", "audience", "campaign", "plan", "pace", "gateway")

# Where a clock may be read: folders, and single files with their reason.
CLOCK_FOLDERS = ("async", "net", "drill", "sim")
CLOCK_FILES = {
    "src/journal/disk.cpp": "the disk thread measures its own group commits",
    "src/cli/client.cpp": "a person waits for the daemon: nothing is decided by it",
    "src/cli/watch.cpp": "the same",
    "src/cli/progress.cpp": "the progress bar is for eyes, not for decisions",
}
BEAST_FILES_MAX = 3
LINES_FILE, LINES_FUNCTION, COLUMNS = 500, 60, 100


def line_of(text, index):
    return text.count("\n", 0, index) + 1


def strip(text):
    """The C++ text with comments and the insides of literals as blanks; line breaks stay."""
    token = re.compile(
        r'//(?:[^\n\\]|\\.|\\\n)*'
        r'|/\*.*?\*/'
        r'|R"(?P<tag>[^ ()\\\t\v\f\n]{0,16})\(.*?\)(?P=tag)"'
        r'|"(?:[^"\\\n]|\\.)*"'
        r"|(?<![0-9a-fA-F])'(?:[^'\\\n]|\\.)*'",
        re.S)

    def blank(match):
        found = match.group(0)
        inner = re.sub(r"[^\n]", " ", found)
        if found[0] in "\"'" and len(found) > 1:
            return found[0] + inner[1:-1] + found[-1]
        if found.startswith('R"'):
            return '"' + inner[1:-1] + '"'
        return inner

    return token.sub(blank, text)


def closing(text, index, opener, closer):
    """The place after the bracket that closes the one before `index`."""
    depth = 1
    while index < len(text) and depth:
        depth += (text[index] == opener) - (text[index] == closer)
        index += 1
    return index


def split_top(text, separator=";"):
    """Splits at separators outside every bracket."""
    parts, depth, start = [], 0, 0
    for index, char in enumerate(text):
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char == separator and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    parts.append(text[start:])
    return parts


def condition_of(keyword, inside):
    parts = split_top(inside)
    if keyword == "for":
        return parts[1] if len(parts) > 1 else ""  # a range-for awaits once, before the loop
    return parts[-1]


def awaits_in_conditions(text):
    for match in re.finditer(r"\b(if|while|switch|for)\s*(?:constexpr\s*)?\(", text):
        inside = text[match.end():closing(text, match.end(), "(", ")") - 1]
        if re.search(r"\bco_await\b", condition_of(match.group(1), inside)):
            yield match.start(), (f"co_await in the condition of {match.group(1)}: "
                                  "bind it to a local first")


def opens_block(before):
    """Whether a brace after this text opens a block (a body), not a braced value."""
    before = before.rstrip()
    if not before or before[-1] in ";{}:":
        return True
    if re.search(r"\b(else|do|try|mutable|noexcept|const|override|final)$", before):
        return True
    if re.search(r"->\s*[\w:<>,\s*&]+$", before):
        return True
    if before[-1] == ")":
        return True
    return bool(re.search(r"\b(namespace|struct|class|enum|union)\b[^;{}()]*$", before))


def statements(text):
    """(start, statement) of every statement that holds co_await, from its start to its ';'."""
    for match in re.finditer(r"\bco_await\b", text):
        start, depth = match.start(), 0
        while start > 0:
            char = text[start - 1]
            if char in ")]":
                depth += 1
            elif char in "([":
                # An opening bracket without its partner: still inside an argument list or the head
                # of an if or for; the statement begins before it.
                depth -= 1 if depth > 0 else 0
            elif char == ";" and depth == 0:
                break
            elif char == "}" and depth == 0:
                open_at = matching_open(text, start - 1)
                if opens_block(text[:open_at]):
                    break
                start = open_at
                continue
            elif char == "{" and depth == 0 and opens_block(text[:start - 1]):
                break
            start -= 1
        end, depth = match.start(), 0
        while end < len(text):
            char = text[end]
            if char in "([{":
                depth += 1
            elif char in ")]}":
                depth -= 1
            if char == ";" and depth <= 0:
                break
            # The body of an if or a loop is a statement of its own.
            if char == "{" and depth == 1 and opens_block(text[:end]) and \
                    re.search(r"\b(if|while|switch|for|catch)\s*\(", text[start:end]) and \
                    not re.search(r"[(,=?]\s*\[", text[start:end]):
                break
            end += 1
        yield start, text[start:end + 1]


def matching_open(text, index):
    depth = 0
    while index >= 0:
        depth += (text[index] == "}") - (text[index] == "{")
        if depth == 0:
            return index
        index -= 1
    return 0


CAPTURE = re.compile(r"(?:[(,?:=]|\breturn|\bco_await)\s*\[(?!\[)\s*[^\]\s][^\]]*\](?!\])")
BRACED = re.compile(
    r"(?:[(,?]|(?<!:):(?!:)|\bco_await\b)\s*(?:::)?(?:[A-Za-z_][\w:]*(?:<[^;{}()]*>)?)?\{\s*[^}\s]")


def bad_temporaries(text):
    for start, statement in statements(text):
        place = start + len(statement) - len(statement.lstrip())
        if CAPTURE.search(statement):
            yield place, "capturing lambda inside a co_await expression: name it first"
        if BRACED.search(statement):
            yield place, "braced temporary inside a co_await expression: name it first"
        if "?" in statement:
            yield place, "choice (?:) inside a co_await expression: choose first, and name it"


def forbidden_words(path, text):
    for match in re.finditer(r"\bdetached\b", text):
        yield match.start(), "detached coroutine: spawn it in a TaskGroup that someone joins"
    contexts = re.findall(r"\bio_context&?\s+(\w+)", text) + ["io", "io_", "context_", "io_context"]
    stop = r"\b(?:" + "|".join(sorted(set(map(re.escape, contexts)))) + r")\s*(?:\.|->)\s*stop\s*\("
    for match in re.finditer(stop, text):
        yield match.start(), "io_context stop(): close and join instead; run() returns by itself"
    for match in re.finditer(r"\bsleep_(?:for|until)\b", text):
        yield match.start(), "sleep_for: wait for the event itself, with a deadline"
    folder = folder_of(path)
    if folder and folder not in CLOCK_FOLDERS and path not in CLOCK_FILES:
        clock = r"\b(?:steady|system|high_resolution)_clock::now\b|\bclock_gettime\b"
        for match in re.finditer(clock, text):
            yield match.start(), "reads a clock: take the Clock or the time as a parameter"


def folder_of(path):
    match = re.match(r"src/(\w+)/", path)
    return match.group(1) if match else ""


def include_faults(path, raw, folders):
    folder = folder_of(path)
    allowed = MAY_INCLUDE.get(folder)
    for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', raw, re.M):
        target = match.group(2)
        top = target.split("/")[0]
        if folder in PURE and (target.startswith("boost/asio") or target.startswith("boost/beast")):
            yield match.start(), f"{target} in a pure folder: move what needs it to async/ or net/"
        if match.group(1) == '"' and allowed is not None and top in folders and \
                top != folder and top not in allowed:
            yield match.start(), f"{folder}/ may not include {top}/: see the order of the house"


def source_faults(path, raw, folders):
    """(line, what) of everything wrong in one source file."""
    text = strip(raw)
    found = []
    for source in (awaits_in_conditions(text), bad_temporaries(text), forbidden_words(path, text),
                   include_faults(path, raw, folders)):
        found += [(line_of(raw, index), what) for index, what in source]
    return sorted(set(found))


def notes(path, raw):
    lines = raw.split("\n")
    if len(lines) > LINES_FILE:
        yield 1, f"{len(lines)} lines: one subject a file?"
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS:
            yield number, f"{len(line)} columns"
    start = 0
    for number, line in enumerate(strip(raw).split("\n"), 1):
        if re.match(r"\S.*\)[^;]*\{$", line):
            start = number
        elif line.startswith("}") and start:
            if number - start > LINES_FUNCTION:
                yield start, f"function of {number - start} lines"
            start = 0


def anchors(text):
    """The anchors of a Markdown file's headings, as forges make them."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)
    for heading in re.findall(r"^#{1,6}\s+(.*?)\s*#*$", text, re.M):
        words = re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", heading).lower())
        yield words.replace(" ", "-")


def dead_links(project, path):
    raw = read(os.path.join(project, path))
    text = re.sub(r"^```.*?^```", lambda m: "\n" * m.group(0).count("\n"), raw, flags=re.S | re.M)
    for match in re.finditer(r"\]\(\s*<?([^)>\s]+)>?[^)]*\)|(?:href|src)=\"([^\"]+)\"", text):
        link = match.group(1) or match.group(2)
        if re.match(r"[a-z][a-z+.-]*:", link):
            continue
        target, _, anchor = link.partition("#")
        full = os.path.join(project, os.path.dirname(path), target) if target else \
            os.path.join(project, path)
        if not os.path.exists(full):
            yield line_of(text, match.start()), f"dead link {link}: mend or remove it"
        elif anchor and full.endswith(".md") and anchor not in set(anchors(read(full))):
            yield line_of(text, match.start()), f"dead anchor {link}: mend or remove it"


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def sources(project):
    for folder in FOLDERS:
        for root, names, files in os.walk(os.path.join(project, folder)):
            names.sort()
            for name in sorted(files):
                if name.endswith(SOURCE_ENDS):
                    yield os.path.relpath(os.path.join(root, name), project)


def main():
    project = sys.argv[1] if len(sys.argv) > 1 else "."
    folders = {name for name in os.listdir(os.path.join(project, "src"))
               if os.path.isdir(os.path.join(project, "src", name))}
    faults, remarks, beast = [], [], []
    for path in sources(project):
        raw = read(os.path.join(project, path))
        faults += [(path, line, what) for line, what in source_faults(path, raw, folders)]
        remarks += [(path, line, what) for line, what in notes(path, raw)]
        if path.startswith("src/") and re.search(r"#\s*include\s*<boost/beast", raw):
            beast.append(path)
    if len(beast) > BEAST_FILES_MAX:
        faults += [(path, 1, f"Beast in {len(beast)} files: at most {BEAST_FILES_MAX}")
                   for path in beast]
    for document in ("README.md", "ARCHITECTURE.md", "docs/operate.md"):
        if os.path.exists(os.path.join(project, document)):
            faults += [(document, line, what) for line, what in dead_links(project, document)]
    for path, line, what in remarks:
        print(f"note: {path}:{line}: {what}")
    for path, line, what in faults:
        print(f"{path}:{line}: {what}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
