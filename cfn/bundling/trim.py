"""Packages as installed -> packages as shipped: deletes files that no function uses, changes none.

pyarrow alone is 149 MB on arm64, 87 MB after this; Lambda takes 250 MB, and a cold start fetches all of it.
"""

import shutil
from pathlib import Path

# Never more than this: every binding needs libarrow_substrait, dataset, acero and compute, and `import pyarrow` fails
# without any of them.
_UNUSED = {
    "pyarrow": (
        # Sources, headers and tests.
        "tests", "include", "includes", "src", "conftest.py", "**/*.pyx", "**/*.pxi", "**/*.pxd", "**/*.pyi",
        "_pyarrow_cpp_tests*",
        # A wheel has no links: each library is there three times, and only the name with one number is loaded.
        "libarrow_python*.so", "libarrow_python*.so.*.*.*",
        # Flight, remote file systems, other formats, encryption: nothing here reads or writes with them.
        "libarrow_flight*", "libarrow_python_flight*", "_flight*", "flight.py",
        "libarrow_s3*", "_s3fs*", "_gcsfs*", "_azurefs*", "_hdfs*", "_orc*", "_dataset_orc*", "orc.py",
        "gandiva*", "libgandiva*", "_cuda*", "cuda.py", "_substrait*", "substrait.py", "jvm.py", "interchange",
        "libarrow_python_parquet_encryption*", "_parquet_encryption*", "_dataset_parquet_encryption*",
    ),
    # aws-embedded-metrics imports it for an agent that Lambda does not have; it works without its accelerators.
    "aiohttp": ("*.so", "_websocket/*.so", "**/*.pyx", "**/*.pxd", "**/*.pyi", ".hash", "_websocket/.hash"),
    "multidict": ("_testcapi*",),
}  # fmt: skip
# Launchers of commands and pip's own notes: no function reads them, and they differ from machine to machine.
_EVERYWHERE = ("bin", "*.dist-info/RECORD", "*.dist-info/direct_url.json", "*.dist-info/REQUESTED")


def trim(root: Path) -> None:
    """Delete what is not shipped from a folder of installed packages."""
    for pattern in _EVERYWHERE:
        _delete(root, pattern)
    for package, patterns in _UNUSED.items():
        for pattern in patterns:
            _delete(root / package, pattern)


def _delete(root: Path, pattern: str) -> None:
    for path in root.glob(pattern):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
