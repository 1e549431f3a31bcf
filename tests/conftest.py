"""What all tests share: how Hypothesis looks for examples."""

import os

from hypothesis import settings

# The same examples on every run: whether a change passes must not depend on luck. To look further:
# HYPOTHESIS_PROFILE=search make test
settings.register_profile("repeatable", derandomize=True, database=None)
settings.register_profile("search", print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
