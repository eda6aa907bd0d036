"""The page of a model and that of all models: one HTML file each, without script or network."""
