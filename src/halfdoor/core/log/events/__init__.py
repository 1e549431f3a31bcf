"""What may stand in the log: a closed set of events, one module for each side of the house."""
