"""The register of assets in memory, as the pipeline reads it."""
