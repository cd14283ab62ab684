"""
Finding Spark: in this process (``spark``), or a cluster by its master (``spark://host:port``).
"""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tieout.errors import Transient, WrongUse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

    from tieout.matching.grammar.rules import RuleSet

__all__ = ["refuse_unsupported", "spark_session"]

#: What results depend on; everything else is the cluster's owner's to set (spark-defaults.conf).
_ALWAYS = {
    "spark.sql.ansi.enabled": "true",  # an overflow is an error, not another number
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.caseSensitive": "false",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.ui.showConsoleProgress": "false",
}
#: What is set where nobody has: see docs/scale.md.
_USUAL = {
    "spark.app.name": "tieout",
    "spark.log.level": "ERROR",
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "16",
    "spark.driver.maxResultSize": "256m",  # rows never come here
}
_LOCAL = {"spark.driver.memory": "2g", "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}


@contextmanager
def spark_session(engine: str) -> Iterator[SparkSession]:
    """
    Give a session of Spark, and end it.

    :param engine: ``spark`` (all processors of this machine, or the master that spark-defaults.conf names) or
        ``spark://host:port``.
    :raises WrongUse: PySpark or Java is missing.
    :raises Transient: the master does not answer.
    """
    _refuse_without_java()
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)  # it is given none
    try:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ModuleNotFoundError:
        message = f"the engine {engine!r} needs PySpark 4.3, found none: pip install 'tieout[spark]'"
        raise WrongUse(message) from None
    # Workers on this machine run what this process runs; elsewhere PYSPARK_PYTHON says where theirs is.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
    given = _given()
    settings = {**_USUAL, **(_LOCAL if engine == "spark" and "spark.master" not in given else {})}
    builder = SparkSession.builder
    for name, value in {**{n: v for n, v in settings.items() if n not in given}, **_ALWAYS}.items():
        builder = builder.config(name, value)
    if engine != "spark":
        builder = builder.master(engine)
    elif "spark.master" not in given:
        builder = builder.master("local[*]")
    try:
        session = builder.getOrCreate()
    except (PySparkException, Py4JError, OSError, RuntimeError) as error:
        message = f"Spark did not start with the engine {engine!r}: {str(error).strip().splitlines()[0][:300]}"
        raise Transient(message) from error
    try:
        yield session.newSession()
    finally:
        session.stop()


def refuse_unsupported(rules: RuleSet, reconciliation: str) -> None:
    """
    Refuse what Spark cannot perform, before anything is run.

    :raises WrongUse: a rule learns.
    """
    for rule in rules.rules:
        if rule.learn:
            message = (
                f"expected rules that Spark can perform, got {rule.name!r} of {reconciliation} with 'learn', which weighs"
                " all candidates against each other in one process: run it with --engine duckdb"
            )
            raise WrongUse(message)


def _given() -> set[str]:
    """Name the settings that spark-defaults.conf makes."""
    home = os.environ.get("SPARK_CONF_DIR") or (os.environ.get("SPARK_HOME", "") and f"{os.environ['SPARK_HOME']}/conf")
    path = Path(home or ".") / "spark-defaults.conf"
    if not home or not path.is_file():
        return set()
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return {line.replace("=", " ", 1).split()[0] for line in lines if line and not line.startswith("#")}


def _refuse_without_java() -> None:
    home = os.environ.get("JAVA_HOME")
    if shutil.which("java") is None and not (home and (Path(home) / "bin" / "java").is_file()):
        message = (
            "the engine spark needs Java 17 or later, found none: on Debian, apt-get install openjdk-17-jre-headless"
        )
        raise WrongUse(message)
