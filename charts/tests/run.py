"""Every test of the chart and of the Dockerfile; the last line is `N passed, N failed`.

`tests/setup.sh` installs what they need; a built `portcullis` reads what the chart
writes. Names behind the command run those tests alone.
"""

import hashlib
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent


def libraries() -> Path:
    """Where `tests/setup.sh` has put them: by this Python and by what is pinned."""
    pinned = hashlib.sha256((HERE / "requirements.txt").read_bytes()).hexdigest()[:12]
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return HERE.parents[1] / ".cache/tools" / f"charts-{python}-{pinned}"


def main() -> int:
    if not libraries().is_dir():
        print(f"{libraries()} is missing: run `tests/setup.sh`", file=sys.stderr)
        return 1
    sys.path[:0] = [str(libraries()), str(HERE)]
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{name}*" for name in sys.argv[1:]] or None
    suite = loader.discover(str(HERE), pattern="test_*.py", top_level_dir=str(HERE))
    result = unittest.TextTestRunner(verbosity=1, descriptions=False).run(suite)
    bad = {case.id().split(" ")[0] for case, _ in result.failures + result.errors}
    failed = len(bad) + len(result.unexpectedSuccesses)
    passed = max(result.testsRun - failed - len(result.skipped), 0)
    if result.testsRun == 0:
        print("no test ran", file=sys.stderr)
        failed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
