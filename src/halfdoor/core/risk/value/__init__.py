"""What knowing something is worth, what waiting is worth, and what an outcome rests on."""
