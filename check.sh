#!/bin/sh
# Everything that must hold, in one command. Makes its own virtual environment on a fresh machine.
set -eu
cd "$(dirname "$0")"
if [ ! -x .venv/bin/python ]; then
    "${PYTHON:-python3}" -m venv .venv
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check "pip>=25.1"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
PATH="$PWD/.venv/bin:$PATH"
# Hundreds of tests start programs: each of them would compile all of ours once more.
unset PYTHONDONTWRITEBYTECODE
echo "format";   ruff format --check --quiet .
echo "lint";     ruff check --quiet .
echo "types";    mypy
echo "contract"; lint-imports --no-cache >.import-contract.log 2>&1 || { cat .import-contract.log; exit 1; }
rm -f .import-contract.log
echo "tests"
# Half as many again as there are cores: many tests wait for a process, a disk or a browser.
cores=$(getconf _NPROCESSORS_ONLN)
pytest --numprocesses $((cores + (cores + 1) / 2)) --dist loadfile "$@" || {
    # Many kill processes and race with clocks: beside others, on a busy machine, one in thousands
    # may lose its race. What failed is told above; alone it must hold, or it has failed.
    echo "what failed, once more and alone"
    pytest --last-failed --last-failed-no-failures none "$@"
}
