"""Builds llama-server out of llama-cpp-python's own source package, on the very libraries its wheel holds.

The source package contains llama.cpp whole, and the wheel that `./dev` compiled contains every library the server needs
(ggml, llama, llama-common, mtmd). Only the server itself is compiled here, about two minutes of CPU, once; what is
measured against it then differs in nothing but the program around `llama_decode`.
"""

import os
import subprocess
import sys
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.benchmarks import cache
from tests.benchmarks.processes import Unmeasurable

VERSION = "0.3.36"
_OPTIONS = ("-std=c++17", "-O3", "-DNDEBUG", "-w", "-pthread")
_DEFINITIONS = (
    *("-DGGML_BACKEND_SHARED", "-DGGML_SHARED", "-DGGML_USE_CPU", "-DLLAMA_SHARED", "-DLLAMA_SUBPROCESS"),
    # As llama.cpp's own build sets them for its HTTP library.
    *("-DCPPHTTPLIB_LISTEN_BACKLOG=512", "-DCPPHTTPLIB_REQUEST_URI_MAX_LENGTH=32768", "-DCPPHTTPLIB_TCP_NODELAY=1"),
    "-DCPPHTTPLIB_FORM_URL_ENCODED_PAYLOAD_MAX_LENGTH=1048576",
)
_INCLUDES = ("tools/server", "tools/mtmd", "include", "ggml/include", "common", "vendor", ".")
_PIP = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation")


class Missing(Unmeasurable):
    """Something the build needs is not here; the text says what to do."""


def find() -> Path | None:
    """The finished server, if it was built before."""
    server = _folder() / "llama-server"
    return server if server.exists() else None


def build() -> Path:
    """The server, compiled if it is not there yet. Raises Missing."""
    if found := find():
        return found
    print(f"building llama-server {VERSION} (once; a few minutes)", file=sys.stderr)
    folder = _folder()
    _libraries(folder)
    source = _source(folder)
    sources = [*sorted((source / "tools/server").glob("*.cpp")), source / "vendor/cpp-httplib/httplib.cpp"]
    sources.append(_no_web_page(source, folder))
    objects = folder / "objects"
    objects.mkdir(exist_ok=True)
    includes = [f"-I{source / part}" for part in _INCLUDES] + [f"-I{folder}"]

    def compiled(path: Path) -> str:
        target = objects / f"{path.stem}.o"
        if not target.exists():
            _run("c++", *_OPTIONS, *_DEFINITIONS, *includes, "-c", str(path), "-o", f"{target}.part")
            Path(f"{target}.part").rename(target)
        return str(target)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        made = list(pool.map(compiled, sources))
    libraries = [str(path) for path in sorted(folder.glob("lib*.so.*"))]
    server = folder / "llama-server"
    _run("c++", "-pthread", "-o", f"{server}.part", *made, *libraries, "-Wl,-rpath,$ORIGIN")
    Path(f"{server}.part").rename(server)
    return server


def _folder() -> Path:
    wheel = _wheel()
    return cache.folder(f"llama-server-{VERSION}-{cache.fingerprint(wheel.read_bytes())}")


def _wheel() -> Path:
    found = sorted(cache.wheels().glob(f"*/llama_cpp_python-{VERSION}-*.whl"))
    if not found:
        raise Missing(
            f"no wheel of llama-cpp-python {VERSION} under {cache.wheels()}: run ./dev test once, it builds it"
        )
    return found[-1]


def _libraries(folder: Path) -> None:
    """The wheel's libraries, each under the one name the others ask for (libllama.so.0)."""
    with zipfile.ZipFile(_wheel()) as wheel:
        for name in wheel.namelist():
            place, _, file = name.rpartition("/")
            if place == "lib" and file.partition(".so.")[2].isdigit():
                (folder / file).write_bytes(wheel.read(name))


def _source(folder: Path) -> Path:
    unpacked = folder / f"llama_cpp_python-{VERSION}" / "vendor" / "llama.cpp"
    if not unpacked.exists():
        downloads = cache.folder("downloads")
        archive = downloads / f"llama_cpp_python-{VERSION}.tar.gz"
        if not archive.exists():
            _run(*_PIP, "--no-binary", "llama-cpp-python", "--dest", str(downloads), f"llama-cpp-python=={VERSION}")
        with tarfile.open(archive) as opened:
            opened.extractall(folder, filter="data")
    return unpacked


def _no_web_page(source: Path, folder: Path) -> Path:
    """The server's web page, left out: its two generated files, filled in as llama.cpp's build does for no assets."""
    blanks = {
        "#cmakedefine LLAMA_UI_HAS_ASSETS 1": "",
        "@N_ASSETS@": "0",
        "@ASSET_ARRAYS@": "",
        "@ASSET_TABLE@": "",
        "@USE_GZIP@": "false",
    }
    for name in ("ui.h", "ui.cpp"):
        text = (source / "tools/ui" / f"{name}.in").read_text()
        for blank, filled in blanks.items():
            text = text.replace(blank, filled)
        (folder / name).write_text(text)
    return folder / "ui.cpp"


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise Missing(f"{command[0]} is not installed: apt-get install build-essential") from error
    if done.returncode:
        raise Missing(f"{' '.join(command[:3])} … failed:\n{done.stderr[-2000:]}")
