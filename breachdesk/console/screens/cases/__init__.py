"""Screens of cases, from opening to the last letter."""
