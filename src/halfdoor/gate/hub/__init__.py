"""The hub: the Hugging Face protocol, each file open to whom its items are open."""
