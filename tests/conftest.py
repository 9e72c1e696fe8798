"""Hypothesis profiles: `fast` by default, `soak` (HYPOTHESIS_PROFILE=soak) looks twenty times as long."""

import os

from hypothesis import HealthCheck, settings

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
settings.register_profile(
    "fast", deadline=None, derandomize=True, print_blob=True, suppress_health_check=SLOW, max_examples=100
)
settings.register_profile(
    "soak", deadline=None, derandomize=False, print_blob=True, suppress_health_check=SLOW, max_examples=2000
)
os.environ["TRUNKRATE_DEBUG"] = "1"  # a fault of the program's own is a traceback here, not exit 2
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))
