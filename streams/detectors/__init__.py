"""Behaviours that Sigma cannot say, one file each; see schemas.plugin.Detector."""
