"""Makes `google.rpc` importable with grpcio and protobuf alone.

The vendored copy serves where googleapis-common-protos is absent.
"""

import importlib
from pathlib import Path

VENDORED = Path(__file__).parent / "vendor" / "google"
MODULES = ("google.rpc.status_pb2", "google.rpc.error_details_pb2")


def _import_all() -> None:
    for module in MODULES:
        importlib.import_module(module)


try:
    _import_all()
except ModuleNotFoundError:
    # At once: the path of a namespace package is computed anew when `sys.path` changes, what is imported stays.
    importlib.import_module("google").__path__.append(str(VENDORED))
    _import_all()

from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, PreconditionFailure, ResourceInfo, RetryInfo  # noqa: E402
from google.rpc.status_pb2 import Status  # noqa: E402

__all__ = ["BadRequest", "ErrorInfo", "PreconditionFailure", "ResourceInfo", "RetryInfo", "Status"]
