"""A stream of requests: many in work, answers in order, a stated maximum."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from repit_server.api.arbitration import answers_in_order


async def requests_of(*requests: bytes) -> AsyncIterator[bytes]:
    for request in requests:
        yield request


class SlowVerb:
    """Answers when it is told to, and counts what is in work."""

    def __init__(self) -> None:
        self.gates: dict[bytes, asyncio.Event] = {}
        self.in_work: set[bytes] = set()
        self.most_in_work = 0
        self.begun: asyncio.Queue[bytes] = asyncio.Queue()
        self.cancelled: asyncio.Queue[bytes] = asyncio.Queue()

    def gate(self, request: bytes) -> asyncio.Event:
        return self.gates.setdefault(request, asyncio.Event())

    async def __call__(self, request: bytes) -> bytes:
        self.in_work.add(request)
        self.begun.put_nowait(request)
        self.most_in_work = max(self.most_in_work, len(self.in_work))
        try:
            await self.gate(request).wait()
        except asyncio.CancelledError:
            self.cancelled.put_nowait(request)
            raise
        finally:
            self.in_work.discard(request)
        return request.upper()


async def test_answers_come_in_the_order_of_the_requests_whichever_is_ready_first() -> None:
    verb = SlowVerb()
    for request in (b"c", b"b", b"a"):
        verb.gate(request).set()
    answers = [answer async for answer in answers_in_order(requests_of(b"a", b"b", b"c"), verb, 8)]
    assert answers == [b"A", b"B", b"C"]


async def test_an_answer_does_not_wait_for_a_full_window() -> None:
    verb = SlowVerb()
    verb.gate(b"a").set()
    answers = answers_in_order(requests_of(b"a", b"b"), verb, 8)
    assert await anext(answers) == b"A"
    await answers.aclose()


async def test_no_more_than_the_maximum_are_in_work() -> None:
    verb = SlowVerb()
    requests = [b"%d" % number for number in range(20)]
    answers = answers_in_order(requests_of(*requests), verb, 4)
    first = asyncio.ensure_future(anext(answers))
    assert [await verb.begun.get() for _ in range(4)] == requests[:4]
    for request in requests:
        verb.gate(request).set()
    rest = [await first] + [answer async for answer in answers]
    assert rest == requests
    assert verb.most_in_work == 4


async def test_what_is_in_work_is_let_go_of_when_the_caller_goes() -> None:
    verb = SlowVerb()
    verb.gate(b"a").set()
    answers = answers_in_order(requests_of(b"a", b"b", b"c"), verb, 8)
    await anext(answers)
    assert [await verb.begun.get() for _ in range(3)] == [b"a", b"b", b"c"]
    await answers.aclose()
    assert {await verb.cancelled.get() for _ in range(2)} == {b"b", b"c"}


async def test_a_fault_of_the_verb_ends_the_stream_with_it() -> None:
    async def verb(_request: bytes) -> bytes:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        await anext(answers_in_order(requests_of(b"a"), verb, 8))


async def test_a_fault_of_the_caller_ends_the_stream_with_it() -> None:
    async def requests() -> AsyncIterator[bytes]:
        yield b"a"
        raise ConnectionError("gone")

    async def verb(request: bytes) -> bytes:
        return request

    answers = answers_in_order(requests(), verb, 8)
    assert await anext(answers) == b"a"
    with pytest.raises(ConnectionError, match="gone"):
        await anext(answers)
