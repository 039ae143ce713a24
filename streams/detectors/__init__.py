"""The behaviours that Sigma cannot express, one file each; see schemas.pipeline.plugin.Detector."""
