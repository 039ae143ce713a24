"""Behaviours that Sigma cannot say, one file each; see schemas.pipeline.plugin.Detector."""
