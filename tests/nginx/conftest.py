"""These run only where HALFDOOR_NGINX=1 asks for them (`make nginx`)."""

import os
from pathlib import Path

import pytest

from nginx_front import program

__all__ = ["program"]


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    if os.environ.get("HALFDOOR_NGINX") != "1":
        for item in items:
            if here in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="HALFDOOR_NGINX=1 asks for it (make nginx)"))
