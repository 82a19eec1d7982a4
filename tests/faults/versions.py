"""Catalogs that say their number in every figure, and clients that check it while the catalog changes."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc

from repit.v1.arbitration_service_pb2 import RequestContactRequest, RequestContactResponse
from repit.v1.arbitration_service_pb2_grpc import ArbitrationServiceStub
from repit.v1.candidate_pb2 import Candidate
from tests.faults.crowd import START_SECONDS, THREADS, wait_for_all
from tests.faults.served import Served
from tests.faults.worlds import CALL_SECONDS

# A limit, a value and a cost of this and the number: nothing that is said by itself.
BASE = 1_000

DOCUMENT = """\
repit: 1
zone: Europe/Paris
horizon: 400d
channels: {{email: {{cost: {figure}}}, post: {{pressure: 1000, cost: {figure}}}}}
campaigns:
  light: {{priority: 50, channels: [email], value: {figure}}}
  heavy: {{priority: 40, channels: [post], value: {figure}, budget: {{amount: {figure}}}}}
policies:
  - name: days
    rules:
      - {{name: one, frequency_cap: {{limit: {figure}, window: {{sliding: 1d}}}}}}
      - {{name: many, frequency_cap: {{limit: {figure}, window: {{sliding: 30d}}}}}}
  - name: light
    applies_to: {{channels: [email]}}
    rules: [{{name: calendar, frequency_cap: {{limit: {figure}, window: {{calendar: week}}}}}}]
  - name: heavy
    applies_to: {{channels: [post]}}
    rules:
      - {{name: one, frequency_cap: {{points: {figure}, window: {{sliding: 1d}}}}}}
      - {{name: many, frequency_cap: {{points: {figure}, window: {{calendar: month}}}}}}
"""


def numbered(number: int) -> str:
    """A document whose figures are all the same."""
    return DOCUMENT.format(figure=BASE + number)
