"""A value that cannot be read: its customer is refused with an error that names it, the others live on."""

from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from redis import Redis

from repit.v1 import arbitration_service_pb2 as messages
from repit.v1.engagement_pb2 import Engagement, EngagementKind
from tests.faults.conftest import Serve
from tests.faults.refusals import Refusal, of_status, refusal_of
from tests.faults.served import SERVING, Served, embedded_in
from tests.faults.worlds import CALL_SECONDS, caps, contact_states, fill, held, question
from tests.redis_server import RedisServer
from tests.servers import StartError

LIMIT = 3
VERSION_BYTES = 8
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "garbage": lambda stored: stored[:VERSION_BYTES] + b"\xff" * 40,
    "no version": lambda stored: stored[:5],
    "empty": lambda stored: stored[:0],
    "a version and nothing": lambda stored: stored[:VERSION_BYTES],
    "cut short": lambda stored: stored[:-1],
    "too long": lambda stored: stored + b"\x00",
    "version 0": lambda stored: bytes(VERSION_BYTES) + stored[VERSION_BYTES:],
    "another format": lambda stored: stored[:VERSION_BYTES] + bytes([stored[VERSION_BYTES] ^ 0x7F]) + stored[9:],
}


def every_refusal(server: Served, customer: str, contact: str) -> dict[str, Refusal]:
    """What every verb fails with for one customer; the other customer of each batch is served."""
    arbitration = server.arbitration
    asked, other = question(customer, LIMIT), question("whole", LIMIT)
    batch = arbitration.BatchRequestContacts(
        messages.BatchRequestContactsRequest(requests=[other, asked]), timeout=CALL_SECONDS
    )
    assert batch.results[0].HasField("response")
    purchases = [
        Engagement(event_id=f"e-{whose}", customer_id=whose, kind=EngagementKind.ENGAGEMENT_KIND_PURCHASED)
        for whose in ("whole", customer)
    ]
    recorded = arbitration.RecordEngagements(
        messages.RecordEngagementsRequest(engagements=purchases), timeout=CALL_SECONDS
    )
    assert not recorded.results[0].HasField("error")
    check = messages.CheckContactRequest(customer_id=customer, candidates=asked.candidates)
    explain = messages.ExplainCustomerRequest(customer_id=customer)
    return {
        "RequestContact": refusal_of(arbitration.RequestContact, asked),
        "CheckContact": refusal_of(arbitration.CheckContact, check),
        "BatchRequestContacts": of_status(batch.results[1].error),
        "ConfirmContact": refusal_of(arbitration.ConfirmContact, messages.ConfirmContactRequest(contact_id=contact)),
        "ReleaseContact": refusal_of(arbitration.ReleaseContact, messages.ReleaseContactRequest(contact_id=contact)),
        "RecordEngagements": of_status(recorded.results[1].error),
        "ExplainCustomer": refusal_of(arbitration.ExplainCustomer, explain),
    }


def names_the_customer(refusal: Refusal, customer: str) -> bool:
    resource = refusal.details.resource
    return (
        refusal.code is grpc.StatusCode.DATA_LOSS
        and refusal.details.reason == "VALUE_CORRUPT"
        and resource is not None
        and (resource.type, resource.name) == ("repit.v1.Customer", customer)
        and f"`{customer}`" in refusal.message
    )


@pytest.mark.redis
def test_a_corrupt_value_in_redis_refuses_its_customer_alone(
    serve: Serve, redis: RedisServer, catalog_file: Callable[[str], str]
) -> None:
    server = serve(redis.url, "--catalog", catalog_file(caps(LIMIT)))
    with Redis.from_url(redis.url) as raw:
        for damage, make in DAMAGES.items():
            customer = f"damaged: {damage}"
            contacts = fill(server, customer, LIMIT)
            (key,) = raw.scan_iter(match=f"repit:*:c:{customer}")
            whole = raw.get(key)
            assert isinstance(whole, bytes)
            broken = make(whole)
            raw.set(key, broken)
            refusals = every_refusal(server, customer, contacts[0])
            wrong = {verb: refusal for verb, refusal in refusals.items() if not names_the_customer(refusal, customer)}
            assert wrong == {}, damage
            assert raw.get(key) == broken, "what is damaged is left as it is"
            # Restored from a copy, it is served again.
            raw.set(key, whole)
            assert held(contact_states(server, customer)) == set(contacts)
    server.wait_for_health(SERVING)
    fill(server, "whole", LIMIT)
    assert len(held(contact_states(server, "whole"))) == LIMIT


@pytest.mark.redis
def test_no_changed_byte_of_a_value_goes_unnoticed(
    serve: Serve, redis: RedisServer, catalog_file: Callable[[str], str]
) -> None:
    server = serve(redis.url, "--catalog", catalog_file(caps(LIMIT)))
    fill(server, "changed", LIMIT)
    check = messages.CheckContactRequest(customer_id="changed", candidates=question("changed", LIMIT).candidates)
    with Redis.from_url(redis.url) as raw:
        (key,) = raw.scan_iter(match="repit:*:c:changed")
        whole = raw.get(key)
        assert isinstance(whole, bytes)
        for position in range(VERSION_BYTES, len(whole)):
            changed = bytearray(whole)
            changed[position] ^= 1 << position % 8
            raw.set(key, bytes(changed))
            refusal = refusal_of(server.arbitration.CheckContact, check)
            assert names_the_customer(refusal, "changed"), (position, refusal)


@pytest.mark.redis
def test_a_key_of_another_program_refuses_its_customer_alone(
    serve: Serve, redis: RedisServer, catalog_file: Callable[[str], str]
) -> None:
    server = serve(redis.url, "--catalog", catalog_file(caps(LIMIT)))
    contacts = fill(server, "taken", LIMIT)
    with Redis.from_url(redis.url) as raw:
        (key,) = raw.scan_iter(match="repit:*:c:taken")
        raw.delete(key)
        raw.lpush(key, "mine")
        refusals = every_refusal(server, "taken", contacts[0])
        assert {verb: refusal for verb, refusal in refusals.items() if not names_the_customer(refusal, "taken")} == {}
        assert raw.lrange(key, 0, -1) == [b"mine"]


def test_a_damaged_journal_of_an_embedded_store_is_refused_and_left_as_it_is(
    serve: Serve, tmp_path: Path, catalog_file: Callable[[str], str]
) -> None:
    """Whose value is damaged cannot be told there: to go on would be to forget what was granted."""
    store = embedded_in(tmp_path)
    server = serve(store, "--catalog", catalog_file(caps(LIMIT)))
    contacts = fill(server, "damaged", LIMIT)
    fill(server, "after", LIMIT)
    server.kill()
    (journal,) = (tmp_path / "store").rglob("*.jnl")
    whole = journal.read_bytes()
    broken = bytearray(whole)
    broken[whole.index(b"c:damaged")] ^= 1
    journal.write_bytes(broken)
    for _ in range(2):
        with pytest.raises(StartError) as refusal:
            serve(store)
        assert refusal.value.status == 3
        first, *rest = refusal.value.stderr.splitlines()
        assert "damaged" in first
        assert str(tmp_path / "store") in first
        assert rest[0].startswith("next: ")
        assert journal.read_bytes() == broken
    # Restored from a copy, it is served again.
    journal.write_bytes(whole)
    server = serve(store)
    assert held(contact_states(server, "damaged")) == set(contacts)
    assert fill(server, "after", LIMIT) == []
