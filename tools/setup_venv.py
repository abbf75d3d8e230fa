"""Make a virtual environment from a hashed lock, or say in one sentence why not.

Promise: after exit status 0 the folder holds exactly what the lock names. Nothing is written outside it, and a second
call returns at once while lock, project file, interpreter and place are unchanged. The stamp file holds two lines, a
hash of what the environment was made from and a hash of the project file, and is written last: an interrupted call is
simply done again, and a changed project file costs only the project's own installation.

Runs on the interpreter it finds, even one too old for the project: it must parse on Python 3.6 in order to say so.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time

OLDEST = (3, 11)
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
STAMP = "made-from"
# Options of a user's own pip that would send packages elsewhere or refuse a hashed install.
FOREIGN_PIP_OPTIONS = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_VIRTUALENV", "PIP_CONSTRAINT")
SHOW_EVERY = 15  # packages between two lines of progress


class SetupError(Exception):
    """What went wrong and what to do about it, in one sentence."""


def say(text):
    """Print one line of progress on standard error."""
    sys.stderr.write("yiping: " + text + "\n")
    sys.stderr.flush()


def check_interpreter():
    """Refuse an interpreter that cannot carry the project; raises SetupError naming the cure."""
    if sys.version_info < OLDEST:
        raise SetupError(
            "Python %d.%d or newer is needed, %s is %d.%d: install it, or name one with `make PYTHON=/path/to/it`"
            % (OLDEST + (sys.executable,) + tuple(sys.version_info[:2]))
        )
    try:
        import ensurepip  # noqa: F401  (only whether it is there)
        import venv  # noqa: F401
    except ImportError:
        raise SetupError(
            "%s has no venv module: install the package python3-venv (Debian, Ubuntu), or name another interpreter "
            "with `make PYTHON=…`" % sys.executable
        ) from None


def fingerprint(lock):
    """Return a hash of the lock, this program, the interpreter and the place: what the environment depends on."""
    digest = hashlib.sha256()
    for path in (lock, os.path.abspath(__file__)):
        digest.update(hash_file(path).encode())
    for text in (sys.version, os.path.realpath(sys.executable), ROOT):
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()


def hash_file(path):
    """Return the SHA-256 of a file in hex."""
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def read_stamp(folder):
    """Return the two hashes that the folder was completely made from, or empty texts."""
    if not os.path.exists(os.path.join(folder, "bin", "python")):
        return "", ""
    try:
        with open(os.path.join(folder, STAMP)) as file:
            made_from, project = file.read().split("\n")[:2]
            return made_from, project
    except (OSError, ValueError):
        return "", ""


def write_stamp(folder, made_from, project):
    """Record what the folder was made from."""
    with open(os.path.join(folder, STAMP), "w") as file:
        file.write(made_from + "\n" + project + "\n")


def pip_environment():
    """Return the environment for pip: the user's indexes and proxies stay, redirections go."""
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN_PIP_OPTIONS}
    environment.update(PIP_USER="0", PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_INPUT="1")
    for name in ("PYTHONPATH", "PYTHONHOME"):
        environment.pop(name, None)
    return environment


def run_pip(folder, arguments, total=0):
    """Run pip with progress in words; raises SetupError with pip's own last lines."""
    command = [os.path.join(folder, "bin", "python"), "-m", "pip", "install", "--progress-bar", "off"] + arguments
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=pip_environment(), universal_newlines=True
    )
    tail, seen = [], 0
    for line in process.stdout:
        tail = (tail + [line.rstrip()])[-200:]
        if line.startswith("Collecting "):
            seen += 1
            if total and seen % SHOW_EVERY == 0:
                say("  %d of %d packages" % (seen, total))
        elif total and line.startswith("Installing collected packages"):
            say("  unpacking")
    if process.wait() != 0:
        errors = [line for line in tail if line.startswith("ERROR")] or tail[-5:]
        raise SetupError(
            "pip could not install the locked packages (%s): check the network, or point pip at a package index with "
            "PIP_INDEX_URL" % "; ".join(errors)[:600]
        )


def count_packages(lock):
    """Return the number of packages a lock pins."""
    with open(lock) as file:
        return sum("==" in line and not line.startswith((" ", "#")) for line in file)


def make(folder, lock):
    """Build the environment from nothing: venv and locked packages; raises SetupError."""
    say("making %s with Python %s" % (os.path.relpath(folder, ROOT), sys.version.split()[0]))
    shutil.rmtree(folder, ignore_errors=True)
    made = subprocess.run(
        [sys.executable, "-m", "venv", folder],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    if made.returncode != 0:
        raise SetupError("python -m venv failed (%s): see the disk and its permissions" % made.stdout.strip()[-300:])
    total = count_packages(lock)
    say("installing %d locked packages, a minute or two when nothing is cached" % total)
    run_pip(folder, ["--require-hashes", "-r", lock], total)


def bring_up_to_date(folder, lock, with_project):
    """Do what is missing and nothing else; raises SetupError."""
    check_interpreter()
    started = time.time()
    made_from = fingerprint(lock)
    project = hash_file(os.path.join(ROOT, "pyproject.toml")) if with_project else "-"
    stamped = read_stamp(folder)
    if stamped == (made_from, project):
        return
    if stamped[0] != made_from:
        make(folder, lock)
    if with_project:
        run_pip(folder, ["--no-deps", "--no-build-isolation", "--no-index", "-e", ROOT])
    write_stamp(folder, made_from, project)
    say("ready after %.0f s" % (time.time() - started))


def with_lock_file(path, action):
    """Run the action while holding an exclusive lock, so that two makes at once do not build into each other."""
    import fcntl

    with open(path, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("waiting for another set-up of the same environment")
            fcntl.flock(file, fcntl.LOCK_EX)
        action()


def main():
    """Parse the arguments and bring the environment up to date; exit status 1 with one line when that fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="the environment, for example .venv")
    parser.add_argument("lock", help="requirements with hashes")
    parser.add_argument("--project", action="store_true", help="install the project itself, editable")
    options = parser.parse_args()
    folder, lock = os.path.abspath(options.folder), os.path.abspath(options.lock)

    try:
        with_lock_file(folder + ".lock", lambda: bring_up_to_date(folder, lock, options.project))
    except SetupError as error:
        say(str(error))
        sys.exit(1)
    except OSError as error:
        say("cannot set up %s (%s): see the disk and its permissions" % (folder, error))
        sys.exit(1)


if __name__ == "__main__":
    main()
