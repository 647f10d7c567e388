"""Freed memory is kept: counted by the pages that the system had to give."""

import os
import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
from rnnzoo.cli.memory import keep_freed_memory
if "keep" in sys.argv:
    keep_freed_memory()
def pages():
    for _ in range(20):
        block = bytearray(48 << 20)
        block[:: 4096] = bytes(len(block) // 4096)
        del block
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
print(pages())
"""


def _pages(*arguments: str, **environment: str) -> int:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    command = [sys.executable, "-c", SCRIPT, *arguments]
    ended = subprocess.run(command, env=plain | environment, capture_output=True, text=True, check=True)
    return int(ended.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told to keep memory")
def test_freed_memory_is_kept_unless_the_environment_says_otherwise() -> None:
    given_back = _pages()
    assert _pages("keep") < given_back / 5
    given = {"MALLOC_TRIM_THRESHOLD_": "131072", "MALLOC_MMAP_THRESHOLD_": "131072"}
    assert _pages("keep", **given) > given_back / 2
