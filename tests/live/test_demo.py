"""What ./run shows ends as it must, and says so by its exit status."""
import os
import subprocess

import pytest

from harness.filter import BUILD, TOP
from harness.world import MTAS


@pytest.mark.parametrize("mta", MTAS)
def test_once(mta: str) -> None:
    why_not = MTAS[mta].missing()
    if why_not:
        pytest.skip(why_not)
    done = subprocess.run(["/usr/bin/python3", TOP / "scripts/demo", "--mta", mta, "--once"], capture_output=True, text=True,
                          timeout=120, env={**os.environ, "POSTERN_BUILD": str(BUILD)}, check=False)
    assert done.returncode == 0 and not done.stderr, done.stdout + done.stderr
    assert "all ended as they must" in done.stdout and "WRONG" not in done.stdout
