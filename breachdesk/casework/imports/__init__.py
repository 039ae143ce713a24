"""Imports of customers, people, assets and contracts, and what they change in the register."""
