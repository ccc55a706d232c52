"""A request in plain words becomes a program: planned, written, tested, repaired, packaged.

    python examples/builds_a_program.py
    python examples/builds_a_program.py "Build a tool that counts lines and sorts the words"

The orchestrator plans the phases and runs them as background jobs; each part of the request is a
strand of its own. No language model is asked: a few rules write the code, the plainest way first.
Where the tests show that this was too plain, the next way is tried. `code` in `build` below is the
one place for something cleverer. Tests and program run in the sandbox, never on the host; it needs
bubblewrap (`offhours doctor sandbox` says whether it is there).
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from offhours import Orchestrator
from offhours.faces.executions import Execution
from offhours.orchestrator import PhaseContext, PhaseFailed, files_of
from offhours.sandbox import SandboxManager

REQUEST = (
    "Build a command line tool that counts words, finds the longest word "
    "and lists the most frequent words, in Python."
)
TEXT = "The cat saw the dog. The dog, astonished, saw nothing!"

# -- the rules: what words mean, by examples, and ways to do it, the plainest first -------------


class Skill(NamedTuple):
    """What a part of a program does: `examples` say what is right, `drafts` how it may be done."""

    examples: Sequence[tuple[str, object]]
    drafts: Sequence[str]


def counting(said: re.Match[str]) -> Skill:
    if said["what"] == "lines":
        return Skill([("one\ntwo\n", 2), ("", 0)], ["return len(text.splitlines())"])
    return Skill([("to be, or not to be", 6), ("", 0)], ["return len(text.split())"])


def extreme(said: re.Match[str]) -> Skill:
    longest = said["which"] == "longest"
    pick, right = ("max", ("sees", "wonderful")) if longest else ("min", ("a", "Oh"))
    examples = [("a bee sees it", right[0]), ("Oh, wonderful!", right[1]), ("", "")]
    return Skill(
        examples,
        [
            f"return {pick}(text.split(), key=len)",
            f'return {pick}(re.findall(r"[\\w\'-]+", text), key=len, default="")',
        ],
    )


def frequent(said: re.Match[str]) -> Skill:
    return Skill(
        [
            ("a b a c a b", ["a", "b", "c"]),
            ("The end. The end, the beginning!", ["the", "end", "beginning"]),
            ("pears apples", ["apples", "pears"]),
            ("", []),
        ],
        [
            "return [word for word, _ in Counter(text.split()).most_common(3)]",
            'counts = Counter(re.findall(r"[\\w\'-]+", text.lower()))\n'
            "return [word for word, _ in counts.most_common(3)]",
            'counts = Counter(re.findall(r"[\\w\'-]+", text.lower()))\n'
            "return sorted(counts, key=lambda word: (-counts[word], word))[:3]",
        ],
    )


def sorting(said: re.Match[str]) -> Skill:
    examples = [("b a", ["a", "b"]), ("Pears, apples", ["apples", "pears"]), ("", [])]
    careful = 'return sorted(re.findall(r"[\\w\'-]+", text.lower()))'
    return Skill(examples, ["return sorted(text.split())", careful])


RULES: dict[str, Callable[[re.Match[str]], Skill]] = {
    r"counts? (?:the |all )?(?P<what>words|lines)": counting,
    r"(?:finds?|shows?|prints?) the (?P<which>longest|shortest) word": extreme,
    r"(?:lists?|shows?|prints?) the most (?:frequent|common) words": frequent,
    r"sorts? (?:the |all )?words": sorting,
}


def skill_for(part: str) -> Skill | None:
    for pattern, rule in RULES.items():
        said = re.search(pattern, part)
        if said:
            return rule(said)
    return None


# -- the writer: from a part and its skill to files ---------------------------------------------


class RuleWriter:
    """Writes a module and its tests for each part, and tries the next draft where tests fail."""

    def write(self, context: PhaseContext) -> dict[str, str]:
        modules = {each["part"]: each["module"] for each in context.results["design"]["modules"]}
        part, module = context.phase.part, modules[context.phase.part]
        if module == context.results["design"]["subject_module"]:
            return self._whole(module, {p: m for p, m in modules.items() if m != module})
        skill = skill_for(part)
        if skill is None:
            raise PhaseFailed(f"no rule says how a program {part}")
        return {
            f"{module}.py": _module(part, skill.drafts[0]),
            f"test_{module}.py": _tests(module, "answer", skill.examples),
        }

    def repair(self, context: PhaseContext) -> dict[str, str]:
        """What failed, done the next way."""
        files = files_of([*context.results.values(), *context.repairs])
        better = {}
        for each in context.results["design"]["modules"]:
            name, skill = f"{each['module']}.py", skill_for(each["part"])
            if skill and f"test_{each['module']}." in context.failure:
                texts = [_module(each["part"], draft) for draft in skill.drafts]
                after = texts.index(files[name]) + 1
                if after < len(texts):
                    better[name] = texts[after]
        if not better:
            raise PhaseFailed("no rule knows a better way")
        return better

    def _whole(self, module: str, others: Mapping[str, str]) -> dict[str, str]:
        """The program that holds the others together."""
        imports = "\n".join(f"import {name}" for name in others.values())
        parts = "\n".join(f"    {part!r}: {name}.answer," for part, name in others.items())
        shown = [
            (text, f"{part}: {right}")
            for part in others
            if (skill := skill_for(part))
            for text, right in skill.examples[:1]
        ]
        return {
            f"{module}.py": f'"""Says of a text what its parts find."""\n\n{imports}\n\n'
            f"PARTS = {{\n{parts}\n}}\n\n\n"
            "def report(text):\n"
            '    """A line for each part."""\n'
            '    return "\\n".join(f"{part}: {find(text)}" for part, find in PARTS.items())\n',
            "__main__.py": '"""Reads a text, and prints a report on it."""\n\nimport sys\n\n'
            f"from {module} import report\n\nprint(report(sys.stdin.read()))\n",
            f"test_{module}.py": _tests(module, "report", shown, "assertIn"),
        }


def _module(part: str, draft: str) -> str:
    imports = [line for word, line in (("re.", "import re"),
               ("Counter(", "from collections import Counter")) if word in draft]  # fmt: skip
    head = "\n".join(imports) + "\n\n\n" if imports else "\n"
    body = "\n".join(f"    {line}" for line in draft.splitlines())
    says = part[0].upper() + part[1:]
    return f'"""{says}."""\n\n{head}def answer(text):\n    """{says}, in a text."""\n{body}\n'


def _tests(
    module: str, function: str, examples: Sequence[tuple[str, object]], check: str = "assertEqual"
) -> str:
    lines = ["import unittest", "", f"from {module} import {function}", "", ""]
    lines += ["class Test(unittest.TestCase):"]
    for number, (text, right) in enumerate(examples, start=1):
        lines += [f"    def test_{number}(self):",
                  f"        self.{check}({right!r}, {function}({text!r}))", ""]  # fmt: skip
    return "\n".join(lines)


# -- the program --------------------------------------------------------------------------------


def build(orchestrator: Orchestrator, request: str) -> Execution:
    """Have a request carried out; everything but `code` is the orchestrator's own."""
    writer = RuleWriter()

    # ------------------------------------------------------------------------------------------
    # A LANGUAGE MODEL IS PLUGGED IN HERE, and nowhere else: return the files that it writes for
    # `context.phase.brief`, given `context.request` and `context.results`. When tests failed,
    # `context.failure` is their report, and what is returned takes the place of what failed.
    @orchestrator.handler("code")
    def code(context: PhaseContext) -> dict[str, Any]:
        return {"files": writer.repair(context) if context.repairing else writer.write(context)}

    # ------------------------------------------------------------------------------------------

    print(orchestrator.plan(request).describe(), end="\n\n")
    execution = orchestrator.execute(request, use_background=True)
    execution.wait("2m")
    print(execution.describe(), end="\n\n")
    return execution


def show_repairs(results: Mapping[str, Any]) -> None:
    """What the tests changed in the first drafts."""
    first = files_of(result for name, result in results.items() if name.startswith("code "))
    for phase, result in results.items():
        for name, text in files_of([result] if "ran" in (result or ()) else []).items():
            print(f"{phase}: what was written first failed, and was repaired:")
            before, after = first[name].splitlines(), text.splitlines()
            for line in difflib.unified_diff(before, after, lineterm="", n=0):
                if not line.startswith(("---", "+++", "@@")):
                    print(f"    {line}")


def show_package(package: Mapping[str, Any], results: Mapping[str, Any]) -> None:
    """What was built, and what its tests say."""
    for phase, result in results.items():
        if isinstance(result, dict) and "ran" in result:
            print(f"{phase}: {result['ran']} tests passed")
    print(f"\n{package['name']}, {len(package['archive'])} bytes, sha256 {package['sha256'][:12]}:")
    print("  " + "\n  ".join(package["packed"]))


def run_in_sandbox(archive: bytes, text: str) -> str:
    """What the packaged program prints for a text."""
    script = """
import contextlib, io, runpy, sys

def execute(params):
    sys.stdin, told = io.StringIO(params["text"]), io.StringIO()
    with contextlib.redirect_stdout(told):
        runpy.run_path("program.zip", run_name="__main__")
    return told.getvalue()
"""
    with SandboxManager("full") as sandbox:
        done = sandbox.run(script, params={"text": text}, files={"program.zip": archive})
    return done.data if done.success else f"it failed: {done.error}\n{done.stderr}"


def main(request: str = REQUEST) -> int:
    with Orchestrator(use_background_processing=True) as orchestrator:
        execution = build(orchestrator, request)
        results = execution.results()
    show_repairs(results)
    package = results.get("packaging")
    if package is None:
        print("There is no program; the phases above say why.")
        return 1
    show_package(package, results)
    print(f"\nThe program about {TEXT!r}:\n{run_in_sandbox(package['archive'], TEXT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
