"""The roles of names, by hand, and the modules of each split."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rnnzoo.data import IdentifierRolesDataModule
from rnnzoo.data import identifier_roles as library
from rnnzoo.data.python_roles import functions_of
from rnnzoo.errors import RnnzooError

SHORT = {
    "f": "function",
    "c": "class",
    "p": "parameter",
    "a": "attribute",
    "m": "module",
    "k": "keyword argument",
    "v": "variable",
}


def _roles(source: str) -> list[str]:
    """The names of the first function with their roles: `name:f`."""
    example = functions_of(source, "m.py", 1000)[0]
    short = {role: letter for letter, role in SHORT.items()}
    return [f"{word}:{short[role]}" for word, role in zip(example.inputs, example.target[0], strict=True) if role]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(x, *y, z=1, **w):\n    return x.y(z=w)", "f:f x:p y:p z:p w:p x:p y:a z:k w:p"),
        ("async def f(x: int = x) -> x:\n    await x", "f:f x:p int:v x:v x:v x:p"),
        ("@x\ndef f(x):\n    global y\n    y = lambda x, q=x: x + q", "f:f x:p y:v y:v x:p q:p x:p x:p q:p"),
        ("def f(x):\n    def g(y):\n        return x + y\n    return g", "f:f x:p g:f y:p x:v y:p g:v"),
        ("def f():\n    class C(B):\n        a = 1\n    return C()", "f:f C:c B:v a:v C:v"),
        ("def f():\n    import a.b as c, d\n    from . import e\n    a.b", "f:f a:m b:m c:m d:m e:m a:v b:a"),
        ("def f():\n    try: g()\n    except E as e: raise", "f:f g:v E:v e:v"),
        (
            "def f(match):\n    match match.match:\n        case [_, *b]: type(b)",
            "f:f match:p match:p match:a b:v type:v b:v",
        ),
        ("def f(x):\n    return [x for y in x], {**x}, g(*x, **x)", "f:f x:p x:p y:v x:p x:p g:v x:p x:p"),
        # columns of the tree are bytes, those of the tokens characters
        ("def f(x):\n    return 'äöü€', x, é.ß(ñ=x)", "f:f x:p x:p é:v ß:a ñ:k x:p"),
        ("def f(é): return 'é'; x = 1\ny = 2", "f:f é:p x:v"),
    ],
)
def test_roles_by_hand(source: str, expected: str) -> None:
    assert _roles(source) == expected.split()


def test_strings_numbers_and_layout() -> None:
    source = 'def f(x):\n    # no token\n    """Text."""\n    return f"{x!r:>{x}} {g(y)}" "b", 1_0.5\n\n'
    example = functions_of(source, "m.py", 100)[0]
    assert example.inputs == ["def", "f", "(", "x", ")", ":", "<str>", "return", "<str>", "<str>", ",", "<num>"]
    assert [role for role in example.target[0] if role] == ["function", "parameter"]


def test_methods_are_functions_and_inner_ones_belong_to_the_outer() -> None:
    source = "class C:\n    def a(self): pass\n    if x:\n        def b(self):\n            def c(): pass\ny = 1\n"
    found = functions_of(source, "m.py", 100)
    assert [(example.inputs[1], example.place) for example in found] == [("a", "m.py:2"), ("b", "m.py:4")]
    assert found[1].inputs[7] == "c"
    assert [example.inputs[1] for example in functions_of(source, "m.py", 7)] == ["a"]


def test_no_python_is_an_error() -> None:
    with pytest.raises(RnnzooError, match=r"m\.py: is no Python source"):
        functions_of("def f(:", "m.py", 10)


def test_modules_are_shared_out_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = []
    for number in range(10):
        path = tmp_path / f"m{number}.py"
        path.write_bytes(
            f"# coding: latin-1\ndef f{number}(x): return '\xe9', x\ndef g(y): return y.z\n".encode("latin-1")
        )
        paths.append((path.name, path))
    monkeypatch.setattr(library, "library_modules", lambda: paths)
    data = IdentifierRolesDataModule(batch_size=4)
    modules = {
        split: {e.place.split(":")[0] for e in data.examples(split)} for split in ("train", "validation", "test")
    }
    assert {split: len(names) for split, names in modules.items()} == {"train": 8, "validation": 1, "test": 1}
    assert len(set().union(*modules.values())) == 10
    assert data.tags == {"role": ["attribute", "function", "parameter"]}
    batch = next(iter(data.test_dataloader()))
    # def f ( x ) : return <str> , x; functions are 1, parameters 2
    row = batch.targets[batch.inputs.lengths == 10][0, :, 0].tolist()
    assert row == [-1, 1, -1, 2, -1, -1, -1, -1, -1, 2]
    assert f"Python {sys.version_info.major}.{sys.version_info.minor}" in data.description


def test_the_library_of_this_python() -> None:
    names = [name for name, _ in library.library_modules()]
    assert names == sorted(names)
    assert {"ast.py", "json/decoder.py"} <= set(names)
    data = IdentifierRolesDataModule(modules=20, max_tokens=60)
    for split in ("train", "validation", "test"):
        assert (data.targets(split) >= 0).any()
