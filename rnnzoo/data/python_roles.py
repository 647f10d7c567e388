"""The role of each name in Python source, read from its syntax tree."""

from __future__ import annotations

import ast
import io
import tokenize
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from keyword import iskeyword, softkwlist

from rnnzoo.data.examples import Example
from rnnzoo.errors import RnnzooError

Place = tuple[int, int]  # line from 1, column from 0, in characters
Function = ast.FunctionDef | ast.AsyncFunctionDef

_LAYOUT = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
_LITERALS = {tokenize.STRING: "<str>", tokenize.NUMBER: "<num>"}
_INTRODUCED = {"def": "function", "class": "class", ".": "attribute"}


def functions_of(source: str, place: str, max_tokens: int) -> list[Example]:
    r"""The functions of a module that are in no other function: their tokens, and the role of each.

    Args:
        source: with lines that end in `\n`.
        place: the module's name, for messages.
        max_tokens: longer functions are left out.

    Raises:
        RnnzooError: the source is no Python.

    >>> example, = functions_of("def f(x): return x.y + z", "m.py", 20)
    >>> [(word, role) for word, role in zip(example.inputs, example.target[0]) if role]
    [('f', 'function'), ('x', 'parameter'), ('x', 'parameter'), ('y', 'attribute'), ('z', 'variable')]
    """
    try:
        tree = ast.parse(source)
        tokens = list(_tokens(source))
    except (SyntaxError, tokenize.TokenError, ValueError) as error:
        raise RnnzooError(f"{place}: is no Python source: {error}") from None
    starts = [start for start, _, _ in tokens]
    lines = source.split("\n")
    found = []
    for node in _outermost(tree):
        roles = _Roles(lines, node)
        begin, end = bisect_left(starts, roles.start(node)), bisect_left(starts, roles.end(node))
        words = [word for _, word, _ in tokens[begin:end]]
        tags = [
            roles.role(start, word, words[at - 1] if at else "") if is_name else None
            for at, (start, word, is_name) in enumerate(tokens[begin:end])
        ]
        if len(words) <= max_tokens:
            found.append(Example(words, [tags], f"{place}:{node.lineno}"))
    return found


def _tokens(source: str) -> Iterator[tuple[Place, str, bool]]:
    """Where each token begins, its text, and whether it is a name; a formatted string is one token.

    Until Python 3.11 the tokenizer gives a formatted string as one string, and then in parts.
    """
    begin = getattr(tokenize, "FSTRING_START", None)
    end = getattr(tokenize, "FSTRING_END", None)
    depth = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if begin is not None and token.type == begin:
            if not depth:
                yield token.start, "<str>", False
            depth += 1
        elif end is not None and token.type == end:
            depth -= 1
        elif not depth and token.type not in _LAYOUT:
            is_name = token.type == tokenize.NAME and not iskeyword(token.string)
            yield token.start, _LITERALS.get(token.type, token.string), is_name


def _outermost(tree: ast.AST) -> Iterator[Function]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node
        else:
            yield from _outermost(node)


class _Roles(ast.NodeVisitor):
    """The role of each name of a function by its place, as the tokenizer counts: the tree counts columns in bytes."""

    def __init__(self, lines: Sequence[str], function: Function) -> None:
        self._lines = lines
        self._found: dict[Place, str] = {}
        self._imports: list[tuple[Place, Place]] = []
        self._parameters: list[set[str]] = [set()]
        self.visit(function)

    def role(self, place: Place, name: str, before: str) -> str | None:
        """The role of a name; None of a word that is a keyword where it stands (`match`, `case`, `type`, `_`).

        Args:
            place: where it begins.
            name: the name.
            before: the token before it, which tells the role of a name that the tree gives no place of.
        """
        if any(start <= place < end for start, end in self._imports):
            return "module"
        if place in self._found:
            return self._found[place]
        return _INTRODUCED.get(before, None if name in softkwlist else "variable")

    def start(self, node: ast.stmt | ast.expr | ast.arg | ast.keyword) -> Place:
        """Where a node begins."""
        return self._place(node.lineno, node.col_offset)

    def end(self, node: ast.stmt) -> Place:
        """Where a statement ends."""
        return self._place(node.end_lineno or 0, node.end_col_offset or 0)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """The body knows the parameters; decorators, defaults and annotations stand outside it."""
        self._visit([*node.decorator_list, node.args, *([node.returns] if node.returns else [])])
        self._visit_body(node.args, node.body)

    visit_AsyncFunctionDef = visit_FunctionDef  # the name that ast calls

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """As a function."""
        self.visit(node.args)
        self._visit_body(node.args, [node.body])

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """A formatted string is one token; where its parts stand differs among the versions of Python."""

    def visit_arg(self, node: ast.arg) -> None:
        """In a signature."""
        self._found[self.start(node)] = "parameter"
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        """Used or given a value."""
        self._found[self.start(node)] = "parameter" if node.id in self._parameters[-1] else "variable"

    def visit_keyword(self, node: ast.keyword) -> None:
        """In a call; ``**mapping`` has no name."""
        if node.arg is not None:
            self._found[self.start(node)] = "keyword argument"
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        """All its names are of modules, or taken from one."""
        self._imports.append((self.start(node), self.end(node)))

    visit_ImportFrom = visit_Import  # the name that ast calls

    def _visit_body(self, arguments: ast.arguments, body: Sequence[ast.AST]) -> None:
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        self._parameters.append({argument.arg for argument in every if argument is not None})
        self._visit(body)
        self._parameters.pop()

    def _visit(self, nodes: Iterable[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)

    def _place(self, line: int, byte: int) -> Place:
        text = self._lines[line - 1]
        return line, byte if text.isascii() else len(text.encode()[:byte].decode())
