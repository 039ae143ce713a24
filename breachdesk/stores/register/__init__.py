"""Keep the register of assets in memory for the pipeline."""
