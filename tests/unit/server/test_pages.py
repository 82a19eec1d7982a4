"""Pages of a list."""

import pytest

from repit_server.api.errors import RpcError
from repit_server.api.pages import page_size, page_start, page_token


def test_a_token_says_where_the_next_page_begins() -> None:
    assert page_start(page_token("été/1")) == "été/1"
    assert page_start("") == ""


@pytest.mark.parametrize("token", ["é", "a", "!!!!", "____w==="])
def test_a_token_that_no_page_gave_is_refused(token: str) -> None:
    with pytest.raises(RpcError, match="page_token"):
        page_start(token)


def test_a_page_is_never_larger_than_the_highest() -> None:
    assert [page_size(asked, default=50, highest=500) for asked in (0, 1, 500, 501)] == [50, 1, 500, 500]
