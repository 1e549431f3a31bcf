"""How much harm: threats, the routes to them, how long and how often, and flaws that spread."""
