"""What answers over HTTP. Codes of errors become statuses here and nowhere else."""
