"""The messages and services of `repit.v1`, generated from proto/repit/v1."""

# The messages import `google.rpc`.
import repit.google_rpc  # noqa: F401 - for what it does
