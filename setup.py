"""Extensions only; everything else is in pyproject.toml.

Environment switches: VRRPD_FAST_ANNOTATE=1 writes cython -a pages below build/cython,
VRRPD_FAST_COVERAGE=1 compiles line tracing and gcov in, VRRPD_FAST_SANITIZE=1 adds ASan and UBSan.
"""

import os
from glob import glob

from Cython.Build import cythonize
from setuptools import Extension, setup

MODULES = {
    "engine/checks": [],
    "engine/settings": [],
    "engine/wire": ["checksum"],
    "engine/wheel": [],
    "engine/keys": [],
    "engine/phases": [],
    "engine/places": [],
    "engine/machine": [],
    "engine/steady": ["steady_filter"],
    "engine/rows": [],
    "engine/engine": ["checksum", "mmsg", "ancillary"],
    "net/frames": ["mmsg"],
    "bfd/packet": ["checksum"],
    "bfd/session": [],
    "bfd/speaker": ["checksum", "mmsg", "ancillary"],
}

HEADERS = sorted(glob("csrc/*.h"))


def switch(name: str) -> bool:
    return os.environ.get(f"VRRPD_FAST_{name}", "0") not in ("", "0")


cflags = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Wno-missing-field-initializers"]
ldflags: list[str] = []
macros: list[tuple[str, str | None]] = []
if switch("COVERAGE"):
    cflags += ["--coverage", "-O0"]
    ldflags += ["--coverage"]
    macros += [("CYTHON_TRACE_NOGIL", "1"), ("CYTHON_USE_SYS_MONITORING", "0")]
if switch("SANITIZE"):
    cflags += ["-fsanitize=address,undefined", "-fno-omit-frame-pointer", "-g"]
    ldflags += ["-fsanitize=address,undefined"]

setup(
    ext_modules=cythonize(
        [
            Extension(
                "vrrpd_fast." + path.replace("/", "."),
                [f"src/vrrpd_fast/{path}.pyx", *(f"csrc/{unit}.c" for unit in units)],
                depends=HEADERS,
                include_dirs=["csrc"],
                define_macros=macros,
                extra_compile_args=cflags,
                extra_link_args=ldflags,
            )
            for path, units in MODULES.items()
        ],
        build_dir="build/cython",
        include_path=["src"],
        annotate=switch("ANNOTATE"),
        compiler_directives={
            "language_level": 3,
            "boundscheck": False,
            "wraparound": False,
            "initializedcheck": False,
            "cdivision": True,
            "auto_pickle": False,
            "embedsignature": False,
            "linetrace": switch("COVERAGE"),
        },
    )
)
