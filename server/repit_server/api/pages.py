"""Pages of a list: how many, and from where on."""

import base64
import binascii

from repit_server.api.errors import invalid_fields


def page_size(asked: int, *, default: int, highest: int) -> int:
    """Give the size of a page: the default where none is asked for, never more than the highest."""
    return min(asked or default, highest)


def page_token(start: str) -> str:
    """Write where the next page begins, opaque to callers."""
    return base64.urlsafe_b64encode(start.encode()).decode()


def page_start(token: str) -> str:
    """Read where a page begins; empty for the first. Raises `RpcError` for a token that no page gave."""
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise invalid_fields([("page_token", "is not from this list; begin again without one")]) from None
