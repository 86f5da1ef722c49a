"""The declared codes are those in the source, no more and no fewer."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from spilno.interfaces.web.messages import TEXTS
from spilno.plan.checks import MESSAGES
from spilno.toolkit.networks import codes, http

HERE = Path(codes.__file__).parent


def _constants(node: ast.AST) -> set[str]:
    return {
        one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)
    }


def _calls(tree: ast.AST, name: str) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
    ]


def test_error_codes() -> None:
    found: set[str] = set(http._CODES.values()) | {http._kind_of(status)[1] for status in range(300, 600)}
    for path in HERE.glob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        for call in _calls(tree, "NetworkError"):
            if isinstance(call.args[1], ast.Constant):
                found.add(str(call.args[1].value))
        for call in _calls(tree, "_Unread"):
            found |= _constants(call.args[0])
        for call in _calls(tree, "Refusal"):
            found |= {str(one.value.value) for one in call.keywords if one.arg == "ours"
                      and isinstance(one.value, ast.Constant) and one.value.value}  # fmt: skip
        for explain in (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "explain"):
            for node in ast.walk(explain):  # it chooses one for a network's own code
                if isinstance(node, ast.Assign) and "ours" in ast.dump(node.targets[0]):
                    found |= {one for one in _constants(node.value) if one}
    assert found == codes.ERRORS


def test_problem_codes() -> None:
    tree = ast.parse((HERE / "check.py").read_text("utf-8"))
    assert {str(call.args[0].value) for call in _calls(tree, "Problem")} == codes.PROBLEMS  # type: ignore[attr-defined]


def test_every_code_says_what_happened_and_what_to_do() -> None:
    """One sentence is what happened, another what comes now: from whom something is expected, or that nothing is."""
    for code in sorted(codes.ERRORS):
        text = str(TEXTS.get(f"network_{code}", ""))
        assert text, f"nobody says what {code} means"
        sentences = re.split(r"(?<=[.;!?])\s+", re.sub(r": %\(message\)s", "", text))
        assert len(sentences) >= 2 or ", so " in text, f"{code}: {text}"


def test_every_problem_has_words() -> None:
    for code in sorted(codes.PROBLEMS):
        assert str(MESSAGES.get(code, "")), f"nobody says what {code} means"
