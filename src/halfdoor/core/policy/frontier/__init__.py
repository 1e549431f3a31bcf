"""Both borders of what is permitted."""
