"""Adapters: what keeps the contracts of ports.py, one module for each thing outside."""
