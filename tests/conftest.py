"""What all tests share: how Hypothesis looks for examples."""

import os

from hypothesis import settings
from hypothesis.internal.conjecture import providers

# The same examples on every run: whether a change passes must not depend on luck. To look further:
# HYPOTHESIS_PROFILE=search make test
settings.register_profile("repeatable", derandomize=True, database=None)
settings.register_profile("search", print_blob=True)
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "repeatable")
settings.load_profile(PROFILE)
if PROFILE == "repeatable":
    # It also tries constants of whatever modules are loaded, which depends on the tests that ran before.
    providers._get_local_constants = providers.Constants
