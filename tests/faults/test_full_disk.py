"""The disk under an embedded store becomes full: errors from there on, and nothing that was answered is lost."""

import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from repit.v1 import arbitration_service_pb2 as messages
from repit.v1.catalog_service_pb2 import ApplyCatalogRequest
from tests.faults.conftest import Serve
from tests.faults.refusals import of_status, refusal_of
from tests.faults.served import NOT_SERVING, SERVING, Served, embedded_in
from tests.faults.worlds import CALL_SECONDS, caps, contact_of, contact_states, explained, fill, held, question

LIMIT = 3
BATCH = 100
MOST_BATCHES = 200
# No file of the server grows beyond this: what a full disk is to a process, without being root.
ROOM_BYTES = 100_000


def limit_files(server: Served, most_bytes: int) -> None:
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY))


def fill_the_disk(server: Served) -> tuple[dict[str, str], str]:
    """Ask for one customer after the other until the disk is full; gives the contacts, and who was refused first."""
    contacts: dict[str, str] = {}
    for number in range(MOST_BATCHES):
        customers = [f"customer-{number}-{index}" for index in range(BATCH)]
        requests = [question(customer, LIMIT, customer) for customer in customers]
        batch = server.arbitration.BatchRequestContacts(
            messages.BatchRequestContactsRequest(requests=requests), timeout=CALL_SECONDS
        )
        refused = []
        for customer, result in zip(customers, batch.results, strict=True):
            if result.HasField("error"):
                refusal = of_status(result.error)
                assert refusal.is_retryable, refusal
                refused.append((customer, refusal.details.reason))
            else:
                contacts[customer] = contact_of(result.response)
        if refused:
            reasons = [reason for _, reason in refused]
            assert reasons == ["STORE_FULL"] + ["STORE_STOPPED"] * (len(reasons) - 1)
            return contacts, refused[0][0]
    raise AssertionError("the disk was never full")


def test_a_full_disk_is_an_error_and_loses_nothing_that_was_answered(
    serve: Serve, tmp_path: Path, catalog_file: Callable[[str], str]
) -> None:
    store = embedded_in(tmp_path)
    server = serve(store, "--catalog", catalog_file(caps(LIMIT)))
    limit_files(server, ROOM_BYTES)
    contacts, refused = fill_the_disk(server)
    assert contacts

    # It lives, says what is the matter, takes nothing more and still tells what it has.
    server.wait_for_health(NOT_SERVING)
    known = next(iter(contacts))
    refusals = [
        refusal_of(server.arbitration.RequestContact, question("new", LIMIT)),
        refusal_of(server.arbitration.ConfirmContact, messages.ConfirmContactRequest(contact_id=contacts[known])),
        refusal_of(server.catalogs.ApplyCatalog, ApplyCatalogRequest(document=caps(LIMIT, 7))),
    ]
    assert all(refusal.is_retryable and "restart the server" in refusal.message for refusal in refusals), refusals
    assert held(contact_states(server, known)) == {contacts[known]}
    assert explained(server, refused).contact_count == 0
    assert contact_of(server.arbitration.RequestContact(question(known, LIMIT, known), timeout=CALL_SECONDS))
    assert server.is_alive
    assert server.stop() == 0

    # With room again it goes on from what was answered.
    server = serve(store)
    server.wait_for_health(SERVING)
    for customer, contact in contacts.items():
        again = server.arbitration.RequestContact(question(customer, LIMIT, customer), timeout=CALL_SECONDS)
        assert contact_of(again) == contact
    for customer in (known, refused):
        before = len(held(contact_states(server, customer)))
        assert before <= LIMIT
        assert len(fill(server, customer, LIMIT)) == LIMIT - before


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_server_on_a_full_disk_can_be_ended_in_any_way(
    serve: Serve, tmp_path: Path, catalog_file: Callable[[str], str], how: str
) -> None:
    store = embedded_in(tmp_path)
    server = serve(store, "--catalog", catalog_file(caps(LIMIT)))
    limit_files(server, ROOM_BYTES)
    contacts, _ = fill_the_disk(server)
    # Room again does not make it go on by itself: a write that failed may be half there.
    limit_files(server, resource.RLIM_INFINITY)
    assert refusal_of(server.arbitration.RequestContact, question("new", LIMIT)).details.reason == "STORE_STOPPED"
    getattr(server, how)()
    server = serve(store)
    batch = server.arbitration.BatchRequestContacts(
        messages.BatchRequestContactsRequest(
            requests=[question(customer, LIMIT, customer) for customer in contacts],
        ),
        timeout=CALL_SECONDS,
    )
    assert [contact_of(result.response) for result in batch.results] == list(contacts.values())
