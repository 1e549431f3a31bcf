"""The log: what writes it, what publishes it, what checks it from outside, what watches and witnesses."""
