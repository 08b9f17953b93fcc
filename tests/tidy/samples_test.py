#!/usr/bin/env python3
"""The tidy test's own samples: each bad shape must be found, each safe one must pass."""
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tidy  # noqa: E402

FOLDERS = {"base", "async", "text", "plan", "net", "dispatch", "gateway", "sim", "cli"}
HEAD = "Task<void> run() {\n  int before = 1;\n  "
TAIL = "\n  co_return;\n}\n"

BAD = [
    "if (co_await f() == 5) g();",
    "while (x && co_await f()) g();",
    "switch (co_await f()) { default: break; }",
    "do { g(); } while (co_await f());",
    "for (; co_await f(); ) g();",
    "for (int i = 0; i < co_await f(); ++i) { g(); }",
    "if (int n = 1; co_await f() == n) g();",
    "if (x) { if (co_await f()) g(); }",
    "co_await f([x] { return x; });",
    "co_await f(1, [&](int y) { g(y); });",
    "co_await f([=]() -> Task<void> { co_return; });",
    "co_await f([x] -> T { return x; });",
    "co_await f([x]<class T>(T y) { return y; });",
    "co_await f([v = std::move(v)]() mutable { g(v); });",
    "co_await co_spawn(ex, [x]() -> Task<void> { g(x); co_return; }, use_awaitable);",
    "const auto r = co_await f(Agg{a, b});",
    "co_await f({a, b});",
    "co_await f(1, {.a = 2});",
    "co_await f(ns::Agg{a});",
    "co_await f(agg_t{a});",
    "co_await f(std::vector<int>{1, 2});",
    "co_await f(std::map<std::string, std::vector<int>>{a});",
    "co_await f(c ? Agg{a} : Agg{b});",
    "co_await Agg{a}.run();",
    "co_await channel.async_send(error_code{}, Agg{a}, use_awaitable);",
    "g(Agg{a, b}, co_await f());",
    "g([x] { return x; }, co_await f());",
    "const auto r = g(1, Agg{a},\n      co_await f());",
    "co_await f(c ? text : \"\");",
    "const int n = c ? co_await f() : 0;",
]

GOOD = [
    "const auto x = co_await f();\n  if (x == 5) g();",
    "if (auto r = co_await f(); r) g();",
    "// if (co_await f()) g();",
    "/* co_await f({a, b}); */ g();",
    "log(\"if (co_await f({a}))\");",
    "log(R\"(co_await f({a, b});)\");",
    "co_await f([] { return 1; });",
    "co_await f(Agg{});",
    "co_await f({});",
    "co_await channel.async_send(error_code{}, message, use_awaitable);",
    "const Agg agg{a, b};\n  co_await f(agg);",
    "const auto call = [x] { return x; };\n  co_await f(call);",
    "const auto v = std::vector<int>{1, 2};\n  co_await f(std::move(v));",
    "co_await f(s + \"x\");",
    "co_await f(list[i], other[j]);",
    "for (const auto& item : co_await f()) g(item);",
    "if (x) { co_await f(); }",
    "for (int i = 0; i < n; ++i) {\n    co_await f(i);\n  }",
    "while (x) {\n    const int y{1};\n    co_await f(y);\n  }",
    "switch (x) {\n    case 1: co_await f(); break;\n    default: { g({1, 2}); }\n  }",
    "g({1, 2});\n  co_await f();",
    "const int n = c ? 1 : 2;\n  co_await f(n);",
    "if (auto r = co_await f(); r) { g({1, 2}); h([x] { return x; }); }",
    "const int million = 1'000'000;\n  co_await f(million);",
    "try {\n    co_await f();\n  } catch (const E& e) {\n    g({1, 2});\n  }",
    "[[maybe_unused]] const auto r = co_await f();",
]

RULES = [  # path, text, whether it is a fault
    ("src/text/a.cpp", '#include "plan/plan.hpp"\n', True),
    ("src/text/a.cpp", '#include "base/json.hpp"\n', False),
    ("src/text/a.cpp", "#include <boost/asio.hpp>\n", True),
    ("src/net/a.cpp", "#include <boost/asio.hpp>\n", False),
    ("src/plan/a.cpp", '#include "dispatch/lane.hpp"\n', True),
    ("src/sim/a.cpp", '#include "dispatch/lane.hpp"\n', True),
    ("src/dispatch/a.cpp", "void f() { co_spawn(ex, g(), asio::detached); }\n", True),
    ("src/dispatch/a.cpp", "// never detached\n", False),
    ("src/dispatch/a.cpp", "void f(asio::io_context& core) { core.stop(); }\n", True),
    ("src/dispatch/a.cpp", "void f(Lane& lane) { lane.stop(); }\n", False),
    ("tests/unit/a.cpp", "void f() { std::this_thread::sleep_for(1s); }\n", True),
    ("src/plan/a.cpp", "auto t = std::chrono::steady_clock::now();\n", True),
    ("src/cli/send.cpp", "auto t = std::chrono::system_clock::now();\n", True),
    ("src/cli/progress.cpp", "auto t = std::chrono::steady_clock::now();\n", False),
    ("src/net/a.cpp", "auto t = std::chrono::steady_clock::now();\n", False),
    ("tests/unit/a.cpp", "auto t = std::chrono::steady_clock::now();\n", False),
]


def link_faults():
    with tempfile.TemporaryDirectory() as project:
        with open(os.path.join(project, "README.md"), "w", encoding="utf-8") as file:
            file.write("# Top part\n[a](README.md) [b](gone.md) [c](#top-part) [d](#no-part)\n"
                       "[e](https://example.org/x)\n```\n[f](not-a-link)\n```\n")
        return [what for _, what in tidy.dead_links(project, "README.md")]


def main():
    wrong = []
    for sample in BAD:
        if not tidy.source_faults("src/dispatch/a.cpp", HEAD + sample + TAIL, FOLDERS):
            wrong.append(f"not found: {sample}")
    for sample in GOOD:
        found = tidy.source_faults("src/dispatch/a.cpp", HEAD + sample + TAIL, FOLDERS)
        if found:
            wrong.append(f"false alarm: {sample}: {found}")
    for path, text, is_fault in RULES:
        if bool(tidy.source_faults(path, text, FOLDERS)) != is_fault:
            wrong.append(f"{'not found' if is_fault else 'false alarm'}: {path}: {text.strip()}")
    links = link_faults()
    if len(links) != 2:
        wrong.append(f"links: {links}")
    # A fault is told with its own line.
    sample = "int a;\n\nvoid f() { g(asio::detached); }\n"
    lines = tidy.source_faults("src/net/a.cpp", sample, FOLDERS)
    if [line for line, _ in lines] != [3]:
        wrong.append(f"line numbers: {lines}")
    for line in wrong:
        print(line)
    print(f"{len(BAD) + len(GOOD) + len(RULES) + 2 - len(wrong)} samples right, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
