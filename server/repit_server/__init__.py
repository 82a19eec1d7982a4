"""Répit's server: one answer to every system that asks whether a customer may be contacted now."""
