"""Simulation: starts replayed in virtual time on made-up or real servers, to compare chains of load balancing."""
