"""Asks once, acts on the answer, says that it was done: `ask_once.py [HOST:PORT] [CUSTOMER] [CAMPAIGN] [CHANNEL]`."""

import os
import sys

from repit import Client, RepitError

DEFAULTS = [os.environ.get("REPIT_TARGET", "127.0.0.1:7447"), "customer-42", "spring", "email"]


def main() -> int:
    """1 where the answer is no, 3 where there is none."""
    given = sys.argv[1:5]
    target, customer, campaign, channel = given + DEFAULTS[len(given) :]
    try:
        with Client(target) as client:
            answer = client.request_contact(customer, campaign=campaign, channel=channel)
            print(answer)
            if not answer.is_granted:
                return 1
            # Send the message here. Where that fails: client.release_contact(answer.contact_id).
            print(client.confirm_contact(answer.contact_id))
            return 0
    except RepitError as error:
        print(error, file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main())
