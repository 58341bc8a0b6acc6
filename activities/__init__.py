"""The doing: one class a capability, holding its dependencies; at most one vendor call each."""
