"""Putting the parts together: from a home's settings to stores, keys, services and servers."""
