"""Kind: where shared documents live."""
