"""Profiles of hypothesis (`make test PROFILE=slow`)."""

from datetime import timedelta

from hypothesis import HealthCheck, settings

# A failing example is printed with the line that repeats it.
settings.register_profile(
    "fast",
    max_examples=50,
    deadline=timedelta(seconds=5),
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("slow", parent=settings.get_profile("fast"), max_examples=5_000, deadline=None)
settings.load_profile("fast")
