"""The two doors, for tests that go through each."""

from typing import Final

DOORS: Final = ("rust", "python")
"""What `repit serve --door` takes."""
