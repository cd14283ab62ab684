"""
Spark for the tests: in this process, or a master and workers of its own, as processes that the tests start and stop.
"""

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers import missing_peer

__all__ = ["insist_on_spark", "quick_settings", "standalone"]

#: Seconds within which a master or a worker must be up.
_WAIT_S = 120
_WORKERS = 2
#: For small rows starting a stage and compiling it costs more than performing it.
_QUICK = """spark.sql.codegen.wholeStage false
spark.sql.codegen.factoryMode NO_CODEGEN
spark.sql.shuffle.partitions 2
spark.sql.adaptive.enabled false
spark.driver.memory 1g
spark.executor.memory 700m
spark.driver.host 127.0.0.1
spark.driver.bindAddress 127.0.0.1
spark.driver.extraJavaOptions -XX:+UseSerialGC
spark.executor.extraJavaOptions -XX:TieredStopAtLevel=1 -XX:+UseSerialGC
"""


def insist_on_spark() -> None:
    """Skip the test where PySpark or Java is missing."""
    if importlib.util.find_spec("pyspark") is None:
        missing_peer("PySpark", "make setup-spark")
    if shutil.which("java") is None:
        missing_peer("Java", "apt-get install openjdk-17-jre-headless")


@contextlib.contextmanager
def quick_settings(folder: Path, more: str = "") -> Iterator[dict[str, str]]:
    """Let Spark start with settings for small rows; gives the environment for other processes."""
    (folder / "spark-defaults.conf").write_text(_QUICK + more)
    said = {"SPARK_CONF_DIR": str(folder), "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
    with pytest.MonkeyPatch.context() as patched:
        for name, value in said.items():
            patched.setenv(name, value)
        yield {**os.environ, **said}


@contextlib.contextmanager
def standalone(folder: Path) -> Iterator[str]:
    """Start a master and two workers of one core each; gives the address of the master."""
    import pyspark

    home = Path(pyspark.__file__).parent
    port = _free_port()
    master = f"spark://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_CONF_DIR": str(folder),
        "PYSPARK_PYTHON": sys.executable,
    }
    package = "org.apache.spark.deploy"
    commands = [
        [f"{package}.master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", "0"],
        *(
            [
                f"{package}.worker.Worker", master, "--host", "127.0.0.1", "--cores", "1", "--memory", "1g",
                "--webui-port", "0", "--work-dir", str(folder / f"worker-{number}"),
            ]
            for number in range(_WORKERS)
        ),
    ]  # fmt: skip
    with contextlib.ExitStack() as stack:
        for number, command in enumerate(commands):
            log = folder / f"daemon-{number}.log"
            out = stack.enter_context(log.open("wb"))
            process = subprocess.Popen(
                [str(home / "bin" / "spark-class"), *command], env=environment, stdout=out, stderr=subprocess.STDOUT
            )
            stack.callback(_end, process)
            _await(log, "I have been elected leader" if number == 0 else "Successfully registered", process)
        yield master


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _await(log: Path, sign: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until a daemon has said something; its log is the only way in which it tells."""
    began = time.monotonic()
    while sign not in log.read_text(errors="replace"):
        if process.poll() is not None or time.monotonic() - began > _WAIT_S:
            pytest.fail(
                f"expected {sign!r} in {log} within {_WAIT_S} s, found: {log.read_text(errors='replace')[-2000:]}"
            )
        time.sleep(0.2)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
