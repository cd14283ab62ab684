"""Starting: what no command needs is not loaded."""

import os
import subprocess
import sys
from pathlib import Path

from tests.cli.office import Office


def test_pandas_that_is_installed_for_other_work_is_not_imported(tmp_path: Path) -> None:
    (tmp_path / "pandas.py").write_text("from pathlib import Path\nPath(__file__).with_name('imported').touch()\n")
    office = Office(tmp_path / "office")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "tieout", "--workspace", str(office.folder), "exceptions", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / "imported").exists()
