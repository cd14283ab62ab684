"""Files packed as tests need them."""

import io
import zipfile

__all__ = ["zipped"]


def zipped(**files: bytes) -> bytes:
    """Pack files, by name, into a ZIP."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)  # the same bytes at any time
    return packed.getvalue()
