"""Accounts, password rules and second factors."""
