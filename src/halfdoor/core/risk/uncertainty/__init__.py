"""Uncertain numbers: what people state, as distributions and as draws."""
