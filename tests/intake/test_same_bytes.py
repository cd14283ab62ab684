"""The same rows have the same bytes in the lake, so that it can be written again (law 1)."""

import pyarrow.parquet as pq

from tests.intake.conftest import Desk, charge


def test_no_column_of_owners_has_a_value_twice_in_its_dictionary(desk: Desk) -> None:
    """Parquet leaves the room of the second one as memory held it."""
    desk.deliver(charge("a"), charge("b", currency="USD"))
    (file,) = (desk.folder / ".tieout" / "lake" / "records").glob("*.parquet")
    columns = pq.read_metadata(file).row_group(0)
    names = pq.read_schema(file).names
    entity, source = (columns.column(names.index(name)) for name in ("entity_id", "source_id"))
    # One value of four letters and one of three: 1 byte more, and not the room of a further value.
    assert entity.total_uncompressed_size - source.total_uncompressed_size < len("acme") + 4
