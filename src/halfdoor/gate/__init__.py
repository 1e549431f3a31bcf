"""The data plane: what leaves, to whom. The database answers each question, when it is asked."""
