"""The log: a Merkle tree, its tiles, signed checkpoints and proofs. Usable offline and by itself."""
