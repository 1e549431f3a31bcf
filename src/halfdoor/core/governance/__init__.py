"""Who decides what, and who gets it: decisions, stages, applications, grants. Rules as pure functions."""
