"""Screens of registers, accounts and the installation."""
