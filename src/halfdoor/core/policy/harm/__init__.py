"""Layer B for a model under a policy: capability as draws, exposures, the annex on harm."""
