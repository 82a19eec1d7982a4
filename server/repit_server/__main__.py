"""`python -m repit_server`: the same as `repit`."""

from repit_server.app import main

main()
