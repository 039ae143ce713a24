"""Fakes and builders for tests of notifiers."""
