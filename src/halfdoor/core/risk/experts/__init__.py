"""Asking experts for the numbers of a risk model, and pooling what they say."""
