"""Kind: engines for administrators' functions."""
