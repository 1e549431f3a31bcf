"""From what is open today to the widest that is permitted, stage by stage."""
